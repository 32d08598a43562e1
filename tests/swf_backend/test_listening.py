"""Listeners on Amazon SWF are told of what histories record, and of heartbeats of this process."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from partita import activity, activity_info, continue_as_new, heartbeat, wait_signal, workflow
from partita.client import Client
from partita.deciders import Answer, CompleteProcess, Decider, Process
from partita.errors import (
    ExecutionNotFoundError,
    InvalidOptionError,
    StoreUnavailableError,
    UnsupportedError,
)
from partita.history import WorkflowExecution
from partita.notices import ActivityMonitor, Listener, Notice, use_listener
from partita.ports.notices import BY_EVENT
from partita.swf.backend import followed_histories
from partita.swf.backend.followed_run import FollowedRun
from partita.swf.backend.service import SwfService
from partita.telemetry import use_metrics
from partita.telemetry.blinker import BlinkerSignals
from tests.conftest import Rig, until
from tests.swf_backend.conftest import Connect, worker
from tests.swf_backend.endpoint import Endpoint, PreparedSwfService


@activity
def work(x: int) -> int:
    return x


@activity(retry=2)
def shaky(x: int) -> int:
    if activity_info().attempt == 1:
        raise ValueError("not yet")
    return x


@activity
def beating(x: int) -> int:
    heartbeat({"at": x})
    return x


@workflow
def flow(x: int) -> int:
    return shaky(work(x))


@workflow
def patient() -> str:
    found: str = wait_signal("go", str)
    return found


@workflow
def again(left: int) -> int:
    if left:
        continue_as_new(left - 1)
    return left


@workflow
def beats(x: int) -> int:
    return beating(x)


class ByHand(Decider[int]):
    def decide(self, process: Process[int]) -> Answer:
        if not process.activities:
            return work
        return None if process.unfinished_activities() else CompleteProcess(process.input)


@pytest.fixture
def connect(endpoint: Endpoint) -> Iterator[Connect]:
    """Return services of one domain whose workers end at once."""
    made: list[SwfService] = []

    def new() -> SwfService:
        made.append(PreparedSwfService(endpoint, sticky=0, pollers=1))
        return made[-1]

    yield new
    for service in made:
        service.close()


class Heard:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.notices: list[Notice] = []

    def __call__(self, notice: Notice) -> None:
        self.notices.append(notice)

    def names(self, id: str) -> list[str]:
        return [one.name for one in self.notices if one.execution.workflow_id == id]

    def of(self, id: str) -> list[Any]:
        return [one.event for one in self.notices if one.execution.workflow_id == id]


@pytest.mark.parametrize("kind", [flow, ByHand, again])
def test_a_listener_is_told_all_that_a_history_records(service: SwfService, kind: Any) -> None:
    heard, client = Heard(), Client(service)
    stop = client.listen(heard)
    with worker(service, flow, ByHand.definition, again, work, shaky):
        first = client.start_with(kind, [1], workflow_id="w")
        client.result("w", timeout=20)
        stop()
    history = client.history("w", run_id=first.run_id)
    told = [one for one in heard.notices if one.execution.run_id == first.run_id]
    assert [one.event for one in told] == history
    assert [one.name for one in told] == [BY_EVENT[type(one)] for one in history]
    assert {(one.domain, one.workflow_type.name) for one in told} == {
        ("tests", getattr(kind, "definition", kind).workflow_type.name)
    }
    if kind is again:  # the next run is told of, too
        assert heard.names("w").count("process_started") == 2
        assert heard.names("w")[-1] == "process_completed"


def test_a_notice_of_an_activity_tells_how_it_stood(service: SwfService) -> None:
    heard, client = Heard(), Client(service)
    stop = client.listen(heard)
    with worker(service, flow, work, shaky):
        client.start_with(flow, [1], workflow_id="w").result(timeout=20)
        stop()
    found = [
        (
            one.name,
            one.activity.activity_type.name,
            one.activity.attempt,
            bool(one.activity.started_event_id),
        )
        for one in heard.notices
        if one.activity is not None
    ]
    assert found == [
        ("activity_started", "work", 1, False),
        ("activity_completed", "work", 1, True),
        *([("activity_started", "shaky", 1, False), ("activity_rescheduled", "shaky", 1, True)]),
        *([("activity_started", "shaky", 2, False), ("activity_completed", "shaky", 2, True)]),
    ]


def test_blinkers_signals_are_sent(service: SwfService) -> None:
    heard, signals, client = Heard(), BlinkerSignals(), Client(service)
    sent: list[tuple[str, str]] = []

    def take(sender: str, notice: Notice) -> None:
        sent.append((sender, notice.name))

    for name in ("process_started", "activity_completed", "process_completed"):
        getattr(signals, f"on_{name}").connect(take)
    stop = [client.listen(signals), client.listen(heard)]
    with worker(service, flow, work, shaky):
        client.start_with(flow, [1], workflow_id="w").result(timeout=20)
        stop[0]()
    assert sent == [
        ("flow", name)
        for name in (
            *("process_started", "activity_completed", "activity_completed"),
            "process_completed",
        )
    ]


def test_what_a_listener_does_not_want_it_is_not_told(service: SwfService) -> None:
    class Ends(Listener):
        wants = frozenset({"process_completed"})
        seen: list[str] = []

        def __call__(self, notice: Notice) -> None:
            self.seen.append(notice.name)

    ends, client = Ends(), Client(service)
    stop = client.listen(ends)
    with worker(service, flow, work, shaky):
        client.start(flow, 1).result(timeout=20)
        stop()
    assert ends.seen == ["process_completed"]
    with pytest.raises(InvalidOptionError, match="is a class"):
        client.listen(Ends)  # type: ignore[arg-type]
    with pytest.raises(InvalidOptionError, match="cannot listen"):
        client.listen(3)  # type: ignore[arg-type]


def test_a_worker_is_told_of_what_others_start_from_its_own_part_on(connect: Connect) -> None:
    starting, working, heard = connect(), connect(), Heard()
    stop = working.listen(heard)
    handle = Client(starting).start_with(flow, [1], workflow_id="w")
    with worker(working, flow, work, shaky):
        handle.result(timeout=20)
        stop()
    assert heard.of("w") == handle.history()


def test_one_that_begins_late_is_not_told_of_what_was_before(connect: Connect) -> None:
    one, two, heard = connect(), connect(), Heard()
    handle: Any = Client(one).start_with(patient, workflow_id="w")
    with worker(one, patient):
        until(lambda: len(handle.history()) > 3)
    stop = two.listen(heard)
    with worker(two, patient):
        handle.signal("go", "now")
        assert handle.result(timeout=20) == "now"
        stop()
    told = heard.of("w")
    assert told == handle.history()[-len(told) :]
    assert "process_started" not in heard.names("w")
    assert {"process_signaled", "process_completed"} <= set(heard.names("w"))


def test_an_execution_of_others_is_followed_by_its_id(connect: Connect) -> None:
    working, watching, heard = connect(), connect(), Heard()
    client = Client(watching)
    handle = Client(working).start_with(flow, [1], workflow_id="w")
    stop = client.listen(heard, follow=["w"])
    with worker(working, flow, work, shaky):
        handle.result(timeout=20)
    stop()
    assert heard.of("w") == handle.history()
    with pytest.raises(ExecutionNotFoundError, match="none"):
        client.listen(heard, follow=["none"])
    before = len(heard.notices)
    Client(watching).start_with(patient, workflow_id="unheard")
    assert len(heard.notices) == before


def test_the_engine_follows_nobody_else(memory_rig: Rig) -> None:
    with pytest.raises(UnsupportedError, match="listen in the process that does it"):
        memory_rig.client.listen(print, follow=["w"])


def test_who_listens_to_every_engine_costs_no_reads(
    service: SwfService, calls: Counter[str]
) -> None:
    """Such as tracing, for which every process would tell of the same events."""
    stop = use_listener(print)
    try:
        with worker(service, flow, work, shaky):
            Client(service).start_with(flow, [1], workflow_id="w").result(timeout=20)
    finally:
        stop()
    assert calls["get_workflow_execution_history"] <= 3  # of the result itself


def test_nothing_is_read_for_nobody(service: SwfService, calls: Counter[str]) -> None:
    client = Client(service)
    client.listen(print)()
    with worker(service, flow, work, shaky):
        client.start_with(flow, [1], workflow_id="w").result(timeout=20)
    assert "partita-follow" not in {one.name for one in threading.enumerate() if one.is_alive()}
    assert calls["get_workflow_execution_history"] <= 3  # of the result itself


def test_a_listener_that_raises_or_removes_itself_harms_nobody(
    service: SwfService, caplog: pytest.LogCaptureFixture
) -> None:
    heard, client = Heard(), Client(service)

    def broken(notice: Notice) -> None:
        stop[0]()
        raise SystemExit("no")

    stop = [client.listen(broken), client.listen(heard)]
    with worker(service, flow, work, shaky):
        handle = client.start_with(flow, [1], workflow_id="w")
        handle.result(timeout=20)
        stop[1]()
    assert heard.of("w") == handle.history()
    assert "a listener broke on process_started" in caplog.text


def test_what_is_over_is_not_told_again(service: SwfService) -> None:
    heard, client = Heard(), Client(service)
    with worker(service, flow, work, shaky):
        before = client.start_with(flow, [1], workflow_id="before")
        before.result(timeout=20)
        stop = client.listen(heard)
        handle = client.start_with(flow, [1], workflow_id="w")
        handle.result(timeout=20)
        until(lambda: "process_completed" in heard.names("w"))
        for id in ("before", "w"):  # the same start again finds what is there
            again = client.start_with(flow, [1], workflow_id=id)
            assert again.run_id == (before if id == "before" else handle).run_id
        execution = WorkflowExecution("w", handle.run_id)
        service._followed.follow("tests", execution, 3)  # as a late answer would
        client.start_with(flow, [2], workflow_id="after").result(timeout=20)
        stop()
    assert heard.of("w") == handle.history()
    assert heard.names("before") == []
    assert "process_completed" in heard.names("after")


def test_one_that_cannot_be_followed_hinders_no_other(
    service: SwfService, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    heard, client = Heard(), Client(service)
    notices = FollowedRun.notices

    def breaks(run: FollowedRun, histories: Any) -> Any:
        if run.execution.workflow_id == "odd":
            raise MemoryError
        return notices(run, histories)

    monkeypatch.setattr(FollowedRun, "notices", breaks)
    stop = client.listen(heard)
    with worker(service, flow, work, shaky):
        client.start_with(flow, [1], workflow_id="odd").result(timeout=20)
        handle = client.start_with(flow, [1], workflow_id="w")
        handle.result(timeout=20)
        stop()
    assert heard.of("w") == handle.history()
    assert heard.names("odd") == []
    assert "execution odd is not followed" in caplog.text


def test_an_outage_is_passed(
    service: SwfService, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Half a page is not told twice, nor left out."""
    heard, client, event = Heard(), Client(service), service._histories.event
    failures = iter([False, False, True, False, True] + [False] * 10_000)

    def fails(raw: Any) -> Any:
        if threading.current_thread().name == "partita-follow" and next(failures):
            raise StoreUnavailableError("away")
        return event(raw)

    monkeypatch.setattr(service._histories, "event", fails)
    stop = client.listen(heard)
    with worker(service, flow, work, shaky):
        handle = client.start_with(flow, [1], workflow_id="w")
        handle.result(timeout=20)
        until(lambda: "process_completed" in heard.names("w"))
        stop()
    assert heard.of("w") == handle.history()


