"""Run one execution in this process until it ends, the store fails, or a signal comes.

Knows results, errors, signals, and the command that continues the execution later.
"""

from __future__ import annotations

import hashlib
import os
import shlex
import sys
import threading
import uuid
from collections.abc import Collection
from contextlib import suppress
from functools import partial
from typing import Any, NamedTuple

import click

from partita import errors
from partita.authoring.definition import ActivityDefinition
from partita.authoring.registry import known
from partita.authoring.workflow import WorkflowDefinition
from partita.cli.failure_report import report_failure
from partita.cli.options import Backend
from partita.cli.output import print_json
from partita.cli.progress import follow
from partita.client import Client, Handle
from partita.client.open_executions import why_unserved
from partita.engine import Engine
from partita.history import WorkflowExecution
from partita.ports.capabilities import supports
from partita.ports.host import Attachable, RefusesWorkers
from partita.ports.service import DecisionTask, Service
from partita.ports.state import DEFAULT_DOMAIN
from partita.views.failures import printable
from partita.worker import Worker
from partita.worker.own_task_list import own_list_channel
from partita.worker.poller import Poller
from partita.worker.signals import SignalListener
from partita.worker.worker import DEFAULT_GRACE, log_decision_failed

RETRY_INTERVAL_SECONDS = 0.2
"""How long to wait before asking again a store that was out of reach."""

FIRST_LOOK_SECONDS = 1.0
"""After how long it is looked whether anybody takes what waits; then after twice as long."""

INTERRUPTED_GRACE_SECONDS = 2.0
"""How long activities may take to finish after an interrupt, while somebody waits at a terminal."""


def existing_execution(
    client: Client, workflow: WorkflowDefinition[..., Any], workflow_id: str | None
) -> Handle[Any] | None:
    """Return the execution with that id, if there is one of this workflow."""
    try:
        info = client.describe(workflow_id or "").info
    except errors.ExecutionNotFoundError:
        return None
    if info.workflow_type != workflow.workflow_type:
        return None
    return Handle(client, WorkflowExecution(info.workflow_id, info.run_id), workflow)


def task_lists_of_code(other_than: WorkflowDefinition[..., Any] | None = None) -> set[str]:
    """Return the task lists that definitions in this process name, except those of one workflow."""
    defined = [*known(ActivityDefinition), *known(WorkflowDefinition)]
    named = {one.settings.task_list for one in defined if one is not other_than}
    return {name for name in named if name}


def is_polled(service: Service) -> bool:
    """Return whether a worker polls a service, and so cannot choose among a task list's tasks."""
    return not supports(service, Attachable) and not supports(service, RefusesWorkers)


def own_task_list(workflow_id: str) -> str:
    """Return the task list that belongs to one workflow id alone."""
    return "standalone-" + hashlib.blake2b(workflow_id.encode(), digest_size=8).hexdigest()


def start_on_own_list(
    client: Client,
    workflow: WorkflowDefinition[..., Any],
    workflow_id: str | None,
    arguments: tuple[list[Any], dict[str, Any]],
    **options: Any,
) -> Handle[Any]:
    """Start the workflow on a task list of its own, or return what was started with that id."""
    args, kwargs = arguments
    id = workflow_id or workflow.settings.workflow_id or uuid.uuid4().hex[:12]
    return client.start_with(
        workflow, args, kwargs, workflow_id=id, task_list=own_task_list(id), **options
    )


class Lists(NamedTuple):
    """Task lists of one execution that runs in the foreground."""

    own: str
    served: Collection[str]
    moved: Collection[str] = ()
    """Lists whose tasks of this execution are put into its own list; others stay there."""


def lists_of(service: Service, own: str, asked: Collection[str], named: Collection[str]) -> Lists:
    """Return the lists to serve for an execution whose own list is `own`.

    `asked` are those that the user gave, `named` those that the code names for its activities and
    children. A polled service would hand out tasks of others in the latter.
    """
    served = {own, *asked}
    if is_polled(service):
        return Lists(own, served, set(named) - served)
    return Lists(own, served | set(named))


def resume_command(backend: Backend, target: str, workflow_id: str) -> str:
    """Return the command line that continues an execution: the current command, with its id."""
    words = ["partita", str(click.get_current_context().info_name), target, "--id", workflow_id]
    return shlex.join(words + (["--backend", backend.url] if backend.url else []))


