"""`run`, `start` and `worker`: the commands that need the user's code."""

from __future__ import annotations

import os
import shlex
import signal
import sys
import threading
from collections.abc import Collection
from typing import Any

import click

from partita.authoring.definition import ActivityDefinition
from partita.authoring.registry import known
from partita.authoring.workflow import WorkflowDefinition
from partita.cli.context import (
    backend_option,
    find_workflow,
    format_option,
    open_client,
    read_input,
)
from partita.cli.observing import Observing, observing_options
from partita.cli.output import print_json
from partita.cli.progress import INTERVAL, REMOTE_INTERVAL, follow
from partita.cli.supervising import supervise, supervision_options
from partita.client import Client, Handle
from partita.engine import Engine
from partita.errors import (
    DecisionTaskFailedError,
    ExecutionNotFoundError,
    InvalidOptionError,
    PartitaError,
    StoreError,
)
from partita.history import WorkflowExecution
from partita.service import DecisionTask, ReusePolicy
from partita.state import DEFAULT_TASK_LIST
from partita.worker import Worker
from partita.worker.core import DEFAULT_GRACE, DEFAULT_SLOTS, log_decision_failed
from partita.worker.loading import load
from partita.worker.supervised import Limits, Supervised, place, socket_number

_input = click.option(
    "--input", "input_", metavar="JSON", help="Arguments: a list, or {args, kwargs}; @FILE, -."
)
_id = click.option("--id", "workflow_id", help="The workflow id; starting it again is safe.")
_reuse = click.option(
    "--reuse-policy",
    type=click.Choice([policy.value for policy in ReusePolicy]),
    default=ReusePolicy.RETURN_EXISTING.value,
    help="What to do if the id was used before.",
)


