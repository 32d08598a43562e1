"""Warn of what AWS's limits may end or change: events, payloads, whole seconds; check Express.

Source: AWS Step Functions Developer Guide, "Service quotas": an execution of a Standard machine has
at most 25,000 events, a payload 256 KiB; an Express one takes at most five minutes.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from partita.compile.activity_calls import calls_of
from partita.compile.diagnostics import Diagnostic
from partita.compile.tree import Call, If, Let, Loop, Map, Node, Parallel, Program, Try
from partita.stepfunctions.emitter.states import row_of, states_of

MAX_EVENTS = 25_000
EXPRESS_SECONDS = 300
_STATE, _TASK = 2, 5  # events of a state, and of one that calls something
_OPEN, _GROWS = "loop without a known end", "grows in each round"
_CHEAP = 7  # events of a round of loops over lists that are not warned of
_END = re.compile(r"^\$(\w+) [<>] \(?(-?\d+)\)?$")
_STEP = re.compile(r"[+-] (\d+)$")
_GROWING = re.compile(r"^(?:\$append\(\$(\w+),|\$merge\(\[\$(\w+),|\$(\w+) & )")


def warnings(program: Program) -> list[Diagnostic]:
    """Return all warnings of a program, by line."""
    loops = _merged([*dict.fromkeys(_Loops(program).found(program.body))])
    return sorted(dict.fromkeys([*program.warnings, *loops, *_rounded(program)]))


def _merged(found: list[Diagnostic]) -> list[Diagnostic]:
    """Return the first warning of each kind, which names the lines of the others."""
    kinds: dict[str, list[Diagnostic]] = {}
    for one in sorted(found, key=lambda one: one.row):
        kind = next((kind for kind in (_OPEN, _GROWS) if kind in one.what), one.what)
        kinds.setdefault(kind, []).append(one)
    return [_with_lines(group) for group in kinds.values()]


def _with_lines(group: list[Diagnostic]) -> Diagnostic:
    rows = sorted({one.row for one in group} - {group[0].row})
    if not rows:
        return group[0]
    others = ", ".join(map(str, rows))
    word = "lines" if len(rows) > 1 else "line"
    return replace(group[0], way_out=f"{group[0].way_out}; so in {word} {others}")


def diagnostic(
    program: Program, row: int, what: str, why: str, way_out: str, *, is_warning: bool = True
) -> Diagnostic:
    """Return a diagnostic of a line."""
    line = program.lines[row - 1] if row <= len(program.lines) else ""
    code = line.strip()
    column = line.find(code) + 1
    place = (program.filename, row, column)
    return Diagnostic(*place, what, why, way_out, line, len(code), is_warning)


# -- loops


class _Loops:
    """Finds the loops of a program that may make too many events, or values that are too large."""

    def __init__(self, program: Program) -> None:
        self.program = program

    def found(self, nodes: Sequence[Node]) -> Iterator[Diagnostic]:
        """Yield the warnings of a block."""
        for number, node in enumerate(nodes):
            if isinstance(node, Loop):
                rounds = _rounds(node, nodes[:number])
                yield from self._events(node.row, rounds, _round_events(node))
                if rounds is None or rounds > 1_000:
                    yield from self._growth(node)
            elif isinstance(node, Map) and _is_open(node):
                yield from self._events(node.row, None, _STATE + _events(node.branch.body))
            for block in _blocks(node):
                yield from self.found(block)

    def _events(self, row: int, rounds: int | None, each: int) -> Iterator[Diagnostic]:
        most = MAX_EVENTS // each
        line = self.program.lines[row - 1].strip() if row <= len(self.program.lines) else ""
        is_bounded = rounds is not None or (each < _CHEAP and not line.startswith("while"))
        if is_bounded and (rounds or 0) <= most:
            return
        yield diagnostic(
            self.program,
            row,
            f"loop of {rounds:,} rounds" if rounds is not None else _OPEN,
            f"an execution has at most {MAX_EVENTS:,} events, and each round makes about {each}, "
            f"so that it fails after about {most:,} rounds",
            "call a child workflow for each part of the rounds",
        )

    def _growth(self, loop: Loop) -> Iterator[Diagnostic]:
        for let in _lets(loop.body):
            for name, value in let.values.items():
                grown = _GROWING.match(value.text)
                if grown and name in grown.groups():
                    yield diagnostic(
                        self.program,
                        let.row,
                        f"{self._shown(name, let.row)} {_GROWS}",
                        "a value may have at most 256 KiB, and so may the input of a state",
                        "keep large data elsewhere, for example in S3, and pass its key on",
                    )

    def _shown(self, name: str, row: int) -> str:
        line = self.program.lines[row - 1]
        return name if re.search(rf"\b{name}\b", line) else "the result"


def _is_open(node: Map) -> bool:
    """Return whether a Map state runs any number of items in the execution itself."""
    return not node.is_distributed and not node.items.text.startswith("[")


def _rounds(loop: Loop, before: Sequence[Node]) -> int | None:
    """Return how often a loop runs at most; None: that is not known."""
    end = _END.match(loop.test.text)
    if end is None:
        return None
    name, last = end[1], int(end[2])
    lets = [one for one in before if isinstance(one, Let) and name in one.values]
    begin = lets[-1].values[name] if lets else None
    if begin is None or not begin.is_constant:
        return None
    changes = [one.values[name].text for one in _lets(loop.body) if name in one.values]
    steps = [int(found[1]) for one in changes if (found := _STEP.search(one))]
    if len(changes) != 1 or len(steps) != 1:
        return None
    return math.ceil(abs(last - int(begin.constant)) / steps[0])


def _round_events(loop: Loop) -> int:
    return _STATE + _events(loop.head) + _events(loop.body)


def _events(nodes: Sequence[Node]) -> int:
    """Return about how many events a block makes, whose loops run once."""
    return sum(map(_events_of, nodes))


def _events_of(node: Node) -> int:
    match node:
        case Call():
            return _TASK
        case If():
            return _STATE + max(_events(node.body), _events(node.orelse))
        case Parallel():
            return 2 * _STATE + sum(_events(one.body) for one in node.branches)
        case Map():
            return 2 * _STATE + _events(node.branch.body)
        case Loop():
            return _round_events(node)
        case Try():
            return _events(node.body) + _events(node.orelse) + _events(node.final)
        case _:
            return _STATE


def _blocks(node: Node) -> Iterator[Sequence[Node]]:
    """Yield the blocks within a node."""
    match node:
        case If():
            yield from (node.body, node.orelse)
        case Loop():
            yield from (node.head, node.body, node.orelse)
        case Try():
            yield from (node.body, node.orelse, node.final)
            yield from (one.body for one in node.handlers)
        case Parallel():
            yield from (one.body for one in node.branches)
        case Map():
            yield node.branch.body
        case _:
            pass


def _lets(nodes: Sequence[Node]) -> Iterator[Let]:
    for node in nodes:
        if isinstance(node, Let):
            yield node
        for block in _blocks(node):
            yield from _lets(block)


# -- whole seconds


def _rounded(program: Program) -> Iterator[Diagnostic]:
    """Yield warnings of times of activities that a machine has only in whole seconds."""
    seen = set()
    for call in calls_of(program):
        settings = getattr(call.activity, "settings", None)
        policy = getattr(settings, "retry_policy", None)
        intervals = [] if policy is None else [policy.initial_interval, policy.max_interval]
        found = [one for one in intervals if one is not None and one != int(one)]
        if found and call.name not in seen:
            seen.add(call.name)
            yield diagnostic(
                program,
                call.row,
                f"retry interval of {call.name}: {found[0]:g} s",
                f"a machine waits whole seconds, so that it waits {math.ceil(found[0])} s",
                "give whole seconds to have the same times everywhere",
            )


# -- Express


def express_errors(program: Program, machine: dict[str, Any]) -> list[Diagnostic]:
    """Return what an Express machine cannot do."""
    found = []
    for name, state in states_of(machine):
        row = row_of(name)
        reason = _not_express(state)
        if reason is not None and row is not None:
            what, why = reason
            way_out = "compile it without --express"
            found.append(diagnostic(program, row, what, why, way_out, is_warning=False))
    return sorted(dict.fromkeys(found))


def _not_express(state: dict[str, Any]) -> tuple[str, str] | None:
    """Return what an Express machine cannot do in a state, and why."""
    resource = str(state.get("Resource", ""))
    if ".sync" in resource:
        return "waiting for a job or a child workflow", "Express machines do not wait for jobs"
    if resource.endswith(".waitForTaskToken"):
        return "waiting for a signal", "Express machines have no task tokens"
    if ":activity:" in resource:
        return "activity of a worker", "Express machines have no activities"
    if state.get("ItemProcessor", {}).get("ProcessorConfig", {}).get("Mode") == "DISTRIBUTED":
        return "distributed map", "Express machines run maps inline only"
    seconds = state.get("Seconds")
    if isinstance(seconds, int) and seconds > EXPRESS_SECONDS:
        return f"waiting for {seconds:,} s", "Express machines run for five minutes at most"
    if state.get("TimeoutSeconds", 0) > EXPRESS_SECONDS:
        return (
            f"call that may take {state['TimeoutSeconds']:,} s",
            "Express machines run for five minutes at most",
        )
    return None
