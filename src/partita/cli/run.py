"""`run` and `start`: start a workflow and run it here, or leave it to a worker."""

from __future__ import annotations

import shlex
from typing import Any

import click

from partita.authoring.workflow import WorkflowDefinition
from partita.cli import options as o
from partita.cli.foreground import (
    ForegroundRun,
    Lists,
    existing_execution,
    is_polled,
    lists_of,
    own_task_list,
    resume_command,
    start_on_own_list,
    task_lists_of_code,
)
from partita.cli.machine_options import compiled_at, machine_options, outline_option
from partita.cli.offers import Offers, completed
from partita.cli.output import print_json, print_row
from partita.cli.standing import note_paused, note_unserved
from partita.cli.targets import find_workflow
from partita.client import Client, Handle
from partita.errors import InvalidOptionError
from partita.ports.service import ReusePolicy, title_of
from partita.ports.state import DEFAULT_TASK_LIST, Status

_reuse_option = click.option(
    "--reuse-policy",
    type=click.Choice([policy.value for policy in ReusePolicy]),
    default=ReusePolicy.RETURN_EXISTING.value,
    help="What to do if the id was used before.",
)


@click.command()
@o.target_argument
@o.start_options
@_reuse_option
@o.backend_option
@click.option("--quiet", is_flag=True, help="Show no progress.")
@o.log_level_option
@o.task_lists_option
@click.option("--all", "serves_all", is_flag=True, help="Work on other open executions, too.")
@click.option(
    "--compiled",
    "is_compiled",
    is_flag=True,
    help="Run what the workflow is compiled to.",
)
@click.option(
    "--to",
    type=click.Choice(["stepfunctions", "openwhisk"]),
    default="stepfunctions",
    show_default=True,
    help="With --compiled: a state machine, or a composition of actions.",
)
@outline_option
@machine_options
def run(
    target: str,
    is_compiled: bool,
    to: str,
    input_: str | None,
    workflow_id: str | None,
    reuse_policy: str,
    options: dict[str, Any],
    backend: o.Backend,
    quiet: bool,
    task_lists: tuple[str, ...],
    serves_all: bool,
) -> int:
    """Run a workflow here, durably, and print its result as JSON.

    If it is interrupted, run it again with the same --id: finished steps are not repeated. Other
    open executions are left alone, but for its children; --all works on them, too. On Amazon SWF
    that takes a task list of its own, so only `run` with its --id continues it.
    """
    workflow = compiled_at(target, to) if is_compiled else find_workflow(target)
    continues = (
        workflow_id is not None and input_ is None and reuse_policy == ReusePolicy.RETURN_EXISTING
    )
    arguments = None if continues else o.read_input(input_, workflow)
    with backend.open() as client:
        handle = existing_execution(client, workflow, workflow_id) if continues else None
        is_alone = is_polled(client.service) and not serves_all
        if handle is None:
            start = start_on_own_list if is_alone else _start
            arguments = arguments or o.read_input(input_, workflow)
            options = {**options, "reuse_policy": reuse_policy}
            handle = start(client, workflow, workflow_id, arguments, **options)
        resume = resume_command(backend, target, handle.workflow_id)
        foreground = ForegroundRun(handle, resume, backend.url)
        note_paused(client, handle.workflow_id, handle.run_id)
        lists = _lists(client, handle, task_lists, is_alone=is_alone)
        return foreground.run(client.service, lists, quiet=quiet, serves_all=serves_all)


def _start(
    client: Client,
    workflow: WorkflowDefinition[..., Any],
    workflow_id: str | None,
    arguments: tuple[list[Any], dict[str, Any]],
    **options: Any,
) -> Handle[Any]:
    args, kwargs = arguments
    return client.start_with(workflow, args, kwargs, workflow_id=workflow_id, **options)


def _lists(client: Client, handle: Handle[Any], asked: tuple[str, ...], *, is_alone: bool) -> Lists:
    """Return the task lists to serve; if `is_alone`, none that hold tasks of other executions.

    Raises:
        InvalidOptionError: the execution was started on such a list.
    """
    info = client.describe(handle.workflow_id, run_id=handle.run_id).info
    own = info.task_list or DEFAULT_TASK_LIST
    if not is_alone:
        return Lists(own, {own, DEFAULT_TASK_LIST, *asked, *task_lists_of_code()})
    is_shared = own not in (own_task_list(handle.workflow_id), *asked)
    if is_shared and info.status is Status.OPEN:
        raise InvalidOptionError(
            f"execution {handle.workflow_id!r} is on task list {own!r} of "
            f"{title_of(client.service)}, and a poll there may take a task of another execution; "
            f"to work on these, too, give --task-list {shlex.quote(own)} or --all"
        )
    return lists_of(client.service, own, asked, task_lists_of_code())


@click.command()
@o.target_argument
@o.start_options
@_reuse_option
@click.option(
    "--task-list",
    callback=o.not_empty,
    shell_complete=completed(Offers.TASK_LISTS),
    help="The task list of its decision tasks.",
)
@o.backend_option
@o.format_option("table", "json", "jsonl")
@machine_options
def start(
    target: str,
    input_: str | None,
    workflow_id: str | None,
    reuse_policy: str,
    options: dict[str, Any],
    task_list: str | None,
    backend: o.Backend,
    output: str,
) -> None:
    """Start a workflow for a worker to run; print its workflow id and run id at once."""
    workflow = find_workflow(target)
    args, kwargs = o.read_input(input_, workflow)
    with backend.open() as client:
        handle = client.start_with(
            workflow,
            args,
            kwargs,
            workflow_id=workflow_id,
            reuse_policy=reuse_policy,
            task_list=task_list,
            **options,
        )
        note_unserved(client, handle.workflow_id, handle.run_id)
    if output == "table":
        print_row(handle.workflow_id, handle.run_id)
    else:
        print_json({"workflow_id": handle.workflow_id, "run_id": handle.run_id})
