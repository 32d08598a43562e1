"""Shorten the description of an exception until it fits: the least useful goes first.

First tracebacks, then the state of causes and contexts, then attributes and arguments, the
largest first, then long messages, and at last causes and parts of groups. The class and the
beginning of the message always stay, and what went is said.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import msgspec
from msgspec.structs import replace

from partita.authoring.failure.values import LEFT_OUT
from partita.codec.form import tagged
from partita.history.failure import Failure

_TRACEBACK_LINES = 20
_MESSAGES = (4_000, 1_000, 200)  # characters, tried in this order
_PARTS = (50, 10, 1)
_STUB_CHARACTERS = 1_000
_KEPT_CHARACTERS = 200  # of a text

Fits = Callable[[str], bool]


def shortened(failure: Failure, limit: int) -> Failure:
    """Return a description whose JSON text is at most `limit` characters long."""
    return fitted(failure, lambda text: len(text) <= limit)


def fitted(failure: Failure, fits: Fits) -> Failure:
    """Return a description whose JSON text fits; the shortest there is if none does."""
    if fits(failure.dump()):
        return failure
    for shorter in _steps(failure) if failure.form != 1 else _bare(failure):
        failure = shorter
        if fits(shorter.dump()):
            break
    return failure


def _steps(whole: Failure) -> Iterator[Failure]:
    """Return ever shorter descriptions."""
    failure = whole
    for lines in (_TRACEBACK_LINES, 0):
        yield (failure := _each(failure, partial(_less_traceback, count=lines)))
    yield (failure := replace(failure, others=tuple(map(_stub, failure.others))))
    shorter = _less_messages(failure, whole, _MESSAGES[0])
    yield (failure := replace(failure, others=shorter.others))
    for smaller in _less_state(failure):
        yield (failure := smaller)
    for characters in _MESSAGES:
        yield (failure := _less_messages(failure, whole, characters))
    yield (failure := _stub(failure))
    for count in _PARTS:
        yield (failure := _fewer_others(failure, count))


def _bare(failure: Failure) -> Iterator[Failure]:
    """Return shorter descriptions of one of form 1, which says only what its class was."""
    for characters in _MESSAGES:
        message = failure.message[:characters]
        yield Failure(type=failure.type, module=failure.module, message=message)


def _each(failure: Failure, change: Callable[[Failure], Failure]) -> Failure:
    return replace(change(failure), others=tuple(map(change, failure.others)))


def _without(failure: Failure, what: str, **changes: Any) -> Failure:
    left_out = (*(one for one in failure.left_out if one != what), what)
    return replace(failure, left_out=left_out, **changes)


def _less_traceback(failure: Failure, count: int) -> Failure:
    lines = failure.traceback.splitlines(keepends=True)
    if len(lines) <= count and count:
        return failure
    if not lines:
        return failure
    kept = "".join(lines[-count:]) if count else ""
    return _without(failure, "a part of the traceback (too long)", traceback=kept)


def _stub(failure: Failure) -> Failure:
    """Return an exception without its state."""
    if len(failure.dump()) <= _STUB_CHARACTERS and not failure.others:
        return failure
    title = failure.fields.get("message") if failure.parts else None
    return _without(
        failure,
        "arguments and attributes (too long)",
        args=[_start(failure.message)],
        attributes={},
        fields={} if title is None else {"message": _cut(title)},
    )


def _less_state(failure: Failure) -> Iterator[Failure]:
    """Leave out one attribute or argument after the other, the largest first."""
    sizes: list[tuple[int, str, Any]] = [
        (_size(form), where, key)
        for where, forms in (
            ("attributes", failure.attributes.items()),
            ("fields", failure.fields.items()),
            ("args", enumerate(failure.args or [])),
        )
        for key, form in forms
    ]
    sizes.sort(key=lambda one: (one[1] == "args", -one[0]))
    for size, where, key in sizes:
        if size <= _KEPT_CHARACTERS:
            continue
        held: Any = getattr(failure, where)
        changed = list(held) if where == "args" else dict(held)
        changed[key] = _cut(held[key])
        what = f"argument {key}" if where == "args" else str(key)
        failure = _without(failure, f"{what} (too long: {size:,} bytes)", **{where: changed})
        yield failure


def _size(form: Any) -> int:
    return len(msgspec.json.encode(form))


def _cut(form: Any) -> Any:
    """Return the beginning of a text; anything else is left out."""
    if isinstance(form, str):
        return _start(form)
    return tagged(LEFT_OUT, _start(msgspec.json.encode(form).decode()))


def _start(text: str) -> str:
    return text if len(text) <= _KEPT_CHARACTERS else f"{text[: _KEPT_CHARACTERS - 3]}..."


def _less_messages(failure: Failure, whole: Failure, characters: int) -> Failure:
    """Shorten the messages of `failure`, whose own are in `whole`."""
    others = tuple(
        _less_message(one, original.message, characters)
        for one, original in zip(failure.others, whole.others, strict=True)
    )
    return replace(_less_message(failure, whole.message, characters), others=others)


def _less_message(failure: Failure, whole: str, characters: int) -> Failure:
    if len(whole) <= characters:
        return failure
    message = f"{whole[:characters]}... ({len(whole) - characters:,} more characters)"
    return _without(failure, "a part of the message (too long)", message=message)


def _fewer_others(failure: Failure, count: int) -> Failure:
    if len(failure.others) <= count:
        return failure
    changed = replace(failure, others=failure.others[:count])
    return _without(changed, "causes, or exceptions of a group (too many)")
