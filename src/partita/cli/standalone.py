"""`standalone`: start one execution, decide for it and do its work, in one command.

It has a task list of its own, made from its workflow id: so no other worker takes part in it,
and whoever gives the same id again, after whatever end, goes on with it.
"""

from __future__ import annotations

import hashlib
import sys
import uuid
from collections.abc import Iterable
from typing import Any

import click

from partita.authoring.definition import ActivityDefinition
from partita.authoring.registry import known
from partita.authoring.workflow import WorkflowDefinition
from partita.cli.completion import Ending, command, existing
from partita.cli.context import backend_option, find_workflow, not_empty, open_client, read_input
from partita.cli.output import print_json
from partita.cli.start_options import start_options
from partita.client import Client, Handle
from partita.engine import Engine
from partita.errors import InvalidOptionError
from partita.history import WorkflowExecution
from partita.ports.service import ExecutionInfo
from partita.ports.state import Status
from partita.worker import Worker
from partita.worker.worker import DEFAULT_SLOTS


@click.command()
@click.argument("target", metavar="FILE:WORKFLOW")
@start_options
@click.option("--repair", metavar="ID", help="Run a failed execution again; reuse its steps.")
@click.option("--slots", type=click.IntRange(1), default=DEFAULT_SLOTS, show_default=True)
@click.option(
    "--task-list",
    "task_lists",
    multiple=True,
    callback=not_empty,
    help="Which to serve beside those of the file.",
)
@click.option("--quiet", is_flag=True, help="Show no progress.")
@backend_option
@click.pass_context
def standalone(
    ctx: click.Context,
    target: str,
    input_: str | None,
    workflow_id: str | None,
    said: dict[str, Any],
    repair: str | None,
    slots: int,
    task_lists: tuple[str, ...],
    quiet: bool,
    backend: str | None,
) -> int:
    """Start a workflow on a task list of its own, do all its work here, and print its result.

    If it is interrupted, give the same --id again: finished steps are not repeated. Task lists
    that the file names for its activities and children are served, too.
    """
    if repair is not None and (workflow_id is not None or input_ is not None or said):
        raise InvalidOptionError(
            "--repair takes id, input and all else from the failed execution; leave out --id, "
            "--input and the like, or begin anew without --repair"
        )
    workflow = find_workflow(target)
    with open_client(ctx, backend) as client:
        if repair is None:
            handle = _begun(client, workflow, workflow_id, input_, said)
        else:
            info = _of(client, workflow, target, repair)
            handle = _repaired(client, workflow, info)
            if info.status is Status.COMPLETED:
                return _nothing_to_repair(handle)
        ending = Ending(handle, command(ctx, backend, target, handle.workflow_id))
        own = client.describe(handle.workflow_id, run_id=handle.run_id).info.task_list
        worker = Worker(
            client.service,
            task_lists=sorted({own, *task_lists, *_named(workflow)}),
            slots=slots,
            on_decision_failed=ending.decision_failed,
            on_store_error=ending.store_failed,
        )
        shown, rarely = sys.stderr.isatty() and not quiet, not isinstance(client.service, Engine)
        return ending.run(worker, shown=shown, rarely=rarely)


def _begun(
    client: Client,
    workflow: WorkflowDefinition[..., Any],
    workflow_id: str | None,
    input_: str | None,
    said: dict[str, Any],
) -> Handle[Any]:
    """Start the workflow, or find the execution that has been started by that id."""
    if workflow_id is not None and input_ is None:
        found = existing(client, workflow, workflow_id)
        if found is not None:
            return found
    args, kwargs = read_input(input_, workflow)
    id = workflow_id or workflow.settings.workflow_id or uuid.uuid4().hex[:12]
    return client.start_with(
        workflow, args, kwargs, workflow_id=id, task_list=own_task_list(id), **said
    )


def _of(
    client: Client, workflow: WorkflowDefinition[..., Any], target: str, workflow_id: str
) -> ExecutionInfo:
    """Return how the execution stands that is to be repaired, if it is one of this workflow."""
    info = client.describe(workflow_id).info
    if info.workflow_type != workflow.workflow_type:
        raise InvalidOptionError(
            f"execution {workflow_id!r} is of {info.workflow_type.key}, and {target} is "
            f"{workflow.workflow_type.key}; give the workflow that it is of"
        )
    return info


def _repaired(
    client: Client, workflow: WorkflowDefinition[..., Any], info: ExecutionInfo
) -> Handle[Any]:
    """Run a failed execution again; one that is open or has been repaired is gone on with.

    So a repair that was killed is repeated by the same command.
    """
    id, run_id = info.workflow_id, info.run_id
    if info.status not in (Status.OPEN, Status.COMPLETED):
        run_id = client.rerun(id, run_id=run_id, task_list=own_task_list(id)).run_id
    return Handle(client, WorkflowExecution(id, run_id), workflow)


def _nothing_to_repair(handle: Handle[Any]) -> int:
    """Print the result of an execution that has completed; nobody need work for that."""
    result = handle.result()
    print(
        f"partita: execution {handle.workflow_id!r} has completed, so nothing was repaired; "
        "this is its result",
        file=sys.stderr,
    )
    print_json(result)
    return 0


def own_task_list(workflow_id: str) -> str:
    """Return the name of the task list that belongs to one workflow id alone."""
    return "standalone-" + hashlib.blake2b(workflow_id.encode(), digest_size=8).hexdigest()


def _named(workflow: WorkflowDefinition[..., Any]) -> Iterable[str]:
    """Return the task lists that definitions name, apart from the workflow that is run here."""
    defined = [*known(ActivityDefinition), *known(WorkflowDefinition)]
    named = {one.settings.task_list for one in defined if one is not workflow}
    return {name for name in named if name}
