"""Predicates: all of Choice states', equal in plain Python, in ASL's own form, and compiled."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest

from partita.asl.comparisons import OPERATORS
from partita.asl.jsonata.contract import Settings
from partita.asl.jsonata.engine import compile_text
from partita.asl.jsonata.pure_engine import PureText
from partita.stepfunctions.pysfn import definition
from partita.stepfunctions.pysfn.lowering import compile_source
from partita.stepfunctions.pysfn.machine import machine

TEXTS = ["", "a", "b", "ab", "a*b", "a\\b", "a\nb", "ab\n", "é", "\uffff", "😀", '"%}{%', "null"]
TIMES = [
    "2024-02-29T00:00:00Z",
    "2023-02-29T00:00:00Z",
    "1900-02-29T00:00:00Z",
    "2000-02-29T23:59:59.999999999Z",
    "2024-02-29T00:00:00.0Z",
    "2024-02-29T00:00:00.000001Z",
    "2024-04-31T00:00:00Z",
    "2024-13-01T00:00:00Z",
    "2024-12-31T24:00:00Z",
    "2024-12-31T23:59:60Z",
    "2024-12-31T23:59:59+00:00",
    "2024-12-31T23:59:59",
    "2024-12-31 23:59:59Z",
    "2024-12-31T23:59:59Z\n",
    "2024-12-31t23:59:59z",
]
VALUES: list[Any] = [
    *TEXTS,
    *TIMES,
    *(None, True, False, 0, 1, -1, 1.0, 1.5, 2**53 - 1, 1e300, [], ["a"], {}, {"a": 1}),
]
LITERALS: dict[str, list[Any]] = {
    "String": ["", "a", "ab", "\uffff", '"%}{%', "{% 1 %}"],
    "Numeric": [0, 1, -1, 1.5],
    "Timestamp": ["2024-02-29T00:00:00Z", "2024-02-29T00:00:00.000001Z"],
    "Boolean": [True, False],
    "StringMatches": ["", "*", "a*", "*b", "a*b", "a\\*b", "a\\\\b", "**", "a.b", "[ab]", "é*"],
}
NAMES = [name for name in OPERATORS if name != "IsPresent"]


def literals(name: str) -> list[Any]:
    if name in LITERALS:
        return LITERALS[name]
    kind = next((one for one in LITERALS if name.startswith(one)), "Boolean")
    return LITERALS[kind]


def condition(test: str) -> str:
    """Return the JSONata of a condition over `x`, and `y`."""
    source = (
        f"import pysfn as PSF\n@PSF.main\ndef main(x, y):\n  if {test}:\n    return x\n  return y"
    )
    states = machine(compile_source(source, "p.py"), "ARN")["States"]
    text: str = states["if (line 4)"]["Choices"][-1]["Condition"]
    return text.removeprefix("{% ").removesuffix(" %}")


def evaluated(engine: Any, text: str, **values: Any) -> bool:
    settings = Settings(now=0, seconds=5.0)
    found = engine(text).evaluate(values, settings)
    assert found in ("true", "false"), found
    return bool(json.loads(found))


@pytest.mark.parametrize("name", NAMES)
def test_a_predicate_is_as_in_choice_states(name: str) -> None:
    for literal, value in itertools.product(literals(name), VALUES):
        wanted = OPERATORS[name](value, literal)
        assert getattr(definition, name)(value, literal) is wanted, (value, literal)


@pytest.mark.parametrize("engine", [compile_text, PureText])
@pytest.mark.parametrize("name", NAMES)
def test_a_compiled_predicate_is_as_in_python(name: str, engine: Any) -> None:
    for literal in literals(name):
        text = condition(f"PSF.{name}(x, {literal!r})")
        for value in VALUES:
            if engine is PureText and value == "😀":  # it orders by code points
                continue
            wanted = getattr(definition, name)(value, literal)
            assert evaluated(engine, text, x=value, y=0) is wanted, (value, text)


@pytest.mark.parametrize("name", [one for one in definition.__all__ if one.endswith("Path")])
def test_a_compiled_path_is_as_in_python(name: str) -> None:
    text = condition(f'PSF.{name}(x, "$.locals.y")')
    values = [1, 1.5, True, "a", "b", TIMES[0], TIMES[5], None, [1]]
    for value, other in itertools.product(values, values):
        wanted = getattr(definition, name)(value, other)
        assert evaluated(compile_text, text, x=value, y=other) is wanted, (value, other)


def test_all_predicates_are_here() -> None:
    wanted = set(OPERATORS) | {"IsPresent"}
    assert wanted <= set(definition.__all__)
