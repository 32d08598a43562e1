"""Databases of an earlier version are opened, continued and finished by this one.

`data` holds what `write.py` has written. Only public imports and the command line are used, for
all else may have changed since.
"""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from partita import (
    ActivityFunction,
    AsyncActivityFunction,
    ExecutionClosedError,
    WorkflowDefinition,
    WorkflowFailedError,
)
from partita.client import Client
from partita.connect import connect
from partita.testing.histories import replay_histories
from partita.worker import Worker
from tests.conftest import until
from tests.landed import activities, deciders, flows
from tests.landed.activities import CALLS, Charge, break_down, step
from tests.landed.cases import OPEN, SERVED
from tests.landed.places import DATA, CommandLine, restored

SECONDS = 60.0
"""How long to wait for what takes well under a second."""

EXPECTED = json.loads(gzip.decompress((DATA / "expected.json.gz").read_bytes()))
WORKFLOWS: list[Any] = [
    *(found for found in vars(flows).values() if isinstance(found, WorkflowDefinition)),
    *(deciders.Relaying, deciders.Shipment, deciders.Delivery, deciders.Greeting),
]
KINDS = (ActivityFunction, AsyncActivityFunction)
STAND_INS = [activities.SHOUT.stand_in, activities.WHISPER.stand_in]
ACTIVITIES: list[Any] = [
    *(one for one in vars(activities).values() if isinstance(one, KINDS)),
    *(flows.add, Charge, *STAND_INS),
]
ON_ITS_MACHINE = {"disk", "durability", "clock"}
"""What a doctor may find that is not the database's fault."""


class Place:
    """A restored database, and what is expected of it."""

    def __init__(self, kind: str, folder: Path) -> None:
        self.url = restored(kind, folder)
        self.partita = CommandLine(self.url)
        self.partita("db", "migrate")
        self.expected = EXPECTED[kind]
        self.calls_file = folder / "calls"
        self.calls_file.touch()

    @contextmanager
    def working(
        self, domain: str = "default", activities: list[Any] | None = None
    ) -> Iterator[Client]:
        """Run a worker for all that is in the database, or for some activities only."""
        with (
            Client(connect(self.url), domain=domain) as client,
            Worker(
                client.service,
                workflows=WORKFLOWS,
                activities=activities or ACTIVITIES,
                task_lists=(*SERVED, "later"),
                domain=domain,
            ),
        ):
            yield client

    def calls(self) -> list[tuple[str, str]]:
        """Return the name and the key of each activity that was called."""
        lines = self.calls_file.read_text("utf-8").splitlines()
        return [(name, key) for name, key, _ in map(json.loads, lines)]

    def recorded(self) -> set[str]:
        """Return the keys of the activities that had a result when the database was written."""
        found = set()
        for command, events in self.expected["outputs"].items():
            if command.startswith("history") and "--grouped" not in command:
                _, workflow_id, _, run_id, *_ = command.split()
                scheduled = {event["event_id"]: event for event in events}
                for event in events:
                    if event["event_type"] == "ActivityTaskCompleted":
                        id = scheduled[event["scheduled_event_id"]]["activity_id"]
                        found.add(f"{workflow_id} {run_id}:{id}")
        return found


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """Restore the landed database of each kind."""
    made = Place(request.param, tmp_path)
    monkeypatch.setenv(CALLS, str(made.calls_file))
    return made


MOMENTS = {
    "last_event_at",
    *("started_at", "closed_at", "scheduled_at", "event_timestamp"),
    *("fires_at", "ended_at", "since", "due"),
}


def dated(printed: Any) -> Any:
    """Return what was printed with its moments in ISO 8601; they were seconds at that time."""
    if isinstance(printed, list):
        return [dated(one) for one in printed]
    if not isinstance(printed, dict):
        return printed
    return {
        name: datetime.fromtimestamp(one, UTC).isoformat(timespec="microseconds")
        if name in MOMENTS and isinstance(one, (int, float))
        else dated(one)
        for name, one in printed.items()
    }


