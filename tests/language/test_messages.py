"""Signals, queries and updates: none is lost, none disturbs, each is answered."""

from __future__ import annotations

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest

from partita import (
    Signal,
    WaitTimeoutError,
    activity,
    continue_as_new,
    errors,
    external,
    parent,
    query,
    signals,
    sleep,
    spawn,
    update,
    wait_signal,
    wait_until,
    workflow,
    workflow_info,
)
from partita.authoring import registry
from partita.history import ActivityTaskScheduled, WorkflowExecutionSignaled
from partita.ports.service import ReusePolicy
from tests.language.conftest import Stage


@dataclass
class Decision:
    """What an approver says."""

    by: str
    yes: bool


APPROVE = Signal("approve", Decision)


@activity
def double(x: int) -> int:
    return 2 * x


@workflow
def approval() -> str:
    decision = wait_signal(APPROVE)
    return f"{decision.by}: {decision.yes}"


def test_a_typed_payload_arrives_as_its_type(stage: Stage) -> None:
    handle = stage.start(approval)
    handle.signal(APPROVE, Decision("ann", True))
    assert handle.result(timeout=20) == "ann: True"


def test_a_payload_of_the_wrong_type_is_an_error_at_the_caller(stage: Stage) -> None:
    handle = stage.start(approval)
    for wrong in ({"by": 3, "yes": True}, "yes", None, 7):
        with pytest.raises(errors.InvalidInputError) as caught:
            handle.signal(APPROVE, wrong)
        assert caught.value.code == "INVALID_INPUT"
    assert stage.find(handle, WorkflowExecutionSignaled) == []
    handle.signal(APPROVE, Decision("bob", False))
    assert handle.result(timeout=20) == "bob: False"


