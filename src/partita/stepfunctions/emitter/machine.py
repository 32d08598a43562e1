"""Write a program as a definition in Amazon States Language, in JSONata mode with variables."""

from __future__ import annotations

import json
from typing import Any

from partita.compile.jsonata import member, text_of
from partita.compile.tree import Program, Value
from partita.compile.types import ANY
from partita.stepfunctions.emitter.blocks import Blocks
from partita.stepfunctions.emitter.states import States, expression

INVALID_INPUT = "Partita.InvalidInput"


def emit(program: Program) -> dict[str, Any]:
    """Return the definition of a program's machine."""
    states = States(program)
    body = Blocks(states).block(program.body, None)
    assert body is not None
    start = _input_check(program, states, body)
    comment = f"{program.name}: {program.document or ''}".strip(" :").splitlines()[0]
    return {
        "Comment": f"{comment} (compiled from {program.filename.rpartition('/')[2]})",
        "QueryLanguage": "JSONata",
        "StartAt": start,
        "States": states.in_order(start),
    }


def _input_check(program: Program, states: States, next: str) -> str:
    """Assign the parameters; fail if one is missing or unknown."""
    row, names = program.row, [one.name for one in program.parameters]
    fail = {
        "Type": "Fail",
        "Error": INVALID_INPUT,
        "Cause": f"The input must be an object with the members {json.dumps(names)}.",
    }
    rule = {
        "Condition": expression(f"$not({_valid_input(program)})"),
        "Next": states.add(states.name("invalid input", row), row, fail),
    }
    assigned = {}
    for one in program.parameters:
        given = member(Value("$states.input", ANY), one.name, ANY).text
        if one.default is not None:
            given = f"$exists({given}) ? {given} : {one.default.text}"
        assigned[one.variable] = expression(given)
    choice: dict[str, Any] = {"Type": "Choice", "Choices": [rule], "Default": next}
    if assigned:
        choice["Assign"] = assigned
    return states.add(states.name("input", row), row, choice)


def _valid_input(program: Program) -> str:
    required = [one.name for one in program.parameters if one.default is None]
    tests = [f"$exists($lookup($states.input, {text_of(name)}))" for name in required]
    names = json.dumps([one.name for one in program.parameters])
    tests.append(
        "$reduce($append([], $keys($states.input)), "
        f"function($known, $name) {{$known and $name in {names}}}, true)"
    )
    return f'$type($states.input) = "object" ? ({" and ".join(tests)}) : false'