def as_then(printed: Any, then: Any) -> Any:
    """Return what is printed today, with moments as `dated`, and without what was not said then."""
    if isinstance(printed, list) and isinstance(then, list) and len(printed) == len(then):
        return [as_then(*pair) for pair in zip(printed, then, strict=True)]
    if isinstance(printed, dict) and isinstance(then, dict):
        return {name: as_then(one, then[name]) for name, one in printed.items() if name in then}
    if isinstance(then, str) and then and then.rpartition(".")[2] in str(printed):
        return then  # an error has its text today, and its class without the module
    return printed


def test_commands_print_what_they_printed(place: Place) -> None:
    every = 3 if place.url.startswith("postgresql:") else 1  # a connection takes long there
    for command, value in list(place.expected["outputs"].items())[::every]:
        arguments = command.split()
        read = place.partita.lines if arguments[-1] == "jsonl" else place.partita.json
        assert as_then(read(*arguments), value) == dated(value), command


def test_open_executions_end_as_they_should(place: Place) -> None:
    with ExitStack() as stack:
        client = stack.enter_context(place.working())
        elsewhere = stack.enter_context(place.working("other"))
        until(lambda: client.query("open-account", "balance") in (22, 122))  # 7 was left to do
        client.tasks.complete(place.expected["token"], "signed")
        send_news(client)
        for id, (status, result) in place.expected["ends"].items():
            assert end(client, id, status) == [status, result], id
        assert elsewhere.result("open-elsewhere", timeout=SECONDS) == ["ELSEWHERE", "END"]
        schedules_go_on(client)
        due = client.describe("open-century").timers[0].due
        assert due is not None
        assert due - datetime.now(UTC).timestamp() > 50 * 365 * 86400
    nothing_was_repeated(place)
    nothing_overlaps(place, "open-limited")
    is_sound(place)


def send_news(client: Client) -> None:
    """Send what the open executions still wait for."""
    client.signal("open-abandoned", "go", "free")
    for case in OPEN:
        for kind, name, value in case.news:
            if kind == "signal":
                client.signal(case.id, name, value)
            else:
                client.update(case.id, name, [value], timeout=SECONDS)


def end(client: Client, id: str, status: str) -> list[Any]:
    """Wait for an execution, unless it is to stay open; return its status and its result."""
    result = None
    if status != "OPEN":
        with suppress(ExecutionClosedError, WorkflowFailedError):
            result = client.result(id, timeout=SECONDS)
    return [client.describe(id).info.status.name, result]


def schedules_go_on(client: Client) -> None:
    """Check that an active schedule works off what it has, and a paused one can be resumed."""
    schedules = client.schedules
    assert {info.id for info in schedules.list()} == {"yearly", "paused"}
    assert schedules.get("paused").state.note == "for the summer"
    until(lambda: schedules.get("yearly").state.started == 2, SECONDS)
    until(lambda: not schedules.get("yearly").state.running, SECONDS)
    for id in schedules.get("yearly").state.recent:
        assert client.result(id, timeout=SECONDS) == ["TICK", "held z", "END"]
    since, until_ = datetime(2020, 1, 1, tzinfo=UTC), datetime(2022, 1, 2, tzinfo=UTC)
    assert schedules.backfill("yearly", since, until_) == 3
    until(lambda: schedules.get("yearly").state.started == 5, SECONDS)
    schedules.resume("paused")
    until(lambda: not schedules.get("paused").state.paused, SECONDS)
    schedules.delete("paused")
    until(lambda: [info.id for info in schedules.list()] == ["yearly"], SECONDS)


def nothing_was_repeated(place: Place) -> None:
    """Check that no activity with a recorded result, and no side effect, was run again."""
    counted = Counter(key for name, key in place.calls() if name != "around")
    recorded = place.recorded()
    assert len(recorded) > 100
    assert not counted.keys() & recorded
    assert set(counted.values()) == {1}
    assert "side effect" not in dict(place.calls())