class ForegroundRun:
    """One execution that this process runs until it ends."""

    def __init__(self, handle: Handle[Any], resume: str, backend: str | None = None) -> None:
        """`resume` is the command that continues it; `backend` the URL that was given, if any."""
        self.over = threading.Event()
        self._handle = handle
        self._resume = resume
        self._backend = backend
        self._signal: int | None = None
        self._result: Any = None
        self._error: errors.PartitaError | None = None

    def run(
        self,
        service: Service,
        lists: Lists,
        *,
        slots: int | None = None,
        quiet: bool,
        serves_all: bool = False,
    ) -> int:
        """Work until the end, print the result, and return the exit status.

        The first SIGINT or SIGTERM ends the waiting, a second one the process. Unless `quiet`,
        a terminal shows the steps. Other open executions are left alone unless it `serves_all`.
        Where the service runs executions itself, this only waits.
        """
        only = None if serves_all else self._handle.workflow_id
        waits = supports(service, RefusesWorkers)
        worker = None if waits else self._worker(service, lists, slots, only)
        shown = sys.stderr.isatty() and not quiet
        with SignalListener(self._on_signal):
            if worker is not None:
                worker.start()
            threading.Thread(target=self._wait, daemon=True).start()
            threading.Thread(target=self._tell_unserved, args=[service], daemon=True).start()
            follow(self._handle, self.over, shown=shown, rarely=not isinstance(service, Engine))
        interrupted = self._signal is not None
        if worker is not None:
            worker.stop(grace=INTERRUPTED_GRACE_SECONDS if interrupted else DEFAULT_GRACE)
        return self._report()

    def _worker(
        self, service: Service, lists: Lists, slots: int | None, only: str | None
    ) -> Worker:
        channel = partial(own_list_channel, own=lists.own, moved=lists.moved)
        return Worker(
            Poller(service, channel_of=channel) if lists.moved else service,
            task_lists=sorted(lists.served),
            slots=slots,
            on_decision_failed=self.decision_failed,
            on_store_error=self.store_failed,
            logs_messages=True,
            only=only,
        )

    def _wait(self) -> None:
        while not self.over.is_set():
            try:
                self._result = self._handle.result_data()
            except errors.StoreUnavailableError:  # the worker logs it, and tries again as well
                self.over.wait(RETRY_INTERVAL_SECONDS)
                continue
            except errors.PartitaError as error:
                self._error = self._error or error
            self.over.set()

    def _tell_unserved(self, service: Service) -> None:
        """Print once why no worker takes what the execution waits for, neither this one's."""
        told: set[str] = set()
        pause = FIRST_LOOK_SECONDS
        execution = WorkflowExecution(self._handle.workflow_id, self._handle.run_id)
        while not self.over.wait(pause):
            pause *= 2
            nobody = None
            with suppress(errors.PartitaError):  # the worker logs it
                nobody = why_unserved(service, DEFAULT_DOMAIN, execution)
            if nobody is not None and nobody not in told:
                told.add(nobody)
                id = printable(execution.workflow_id)
                print(f"partita: execution {id} waits: {nobody}", file=sys.stderr)

    def decision_failed(self, task: DecisionTask, error: errors.PartitaError) -> None:
        """Give up: the execution cannot continue before its code is corrected."""
        if task.workflow_execution.run_id != self._handle.run_id:
            log_decision_failed(task, error)
            return
        advice = f"the execution is kept: mend the code, then: {self._resume}"
        self._error = errors.DecisionTaskFailedError(error, advice)
        self.over.set()

    def store_failed(self, error: errors.StoreError) -> None:
        """Give up; the execution can continue once the store can be written to.

        Not called for a store that is out of reach, which may be over at any moment.
        """
        self._error = self._error or error
        self.over.set()

    def _on_signal(self, number: int) -> None:
        if self._signal is not None:
            os._exit(128 + number)
        self._signal = number
        self.over.set()

    def _report(self) -> int:
        if self._signal is not None:
            print(
                f"partita: interrupted; nothing is lost, go on with: {self._resume}",
                file=sys.stderr,
            )
            return 128 + self._signal
        if isinstance(self._error, errors.StoreError):
            advice = f"what is recorded is kept, go on with: {self._resume}"
            raise type(self._error)(f"{self._error}; {advice}") from self._error
        if self._error is not None:
            if isinstance(self._error, errors.ExecutionClosedError):
                report_failure(self._handle, self._backend)
            raise self._error
        print_json(self._result)
        return 0