@click.command()
@click.argument("target", metavar="FILE:WORKFLOW")
@_input
@_id
@_reuse
@backend_option
@click.option("--quiet", is_flag=True, help="Show no progress.")
@click.option(
    "--task-list", "task_lists", multiple=True, help="Which to serve beside those of the file."
)
@click.pass_context
def run(
    ctx: click.Context,
    target: str,
    input_: str | None,
    workflow_id: str | None,
    reuse_policy: str,
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
        handle = _existing(client, workflow, workflow_id) if joins else None
        if handle is None:
            args, kwargs = read_input(input_, workflow) if joins else (args, kwargs)
            handle = client.start_with(
                workflow, args, kwargs, workflow_id=workflow_id, reuse_policy=reuse_policy
            )
        again = _command(ctx, backend, target, handle.workflow_id)
        return run_here(client, handle, task_lists_of_code(task_lists), again, quiet=quiet)


def run_here(
    client: Client,
    handle: Handle[Any],
    task_lists: Collection[str],
    again: str,
    *,
    quiet: bool = False,
) -> int:
    """Serve task lists until an execution is over; print its result, return the exit status.

    `again` is the command that goes on if it is interrupted.
    """
    ending = _Ending(handle, again)
    worker = Worker(
        client.service,
        task_lists=task_lists,
        on_decision_failed=ending.decision_failed,
        on_store_error=ending.store_failed,
    )
    interval = INTERVAL if isinstance(client.service, Engine) else REMOTE_INTERVAL
    with ending.signals():
        worker.start()
        ending.watch()
        follow(handle, ending.over, shown=sys.stderr.isatty() and not quiet, interval=interval)
    worker.stop(grace=DEFAULT_GRACE if ending.signal is None else 2.0)
    return ending.report()


def task_lists_of_code(more: Collection[str] = (), default: str = DEFAULT_TASK_LIST) -> list[str]:
    """Return the task lists that the definitions in this process name, and those asked for."""
    named = [one.settings.task_list for one in known(ActivityDefinition)]
    named += [one.settings.task_list for one in known(WorkflowDefinition)]
    return sorted({default, *more, *(name for name in named if name)})


def _existing(
    client: Client, workflow: WorkflowDefinition[..., Any], workflow_id: str | None
) -> Handle[Any] | None:
    """Return the execution with that id, if it is one of this workflow."""
    try:
        info = client.describe(workflow_id or "").info
    except ExecutionNotFoundError:
        return None
    if info.workflow_type != workflow.workflow_type:
        return None
    return Handle(client, WorkflowExecution(info.workflow_id, info.run_id), workflow)


def _command(ctx: click.Context, backend: str | None, target: str, workflow_id: str) -> str:
    """Return what to type to go on with an execution."""
    url = backend or ctx.find_root().obj["backend"]
    words = ["partita", "run", target, "--id", workflow_id]
    return shlex.join(words + (["--backend", url] if url else []))


class _Ending:
    """How a `run` comes to its end: a result, an error, a broken decider, or a signal."""

    def __init__(self, handle: Handle[Any], again: str) -> None:
        self.over = threading.Event()
        self.signal: int | None = None
        self._handle = handle
        self._again = again  # the command that goes on
        self._result: Any = None
        self._error: PartitaError | None = None

    def watch(self) -> None:
        """Wait for the result on a thread of its own."""
        threading.Thread(target=self._wait, daemon=True).start()

    def _wait(self) -> None:
        try:
            self._result = self._handle.result()
        except PartitaError as error:
            self._error = self._error or error
        self.over.set()

    def decision_failed(self, task: DecisionTask, error: PartitaError) -> None:
        """Give up waiting: the code must be mended before the execution can go on."""
        if task.workflow_execution.run_id != self._handle.run_id:
            log_decision_failed(task, error)
            return
        advice = f"the execution is kept: mend the code, then: {self._again}"
        self._error = DecisionTaskFailedError(error, advice)
        self.over.set()

    def store_failed(self, error: StoreError) -> None:
        """Give up: what is recorded stays, and goes on once the store can be written to."""
        self._error = self._error or error
        self.over.set()

    def signals(self) -> _Signals:
        """Return a block in which SIGINT and SIGTERM end the waiting; a second one, the process."""
        return _Signals(self)

    def report(self) -> int:
        """Print the result, or say what happened; return the exit status."""
        if self.signal is not None:
            print(
                f"partita: interrupted; nothing is lost, go on with: {self._again}", file=sys.stderr
            )
            return 128 + self.signal
        if self._error is not None:
            raise self._error
        print_json(self._result)
        return 0


class _Signals:
    def __init__(self, ending: _Ending) -> None:
        self._ending = ending
        self._before: dict[int, Any] = {}

    def __enter__(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            self._before[number] = signal.signal(number, self._on_signal)

    def __exit__(self, *exc: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _on_signal(self, number: int, _: object) -> None:
        if self._ending.signal is not None:
            os._exit(128 + number)
        self._ending.signal = number
        self._ending.over.set()


@click.command()
@click.argument("target", metavar="FILE:WORKFLOW")
@_input
@_id
@_reuse
@backend_option
@format_option("table", "json", "jsonl")
@click.pass_context
def start(
    ctx: click.Context,
    target: str,
    input_: str | None,
    workflow_id: str | None,
    reuse_policy: str,
    backend: str | None,
    output: str,
) -> None:
    """Start a workflow for a worker to run; print its workflow id and run id at once."""
    workflow = find_workflow(target)
    args, kwargs = read_input(input_, workflow)
    with open_client(ctx, backend) as client:
        handle = client.start_with(
            workflow, args, kwargs, workflow_id=workflow_id, reuse_policy=reuse_policy
        )
    if output == "table":
        print(f"{handle.workflow_id}\t{handle.run_id}")
    else:
        print_json({"workflow_id": handle.workflow_id, "run_id": handle.run_id})


@click.command()
@click.argument("sources", metavar="FILE_OR_MODULE...", nargs=-1, required=True)
@click.option("--task-list", "task_lists", multiple=True, help="Which to serve; may be repeated.")
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
        return supervise(ctx, backend, processes, grace)
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


def _serve(
    worker: Worker, grace: float, supervised: Supervised | None, observing: Observing
) -> None:
    keys = sorted(key.partition("@")[0] for key in worker.workflow_keys())
    names = ", ".join(key for key in keys if not key.startswith("partita.")) or "none"
    observing.say(
        f"worker {worker.identity} on task list {', '.join(worker.task_lists)}; "
        f"workflows: {names}; {len(worker.activity_keys())} activities; stop it with Ctrl-C"
    )
    if supervised is None:
        worker.run(grace)
    else:
        worker.run(grace, lambda: supervised.is_over(worker.tasks_done))
