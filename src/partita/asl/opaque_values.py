"""Pass values on exactly that JSONata does not hold; find out which expressions look at them.

Such values are integers beyond 2**53, and tagged values that no hint tells, such as tuples. An
expression over some is evaluated several times, with other stand-ins for them each time. Where it
only passes them on, the results differ by the stand-ins alone, for which the values are put back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from partita.asl.failures import RUNTIME, StateFailure
from partita.asl.jsonata import JsonataError

LARGEST = 2**53 - 1
"""The largest integer that doubles hold as all below it."""

_TAG = "$partita"
_SCHEMES = 3
"""How many stand-ins each value has."""

Evaluate = Callable[[Mapping[str, Any]], Any]


@dataclass
class OpaqueValues:
    """Whether an execution has such values, and how the failure of one that is looked at begins."""

    guard: Callable[[str], str]  # of the state's name
    are_there: bool = False

    def note(self, value: Any) -> Any:
        """Look for such values in what an execution is given; return it."""
        if not self.are_there:
            self.are_there = any(True for _ in _found(value))
        return value

    def evaluated(self, evaluate: Evaluate, bindings: Mapping[str, Any], state: str) -> Any:
        """Return the value of an expression for variables.

        Raises:
            StateFailure: the value depends on an opaque one.
            JsonataError: the expression raises it, whatever the opaque values are.
        """
        opaque = list(_found(dict(bindings)))
        if not opaque:
            return evaluate(bindings)
        outcomes = [_outcome(evaluate, bindings, stand_ins) for stand_ins in _all_stand_ins(opaque)]
        first = outcomes[0]
        if any(one != first for one in outcomes):
            raise StateFailure(RUNTIME, f"{self.guard(state)}: {_told(opaque[0])}")
        if isinstance(first, _Raised):
            raise first.error
        return first.value


@dataclass(frozen=True)
class _Given:
    value: Any


@dataclass(frozen=True)
class _Raised:
    code: str | None
    message: str

    @property
    def error(self) -> JsonataError:
        return JsonataError(self.code, self.message)


def _told(value: Any) -> str:
    """Return what is wrong with looking at a value."""
    if isinstance(value, int):
        return f"an integer beyond 2**53 is looked at: {value}"
    return (
        f"a {value[_TAG]} that no hint tells is looked at; give the result of the activity a hint, "
        "such as tuple[int, int], or return a list or dict"
    )


def _found(value: Any) -> Iterator[Any]:
    if _is_opaque(value):
        yield value
    elif isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _found(one)


def _is_opaque(value: Any) -> bool:
    if isinstance(value, dict):
        return ":" not in str(value.get(_TAG, ":"))  # those of the program's classes are read
    return isinstance(value, int) and abs(value) > LARGEST


# -- stand-ins


@dataclass(frozen=True)
class _StandIns:
    """What takes the place of opaque values, as pairs."""

    pairs: list[tuple[Any, Any]]

    def put(self, value: Any) -> Any:
        """Return a value with stand-ins."""
        if _is_opaque(value):
            return next(one for known, one in self.pairs if known == value)
        return _mapped(value, self.put)

    def put_back(self, value: Any) -> Any:
        """Return a value with what the stand-ins stand for."""
        for known, one in self.pairs:
            if type(one) is not bool and one == value:
                return known
        return _mapped(value, self.put_back)


def _mapped(value: Any, act: Callable[[Any], Any]) -> Any:
    if isinstance(value, dict):
        return {name: act(one) for name, one in value.items()}
    return [act(one) for one in value] if isinstance(value, list) else value


def _all_stand_ins(opaque: list[Any]) -> Iterator[_StandIns]:
    sizes = sorted({abs(one) for one in opaque if isinstance(one, int)})
    ranks = {size: rank for rank, size in enumerate(sizes)}
    for scheme in range(_SCHEMES):
        pairs = []
        for one in opaque:
            if isinstance(one, int):
                size = _number(scheme, ranks[abs(one)])
                pairs.append((one, size if one > 0 else -size))
            else:
                pairs.append((one, _tagged(scheme, opaque.index(one), one)))
        yield _StandIns(pairs)


def _number(scheme: int, rank: int) -> float:
    """Return a number in the order of the integers: no integer, an odd one, and a huge one."""
    return (2**51 + 123_456_789.5 + 2 * rank, 2**52 + 987_654_321 + 2 * rank, 1e300 + rank * 1e290)[
        scheme
    ]


def _tagged(scheme: int, number: int, value: dict[str, Any]) -> Any:
    """Return an object with the value's keys, a text, or an array as long as the value."""
    text = f"\ue000{_TAG} {number}"
    held = value.get("value")
    parts = held if isinstance(held, list) else []
    keys = [key for part in parts if isinstance(part, dict) for key in part]
    keys += [part[0] for part in parts if isinstance(part, list) and part]
    known = {str(key): text for key in keys} | {text: text}
    return (known, text, [f"{text} {place}" for place in range(len(parts))] or [text])[scheme]


def _outcome(
    evaluate: Evaluate, bindings: Mapping[str, Any], stand_ins: _StandIns
) -> _Given | _Raised:
    try:
        found = evaluate({name: stand_ins.put(one) for name, one in bindings.items()})
    except JsonataError as error:
        return _Raised(error.code, str(stand_ins.put_back(error.message)))
    return _Given(stand_ins.put_back(found))
