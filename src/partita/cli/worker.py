"""`worker` and `decider`: run the workflows and activities of some files until a signal comes."""

from __future__ import annotations

import os
import sys
from collections.abc import Collection
from typing import Any

import click

from partita.authoring.definition import ActivityDefinition
from partita.authoring.options import seconds
from partita.authoring.registry import known
from partita.authoring.workflow import WorkflowDefinition
from partita.cli.machine_options import is_machine, machine_options
from partita.cli.offers import Offers, completed
from partita.cli.options import (
    Backend,
    Seconds,
    backend_option,
    log_to_stderr,
    not_empty,
    slots_option,
)
from partita.cli.targets import load_source
from partita.cli.worker_options import Observation, observation_options, supervision_options
from partita.connect import chosen_url
from partita.errors import InvalidOptionError, LoadError
from partita.worker import Worker
from partita.worker.supervised_process import Limits, SupervisedProcess, place, socket_number
from partita.worker.supervisor import Supervisor
from partita.worker.timing import STOP_MARGIN
from partita.worker.worker import DEFAULT_GRACE


@click.command()
@click.argument("sources", metavar="FILE_OR_MODULE...", nargs=-1, required=True)
@click.option(
    "--task-list",
    "task_lists",
    multiple=True,
    callback=not_empty,
    shell_complete=completed(Offers.TASK_LISTS),
    help="A task list to serve; may be repeated. [default; of `decider`, its workflows' own]",
)
@slots_option
@click.option(
    "--grace",
    type=Seconds(0),
    default=DEFAULT_GRACE,
    show_default=True,
    help="Seconds that activities may take to finish after SIGTERM.",
)
@click.option(
    "--max-time",
    type=float,
    help="Seconds to work for. [until a signal comes]",
)
@click.option("--deciders-only", is_flag=True, help="Leave the activities to other workers.")
@click.option("--activities-only", is_flag=True, help="Leave the decisions to other workers.")
@machine_options
@supervision_options
@backend_option
@observation_options
def worker(
    sources: tuple[str, ...],
    task_lists: tuple[str, ...],
    slots: int | None,
    grace: float,
    max_time: float | None,
    deciders_only: bool,
    activities_only: bool,
    processes: int,
    limits: Limits,
    backend: Backend,
    observation: Observation,
) -> int:
    """Run the workflows and activities of the given files until SIGTERM or Ctrl-C.

    With --max-time it ends by itself, as at a signal. The first signal lets running activities
    finish; a second one ends the process at once.
    """
    if deciders_only and activities_only:
        raise InvalidOptionError("--deciders-only and --activities-only leave nothing; give one")
    max_time = seconds("--max-time", max_time)
    number = socket_number()
    if number is None and (processes > 1 or limits != Limits()):
        return _supervise(backend, processes, grace, max_time, observation)
    supervised = None if number is None else SupervisedProcess(number, limits)
    for source in sources:
        load_source(source)
    if supervised is not None:
        supervised.watch(filter(is_machine, sources))
    _check_defined(sources)
    with backend.open() as client:
        worker = Worker(
            client.service,
            decides=not activities_only,
            acts=not deciders_only,
            task_lists=task_lists or None,
            slots=slots,
            logs_messages=True,
        )
        with observation.probes(client.service, worker, None if number is None else place()):
            _serve(worker, backend, grace, max_time, supervised, observation)
    return 0


def _check_defined(sources: tuple[str, ...]) -> None:
    """Check that a worker would have something to do.

    Raises:
        LoadError: the files define neither a workflow nor an activity.
    """
    every = [*known(WorkflowDefinition), *known(ActivityDefinition)]
    if all(one.key.startswith("partita.") for one in every):
        raise LoadError(
            f"{', '.join(sources)}: no workflow or activity is defined there; name the files or "
            "modules that define them, with @workflow or @activity above a function"
        )


@click.pass_context
def _decide(ctx: click.Context, /, **options: Any) -> Any:
    return ctx.invoke(worker, deciders_only=True, **options)


_ACTIVITY_OPTIONS = ("slots", "grace", "deciders_only", "activities_only")

decider = click.Command(
    "decider",
    callback=_decide,
    params=[option for option in worker.params if option.name not in _ACTIVITY_OPTIONS],
    help="""Decide for the workflows of the given files until SIGTERM or Ctrl-C.

    Without --task-list it serves the task lists that the workflows name. Their activities are left
    to `partita worker --activities-only` on the same backend.
    """,
)


def _supervise(
    backend: Backend,
    processes: int,
    grace: float,
    max_time: float | None,
    observation: Observation,
) -> int:
    """Run this command line in worker processes; return the exit status.

    Raises:
        InvalidOptionError: processes cannot share the backend.
    """
    check_shared(backend, "--processes, --reload, --max-rss and --max-tasks")
    log_to_stderr(backend.is_verbose)
    observation.report(
        f"process {os.getpid()} keeps {processes} worker{'s' * (processes > 1)}; "
        "stop them with Ctrl-C, replace them with SIGHUP"
    )
    command = [sys.executable, *sys.orig_argv[1:]]
    return Supervisor(command, processes, grace, max_time=max_time).run()


def check_shared(backend: Backend, what: str) -> None:
    """Check that several processes can use a backend, which `what` needs.

    Raises:
        InvalidOptionError: it is in one process only.
    """
    if chosen_url(backend.url).startswith("memory:"):
        raise InvalidOptionError(
            f"memory:// is in one process only, which {what} cannot share or replace; give "
            "sqlite:///PATH or postgresql://..."
        )


def _serve(
    worker: Worker,
    backend: Backend,
    grace: float,
    max_time: float | None,
    supervised: SupervisedProcess | None,
    observation: Observation,
) -> None:
    workflows, activities = _names(worker.workflow_keys()), _names(worker.activity_keys())

    def started() -> None:
        observation.report(
            f"worker {worker.identity} on task list {', '.join(worker.task_lists)} of "
            f"{backend.shown}; workflows: {workflows}; activities: {activities}; "
            "stop it with Ctrl-C"
        )

    if supervised is None:
        worker.run(grace, begun=started, max_time=max_time)
    else:  # its supervisor ends it after the margin, so that its own exit status is the right one
        worker.run(grace, lambda: supervised.is_over(worker.tasks_done), started, 2 * STOP_MARGIN)


def _names(keys: Collection[str]) -> str:
    """Return the names of the user's own types, the first ones of many."""
    names = sorted({key.partition("@")[0] for key in keys if not key.startswith(_OURS)})
    more = f" and {len(names) - MAX_NAMED} more" if len(names) > MAX_NAMED else ""
    return (", ".join(names[:MAX_NAMED]) or "none") + more


MAX_NAMED = 20
"""Types that a worker names as it begins, of each kind."""

_OURS = ("partita.", "lambda:", "states:", "openwhisk:")
