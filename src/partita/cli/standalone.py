"""`standalone`: start one execution, and do all its work in this process.

The execution has a task list of its own, derived from its workflow id. So no other worker takes
its tasks, and the same command with the same id continues it, however it was interrupted.
"""

from __future__ import annotations

import sys
from typing import Any

import click

from partita.authoring.workflow import WorkflowDefinition
from partita.cli import options as o
from partita.cli.foreground import (
    ForegroundRun,
    existing_execution,
    lists_of,
    own_task_list,
    resume_command,
    start_on_own_list,
    task_lists_of_code,
)
from partita.cli.machine_options import machine_options
from partita.cli.output import print_json
from partita.cli.targets import find_workflow
from partita.client import Client, Handle
from partita.errors import InvalidOptionError
from partita.history import WorkflowExecution
from partita.ports.service import ExecutionInfo
from partita.ports.state import Status


@click.command()
@o.target_argument
@o.start_options
@click.option("--repair", metavar="ID", help="Run a failed execution again; reuse its steps.")
@o.slots_option
@o.task_lists_option
@click.option("--quiet", is_flag=True, help="Show no progress.")
@o.log_level_option
@machine_options
@o.backend_option
def standalone(
    target: str,
    input_: str | None,
    workflow_id: str | None,
    options: dict[str, Any],
    repair: str | None,
    slots: int | None,
    task_lists: tuple[str, ...],
    quiet: bool,
    backend: o.Backend,
) -> int:
    """Start a workflow on a task list of its own, do all its work here, and print its result.

    If it is interrupted, give the same --id again: finished steps are not repeated. Task lists
    that the file names for its activities and children are served, too; on Amazon SWF the tasks
    that this execution has for them are put into its own list.
    """
    if repair is not None and (workflow_id is not None or input_ is not None or options):
        raise InvalidOptionError(
            "--repair takes id, input and all else from the failed execution; leave out --id, "
            "--input and the like, or begin anew without --repair"
        )
    workflow = find_workflow(target)
    with backend.open() as client:
        if repair is None:
            handle = _start(client, workflow, workflow_id, input_, options)
        else:
            info = _describe(client, workflow, target, repair)
            handle = _repair(client, workflow, info)
            if info.status is Status.COMPLETED:
                return _print_completed(handle)
        own = client.describe(handle.workflow_id, run_id=handle.run_id).info.task_list
        resume = resume_command(backend, target, handle.workflow_id)
        foreground = ForegroundRun(handle, resume, backend.url)
        named = task_lists_of_code(other_than=workflow)
        lists = lists_of(client.service, own, task_lists, named)
        return foreground.run(client.service, lists, slots=slots, quiet=quiet)


def _start(
    client: Client,
    workflow: WorkflowDefinition[..., Any],
    workflow_id: str | None,
    input_: str | None,
    options: dict[str, Any],
) -> Handle[Any]:
    """Start the workflow, or return the execution that was started with that id."""
    if workflow_id is not None and input_ is None:
        found = existing_execution(client, workflow, workflow_id)
        if found is not None:
            return found
    arguments = o.read_input(input_, workflow)
    return start_on_own_list(client, workflow, workflow_id, arguments, **options)


def _describe(
    client: Client, workflow: WorkflowDefinition[..., Any], target: str, workflow_id: str
) -> ExecutionInfo:
    """Return the execution to be repaired, which must be one of this workflow."""
    info = client.describe(workflow_id).info
    if info.workflow_type != workflow.workflow_type:
        raise InvalidOptionError(
            f"execution {workflow_id!r} is of {info.workflow_type.key}, and {target} is "
            f"{workflow.workflow_type.key}; give that workflow"
        )
    return info


def _repair(
    client: Client, workflow: WorkflowDefinition[..., Any], info: ExecutionInfo
) -> Handle[Any]:
    """Run a failed execution again; one that is open or completed is returned as it is.

    So the same command repeats a repair that was killed.
    """
    id, run_id = info.workflow_id, info.run_id
    if info.status not in (Status.OPEN, Status.COMPLETED):
        run_id = client.rerun(id, run_id=run_id, task_list=own_task_list(id)).run_id
    return Handle(client, WorkflowExecution(id, run_id), workflow)


def _print_completed(handle: Handle[Any]) -> int:
    """Print the result of an execution that has completed already."""
    result = handle.result_data()
    print(
        f"partita: execution {handle.workflow_id!r} has completed, so nothing was repaired; "
        "this is its result",
        file=sys.stderr,
    )
    print_json(result)
    return 0