def nothing_overlaps(place: Place, workflow_id: str) -> None:
    """Check that the activities of an execution ran one after the other."""
    running = 0
    for event in place.partita.lines("history", workflow_id, "-o", "jsonl"):
        running += event["event_type"] == "ActivityTaskStarted"
        running -= event["event_type"] in ("ActivityTaskCompleted", "ActivityTaskRescheduled")
        assert running <= 1, event


def is_sound(place: Place) -> None:
    """Check that the database is sound and nothing is stuck in it."""
    assert place.partita.json("db", "check", "-o", "json") == []
    assert place.partita.json("limit") == place.expected["outputs"]["limit"]
    kept = ("retention", "show", "-o", "json")
    assert place.partita.json(*kept) == place.expected["outputs"][" ".join(kept)]
    report = doctors_report(place)
    assert {finding["check"] for finding in report["findings"]} <= ON_ITS_MACHINE, report


def doctors_report(place: Place) -> Any:
    """Return what `partita doctor` finds; a slow disk or a test server is a finding, too."""
    try:
        return place.partita.json("doctor", "-o", "json")
    except AssertionError:
        return json.loads(place.partita("doctor", "-o", "json", status=1))


def test_closed_executions_are_asked_forked_repaired_and_removed(place: Place) -> None:
    with place.working(activities=[step, break_down]) as client:
        assert client.query("closed-account", "balance", workflow=flows.account) == 21
        assert client.query("closed-listener", "heard") == [1, 2]
        fork = client.fork("closed-sequence", new_workflow_id="again")
        assert fork.result(timeout=SECONDS) == ["A", "B", "END"]
        another = client.fork("closed-sequence", new_workflow_id="new", args=[["a", "c"]])
        assert another.result(timeout=SECONDS) == ["A", "C", "END"]
        repaired = client.rerun("closed-repairable")
        assert repaired.result(timeout=SECONDS) == ["PUMP", "pump is mended", "END"]
        run_ids = {fork.run_id, another.run_id, repaired.run_id}
        done = [
            name
            for name, key in place.calls()
            if name != "around" and any(f" {run_id}:" in key for run_id in run_ids)
        ]
        assert sorted(done) == ["break_down", "step", "step"]
    listed = place.partita("prune", "--older-than", "0s", "--status", "timed_out", "--dry-run")
    assert "closed-late" in listed
    archive = place.calls_file.with_name("archive.jsonl")
    place.partita("prune", "--older-than", "0s", "--archive-to", str(archive))
    assert place.partita.json("count", "--id", "closed-shaped") == 0
    assert place.partita.json("db", "check", "-o", "json") == []
    place.partita("import", str(archive))
    assert place.partita.json("result", "closed-data-flow") == "X"


def test_exported_histories_fit_and_are_taken_in(tmp_path: Path) -> None:
    folder = DATA / "histories"
    fits = replay_histories(folder / "completed", WORKFLOWS)
    assert len(fits) > 30
    partita = CommandLine(f"sqlite:///{tmp_path}/new.db")
    closed = [str(one) for one in folder.iterdir() if one.name != "open"]
    ids = partita("import", *closed).splitlines()
    assert len(ids) > 40
    assert partita("import", *closed) == ""  # they are here already
    for path in folder.glob("*/closed-*.json"):
        document = json.loads(path.read_text("utf-8"))
        run = (document["execution"]["workflow_id"], "--run", document["execution"]["run_id"])
        again = json.loads(partita("export", *run))
        assert again | {"written_by": ""} == document | {"written_by": ""}, path.name
    partita("import", "--as-terminated", str(folder / "open"))
    assert partita.json("db", "check", "-o", "json") == []


def test_replay_knows_the_code_of_every_history() -> None:
    partita = CommandLine("memory://")
    folders = [str(DATA / "histories" / name) for name in ("completed", "open", "runs")]
    said = partita.json("replay", "tests.landed.flows", *folders, "-o", "json")
    assert len(said["histories"]) > 50
