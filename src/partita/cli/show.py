"""`show` and `result`: print the current state of an execution, or wait for its result."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import msgspec
from rich.text import Text

from partita.cli import options as o
from partita.cli import output as out
from partita.cli.histories import history_of
from partita.cli.standing import note_unserved, payload_text, waits_of
from partita.cli.timelines import print_timeline
from partita.cli.why import next_command, verdict_row
from partita.codec import plain_data
from partita.errors import InvalidOptionError
from partita.history import AnyEvent, WorkflowExecutionCompleted
from partita.history.document import read
from partita.history.timeline import Timeline
from partita.ports.service import ExecutionDetail
from partita.ports.state import OpenDecision, Status
from partita.replay.stacks import CodeStack, Wait, WorkflowStack
from partita.views.failures import escaped
from partita.views.records import Step, TaskRecord, activities_of, children_of, step_of
from partita.views.stacks import stack_of
from partita.views.standing import failed_at, reason, taken
from partita.views.verdicts import DONE, Verdict
from partita.worker.code_loader import load

DEFAULT_LIMIT = 100
"""Steps, and children, that a table shows."""

MAX_PAYLOAD = 500
"""Characters of the input and of the result that a table shows."""

FAILED_STATES = ("failed", "timed out")

LONG_DECISION_SECONDS = 1.0
"""After how long a decision task is reported as slow; it should take milliseconds."""


@click.command()
@o.workflow_id_argument
@o.run_option
@click.option("--timeout", type=o.Seconds(0), help="Seconds to wait; no limit by default.")
@o.backend_option
def result(workflow_id: str, run_id: str, timeout: float | None, backend: o.Backend) -> None:
    """Wait for an execution and print its result as JSON. Exit status 4 on timeout."""
    with backend.look() as client:
        note_unserved(client, workflow_id, run_id)
        out.print_json(client.result_data(workflow_id, run_id=run_id, timeout=timeout))


@click.command()
@o.workflow_id_argument
@o.run_option
@click.option("--stack", is_flag=True, help="Show where its code waits, without a worker.")
@click.option("--code", metavar="FILE", help="The workflow's code; for --stack.")
@click.option("--timeline", "as_timeline", is_flag=True, help="Show its time: a bar for each step.")
@click.option(
    "--limit",
    type=click.IntRange(1),
    help=f"Steps and children that are shown, the newest. [{DEFAULT_LIMIT}; as JSON all]",
)
@o.backend_option
@o.format_option("table", "json", "jsonl")
def show(
    workflow_id: str,
    run_id: str,
    stack: bool,
    code: str | None,
    as_timeline: bool,
    limit: int | None,
    backend: o.Backend,
    output: str,
) -> None:
    """Show the state of an execution: input, result, steps, and what it waits for.

    With --stack or --timeline ID may also be the .json file of an exported history.
    """
    if as_timeline and stack:
        raise InvalidOptionError("--stack and --timeline: give one of them")
    if code is not None:
        if not stack:
            raise InvalidOptionError("--code is for --stack; give both")
        load(code)
    if as_timeline:
        print_timeline(history_of(workflow_id, run_id, backend), limit or DEFAULT_LIMIT, output)
        return
    if stack and workflow_id.endswith(".json") and Path(workflow_id).is_file():
        _print_stack(stack_of(read(Path(workflow_id))), output)
        return
    with backend.look() as client:
        if stack:
            _print_stack(client.stack(workflow_id, run_id=run_id), output)
            return
        detail = client.describe(workflow_id, run_id=run_id)
        events = client.history(workflow_id, run_id=detail.info.run_id)
        is_closed = detail.info.status is not Status.OPEN
        timeline = Timeline(events)
        children = children_of(timeline)
        state = _State(
            detail=detail,
            events=events,
            steps=[step_of(one, is_left=is_closed) for one in activities_of(timeline)],
            children=children,
            waits=waits_of(client, detail, events, children),
            input=payload_text(client, getattr(events[0], "input", None)),
            result=payload_text(client, _result(events)),
            limit=limit or (DEFAULT_LIMIT if output == "table" else len(events)),
            verdict=client.why(workflow_id, run_id=detail.info.run_id),
            given=[] if backend.url is None else ["--backend", backend.url],
        )
    if output == "table":
        _print_state(state)
    else:
        out.print_value(_state_row(state), output)


@dataclass(frozen=True)
class _State:
    detail: ExecutionDetail
    events: Sequence[AnyEvent]
    steps: list[Step]
    children: list[TaskRecord]
    waits: list[str]
    input: str | None
    result: str | None
    limit: int  # of steps and of children
    verdict: Verdict
    given: list[str]  # the words that name the backend


def _result(events: Sequence[AnyEvent]) -> str | None:
    """Return the payload of the result of an execution that has completed."""
    last = events[-1]
    return last.result if isinstance(last, WorkflowExecutionCompleted) else None


def _print_state(state: _State) -> None:
    _print_info(state)
    _print_rows(
        ["STEP", "ACTIVITY", "STATE", "ATTEMPTS", "TOOK", ""],
        map(_step_cells, state.steps[-state.limit :]),
    )
    out.print_left_out(len(state.steps), state.limit)
    timers = state.detail.timers
    _print_rows(["TIMER", "FIRES"], ([timer.id, out.clock_time(timer.due)] for timer in timers))
    open_ones, others = _parted(state)
    _print_rows(["CHILD", "WORKFLOW", "STATE", "SINCE", ""], map(_child_cells, open_ones))
    _print_rows(["FINISHED", "WORKFLOW", "STATE", "SINCE", ""], map(_child_cells, others))
    out.print_left_out(len(state.children), state.limit)
    for wait in state.waits:
        click.echo(f"It waits for: {wait}")
    _print_decision(state.detail.decision, state.events, time.time())
    if state.verdict.code not in DONE:
        click.echo(f"Why: {escaped(state.verdict.sentence)}")
        click.echo(f"Next: {escaped(next_command(state.verdict, state.given))}")


def _parted(state: _State) -> tuple[list[TaskRecord], list[TaskRecord]]:
    """Return the children that are open, and the others, as many as are shown."""
    shown = state.children[-state.limit :]
    return [one for one in shown if one.is_open], [one for one in shown if not one.is_open]


def _print_rows(headings: Sequence[str], rows: Iterable[Sequence[str | Text]]) -> None:
    """Print a table if it has rows."""
    if found := list(rows):
        out.print_table(headings, found)


def _step_cells(step: Step) -> Sequence[str | Text]:
    took = "" if step.ended_at is None else out.duration(step.ended_at - step.scheduled_at)
    return [step.id, step.name, out.coloured_step(step.state), str(step.attempts), took, step.note]


def _child_cells(child: TaskRecord) -> Sequence[str]:
    return [child.id, child.name, child.state, out.clock_time(_since(child)), child.note]


def _since(child: TaskRecord) -> float:
    return child.closed_at or child.started_at or child.scheduled_at


def _print_decision(decision: OpenDecision | None, events: Sequence[AnyEvent], now: float) -> None:
    if decision is not None and decision.failure:
        click.echo(f"The decider fails: {decision.failure}")
        click.echo(f"{decision.attempt - 1} tries so far; {_next_attempt(decision)}")
    started = taken(decision, events)
    if started is not None and now - started.event_timestamp > LONG_DECISION_SECONDS:
        where = f" on worker {escaped(started.identity)}" if started.identity else ""
        click.echo(
            f"Its code has been deciding for {out.duration(now - started.event_timestamp)}{where}: "
            "does it block, or loop without an end?"
        )


def _next_attempt(decision: OpenDecision) -> str:
    if decision.started_event_id:
        return "it is tried at this moment"
    return (
        f"tried again at {out.clock_time(decision.due)}" if decision.due else "a worker may try it"
    )


def _counts(state: _State) -> str:
    """Return how many steps and children are done, of how many, and how many have failed."""
    counted = [_count(state.steps, "steps"), _count(state.children, "children")]
    return ", ".join(one for one in counted if one)


def _count(tasks: Sequence[Step | TaskRecord], what: str) -> str:
    failed = _in_state(tasks, *FAILED_STATES)
    failures = f" ({failed:,} failed)" if failed else ""
    done = _in_state(tasks, "completed")
    return f"{done:,} of {len(tasks):,} {what}{failures}" if tasks else ""


def _in_state(tasks: Sequence[Step | TaskRecord], *states: str) -> int:
    return sum(task.state in states for task in tasks)


def _short(text: str | None) -> str:
    text = text or ""
    return text if len(text) <= MAX_PAYLOAD else text[: MAX_PAYLOAD - 3] + "..."


def _print_info(state: _State) -> None:
    info = state.detail.info
    rows: list[list[str | Text]] = [
        ["workflow id", info.workflow_id],
        ["run id", info.run_id],
        ["type", info.workflow_type.key],
        ["status", out.status_text(info)],
        ["reason", reason(state.events) or ""],
        ["failed at", failed_at(state.events) or ""],
        ["input", _short(state.input)],
        ["result", _short(state.result)],
        ["done", _counts(state)],
        ["started", out.clock_time(info.started_at)],
        ["closed", out.clock_time(info.closed_at)],
        ["task list", info.task_list],
        ["tags", ", ".join(info.tag_list)],
        ["attributes", ", ".join(f"{k}={v}" for k, v in info.search_attributes.items())],
        ["parent", info.parent.workflow_id if info.parent else ""],
        ["cancel requested", "yes" if info.cancel_requested else ""],
        ["events", str(info.event_count)],
    ]
    out.print_table(["", ""], [row for row in rows if row[1]])


def _state_row(state: _State) -> dict[str, object]:
    detail = state.detail
    started = taken(detail.decision, state.events)
    return {
        **out.info_row(detail.info),
        "reason": reason(state.events),
        "failed_at": failed_at(state.events),
        "input": _data(state.input),
        "result": _data(state.result),
        "waits_for": state.waits,
        "why": verdict_row(state.verdict, state.given),
        "steps_done": _in_state(state.steps, "completed"),
        "steps_failed": _in_state(state.steps, *FAILED_STATES),
        "steps_scheduled": len(state.steps),
        "open_children": detail.open_children,
        "decision_failure": detail.decision.failure if detail.decision else None,
        "deciding": (
            {"since": out.iso_time(started.event_timestamp), "worker": started.identity}
            if started
            else None
        ),
        "timers": [{"id": timer.id, "due": out.iso_time(timer.due)} for timer in detail.timers],
        "children": [_child_row(child) for child in _parted(state)[0]],
        "finished_children": [
            {**_child_row(child), "closed_at": out.iso_time(child.closed_at), "note": child.note}
            for child in _parted(state)[1]
        ],
        "steps": [out.dated(step) for step in state.steps[-state.limit :]],
    }


def _child_row(child: TaskRecord) -> dict[str, object]:
    return {
        "workflow_id": child.id,
        "workflow_type": child.name,
        "state": child.state,
        "since": out.iso_time(_since(child)),
    }


def _data(text: str | None) -> object:
    """Return a payload's value, or the text itself if it is not JSON."""
    try:
        return None if text is None else plain_data(text)
    except msgspec.MsgspecError:
        return text


