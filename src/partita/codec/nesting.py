"""Limit how deeply values are nested: one limit, checked on writing and on reading.

Python's own limit depends on how deep the calls are at that moment, so that a value could be
written in one place and not be read in another.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from itertools import accumulate, chain, compress, repeat
from typing import Any

from partita.errors import PayloadTooDeepError

NESTING_LIMIT = 500
"""How many JSON arrays and objects may be inside each other."""

_STRING = re.compile(r'"[^"]*"')
_NOT_A_BRACKET = re.compile(r'[^\[\]{}"]+')
_STEPS = {"[": 1, "{": 1, "]": -1, "}": -1}
_SCALARS = frozenset({str, int, bool, type(None)})
_PLAIN = _SCALARS | {list, dict}
_TEXT = frozenset({str})


def check_depth(json: str | bytes, what: str = "the payload", limit: int = NESTING_LIMIT) -> None:
    """Check that JSON text is not nested too deeply.

    Raises:
        PayloadTooDeepError: it is.
    """
    if len(json) <= limit:
        return
    if isinstance(json, bytes):
        if json.count(b"[") + json.count(b"{") <= limit:
            return
        json = json.decode()
    elif json.count("[") + json.count("{") <= limit:
        return
    if _depth(json) > limit:
        raise too_deep(what, limit)


def _depth(text: str) -> int:
    """Return the depth of JSON text: the most brackets that are open at once."""
    text = text.replace("\\\\", "").replace('\\"', "")  # so that a quote ends a string
    brackets = _STRING.sub("", _NOT_A_BRACKET.sub("", text))
    return max(accumulate(map(_STEPS.get, brackets, repeat(0))), default=0)


def is_plain(values: Iterable[Any], key: str) -> bool:
    """Whether values consist of lists, dictionaries with string keys, and scalars but floats.

    None of the dictionaries may have the key `key`. Looks at one level after the other, by
    functions in C: for many values that is some times faster than to visit each.
    """
    level = list(values)
    for _ in range(NESTING_LIMIT + 1):
        kinds = list(map(type, level))
        if not _PLAIN.issuperset(kinds):
            return False
        dicts = list(compress(level, map(_IS_DICT, kinds)))
        lists = compress(level, map(_IS_LIST, kinds))
        if not _TEXT.issuperset(map(type, chain.from_iterable(dicts))):
            return False
        if key in chain.from_iterable(dicts):
            return False
        level = list(chain(*map(_VALUES, dicts), *lists))
        if not level:
            return True
    return False


_IS_DICT = frozenset({dict}).__contains__
_IS_LIST = frozenset({list}).__contains__
_VALUES: Callable[[dict[Any, Any]], Iterable[Any]] = dict.values


def contains_itself(value: Any) -> bool:
    """Whether a list, tuple or dictionary is among its own parts, however deep."""
    around: set[int] = set()  # what the value that is visited now is in
    seen: set[int] = set()
    pending = [(value, False)]
    while pending:
        one, is_left = pending.pop()
        if is_left:
            around.remove(id(one))
        elif id(one) in around:
            return True
        elif isinstance(one, (list, tuple, dict)) and id(one) not in seen:
            around.add(id(one))
            seen.add(id(one))
            pending.append((one, True))
            parts = one.values() if isinstance(one, dict) else one
            pending.extend((part, False) for part in parts)
    return False


def too_deep(what: str, limit: int = NESTING_LIMIT) -> PayloadTooDeepError:
    """Return the error of a value that is nested too deeply."""
    return PayloadTooDeepError(
        f"{what} cannot be stored: it is nested more than {limit} levels deep, "
        "or contains itself; make it flatter"
    )
