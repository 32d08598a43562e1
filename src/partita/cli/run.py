"""`run`, `start`, `worker` and `decider`: the commands that need the user's code."""

from __future__ import annotations

import sys
from typing import Any

import click

from partita.authoring.definition import ActivityDefinition
from partita.authoring.registry import known
from partita.authoring.workflow import WorkflowDefinition
from partita.cli.completion import Ending, command, existing
from partita.cli.context import (
    backend_option,
    find_workflow,
    format_option,
    not_empty,
    open_client,
    read_input,
)
from partita.cli.output import print_json, print_row
from partita.cli.start_options import start_options
from partita.cli.supervisor_options import supervise, supervision_options
from partita.cli.worker_options import Observing, observing_options
from partita.engine import Engine
from partita.errors import InvalidOptionError
from partita.ports.service import ReusePolicy
from partita.ports.state import DEFAULT_TASK_LIST
from partita.worker import Worker
from partita.worker.code_loader import load
from partita.worker.signals import STOP_MARGIN
from partita.worker.supervised_process import Limits, Supervised, place, socket_number
from partita.worker.worker import DEFAULT_GRACE, DEFAULT_SLOTS

_reuse = click.option(
    "--reuse-policy",
    type=click.Choice([policy.value for policy in ReusePolicy]),
    default=ReusePolicy.RETURN_EXISTING.value,
    help="What to do if the id was used before.",
)


@click.command()
@click.argument("target", metavar="FILE:WORKFLOW")
@start_options
@_reuse
@backend_option
@click.option("--quiet", is_flag=True, help="Show no progress.")
@click.option(
    "--task-list",
    "task_lists",
    multiple=True,
    callback=not_empty,
    help="Which to serve beside those of the file.",
)
@click.pass_context
def run(
    ctx: click.Context,
    target: str,
    input_: str | None,
    workflow_id: str | None,
    reuse_policy: str,
    said: dict[str, Any],
    backend: str | None,
    quiet: bool,
    task_lists: tuple[str, ...],
) -> int:
    """Run a workflow here, durably, and print its result as JSON.

    If it is interrupted, run it again with the same --id: finished steps are not repeated.
    """
    workflow = find_workflow(target)
    joins = (
        workflow_id is not None and input_ is None and reuse_policy == ReusePolicy.RETURN_EXISTING
    )
    args, kwargs = ([], {}) if joins else read_input(input_, workflow)
    with open_client(ctx, backend) as client:
        handle = existing(client, workflow, workflow_id) if joins else None
        if handle is None:
            args, kwargs = read_input(input_, workflow) if joins else (args, kwargs)
            handle = client.start_with(
                workflow,
                args,
                kwargs,
                workflow_id=workflow_id,
                reuse_policy=reuse_policy,
                **said,
            )
        ending = Ending(handle, command(ctx, backend, target, handle.workflow_id))
        worker = Worker(
            client.service,
            task_lists=_task_lists(task_lists),
            on_decision_failed=ending.decision_failed,
            on_store_error=ending.store_failed,
        )
        shown, rarely = sys.stderr.isatty() and not quiet, not isinstance(client.service, Engine)
        return ending.run(worker, shown=shown, rarely=rarely)


def _task_lists(more: tuple[str, ...]) -> list[str]:
    """Return the task lists that the definitions in this process name, and those asked for."""
    named = [one.settings.task_list for one in known(ActivityDefinition)]
    named += [one.settings.task_list for one in known(WorkflowDefinition)]
    return sorted({DEFAULT_TASK_LIST, *more, *(name for name in named if name)})


