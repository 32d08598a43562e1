"""`diff`: compare two executions step by step."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import click
import msgspec
from rich.console import Console
from rich.text import Text

from partita.cli import options as o
from partita.cli import output as out
from partita.cli.histories import history_of
from partita.cli.offers import Offers, completed
from partita.history.document import ExportedHistory
from partita.views.failures import escaped
from partita.views.payloads import NOTHING, Difference
from partita.views.run_differences import RunDifferences, StepDifference, compare
from partita.views.run_steps import RunStep

DIFFERENT = 1
"""The exit status of a comparison that found a difference."""

_MARKS = {"equal": "=", "changed": "!", "only in a": "-", "only in b": "+"}
_COLOURS = {"changed": "yellow", "only in a": "red", "only in b": "green"}


@click.command()
@click.argument("a", metavar="A", shell_complete=completed(Offers.IDS))
@click.argument("b", metavar="B", shell_complete=completed(Offers.IDS))
@click.option("--run-a", default="", help="Which run of A; the newest by default.")
@click.option("--run-b", default="", help="Which run of B; the newest by default.")
@click.option("--all", "shows_all", is_flag=True, help="Print equal steps one by one, too.")
@o.backend_option
@o.format_option("table", "json")
def diff(
    a: str, b: str, run_a: str, run_b: str, shows_all: bool, backend: o.Backend, output: str
) -> int:
    """Compare two executions: inputs, results, errors, order, versions and times.

    A and B are IDs, or .json files of exported histories. Steps are aligned by what they mean. Exit
    status 1 if the executions differ in more than their times.
    """
    runs = history_of(a, run_a, backend), history_of(b, run_b, backend)
    found = compare(*runs)
    if output == "json":
        out.print_pretty(_row(runs, found))
    else:
        _print(runs, found, shows_all=shows_all)
    return 0 if found.are_equal else DIFFERENT


def _print(
    runs: tuple[ExportedHistory, ExportedHistory], found: RunDifferences, *, shows_all: bool
) -> None:
    console = Console(soft_wrap=True)
    for letter, run in zip("AB", runs, strict=True):
        console.print(Text(f"{letter}  {_title(run)}"))
    for line in _details(found.run, "   "):
        console.print(Text(line, "yellow"))
    for text in _step_lines(found.steps, shows_all=shows_all):
        console.print(text)
    console.print(Text(_conclusion(found)))


def _title(run: ExportedHistory) -> str:
    took = run.events[-1].event_timestamp - run.events[0].event_timestamp
    execution = run.execution
    return (
        f"{escaped(execution.workflow_id)} (run {execution.run_id[:8]}), "
        f"{run.workflow_type.key}, {run.status}, {out.duration(took)}"
    )


def _step_lines(steps: Sequence[StepDifference], *, shows_all: bool) -> Iterator[Text]:
    equal = 0
    for one in steps:
        if one.kind == "equal" and not shows_all:
            equal += 1
            continue
        if equal:
            yield _equal(equal)
            equal = 0
        yield from _lines(one)
    if equal:
        yield _equal(equal)


def _equal(count: int) -> Text:
    return Text(f"=  {count:,} equal step{'s' if count > 1 else ''}")


def _lines(one: StepDifference) -> Iterator[Text]:
    colour = _COLOURS.get(one.kind, "")
    where = f", {one.kind.replace(' a', ' A').replace(' b', ' B')}" if one.kind[0] == "o" else ""
    moved = ", at another place" if one.is_moved else ""
    name = escaped(one.one.title)
    yield Text(f"{_MARKS[one.kind]}  {name}{where}{moved}{_times(one)}", colour)
    for line in _details(one.found, "   "):
        yield Text(line)


def _times(one: StepDifference) -> str:
    """Return how long a step took in the runs that have it."""
    spans = [_seconds(step) for step in (one.a, one.b) if step is not None]
    found = [out.duration(span) for span in spans if span is not None]
    return f"  ({' | '.join(found)})" if any(spans) else ""


def _seconds(step: RunStep) -> float | None:
    return None if step.ended_at is None else step.ended_at - step.begun_at


def _details(found: Iterable[tuple[str, Sequence[Difference]]], indent: str) -> Iterator[str]:
    for name, differences in found:
        for one in differences:
            text = str(one).removeprefix(": ")
            yield f"{indent}{name} {escaped(text)}"


def _conclusion(found: RunDifferences) -> str:
    if found.are_equal:
        return "They mean the same."
    first = found.first
    if first is None:
        return "Their steps are equal; the executions differ."
    number = 1 + next(n for n, one in enumerate(found.steps) if one is first)
    return f"They part at step {number}, {escaped(first.one.title)}."


# -- JSON


def _row(runs: tuple[ExportedHistory, ExportedHistory], found: RunDifferences) -> dict[str, object]:
    return {
        "equal": found.are_equal,
        "a": _run_row(runs[0]),
        "b": _run_row(runs[1]),
        "run": _found_rows(found.run),
        "steps": [_step_row(one) for one in found.steps],
    }


def _run_row(run: ExportedHistory) -> dict[str, object]:
    return {
        "workflow_id": run.execution.workflow_id,
        "run_id": run.execution.run_id,
        "workflow_type": msgspec.to_builtins(run.workflow_type),
        "status": run.status,
    }


def _step_row(one: StepDifference) -> dict[str, object]:
    return {
        "kind": one.one.kind,
        "name": one.one.name,
        "compared": one.kind,
        "moved": one.is_moved,
        "a": _side_row(one.a),
        "b": _side_row(one.b),
        "differences": _found_rows(one.found),
    }


def _side_row(step: RunStep | None) -> dict[str, object] | None:
    if step is None:
        return None
    return {
        "id": step.id,
        "event_id": step.event_id,
        "state": step.state,
        "attempts": step.attempts,
        "begun_at": out.iso_time(step.begun_at),
        "seconds": _seconds(step),
    }


def _found_rows(found: Iterable[tuple[str, Sequence[Difference]]]) -> list[dict[str, object]]:
    return [
        {"what": name, "path": one.path, **_values(one)}
        for name, differences in found
        for one in differences
    ]


def _values(one: Difference) -> dict[str, object]:
    """Return the values of a difference, but for one that is not there."""
    sides = {"a": one.a, "b": one.b}
    return {side: value for side, value in sides.items() if value is not NOTHING}
