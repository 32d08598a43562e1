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

from partita.history.failure import Failure

_TRACEBACK_LINES = 20
_MESSAGES = (4_000, 1_000, 200)  # characters, tried in this order
_PARTS = (50, 10, 1)
_STUB_CHARACTERS = 1_000

Fits = Callable[[str], bool]


def shortened(failure: Failure, limit: int) -> Failure:
    """Return a description whose JSON text is at most `limit` characters long."""
    return fitted(failure, lambda text: len(text) <= limit)


def fitted(failure: Failure, fits: Fits) -> Failure:
    """Return a description whose JSON text fits; the shortest there is if none does."""
    if failure.form == 1 or fits(failure.dump()):
        return failure
    for shorter in _steps(failure):
        failure = shorter
        if fits(shorter.dump()):
            break
    return failure


def _steps(failure: Failure) -> Iterator[Failure]:
    """Return ever shorter descriptions."""
    for lines in (_TRACEBACK_LINES, 0):
        yield (failure := _each(failure, partial(_less_traceback, count=lines)))
    yield (failure := replace(failure, others=tuple(map(_stub, failure.others))))
    for smaller in _less_state(failure):
        yield (failure := smaller)
    for characters in _MESSAGES:
        yield (failure := _each(failure, partial(_less_message, characters=characters)))
    for count in _PARTS:
        yield (failure := _fewer_others(failure, count))


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
    """Return a cause, or a part of a group, without its state."""
    if len(failure.dump()) <= _STUB_CHARACTERS:
        return failure
    title = failure.fields.get("message") if failure.parts else None
    return _without(
        failure,
        "arguments and attributes (too long)",
        args=[{"$left_out": _start(failure.message)}],
        attributes={},
        fields={} if title is None else {"message": title},
    )


def _less_state(failure: Failure) -> Iterator[Failure]:
    """Leave out one attribute or argument after the other, the largest first."""
    sizes: list[tuple[int, str, Any]] = []
    for name, form in failure.attributes.items():
        sizes.append((_size(form), "attributes", name))
    for name, form in failure.fields.items():
        sizes.append((_size(form), "fields", name))
    for at, form in enumerate(failure.args or []):
        sizes.append((_size(form), "args", at))
    order = {"attributes": 0, "fields": 1, "args": 2}
    for size, where, key in sorted(sizes, key=lambda one: (one[0] < 200, order[one[1]], -one[0])):
        held: Any = getattr(failure, where)
        changed = list(held) if where == "args" else dict(held)
        changed[key] = {"$left_out": _start(msgspec.json.encode(held[key]).decode())}
        what = f"argument {key}" if where == "args" else str(key)
        failure = _without(failure, f"{what} (too long: {size:,} bytes)", **{where: changed})
        yield failure


def _size(form: Any) -> int:
    return len(msgspec.json.encode(form))


def _start(text: str) -> str:
    return text if len(text) <= 100 else text[:97] + "..."


def _less_message(failure: Failure, characters: int) -> Failure:
    if len(failure.message) <= characters:
        return failure
    left = len(failure.message) - characters
    message = f"{failure.message[:characters]}... ({left:,} more characters)"
    return _without(failure, "a part of the message (too long)", message=message)


def _fewer_others(failure: Failure, count: int) -> Failure:
    if len(failure.others) <= count:
        return failure
    changed = replace(failure, others=failure.others[:count])
    return _without(changed, "causes, or exceptions of a group (too many)")
