"""Run one execution in this process until it ends, the store fails, or a signal comes.

Knows results, errors, signals, and the command that continues the execution later.
"""

from __future__ import annotations

import os
import shlex
import sys
import threading
from collections.abc import Collection
from typing import Any

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
from partita.engine import Engine
from partita.history import WorkflowExecution
from partita.ports.capabilities import supports
from partita.ports.host import RefusesWorkers
from partita.ports.service import DecisionTask, Service
from partita.worker import Worker
from partita.worker.signals import SignalListener
from partita.worker.worker import DEFAULT_GRACE, log_decision_failed

RETRY_INTERVAL_SECONDS = 0.2
"""How long to wait before asking again a store that was out of reach."""

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
        task_lists: Collection[str],
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
        worker = None if waits else self._worker(service, task_lists, slots, only)
        shown = sys.stderr.isatty() and not quiet
        with SignalListener(self._on_signal):
            if worker is not None:
                worker.start()
            threading.Thread(target=self._wait, daemon=True).start()
            follow(self._handle, self.over, shown=shown, rarely=not isinstance(service, Engine))
        interrupted = self._signal is not None
        if worker is not None:
            worker.stop(grace=INTERRUPTED_GRACE_SECONDS if interrupted else DEFAULT_GRACE)
        return self._report()

    def _worker(
        self, service: Service, task_lists: Collection[str], slots: int | None, only: str | None
    ) -> Worker:
        return Worker(
            service,
            task_lists=sorted(task_lists),
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