def test_so_many_are_followed_and_no_more(
    service: SwfService, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(followed_histories, "MAX_FOLLOWED", 2)
    heard, client = Heard(), Client(service)
    stop = client.listen(heard)
    for number in range(4):
        client.start_with(patient, workflow_id=f"w{number}")
    stop()
    assert {one.execution.workflow_id for one in heard.notices} == {"w0", "w1"}
    assert caplog.text.count("2 executions are followed") == 1


def test_the_heartbeats_of_this_process_are_heard(service: SwfService) -> None:
    beat: list[tuple[str, str, Any]] = []
    client = Client(service)
    stop = client.listen(
        ActivityMonitor(lambda info, details: beat.append((info.workflow_id, info.name, details)))
    )
    with worker(service, beats, beating):
        client.start_with(beats, [7], workflow_id="w").result(timeout=20)
        stop()
    assert beat == [("w", "beating", {"at": 7})]


def test_what_the_worker_itself_asks_is_no_heartbeat(service: SwfService) -> None:
    """A worker renews leases and asks whether tasks are cancelled, by calls of SWF's heartbeat."""
    heard, client = Heard(), Client(service)
    stop = client.listen(heard)
    client.start_with(beats, [1], workflow_id="w")
    with worker(service, beats, acts=False):
        until(lambda: client.describe("w").activities)
    task = service.poll_activity_task("default", "default", wait=5)
    assert task is not None
    assert service.is_unwanted(task.token) is False
    service.activity_tasks._beat(task.token)
    service.complete_activity(task.token, "1")
    stop()
    assert "activity_heartbeat" not in heard.names("w")
    assert "activity_completed" in heard.names("w")


def test_metrics_are_those_of_the_worker_itself(service: SwfService, calls: Counter[str]) -> None:
    """Every process that takes part in an execution would count its end."""
    client = Client(service)
    with worker(service, flow, work, shaky) as made:
        metrics = use_metrics(service, made)
        client.start_with(flow, [1], workflow_id="w").result(timeout=20)
        text = metrics.render()[0].decode()
    assert "partita_tasks_given_back_total 0.0" in text
    assert "partita_executions_closed_total{" not in text
    assert calls["get_workflow_execution_history"] <= 3