def _print_stack(found: WorkflowStack, output: str) -> None:
    """Print every line of the code that waits, outermost frame first."""
    if output != "table":
        out.print_value(_stack_row(found), output)
        return
    name = found.execution.workflow_id
    if found.status != "OPEN":
        click.echo(f"{name} is closed, it ended as {found.status}: no code of it waits")
        return
    for stack in found.stacks:
        _print_code(stack)
    if not found.stacks:
        click.echo(f"{name} has not begun: no code of it waits")
    if found.undecided:
        click.echo(f"events that the code has not heard of yet: {found.undecided}")


def _stack_row(found: WorkflowStack) -> dict[str, object]:
    row: dict[str, object] = msgspec.to_builtins(found)
    row["stacks"] = [
        {**msgspec.to_builtins(stack), "waits_for": [out.dated(one) for one in stack.waits_for]}
        for stack in found.stacks
    ]
    return row


def _print_code(stack: CodeStack) -> None:
    click.echo(stack.name)
    for frame in stack.frames:
        click.echo(f"  {frame}")
    for wait in stack.waits_for:
        click.echo(f"  waits for {_wait(wait)}")


def _wait(wait: Wait) -> str:
    parts = [f"id {wait.id}"] if wait.id else []
    parts += [f"fires {out.clock_time(wait.fires_at)}"] if wait.fires_at is not None else []
    return f"{wait.what} ({', '.join(parts)})" if parts else wait.what
