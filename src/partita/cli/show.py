"""`result`, `show` and `history`: the commands that look and change nothing."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from pathlib import Path

import click
import msgspec
from msgspec.structs import asdict
from rich.text import Text

from partita.cli.context import backend_option, format_option, open_client
from partita.cli.output import (
    clock_time,
    coloured,
    duration,
    escaped,
    event_cells,
    info_row,
    print_json,
    print_lines,
    print_pretty,
    print_table,
)
from partita.cli.progress import STYLES
from partita.cli.stack_output import print_stack
from partita.errors import InvalidOptionError
from partita.history import AnyEvent
from partita.history.document import read
from partita.history.timeline import Timeline
from partita.ports.service import ExecutionDetail, ExecutionInfo
from partita.ports.state import OpenDecision
from partita.views.records import (
    Step,
    TaskEvents,
    TaskRecord,
    activities_of,
    grouped,
    step_of,
    tasks_of,
)
from partita.views.stacks import stack_of
from partita.views.standing import reason, taken
from partita.worker.code_loader import load

LONG = 1.0
"""Seconds for which code may decide before it is told; it should take milliseconds."""

_workflow_id = click.argument("workflow_id", metavar="ID")
_run = click.option("--run", "run_id", default="", help="Which run; the newest by default.")


@click.command()
@_workflow_id
@_run
@click.option("--timeout", type=click.FloatRange(0), help="Seconds to wait; without end if absent.")
@backend_option
@click.pass_context
def result(
    ctx: click.Context, workflow_id: str, run_id: str, timeout: float | None, backend: str | None
) -> None:
    """Wait for an execution and print its result as JSON. Exit status 4 on timeout."""
    if timeout is not None and math.isnan(timeout):
        raise click.BadParameter("give a number of seconds", param_hint="--timeout")
    with open_client(ctx, backend) as client:
        print_json(client.result(workflow_id, run_id=run_id, timeout=timeout))


@click.command()
@_workflow_id
@_run
@click.option("--stack", is_flag=True, help="Show where its code waits, without a worker.")
@click.option("--code", metavar="FILE", help="The workflow's code; for --stack.")
@backend_option
@format_option("table", "json", "jsonl")
@click.pass_context
def show(
    ctx: click.Context,
    workflow_id: str,
    run_id: str,
    stack: bool,
    code: str | None,
    backend: str | None,
    output: str,
) -> None:
    """Show how an execution stands: its steps, and what it waits for.

    With --stack ID may also be the .json file of an exported history.
    """
    if code is not None:
        if not stack:
            raise InvalidOptionError("--code is for --stack; give both")
        load(code)
    if stack and workflow_id.endswith(".json") and Path(workflow_id).is_file():
        print_stack(stack_of(read(Path(workflow_id))), output)
        return
    if stack:
        with open_client(ctx, backend) as client:
            print_stack(client.stack(workflow_id, run_id=run_id), output)
        return
    with open_client(ctx, backend) as client:
        detail = client.describe(workflow_id, run_id=run_id)
        events = client.history(workflow_id, run_id=detail.info.run_id)
    if output != "table":
        (print_pretty if output == "json" else print_json)(_detail_row(detail, events))
        return
    _print_info(detail.info, reason(events))
    _print_steps(events)
    if detail.timers:
        print_table(
            ["TIMER", "FIRES"], [[timer.id, clock_time(timer.due)] for timer in detail.timers]
        )
    _print_children(events)
    _print_decision(detail.decision, events, time.time())


def _steps_of(events: list[AnyEvent]) -> list[Step]:
    return [step_of(one) for one in activities_of(Timeline(events))]


def _print_steps(events: list[AnyEvent]) -> None:
    rows: list[list[str | Text]] = [
        [
            step.id,
            step.name,
            _coloured_state(step.state),
            str(step.attempts),
            "" if step.ended_at is None else duration(step.ended_at - step.scheduled_at),
            step.note,
        ]
        for step in _steps_of(events)
    ]
    if rows:
        print_table(["STEP", "ACTIVITY", "STATE", "ATTEMPTS", "TOOK", ""], rows)


def _open_children(events: list[AnyEvent]) -> list[TaskRecord]:
    return [task for task in tasks_of(events) if task.kind == "child" and task.is_open]


def _print_children(events: list[AnyEvent]) -> None:
    rows = [
        [child.id, child.name, child.state, clock_time(child.started_at or child.scheduled_at)]
        for child in _open_children(events)
    ]
    if rows:
        print_table(["CHILD", "WORKFLOW", "STATE", "SINCE"], rows)


def _print_decision(decision: OpenDecision | None, events: list[AnyEvent], now: float) -> None:
    if decision is not None and decision.failure:
        click.echo(f"The decider fails: {decision.failure}")
        click.echo(f"{decision.attempt - 1} tries so far; {_next_try(decision)}")
    held = taken(decision, events)
    if held is not None and now - held.event_timestamp > LONG:
        where = f" on worker {escaped(held.identity)}" if held.identity else ""
        click.echo(
            f"Its code has been deciding for {duration(now - held.event_timestamp)}{where}: "
            "does it block, or loop without an end?"
        )


def _next_try(decision: OpenDecision) -> str:
    if decision.started_event_id:
        return "it is tried at this moment"
    return f"tried again at {clock_time(decision.due)}" if decision.due else "a worker may try it"


def _coloured_state(state: str) -> Text:
    return Text(state, style=STYLES.get(state, ""))


def _print_info(info: ExecutionInfo, why: str | None) -> None:
    rows: list[list[str | Text]] = [
        ["workflow id", info.workflow_id],
        ["run id", info.run_id],
        ["type", info.workflow_type.key],
        ["status", coloured(info.status.name)],
        ["reason", why or ""],
        ["started", clock_time(info.started_at)],
        ["closed", clock_time(info.closed_at)],
        ["task list", info.task_list],
        ["tags", ", ".join(info.tag_list)],
        ["attributes", ", ".join(f"{k}={v}" for k, v in info.search_attributes.items())],
        ["parent", info.parent.workflow_id if info.parent else ""],
        ["cancel requested", "yes" if info.cancel_requested else ""],
        ["events", str(info.event_count)],
    ]
    print_table(["", ""], [row for row in rows if row[1]])


def _detail_row(detail: ExecutionDetail, events: list[AnyEvent]) -> dict[str, object]:
    held = taken(detail.decision, events)
    return {
        **info_row(detail.info),
        "reason": reason(events),
        "open_children": detail.open_children,
        "decision_failure": detail.decision.failure if detail.decision else None,
        "deciding": {"since": held.event_timestamp, "worker": held.identity} if held else None,
        "timers": [{"id": timer.id, "due": timer.due} for timer in detail.timers],
        "children": [
            {
                "workflow_id": child.id,
                "workflow_type": child.name,
                "state": child.state,
                "since": child.started_at or child.scheduled_at,
            }
            for child in _open_children(events)
        ],
        "steps": [asdict(step) for step in _steps_of(events)],
    }


@click.command()
@_workflow_id
@_run
@click.option("--grouped", "by_task", is_flag=True, help="Print them task by task.")
@backend_option
@format_option("table", "json", "jsonl")
@click.pass_context
def history(
    ctx: click.Context,
    workflow_id: str,
    run_id: str,
    by_task: bool,
    backend: str | None,
    output: str,
) -> None:
    """Print an execution's events, in order; with --grouped, those of each task together."""
    with open_client(ctx, backend) as client:
        events = client.history(workflow_id, run_id=run_id)
    if by_task:
        _print_groups(grouped(events, time.time()), output)
    elif output == "jsonl":
        print_lines(events)
    elif output == "json":
        print_pretty(msgspec.to_builtins(events))
    else:
        _print_events(events, events[0].event_timestamp)


def _print_events(events: Sequence[AnyEvent], begun: float) -> None:
    headings = ["EVENT", "SECONDS", "TYPE", "DETAILS"]
    print_table(headings, [event_cells(event, begun) for event in events])


def _print_groups(groups: list[TaskEvents], output: str) -> None:
    if output == "jsonl":
        print_lines(groups)
        return
    if output == "json":
        print_pretty(msgspec.to_builtins(groups))
        return
    begun = groups[0].events[0].event_timestamp
    for group in groups:
        click.echo(_title(group.task))
        _print_events(group.events, begun)
        click.echo()


def _title(task: TaskRecord | None) -> str:
    if task is None:
        return "the execution itself"
    return " ".join(part for part in (task.kind, task.name, task.id) if part) + f": {task.state}"
