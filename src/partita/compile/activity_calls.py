"""Find the activities that a program calls."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from partita.authoring.definition import ActivityDefinition, LambdaSpec, WorkflowSpec
from partita.compile.tree import Call, Node, Program, SignalWait, branches, nested


def activities_of(program: Program) -> dict[str, Any]:
    """Return the activities of a program by their names."""
    return _called(program, ActivityDefinition)


def children_of(program: Program) -> dict[str, WorkflowSpec]:
    """Return the child workflows of a program by their names."""
    return _called(program, WorkflowSpec)


def functions_of(program: Program) -> dict[str, LambdaSpec]:
    """Return the Lambda functions of a program by their names."""
    return _called(program, LambdaSpec)


def signals_of(program: Program) -> dict[str, Any]:
    """Return the signals that a program waits for by their names."""
    return {name: one.signal for name, one in _called(program, SignalWait).items()}


def _called(program: Program, kind: type[Any]) -> dict[str, Any]:
    called = calls_of(program)
    return {call.name: call.activity for call in called if isinstance(call.activity, kind)}


def calls_of(program: Program) -> list[Call]:
    """Return the calls of activities in a program."""
    return list(_calls(program.body))


def _calls(nodes: Iterable[Node]) -> Iterator[Call]:
    for node in nodes:
        if isinstance(node, Call):
            yield node
        for branch in branches(node):
            yield from _calls(branch.body)
        yield from _calls(nested(node))