@click.command()
@click.argument("target", metavar="FILE:WORKFLOW")
@start_options
@_reuse
@click.option("--task-list", callback=not_empty, help="Whose workers decide for it.")
@backend_option
@format_option("table", "json", "jsonl")
@click.pass_context
def start(
    ctx: click.Context,
    target: str,
    input_: str | None,
    workflow_id: str | None,
    reuse_policy: str,
    said: dict[str, Any],
    task_list: str | None,
    backend: str | None,
    output: str,
) -> None:
    """Start a workflow for a worker to run; print its workflow id and run id at once."""
    workflow = find_workflow(target)
    args, kwargs = read_input(input_, workflow)
    with open_client(ctx, backend) as client:
        handle = client.start_with(
            workflow,
            args,
            kwargs,
            workflow_id=workflow_id,
            reuse_policy=reuse_policy,
            task_list=task_list,
            **said,
        )
    if output == "table":
        print_row(handle.workflow_id, handle.run_id)
    else:
        print_json({"workflow_id": handle.workflow_id, "run_id": handle.run_id})


@click.command()
@click.argument("sources", metavar="FILE_OR_MODULE...", nargs=-1, required=True)
@click.option(
    "--task-list",
    "task_lists",
    multiple=True,
    callback=not_empty,
    help="Which to serve; may be repeated.",
)
@click.option("--slots", type=click.IntRange(1), default=DEFAULT_SLOTS, show_default=True)
@click.option(
    "--grace",
    type=click.FloatRange(0),
    default=DEFAULT_GRACE,
    show_default=True,
    help="Seconds that activities may take to finish after SIGTERM.",
)
@click.option("--deciders-only", is_flag=True, help="Leave the activities to other workers.")
@click.option("--activities-only", is_flag=True, help="Leave the decisions to other workers.")
@supervision_options
@backend_option
@observing_options
@click.pass_context
def worker(
    ctx: click.Context,
    sources: tuple[str, ...],
    task_lists: tuple[str, ...],
    slots: int,
    grace: float,
    deciders_only: bool,
    activities_only: bool,
    processes: int,
    limits: Limits,
    backend: str | None,
    observing: Observing,
) -> int:
    """Run the workflows and activities of the given files until SIGTERM or Ctrl-C.

    The first signal lets running activities finish; a second one ends the process at once.
    """
    if deciders_only and activities_only:
        raise InvalidOptionError("--deciders-only and --activities-only leave nothing; give one")
    number = socket_number()
    if number is None and (processes > 1 or limits != Limits()):
        return supervise(ctx, backend, processes, grace, observing)
    supervised = None if number is None else Supervised(number, limits)
    for source in sources:
        load(source)
    with open_client(ctx, backend) as client:
        worker = Worker(
            client.service,
            decides=not activities_only,
            acts=not deciders_only,
            task_lists=task_lists or (DEFAULT_TASK_LIST,),
            slots=slots,
        )
        with observing.serving(client.service, worker, None if number is None else place()):
            _serve(worker, grace, supervised, observing)
    return 0


@click.pass_context
def _decide(ctx: click.Context, /, **options: Any) -> Any:
    return ctx.invoke(worker, deciders_only=True, **options)


_OF_ACTIVITIES = ("slots", "grace", "deciders_only", "activities_only")

decider = click.Command(
    "decider",
    callback=_decide,
    params=[option for option in worker.params if option.name not in _OF_ACTIVITIES],
    help="""Decide for the workflows of the given files until SIGTERM or Ctrl-C.

    Their activities are left to `partita worker --activities-only` on the same backend.
    """,
)


def _serve(
    worker: Worker, grace: float, supervised: Supervised | None, observing: Observing
) -> None:
    keys = sorted(key.partition("@")[0] for key in worker.workflow_keys())
    names = ", ".join(key for key in keys if not key.startswith("partita.")) or "none"

    def begun() -> None:
        observing.say(
            f"worker {worker.identity} on task list {', '.join(worker.task_lists)}; "
            f"workflows: {names}; {len(worker.activity_keys())} activities; stop it with Ctrl-C"
        )
        if names == "none" and not worker.activity_keys():
            observing.say("nothing is defined there; name the files or modules that define it")

    if supervised is None:
        worker.run(grace, begun=begun)
    else:
        # Twice the margin: its supervisor comes first, and says by its status that it had to.
        worker.run(grace, lambda: supervised.is_over(worker.tasks_done), begun, 2 * STOP_MARGIN)
