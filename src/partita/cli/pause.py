"""`pause` and `resume`: hold executions back, one by one, by their type or by task list."""

from __future__ import annotations

import sys
from typing import Any

import click

from partita.cli import options as o
from partita.cli.bulk import bulk_options, chosen, run_bulk
from partita.cli.offers import Offers, completed
from partita.cli.output import iso_time, print_json
from partita.client import Client, bulk
from partita.client.bulk import RESUME
from partita.errors import InvalidOptionError
from partita.ports.service import Pause

_id_argument = click.argument(
    "workflow_id", metavar="[ID]", required=False, shell_complete=completed(Offers.IDS)
)
_type_option = click.option(
    "--type",
    "type_name",
    callback=o.not_empty,
    help="All executions of this workflow.",
    shell_complete=completed(Offers.TYPES),
)
_list_option = click.option(
    "--task-list",
    "task_list",
    callback=o.not_empty,
    help="All that waits in this task list.",
    shell_complete=completed(Offers.TASK_LISTS),
)


@click.command()
@_id_argument
@_type_option
@_list_option
@click.option("--reason", help="Why; `why`, `show` and `list` tell it.")
@bulk_options
@o.run_option
@o.backend_option
def pause(
    workflow_id: str | None,
    type_name: str | None,
    task_list: str | None,
    reason: str | None,
    run_id: str,
    backend: o.Backend,
    where: str | None,
    **how: Any,
) -> int:
    """Pause an execution, a workflow type or a task list: it begins nothing new.

    Results, signals and timers are still recorded; activities that run may end. Without an
    argument it prints the types and task lists that are paused, as JSON. With --where, all open
    executions that pass a filter are paused, after a preview.
    """
    given = _chosen(workflow_id, type_name, task_list)
    if where is not None:
        chosen(given or None, where, run_id)
        return run_bulk(backend, bulk.pause(reason), where, **how)
    with backend.look() if workflow_id or not given else backend.open() as client:
        if not given:
            print_json([_row(one) for one in client.pauses()])
            return 0
        if workflow_id is not None:
            client.pause(workflow_id, reason, run_id=run_id)
        elif type_name is not None:
            client.pause_type(type_name, reason)
        else:
            client.pause_task_list(task_list or "", reason)
    print(f"partita: {given} is paused", file=sys.stderr)
    return 0


@click.command()
@_id_argument
@_type_option
@_list_option
@bulk_options
@o.run_option
@o.backend_option
def resume(
    workflow_id: str | None,
    type_name: str | None,
    task_list: str | None,
    run_id: str,
    backend: o.Backend,
    where: str | None,
    **how: Any,
) -> int:
    """Resume a paused execution, workflow type or task list; with --where, many executions."""
    given = _chosen(workflow_id, type_name, task_list)
    if where is not None:
        chosen(given or None, where, run_id)
        return run_bulk(backend, RESUME, where, **how)
    if not given:
        raise InvalidOptionError("what is to go on? Give ID, --type NAME or --task-list NAME")
    with backend.look() as client:
        was_paused = _resume(client, workflow_id, type_name, task_list, run_id)
    state = "goes on" if was_paused else "was not paused"
    print(f"partita: {given} {state}", file=sys.stderr)
    return 0


def _resume(
    client: Client,
    workflow_id: str | None,
    type_name: str | None,
    task_list: str | None,
    run_id: str,
) -> bool:
    """Resume what is given; return whether it was paused."""
    if workflow_id is not None:
        was_paused = client.describe(workflow_id, run_id=run_id).info.paused is not None
        client.resume(workflow_id, run_id=run_id)
        return was_paused
    if type_name is not None:
        return client.resume_type(type_name)
    return client.resume_task_list(task_list or "")


def _chosen(workflow_id: str | None, type_name: str | None, task_list: str | None) -> str:
    """Return what is to be paused or resumed, for people; empty if nothing is named.

    Raises:
        InvalidOptionError: more than one thing is named.
    """
    named = {"execution": workflow_id, "workflow type": type_name, "task list": task_list}
    given = [f"{what} {name}" for what, name in named.items() if name is not None]
    if len(given) > 1:
        raise InvalidOptionError("give one of ID, --type and --task-list")
    return given[0] if given else ""


def _row(pause: Pause) -> dict[str, Any]:
    return {
        "kind": pause.kind.value,
        "name": pause.name,
        "since": iso_time(pause.since),
        "reason": pause.reason,
        "resuming": pause.resuming,
    }
