"""How a command that runs one execution comes to its end, and how one goes on with it later.

Knows results, errors and signals; what is run, and by whom, it is told.
"""

from __future__ import annotations

import os
import shlex
import sys
import threading
from typing import Any

import click

from partita.authoring.workflow import WorkflowDefinition
from partita.cli.output import print_json
from partita.cli.progress import follow
from partita.client import Client, Handle
from partita.errors import (
    DecisionTaskFailedError,
    ExecutionNotFoundError,
    PartitaError,
    StoreError,
    StoreUnavailableError,
)
from partita.history import WorkflowExecution
from partita.ports.service import DecisionTask
from partita.worker import Worker
from partita.worker.signals import SignalListener
from partita.worker.worker import DEFAULT_GRACE, log_decision_failed

AGAIN = 0.2
"""Seconds after which a store that was out of reach is asked again."""

SHORT_GRACE = 2.0
"""Seconds that activities may take to finish once somebody waits at a terminal."""


def existing(
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


def command(ctx: click.Context, backend: str | None, target: str, workflow_id: str) -> str:
    """Return what to type to go on with an execution: the same command, by its id."""
    url = backend or ctx.find_root().obj["backend"]
    words = ["partita", str(ctx.info_name), target, "--id", workflow_id]
    return shlex.join(words + (["--backend", url] if url else []))


class Ending:
    """How a run comes to its end: a result, an error, a broken decider, or a signal."""

    def __init__(self, handle: Handle[Any], again: str) -> None:
        self.over = threading.Event()
        self.signal: int | None = None
        self._handle = handle
        self._again = again  # the command that goes on
        self._result: Any = None
        self._error: PartitaError | None = None

    def _wait(self) -> None:
        while not self.over.is_set():
            try:
                self._result = self._handle.result()
            except StoreUnavailableError:  # the worker says so, and tries again as well
                self.over.wait(AGAIN)
                continue
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
        """Give up: what is recorded stays, and goes on once the store can be written to.

        Not called for a store that is out of reach: that may be over at any moment.
        """
        self._error = self._error or error
        self.over.set()

    def run(self, worker: Worker, *, shown: bool, rarely: bool = False) -> int:
        """Have the worker work until the end; return the exit status.

        SIGINT and SIGTERM end the waiting; a second one, the process. Steps are `shown` while
        it goes on, on a service that counts requests `rarely`.
        """
        with SignalListener(self._on_signal):
            worker.start()
            threading.Thread(target=self._wait, daemon=True).start()
            follow(self._handle, self.over, shown=shown, rarely=rarely)
        worker.stop(grace=DEFAULT_GRACE if self.signal is None else SHORT_GRACE)
        return self._report()

    def _on_signal(self, number: int) -> None:
        if self.signal is not None:
            os._exit(128 + number)
        self.signal = number
        self.over.set()

    def _report(self) -> int:
        """Print the result, or say what happened; return the exit status."""
        if self.signal is not None:
            print(
                f"partita: interrupted; nothing is lost, go on with: {self._again}", file=sys.stderr
            )
            return 128 + self.signal
        if isinstance(self._error, StoreError):
            advice = f"what is recorded is kept, go on with: {self._again}"
            raise type(self._error)(f"{self._error}; {advice}") from self._error
        if self._error is not None:
            raise self._error
        print_json(self._result)
        return 0
