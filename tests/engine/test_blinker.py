"""Notices as blinker's signals: one for each name, one payload, receivers as blinker has them."""

from __future__ import annotations

import copy
import gc
from typing import Any

import blinker
import pytest

from partita import activity, workflow
from partita.client import Client, Handle
from partita.engine import Engine
from partita.history import WorkflowExecution, WorkflowType
from partita.ports.notices import NAMES, Notice, use_listener
from partita.stores.memory import MemoryStore
from partita.telemetry.blinker import BlinkerSignals
from partita.testing import Clock
from partita.testing.conformance import CHECKS, UNRECORDED, start
from tests.conftest import Rig, until

OF_OLD = (  # what users of an older library connected to, and what it is called here
    *("process_started", "process_completed", "process_canceled", "process_signaled"),
    *("activity_scheduled", "activity_started", "activity_completed", "activity_canceled"),
    *("activity_failed", "activity_timed_out", "decision_task_completed", "activity_heartbeat"),
)


@activity
def work(x: int) -> int:
    return x


@workflow
def working(x: int) -> int:
    return work(x)


@workflow
def other() -> int:
    return 0


class Receiver:
    """Keeps what it is sent."""

    def __init__(self) -> None:
        self.sent: list[tuple[Any, dict[str, Any]]] = []

    def take(self, sender: Any, **payload: Any) -> None:
        self.sent.append((sender, payload))

    @property
    def names(self) -> list[str]:
        return [payload["notice"].name for _, payload in self.sent]


@pytest.fixture
def signals() -> BlinkerSignals:
    return BlinkerSignals()


@pytest.fixture
def receiver() -> Receiver:
    return Receiver()


def a_notice(name: str = "process_started") -> Notice:
    return Notice(
        name=name,
        domain="default",
        execution=WorkflowExecution("w", "r"),
        workflow_type=WorkflowType("working"),
        time=1.0,
    )


def test_there_is_a_signal_for_every_name(signals: BlinkerSignals) -> None:
    for name in NAMES:
        receiver = Receiver()
        getattr(signals, f"on_{name}").connect(receiver.take)
        for sent in NAMES:
            signals(a_notice(sent))
        assert receiver.sent == [("working", {"notice": a_notice(name)})]
    assert set(OF_OLD) <= NAMES


def test_one_signal_is_sent_every_notice_with_the_same_payload(signals: BlinkerSignals) -> None:
    """Whatever the conformance checks bring about."""
    every, each = Receiver(), Receiver()
    signals.on_notice.connect(every.take)
    for name in NAMES:
        getattr(signals, f"on_{name}").connect(each.take)
    for check in CHECKS.values():
        engine = Engine(MemoryStore(), clock=(clock := Clock()))
        engine.listen(signals)
        check(engine, clock)
        engine.close()
    assert every.sent == each.sent
    assert len(set(every.names)) == len(NAMES) - len(UNRECORDED)
    for sender, payload in every.sent:
        assert list(payload) == ["notice"]
        assert sender == payload["notice"].workflow_type.name


def test_signals_come_in_the_order_of_the_history(
    memory_rig: Rig, signals: BlinkerSignals, receiver: Receiver
) -> None:
    for name in OF_OLD:
        getattr(signals, f"on_{name}").connect(receiver.take)
    memory_rig.client.listen(signals)
    with memory_rig.worker(working, work):
        handle: Handle[Any] = memory_rig.client.start_with(working, [1])
        handle.result(timeout=20)
        until(lambda: "process_completed" in receiver.names)
    assert receiver.names == [
        "process_started",
        "decision_task_completed",
        "activity_scheduled",
        "activity_started",
        "activity_completed",
        "decision_task_completed",
        "process_completed",
    ]


def test_a_receiver_may_be_connected_to_one_workflow(
    memory_rig: Rig, signals: BlinkerSignals, receiver: Receiver
) -> None:
    last = Receiver()
    signals.on_process_completed.connect(receiver.take, sender="working")
    signals.on_process_completed.connect(last.take, sender="other")
    memory_rig.client.listen(signals)
    with memory_rig.worker(working, other, work):
        for number in range(2):
            memory_rig.client.start(working, number).result(timeout=20)
        memory_rig.client.start(other).result(timeout=20)
        until(lambda: last.sent)
    assert [sender for sender, _ in receiver.sent] == ["working", "working"]
    assert [sender for sender, _ in last.sent] == ["other"]