def test_one_that_slips_through_is_left_out(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    handle = stage.start(approval)
    with caplog.at_level(logging.WARNING):
        handle.signal("approve", "anything")  # nothing here knows the signal's type
        handle.signal(APPROVE, Decision("eve", True))
        assert handle.result(timeout=20) == "eve: True"
    assert "left a signal out" in caplog.text


@workflow
def collector(count: int) -> list[int]:
    """Ask late: the signals have come before."""
    sleep(0.05)
    found = []
    for value in signals("item", int):
        found.append(value)
        if len(found) == count:
            break
    return found


def test_signals_are_kept_until_they_are_asked_for_in_their_order(stage: Stage) -> None:
    handle = stage.start(collector, 50)
    for number in range(50):
        handle.signal("item", number)
    assert handle.result(timeout=20) == list(range(50))


@workflow
def polling() -> list[Any]:
    channel = signals("item")
    before = channel.poll("none yet")
    first = channel.get()
    try:
        channel.get(timeout=0.01)
    except WaitTimeoutError:
        late = "late"
    wait_signal("go")
    return [before, first, late, channel.get()]


def test_a_wait_that_gave_up_takes_no_signal(stage: Stage) -> None:
    handle = stage.start(polling)
    stage.waits(handle, lambda events: any(e.event_type == "DecisionTaskCompleted" for e in events))
    handle.signal("item", 1)
    stage.waits(handle, lambda events: any(e.event_type == "TimerFired" for e in events))
    handle.signal("item", 2)
    handle.signal("go")
    assert handle.result(timeout=20) == ["none yet", 1, "late", 2]


@workflow
def talker() -> list[str]:
    """Speak to itself, to a child, and be spoken to by it."""
    external(workflow_info().workflow_id).signal("echo", "self").result()
    heard = [wait_signal("echo", str)]
    child = listener.submit()
    child.signal("word", "hello").result()
    heard += [wait_signal("answer", str), child.result()]
    return heard


@workflow
def listener() -> str:
    word = wait_signal("word", str)
    above = parent()
    assert above is not None
    above.signal("answer", word.upper()).result()
    return word


def test_self_parent_and_child_hear_each_other(stage: Stage) -> None:
    assert stage.run(talker) == talker() == ["self", "HELLO", "hello"]


@workflow
def lonely() -> str:
    try:
        external("nobody").signal("x", 1).result()
    except errors.ExecutionNotFoundError as error:
        return error.code
    return "somebody"


def test_a_signal_to_nobody_is_an_error_at_the_sender(stage: Stage) -> None:
    assert stage.run(lonely) == lonely() == "EXECUTION_NOT_FOUND"


@workflow
def sender(target: str) -> None:
    external(target).signal("item", 5).result()


def test_other_executions_are_signalled(stage: Stage) -> None:
    handle = stage.start(collector, 1, id="other")
    stage.run(sender, "other")
    assert handle.result(timeout=20) == [5]


def test_signal_with_start(stage: Stage) -> None:
    first = stage.start(collector, 2, id="basket", signal=("item", 1))
    second = stage.start(collector, 2, id="basket", signal=("item", 2))
    assert first.run_id == second.run_id
    assert second.result(timeout=20) == [1, 2]
    third = stage.start(collector, 1, id="basket", signal=("item", 3))
    assert third.run_id != first.run_id
    assert third.result(timeout=20) == [3]
    assert stage.kinds(third)[1:3] == ["DecisionTaskScheduled", "WorkflowExecutionSignaled"]
    with pytest.raises(errors.PartitaError):
        stage.start(collector, 1, id="basket", signal=("item", 3), reuse_policy=ReusePolicy.REJECT)


@workflow
def generations(left: int) -> list[int]:
    """Continue as new with signals that nobody has received."""
    if left:
        sleep(0.02)
        continue_as_new(left - 1)
    return [signals("item", int).get() for _ in range(3)]


def test_unread_signals_go_on_to_the_next_run(stage: Stage) -> None:
    handle = stage.start(generations, 3)
    for number in range(3):  # to whichever run is open by then
        stage.client.signal(handle.workflow_id, "item", number)
    assert handle.result(timeout=20) == [0, 1, 2]


@workflow
def counter() -> int:
    total = 0
    log: list[int] = []

    @query
    def current() -> int:
        return total

    @query(name="history")
    def past(last: int = 10) -> list[int]:
        return log[-last:]

    @query
    def broken() -> int:
        raise ValueError("no")

    @query
    def meddling() -> int:
        return double(1)

    @update
    def add(x: int) -> int:
        nonlocal total
        if x < 0:
            raise ValueError("only up")
        more = double(x)
        total += more  # only now: others run while the activity does
        log.append(x)
        return total

    wait_signal("stop")
    return total


def test_a_query_reads_and_changes_nothing(stage: Stage) -> None:
    handle = stage.start(counter)
    stage.settled(handle)
    before = len(handle.history())
    assert handle.query("current") == 0
    assert handle.query("history", 3) == []
    with pytest.raises(errors.QueryFailedError, match="ValueError: no"):
        handle.query("broken")
    with pytest.raises(errors.PartitaError, match="may only look"):
        handle.query("meddling")
    with pytest.raises(
        errors.UnknownTypeError, match="it answers: broken, current, history, meddling"
    ):
        handle.query("nonsense")
    with pytest.raises(errors.PartitaError, match="last"):
        handle.query("history", "three")
    assert len(handle.history()) == before
    handle.signal("stop")
    assert handle.result(timeout=20) == 0
    assert handle.query("current") == 0  # a closed execution answers, too


def test_without_a_worker_the_history_is_replayed(stage: Stage) -> None:
    handle = stage.start(counter)
    handle.update("add", 4, timeout=20)
    stage.leave()
    before = len(handle.history())
    assert handle.query("current") == 8
    assert handle.query("history", last=1) == [4]
    assert len(handle.history()) == before


def test_without_worker_and_code_the_error_says_so(stage: Stage) -> None:
    stage.leave()

    def unknown() -> None:
        """Be defined nowhere else."""

    handle = stage.start(workflow(name="elsewhere only")(unknown), id="far")
    for key in [key for key in registry._known if key[1] == "elsewhere only@1"]:
        del registry._known[key]
    with pytest.raises(errors.NoWorkerError, match="start one"):
        stage.client.query(handle.workflow_id, "x")


def test_an_update_is_done_and_answered(stage: Stage) -> None:
    handle = stage.start(counter)
    assert handle.update("add", 1, timeout=20) == 2
    assert handle.update("add", x=2, timeout=20) == 6
    with pytest.raises(errors.UpdateFailedError, match="ValueError: only up") as caught:
        handle.update("add", -1, timeout=20)
    assert isinstance(caught.value.__cause__, ValueError)
    with pytest.raises(errors.InvalidInputError, match="argument 'x'"):
        handle.update("add", "one", timeout=20)
    with pytest.raises(errors.UnknownTypeError, match="it answers: add"):
        handle.update("multiply", 1, timeout=20)
    assert len(stage.find(handle, ActivityTaskScheduled)) == 2
    handle.signal("stop")
    assert handle.result(timeout=20) == 6


def test_updates_run_beside_the_workflow_and_each_other(stage: Stage) -> None:
    handle = stage.start(counter)
    with ThreadPoolExecutor(3) as pool:
        answers = pool.map(lambda x: handle.update("add", x, timeout=20), [1, 2, 3])
    assert max(answers) == 12
    handle.signal("stop")
    assert handle.result(timeout=20) == 12


@workflow
def short() -> int:
    wait_signal("stop")
    return 1


def test_an_update_of_what_is_over(stage: Stage) -> None:
    handle = stage.start(short)
    handle.signal("stop")
    handle.result(timeout=20)
    with pytest.raises(errors.ExecutionNotFoundError):
        handle.update("add", 1, timeout=20)


@workflow
def until_three() -> list[int]:
    """Wait for what handlers do."""
    seen: list[int] = []

    @update
    def see(x: int) -> int:
        seen.append(double(x))
        return len(seen)

    try:
        wait_until(lambda: len(seen) == 99, timeout=0.01)
    except WaitTimeoutError:
        wait_until(lambda: len(seen) == 3)
    return seen


def test_a_condition_of_the_workflows_own_state(stage: Stage) -> None:
    handle = stage.start(until_three)
    for number in range(3):
        assert handle.update("see", number, timeout=20) == number + 1
    assert handle.result(timeout=20) == [0, 2, 4]


@workflow
def flips() -> int:
    done: list[int] = []
    spawn(lambda: done.append(double(2)))
    wait_until(lambda: bool(done))
    return done[0]


def test_parts_change_it_too(stage: Stage) -> None:
    assert stage.run(flips) == flips() == 4


@workflow
def absorbed() -> int:
    @update
    def never() -> int:
        wait_signal("never")
        return 1

    wait_signal("stop")
    return 1


def test_an_update_that_is_not_answered(stage: Stage) -> None:
    handle = stage.start(absorbed)
    with pytest.raises(WaitTimeoutError, match="may still be done"):
        handle.update("never", timeout=0.05)
    handle.signal("stop")
    handle.result(timeout=20)

    slow = stage.start(absorbed)
    stage.settled(slow)
    timer = threading.Timer(0.1, slow.signal, ["stop"])
    timer.start()
    with pytest.raises(errors.ExecutionClosedError, match="without an answer"):
        slow.update("never")
    timer.join()


@workflow
def early() -> int:
    """Register a handler only once it is open; what came before waits for nobody."""
    wait_signal("open")

    @update
    def late() -> str:
        return "late"

    wait_signal("stop")
    return 1


def test_an_update_before_its_handler_is_refused_clearly(stage: Stage) -> None:
    handle = stage.start(early)
    with pytest.raises(errors.UnknownTypeError, match="late"):
        handle.update("late", timeout=20)
    handle.signal("open")
    assert handle.update("late", timeout=20) == "late"
    handle.signal("stop")
    assert handle.result(timeout=20) == 1


@workflow
def parts() -> list[int]:
    """Spawned parts receive signals, too."""

    def part(name: str) -> int:
        return wait_signal(name, int)

    futures = [spawn(part, name) for name in ("a", "b")]
    return [future.result() for future in futures]


def test_spawned_parts_receive_signals(stage: Stage) -> None:
    handle = stage.start(parts)
    handle.signal("b", 2)
    handle.signal("a", 1)
    assert handle.result(timeout=20) == [1, 2]


@pytest.mark.parametrize("name", ["", "$update:x"])
def test_names_that_are_ours_are_refused(name: str, stage: Stage) -> None:
    with pytest.raises(errors.InvalidOptionError):
        Signal(name)
    if name:
        with pytest.raises(errors.InvalidOptionError):
            stage.client.signal("x", name)


@workflow
def untyped() -> Any:
    return [wait_signal("s"), wait_signal("s"), wait_signal("s")]


def test_any_json_is_a_payload(stage: Stage) -> None:
    handle = stage.start(untyped)
    values = [None, {"a": [1, 2.5, "x"]}, "text"]
    for value in values:
        handle.signal("s", value)
    assert handle.result(timeout=20) == values


@workflow
def typed_wrong() -> int:
    return wait_signal("n", int)


def test_a_wrong_result_type_of_a_workflow_is_not_hidden(stage: Stage) -> None:
    handle = stage.start(typed_wrong)
    handle.signal("n", 4)
    assert handle.result(timeout=20) == 4
    with pytest.raises(errors.WorkflowFailedError):
        stage.run(failing)


@workflow
def failing() -> int:
    raise RuntimeError("over")
