"""Find the activities that a program calls."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from partita.authoring.definition import ActivityDefinition, LambdaSpec, WorkflowSpec
from partita.compile.tree import (
    Call,
    If,
    Inlined,
    Loop,
    Map,
    Node,
    Parallel,
    Program,
    SignalWait,
    Try,
)


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
        match node:
            case Call():
                yield node
            case Parallel():
                for one in node.branches:
                    yield from _calls(one.body)
            case Map():
                yield from _calls(node.branch.body)
            case Inlined():
                yield from _calls(node.body)
            case If():
                yield from _calls([*node.body, *node.orelse])
            case Loop():
                yield from _calls([*node.head, *node.body, *node.orelse])
            case Try():
                handled = [inner for one in node.handlers for inner in one.body]
                yield from _calls([*node.body, *handled, *node.orelse, *node.final])
            case _:
                pass
