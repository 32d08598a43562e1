"""`dev`: a worker that is replaced when its code changes, its logs, and how it stands."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from contextlib import nullcontext

import click

from partita.cli.code_files import INTERVAL, CodeFiles
from partita.cli.offers import Offers, completed
from partita.cli.options import Backend, backend_option, not_empty, slots_option
from partita.cli.status_line import StatusLine, uses_unicode
from partita.cli.worker import check_shared
from partita.client import Client
from partita.engine import Engine
from partita.errors import LoadError, PartitaError
from partita.ports.state import ExecutionFilter, Status
from partita.telemetry.logs import configure
from partita.worker.supervisor import Supervisor

GRACE_SECONDS = 2.0
"""How long running activities may take to finish before the worker is replaced."""

SHARE = 0.05
"""Part of the time that counting executions may take."""

_COUNTED = (Status.OPEN, Status.COMPLETED, Status.FAILED)


@click.command()
@click.argument("sources", metavar="FILE_OR_MODULE...", nargs=-1, required=True)
@click.option(
    "--task-list",
    "task_lists",
    multiple=True,
    callback=not_empty,
    shell_complete=completed(Offers.TASK_LISTS),
    help="A task list to serve; may be repeated.",
)
@slots_option
@backend_option
def dev(
    sources: tuple[str, ...], task_lists: tuple[str, ...], slots: int | None, backend: Backend
) -> int:
    """Run a worker of the given files while you write them, until Ctrl-C.

    It is replaced when a file that it has loaded changes. Code with an error is told; a worker that
    runs goes on with the code before it, and the next change is tried again. On a terminal, the
    last line says how the worker stands, and how many executions there are.
    """
    check_shared(backend, "`partita dev`")
    configure("plain", "info")
    command = [sys.executable, "-m", "partita", "worker", "--reload", "--backend", backend.chosen]
    command += [f"--grace={GRACE_SECONDS:g}", *(f"--task-list={name}" for name in task_lists)]
    command += [f"--slots={slots}"] if slots else []
    session = Session([*command, "--", *sources], CodeFiles(sources))
    with backend.open() as client:
        shown = sys.stderr.isatty()
        counts = Counts(client) if shown else None
        with StatusLine(lambda: _line(session, counts, backend)) if shown else nullcontext():
            try:
                return session.run()
            except KeyboardInterrupt:  # while no worker runs, whose supervisor handles it
                return 0


class Session:
    """A worker that is kept, whether its code can be loaded or not."""

    def __init__(self, command: list[str], files: CodeFiles) -> None:
        self._command = command
        self._files = files
        self._supervisor: Supervisor | None = None

    @property
    def state(self) -> str:
        """How the worker stands: that of its supervisor, or `broken`."""
        supervisor = self._supervisor
        return "broken" if supervisor is None else supervisor.state

    def run(self) -> int:
        """Keep the worker until a signal; return the exit status."""
        while True:
            self._files.changed()  # what changes from now on is tried again
            supervisor = self._supervisor = Supervisor(self._command, 1, GRACE_SECONDS)
            threading.Thread(target=self._retry, args=[supervisor], daemon=True).start()
            status = supervisor.run()
            if supervisor.is_stopped or supervisor.has_served or status != LoadError.exit_status:
                return status
            self._supervisor = None
            print("partita: waiting for a change of the code", file=sys.stderr, flush=True)
            changed = self._files.wait()
            print(f"partita: {changed} has changed", file=sys.stderr, flush=True)

    def _retry(self, supervisor: Supervisor) -> None:
        """Try to replace the worker again when any file changes after that has failed.

        What mends the code may be a file that the worker which runs has not loaded.
        """
        while self._supervisor is supervisor and not supervisor.is_stopped:
            state = supervisor.state
            if state == "outdated" and self._files.changed() is not None:
                os.kill(os.getpid(), signal.SIGHUP)
            elif state != "serving":
                self._files.changed()
            time.sleep(INTERVAL)


class Counts:
    """How many executions there are, by status; looked up on a thread, and not too often."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._interval = 0.5 if isinstance(client.service, Engine) else 10.0
        self.by_status: dict[Status, int] = {}
        threading.Thread(target=self._keep, daemon=True).start()

    def _keep(self) -> None:
        while True:
            begun = time.monotonic()
            try:
                self.by_status = {status: self._count(status) for status in _COUNTED}
            except PartitaError:  # the worker's own log says it
                self.by_status = {}
            time.sleep(max(self._interval, (time.monotonic() - begun) / SHARE))

    def _count(self, status: Status) -> int:
        return self._client.service.count_executions(
            ExecutionFilter(domain=self._client.domain, statuses=(status,))
        )


_STATES = {
    "starting": "starting",
    "serving": "serving",
    "replacing": "loading the changed code",
    "outdated": "the code has an error; serving the code before it",
    "broken": "the code has an error; waiting for a change",
    "stopping": "stopping",
}


def _line(session: Session, counts: Counts | None, backend: Backend) -> str:
    """Return the status line."""
    dot, bar = ("●", " │ ") if uses_unicode() else ("*", " | ")
    by_status = {} if counts is None else counts.by_status
    numbers = [f"{count:,} {status.name.lower()}" for status, count in by_status.items()]
    parts = [_STATES[session.state], ", ".join(numbers), "Ctrl-C stops", backend.shown]
    return f"{dot} " + bar.join(part for part in parts if part)
