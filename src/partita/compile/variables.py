"""Describe what is known of variables at a point, and where ways through a program meet.

Knows no syntax.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from partita.compile.types import Type, join

UNBOUND = '{"Partita": "no value"}'
"""What a variable holds as long as Python's has no value."""


@dataclass(frozen=True)
class Variable:
    """What is known of a variable of Python, or of a path such as `order.coupon`, at a point."""

    type: Type
    text: str  # in JSONata
    is_sure: bool = True  # it has a value, whichever way led here


Variables = dict[str, Variable]


def joined(*states: Variables | None) -> Variables | None:
    """Return what is known where ways meet; None for ways that never get there."""
    found = [one for one in states if one is not None]
    if not found:
        return None
    result = found[0]
    for other in found[1:]:
        result = both(result, other)
    return result


def both(one: Variables, other: Variables) -> Variables:
    """Return what is known where two ways meet."""
    result = dict(one)
    for name, second in other.items():
        first = one.get(name)
        if first is second:
            continue
        if first is None:
            if "." not in name:
                result[name] = replace(second, is_sure=False)
        elif "." in name and first.text != second.text:
            del result[name]
        else:
            is_sure = first.is_sure and second.is_sure
            result[name] = Variable(join(first.type, second.type), first.text, is_sure)
    for name in one.keys() - other.keys():
        if "." in name:
            del result[name]
        else:
            result[name] = replace(one[name], is_sure=False)
    return result
