"""Write the landed databases, and what is expected of them, with the version that is installed.

    python -m tests.landed.write URL       # fill a new database; print what is expected of it
    python -m tests.landed.write --data    # write all files below `data`

Workers are killed in the middle of their work, so that open activities, timers, leases, worker
records, unread signals and an unanswered query stay behind. Do not write the data anew with a
later version: it is of use because it is old.
"""

from __future__ import annotations

import tests.landed.clock  # isort: skip  # noqa: F401  # before all that looks at the clock

import gzip
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from partita import WaitTimeoutError
from partita.client import Client
from partita.connect import connect
from partita.worker import Worker
from tests.landed import flows
from tests.landed.activities import CALLS
from tests.landed.cases import CLOSED, LAST, MORE_ENDS, OPEN, SERVED, Case, Message
from tests.landed.places import DATA, SCHEMA, CommandLine
from tests.postgres import binaries, server

MACHINE = "another machine"
"""Where the dead workers are said to have run: their process ids mean nothing elsewhere."""

YEARLY = "30 3 1 1 *"
SHOWN = ("closed-retried", "closed-family", "closed-shaped", "closed-timeouts", "closed-tidy")
"""Executions whose tasks and times are kept as expected outputs, beside every history."""

Expected = dict[str, Any]


# -- workers, in processes of their own


@contextmanager
def working(url: str, stage: str, calls: Path) -> Iterator[None]:
    """Run a worker; kill it at the end."""
    environment = {**os.environ, "LANDED_STAGE": stage, CALLS: str(calls)}
    command = [sys.executable, "-m", "tests.landed.write", "--work", url]
    process = subprocess.Popen(command, env=environment)
    try:
        yield
    finally:
        process.kill()
        process.wait()


def work(url: str) -> None:
    """Run a worker until it is killed."""
    name = f"landed-{os.environ['LANDED_STAGE']}"
    Worker(connect(url), task_lists=SERVED, slots=60, identity=name).run()


def ask(url: str) -> None:
    """Wait for the answer to a query."""
    Client(connect(url)).query("open-listener", "heard", timeout=600)


def until(ready: Callable[[], Any], what: str, seconds: float = 60.0) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < deadline, f"it did not happen: {what}"
        time.sleep(0.02)


# -- executions