def test_receivers_are_held_weakly(signals: BlinkerSignals, receiver: Receiver) -> None:
    heard: list[str] = []

    def passing() -> None:
        def gone(sender: str, notice: Notice) -> None:
            raise AssertionError("nobody holds this one any more")

        def kept(sender: str, notice: Notice) -> None:
            heard.append("kept")

        signals.on_process_started.connect(gone)
        signals.on_process_started.connect(kept, weak=False)

    passing()
    signals.on_process_started.connect(Receiver().take)  # gone with its receiver
    signals.on_process_started.connect(receiver.take)
    gc.collect()
    signals(a_notice())
    assert heard == ["kept"]
    assert receiver.names == ["process_started"]


def test_receivers_are_disconnected_and_muted_as_blinker_does(
    signals: BlinkerSignals, receiver: Receiver
) -> None:
    with signals.on_process_started.connected_to(receiver.take):
        signals(a_notice())
    signals(a_notice())
    signals.on_process_started.connect(receiver.take)
    with signals.on_process_started.muted():
        signals(a_notice())
    signals.on_process_started.disconnect(receiver.take)
    signals(a_notice())
    assert len(receiver.sent) == 1


def test_a_decorator_connects(signals: BlinkerSignals) -> None:
    heard: list[str] = []

    @signals.on_activity_completed.connect
    def completed(sender: str, notice: Notice) -> None:
        heard.append(sender)

    signals(a_notice("activity_completed"))
    signals(a_notice("activity_failed"))
    assert heard == ["working"]
    assert completed in list(signals.on_activity_completed.receivers_for("working"))


def test_one_that_raises_is_logged_and_harms_no_execution(
    memory_rig: Rig, signals: BlinkerSignals, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(sender: str, notice: Notice) -> None:
        raise ValueError("no")

    signals.on_process_started.connect(broken)
    signals.on_notice.connect(receiver.take)
    memory_rig.client.listen(signals)
    with memory_rig.worker(working, work):
        handle: Handle[Any] = memory_rig.client.start_with(working, [1])
        assert handle.result(timeout=20) == 1
        until(lambda: "process_completed" in receiver.names)
    assert receiver.names[0] == "process_started"
    assert "a listener broke on process_started" in caplog.text


def test_receivers_may_speak_to_the_service(memory_rig: Rig, signals: BlinkerSignals) -> None:
    def again(sender: str, notice: Notice) -> None:
        if notice.execution.workflow_id == "first":
            memory_rig.client.start_with(other, workflow_id="second")

    signals.on_process_completed.connect(again)
    memory_rig.client.listen(signals)
    with memory_rig.worker(other):
        memory_rig.client.start_with(other, workflow_id="first")
        until(lambda: len(memory_rig.client.list().executions) == 2)
        assert memory_rig.client.result("second", timeout=20) == 0


def test_signals_may_hear_every_service(signals: BlinkerSignals, receiver: Receiver) -> None:
    signals.on_process_started.connect(receiver.take)
    unlisten = use_listener(signals)
    try:
        for name in "ab":
            with Client(Engine(MemoryStore())) as client:
                start(client.service, name)
    finally:
        unlisten()
    with Client(Engine(MemoryStore())) as client:
        start(client.service, "unheard")
    heard = [payload["notice"].execution.workflow_id for _, payload in receiver.sent]
    assert heard == ["a", "b"]


def test_a_name_that_there_is_not_is_refused(signals: BlinkerSignals) -> None:
    with pytest.raises(AttributeError, match=r"named on_proces_started; did you mean on_process_"):
        _ = signals.on_proces_started
    with pytest.raises(AttributeError, match="no signal is named"):
        _ = signals.process_started
    assert not hasattr(signals, "on_everything")
    assert isinstance(signals.on_process_started, blinker.Signal)
    assert copy.copy(signals).on_timer_fired is signals.on_timer_fired