class Author:
    """Fill a new database."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url = url
        self.database = database(url)
        self.client = Client(connect(url))
        self.partita = CommandLine(url)
        self.calls = folder / "calls"
        self.calls.touch()

    def write(self) -> Expected:
        """Write all executions; return what cannot be known before."""
        self._settings()
        with working(self.url, "first", self.calls):
            self._begin([case for case in OPEN if case.stage == 1])
        with working(self.url, "second", self.calls):
            self._begin(CLOSED)
            self._begin([case for case in OPEN if case.stage == 2])
            self._provoke()
            self._schedules()
            self._forks()
            seen = self.client.query("open-chance", "seen")
            time.sleep(2)  # heartbeats are passed on once a second
            self._block()
            self._leave_question()
        self._leave()
        self.client.close()
        self.database(f"UPDATE {{}}workers SET machine = '{MACHINE}'")
        return {"seen": seen, "token": self._token(), "calls": self._calls()}

    def _settings(self) -> None:
        self.client.set_limits("limited", concurrency=1)
        self.client.set_limits("rated", per_second=50, burst=3)
        self.partita("retention", "set", "36500d")
        self.partita("retention", "set", "7d", "--domain", "other")

    def _begin(self, cases: list[Case]) -> None:
        for case in cases:
            self._start(case)
        for case in cases:
            for message in case.sent:
                self._settled(case.id)
                self._send(case.id, message)
        for case in cases:
            until(lambda case=case: self._reached(case), case.id)  # type: ignore[misc]

    def _start(self, case: Case) -> None:
        self.client.start_with(case.flow, case.args, workflow_id=case.id, **case.options)

    def _send(self, id: str, message: Message) -> None:
        match message:
            case ("signal", name, value):
                self.client.signal(id, name, value)
            case ("update", name, argument):
                with suppress(WaitTimeoutError):
                    self.client.update(id, name, [argument], timeout=1.0)
            case ("cancel",):
                self.client.cancel(id)
            case ("terminate",):
                self.client.terminate(id, "no longer wanted")

    def _settled(self, id: str) -> None:
        """Wait until its code has been asked, and no decision is open."""

        def ready() -> bool:
            return bool(
                self._kinds(id)["DecisionTaskCompleted"]
                and self.client.describe(id).decision is None
            )

        until(ready, f"{id} has begun")

    def _reached(self, case: Case) -> bool:
        status = self.client.describe(case.id).info.status.name
        if case.reached is None:
            if status not in ("OPEN", "CONTINUED_AS_NEW"):
                assert status == case.ends, f"{case.id}: {status}"
            return status == case.ends
        kinds = self._kinds(case.id)
        return status == "OPEN" and all(kinds[k] >= n for k, n in case.reached.items())

    def _kinds(self, id: str) -> Counter[str]:
        return Counter(event.event_type for event in self.client.history(id))

    def _provoke(self) -> None:
        """Have a decision fail; end a parent whose child is abandoned, and a repair."""
        self.client.signal("open-mended", "go")
        until(lambda: self._kinds("open-mended")["DecisionTaskFailed"], "a decision fails")
        repaired = self.client.rerun("closed-repairable")
        until(lambda: repaired.describe().info.status.name == "FAILED", "the repair fails")

    def _schedules(self) -> None:
        schedules = self.client.schedules
        schedules.create("yearly", YEARLY, flows.sequence, (["tick"], ["z"]), overlap="buffer_one")
        schedules.create("paused", "* * * * *", flows.sequence, (["tock"],), paused=True)
        schedules.trigger("yearly")
        schedules.pause("paused", "for the summer")
        until(lambda: schedules.get("yearly").state.running, "the schedule has started a run")
        until(lambda: schedules.get("paused").state.note, "the schedule is paused")

    def _forks(self) -> None:
        results = self.client.history("closed-fan-out")
        first = next(e.event_id for e in results if e.event_type == "ActivityTaskCompleted")
        self.client.fork(
            "closed-fan-out",
            event_id=first,
            new_workflow_id="open-fork",
            args=[["a", "b", "c"], ["z"]],
        )
        until(lambda: self._kinds("open-fork")["ActivityTaskStarted"] >= 2, "the fork works")
        fork = self.client.fork("closed-sequence", new_workflow_id="closed-fork", args=[["a", "x"]])
        fork.result(timeout=30)

    def _block(self) -> None:
        """Leave an execution whose code is deciding when its worker dies."""
        for case in OPEN:
            if case.stage == LAST:
                self._start(case)
                until(lambda case=case: self._reached(case), case.id)  # type: ignore[misc]

    def _leave_question(self) -> None:
        """Ask the worker, which is blocked and does not answer, and die while waiting."""
        command = [sys.executable, "-m", "tests.landed.write", "--ask", self.url]
        asker = subprocess.Popen(command)
        until(lambda: self.database("SELECT id FROM {}questions"), "somebody asks")
        asker.kill()
        asker.wait()

    def _leave(self) -> None:
        """Send what no worker is told of; start what none has seen."""
        for case in OPEN:
            if case.stage == 0:
                self._start(case)
            for message in case.left:
                self._send(case.id, message)
        other = Client(self.client.service, domain="other")
        other.start_with(flows.sequence, (["elsewhere"],), workflow_id="open-elsewhere")
        self.client.schedules.trigger("yearly")

    def _lines(self) -> list[list[Any]]:
        return [json.loads(line) for line in self.calls.read_text("utf-8").splitlines()]

    def _token(self) -> str:
        (token,) = [key for name, key, _ in self._lines() if name == "token"]
        return str(token)

    def _calls(self) -> dict[str, int]:
        return dict(Counter(name for name, _, _ in self._lines()))


def database(url: str) -> Callable[[str], list[Any]]:
    """Return what executes SQL in the database itself; `{}` stands for the schema."""

    def sqlite(sql: str) -> list[Any]:
        with sqlite3.connect(url.removeprefix("sqlite:///")) as connection:
            return connection.execute(sql.format("")).fetchall()

    def postgres(sql: str) -> list[Any]:
        with server().connect() as connection:
            cursor = connection.execute(sql.format(f"{SCHEMA}.").encode())
            return cursor.fetchall() if cursor.description else []

    return sqlite if url.startswith("sqlite:") else postgres


# -- what is expected


def ends(seen: Any) -> dict[str, Any]:
    """Return how every open execution is to end: its status and its result."""
    found = {case.id: [case.ends, case.result] for case in OPEN}
    found |= {id: list(end) for id, end in MORE_ENDS.items()}
    found["open-chance"] = ["COMPLETED", {**seen, "held": ["held z"]}]
    return found


def outputs(partita: CommandLine) -> dict[str, Any]:
    """Return what commands print about the executions, as JSON, by command line."""
    found: dict[str, Any] = {}

    def keep(*arguments: str) -> Any:
        jsonl = arguments[-1] == "jsonl"
        value = partita.lines(*arguments) if jsonl else partita.json(*arguments)
        found[" ".join(arguments)] = value
        return value

    rows = keep("list", "--limit", "1000", "-o", "json")
    for row in rows:
        run = (row["workflow_id"], "--run", row["run_id"])
        keep("show", *run, "-o", "json")
        keep("history", *run, "-o", "jsonl")
        if row["workflow_id"] in SHOWN:
            for command in ("tasks", "profile"):
                keep(command, *run, "--all", "-o", "json")
            keep("history", *run, "--grouped", "-o", "jsonl")
    for wanted in ("--tag first", "--status failed", "--type sequence", "--attribute customer=Ada"):
        keep("list", *wanted.split(), "-o", "jsonl")
        keep("count", *wanted.split())
    keep("limit")
    keep("retention", "show", "-o", "json")
    return found


# -- files


def write_sqlite(folder: Path) -> Expected:
    """Write the SQLite file and the exported histories."""
    path = folder / "landed.db"
    url = f"sqlite:///{path}"
    expected = Author(url, folder).write()
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("VACUUM")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    _pack("landed.sqlite.gz", path.read_bytes())
    partita = CommandLine(url)
    expected |= {"ends": ends(expected.pop("seen")), "outputs": outputs(partita)}
    shutil.rmtree(DATA / "histories", ignore_errors=True)
    for status in ("completed", "failed", "canceled", "terminated", "timed_out", "open"):
        partita("export", "--status", status, "--into", str(DATA / "histories" / status))
    partita("export", "closed-countdown", "--all-runs", "--into", str(DATA / "histories" / "runs"))
    return expected


def write_postgres(folder: Path) -> Expected:
    """Write the PostgreSQL dump."""
    url = server().url(SCHEMA)
    expected = Author(url, folder).write()
    options = ("--inserts", "--rows-per-insert=100", "--no-owner", "--no-privileges")
    command = [str(binaries() / "pg_dump"), f"--schema={SCHEMA}", *options]
    where = f"postgresql://partita@/postgres?host={server().folder}"
    dump = subprocess.run([*command, where], capture_output=True, check=True, text=True).stdout
    kept = [line for line in dump.splitlines() if not line.startswith(_NEEDLESS)]
    _pack("landed.postgres.sql.gz", "\n".join(kept).encode())
    return expected | {"ends": ends(expected.pop("seen")), "outputs": outputs(CommandLine(url))}


_NEEDLESS = ("--", "SET ", "SELECT pg_catalog.set_config", "\\")
"""How lines of a dump begin that only `psql`, or another version of the server, understands."""


def _pack(name: str, content: bytes) -> None:
    (DATA / name).write_bytes(gzip.compress(content, 9, mtime=0))


def write_data() -> None:
    """Write all files below `data`."""
    DATA.mkdir(exist_ok=True)
    found = {}
    for kind, write in (("sqlite", write_sqlite), ("postgres", write_postgres)):
        with tempfile.TemporaryDirectory() as folder:
            found[kind] = write(Path(folder))
    text = json.dumps(found, ensure_ascii=False, separators=(",", ":"))
    _pack("expected.json.gz", text.encode())


def main(arguments: list[str]) -> None:
    """Run the program."""
    match arguments:
        case ["--data"]:
            write_data()
        case ["--work", url]:
            work(url)
        case ["--ask", url]:
            ask(url)
        case [url]:
            with tempfile.TemporaryDirectory() as folder:
                expected = Author(url, Path(folder)).write()
            print(json.dumps({**expected, "ends": ends(expected["seen"])}, indent=1))
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
