"""A client starts executions, speaks to them, and hears what came of them."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass
from datetime import date
from typing import Any

import msgspec
import pytest

from partita import CancelledError, activity, errors, sleep, workflow
from partita.client import AsyncClient, Handle
from partita.history import WorkflowExecutionSignaled, WorkflowExecutionStarted
from partita.ports.service import ReusePolicy
from partita.ports.state import Status
from tests.conftest import Rig, until


@dataclass
class Order:
    item: str
    due: date


class SoldOutError(Exception):
    pass


@workflow
def postpone(order: Order, days: int = 1) -> Order:
    return Order(order.item, date.fromordinal(order.due.toordinal() + days))


@workflow
def refuse(item: str) -> Order:
    raise SoldOutError(item, 3)


@workflow
def rest() -> str:
    try:
        sleep(3600)
    except CancelledError:
        clean_up()
        raise
    return "rested"


@activity
def clean_up() -> None:
    """Tidy."""


@workflow
def stubborn() -> str:
    try:
        sleep(3600)
    except CancelledError:
        return "went on"
    return "rested"


ORDER = Order("tea", date(2026, 2, 28))
FLOWS = (postpone, refuse, rest, stubborn, clean_up)


def status_of(handle: Handle[Any]) -> Status:
    return handle.describe().info.status


@workflow
def unstorable() -> object:
    return object()


@workflow
def parent_of_one() -> None:
    unstorable.options(workflow_id="unstorable child").submit().result()


@workflow
def grandparent_of_one() -> None:
    parent_of_one()


# -- starting ------------------------------------------------------------------------------


def test_result_has_the_type_that_the_workflow_says(rig: Rig) -> None:
    with rig.worker(*FLOWS):
        handle = rig.client.start(postpone, ORDER, days=2)
        assert handle.result(timeout=20) == Order("tea", date(2026, 3, 2))
        assert rig.client.result(handle.workflow_id) == {"item": "tea", "due": "2026-03-02"}
        assert rig.client.handle(handle.workflow_id).result() == rig.client.result(
            handle.workflow_id
        )


def test_start_is_idempotent_by_workflow_id(rig: Rig) -> None:
    first = rig.client.start_with(postpone, (ORDER,), workflow_id="o")
    again = rig.client.start_with(postpone, (ORDER,), workflow_id="o")
    assert (again.workflow_id, again.run_id) == (first.workflow_id, first.run_id)
    for other in ((refuse, ("tea",)), (postpone, (Order("milk", ORDER.due),))):
        with pytest.raises(errors.ExecutionAlreadyStartedError, match="'o'"):
            rig.client.start_with(*other, workflow_id="o")
    with rig.worker(*FLOWS):
        result = first.result(timeout=20)
    closed = rig.client.start_with(postpone, (ORDER,), workflow_id="o")
    assert closed.run_id == first.run_id
    assert closed.result(timeout=0) == result
    assert len(rig.client.list().executions) == 1


def test_starts_at_the_same_time_are_one(rig: Rig) -> None:
    found: list[str] = []

    def start() -> None:
        found.append(rig.client.start_with(postpone, (ORDER,), workflow_id="o").run_id)

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(found) == 8
    assert len(set(found)) == 1


REUSE = [
    # policy, and whether a new run may begin after: open, completed, failed
    (ReusePolicy.ALLOW, False, True, True),
    (ReusePolicy.ALLOW_AFTER_FAILURE, False, False, True),
    (ReusePolicy.TERMINATE_EXISTING, True, True, True),
    (ReusePolicy.REJECT, False, False, False),
]


@pytest.mark.parametrize(("policy", "if_open", "if_completed", "if_failed"), REUSE)
def test_reuse_policies(
    memory_rig: Rig, policy: ReusePolicy, if_open: bool, if_completed: bool, if_failed: bool
) -> None:
    client = memory_rig.client
    with memory_rig.worker(*FLOWS):
        client.start_with(rest, workflow_id="open")
        client.start_with(postpone, (ORDER,), workflow_id="completed").result(timeout=20)
        with pytest.raises(errors.WorkflowFailedError):
            client.start_with(refuse, ("x",), workflow_id="failed").result(timeout=20)
    before = {id: client.describe(id).info for id in ("open", "completed", "failed")}
    for id, allowed in (("open", if_open), ("completed", if_completed), ("failed", if_failed)):
        if allowed:
            new = client.start_with(rest, workflow_id=id, reuse_policy=policy)
            assert new.run_id != before[id].run_id
            assert client.describe(id).info.run_id == new.run_id  # the newest
            old = client.describe(id, run_id=before[id].run_id).info
            assert old.status is (Status.TERMINATED if id == "open" else before[id].status)
        else:
            with pytest.raises(errors.ExecutionAlreadyStartedError, match=policy.value):
                client.start_with(rest, workflow_id=id, reuse_policy=policy.value)


def test_wrong_starts_change_nothing(rig: Rig) -> None:
    client = rig.client
    with pytest.raises(TypeError):
        client.start(postpone)  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        client.start_with(postpone, (ORDER,), {"months": 1})
    with pytest.raises(errors.SerializationError, match="input of workflow postpone"):
        client.start_with(postpone, (object(),))
    with pytest.raises(errors.PayloadTooLargeError):
        client.start_with(refuse, ("x" * 3_000_000,))
    with pytest.raises(errors.InvalidOptionError, match="whatever"):
        client.start_with(rest, reuse_policy="whatever")
    with pytest.raises(errors.InvalidOptionError, match="execution_start_to_close"):
        client.start_with(rest, execution_start_to_close=-1)
    assert client.list().executions == ()


# -- endings -------------------------------------------------------------------------------


def test_failure_has_the_original_error_as_its_cause(rig: Rig) -> None:
    with rig.worker(*FLOWS):
        handle = rig.client.start(refuse, "tea")
        with pytest.raises(errors.WorkflowFailedError, match="SoldOutError") as caught:
            handle.result(timeout=20)
    cause = caught.value.__cause__
    assert isinstance(cause, SoldOutError)
    assert cause.args == ("tea", 3)
    assert __file__ in cause.__notes__[0]
    with pytest.raises(errors.WorkflowFailedError) as untyped:  # without the workflow at hand
        rig.client.result(handle.workflow_id)
    assert untyped.value.type == "SoldOutError"
    assert isinstance(untyped.value.__cause__, SoldOutError)


def test_cancelled_workflow_cleans_up_and_is_canceled(rig: Rig) -> None:
    with rig.worker(*FLOWS):
        handle = rig.client.start(rest)
        until(lambda: "TimerStarted" in rig.kinds(handle.workflow_id))
        handle.cancel()
        with pytest.raises(errors.WorkflowCanceledError, match="was canceled"):
            handle.result(timeout=20)
    kinds = rig.kinds(handle.workflow_id)
    assert status_of(handle) is Status.CANCELED
    assert kinds.index("TimerCanceled") < kinds.index("ActivityTaskCompleted")
    assert kinds[-1] == "WorkflowExecutionCanceled"


def test_workflow_may_go_on_after_a_cancel_request(memory_rig: Rig) -> None:
    handle = memory_rig.client.start(stubborn)
    handle.cancel()
    handle.cancel()
    with memory_rig.worker(*FLOWS):
        assert handle.result(timeout=20) == "went on"
    assert memory_rig.kinds(handle.workflow_id).count("WorkflowExecutionCancelRequested") == 1


def test_terminate_ends_it_without_asking(rig: Rig) -> None:
    with rig.worker(*FLOWS):
        handle = rig.client.start(rest)
        until(lambda: "TimerStarted" in rig.kinds(handle.workflow_id))
        handle.terminate("no more")
        with pytest.raises(errors.WorkflowTerminatedError, match="no more"):
            handle.result(timeout=20)
    assert "ActivityTaskScheduled" not in rig.kinds(handle.workflow_id)
    for call in (handle.terminate, handle.cancel, lambda: handle.signal("x")):
        with pytest.raises(errors.ExecutionNotFoundError, match="is closed"):
            call()


def test_execution_that_outlives_its_timeout(memory_rig: Rig) -> None:
    with memory_rig.worker(*FLOWS):
        handle = memory_rig.client.start_with(rest, execution_start_to_close=0.05)
        with pytest.raises(errors.WorkflowTimedOutError):
            handle.result(timeout=20)


def test_waiting_has_an_end(rig: Rig) -> None:
    handle = rig.client.start(rest)
    for seconds in (0, 0.01):
        with pytest.raises(errors.WaitTimeoutError, match="no worker is alive") as caught:
            handle.result(timeout=seconds)
    assert isinstance(caught.value, TimeoutError)
    assert status_of(handle) is Status.OPEN


def test_waiting_in_vain_says_what_the_decider_fails_by(rig: Rig) -> None:
    with rig.worker(unstorable):
        handle = rig.client.start(unstorable)
        until(lambda: (decision := handle.describe().decision) and decision.failure)
        with pytest.raises(
            errors.WaitTimeoutError, match=r"its decider fails.*result of workflow unst"
        ):
            handle.result(timeout=0)
        handle.terminate()


def test_waiting_in_vain_says_what_the_decider_of_a_child_fails_by(rig: Rig) -> None:
    with rig.worker(unstorable, parent_of_one, grandparent_of_one):
        handle = rig.client.start(grandparent_of_one)
        child = rig.client.handle("unstorable child")
        until(lambda: known(child) and (task := child.describe().decision) and task.failure)
        with pytest.raises(
            errors.WaitTimeoutError,
            match=r"waits for child unstorable child, which is not done because its decider fails"
            r".*result of workflow unst",
        ):
            handle.result(timeout=0)
        handle.terminate()


def known(handle: Handle[Any]) -> bool:
    try:
        return bool(handle.describe())
    except errors.ExecutionNotFoundError:
        return False


def test_a_rerun_of_an_older_run_leaves_the_open_one(rig: Rig) -> None:
    with rig.worker(*FLOWS):
        failed = rig.client.start_with(refuse, ("tea",), workflow_id="x")
        with pytest.raises(errors.WorkflowFailedError):
            failed.result(timeout=20)
        newer = rig.client.start_with(rest, workflow_id="x", reuse_policy="allow")
        with pytest.raises(
            errors.ExecutionAlreadyStartedError, match="is open and goes on by itself"
        ):
            rig.client.rerun("x", run_id=failed.run_id)
        assert status_of(newer) is Status.OPEN
        newer.terminate()


# -- looking -------------------------------------------------------------------------------


def test_signal_is_recorded(rig: Rig) -> None:
    handle = rig.client.start(rest)
    handle.signal("paid", {"cents": 5})
    rig.client.signal(handle.workflow_id, "nudge")
    signals = [event for event in handle.history() if isinstance(event, WorkflowExecutionSignaled)]
    assert [(event.signal_name, event.input) for event in signals] == [
        ("paid", '{"cents":5}'),
        ("nudge", None),
    ]


def test_nobody_there(rig: Rig) -> None:
    client = rig.client
    calls: list[Any] = [
        lambda: client.result("x", timeout=0),
        lambda: client.describe("x"),
        lambda: client.history("x"),
        lambda: client.signal("x", "s"),
        lambda: client.cancel("x"),
        lambda: client.terminate("x"),
        lambda: client.describe(client.start(rest).workflow_id, run_id="other"),
    ]
    for call in calls:
        with pytest.raises(errors.ExecutionNotFoundError, match="partita list"):
            call()


def test_describe_shows_what_is_open(rig: Rig) -> None:
    with rig.worker(*FLOWS):
        handle = rig.client.start_with(rest, workflow_id="r", tags=("a", "b"), task_priority=2)
        until(lambda: handle.describe().timers)
    detail = handle.describe()
    assert (detail.info.workflow_id, detail.info.workflow_type.name) == ("r", "rest")
    assert detail.info.tag_list == ("a", "b")
    assert len(detail.timers) == 1
    assert detail.activities == ()
    assert detail.info.event_count == len(handle.history())
    assert detail.info.closed_at is None


def test_history_from_the_start_and_from_later(rig: Rig) -> None:
    with rig.worker(*FLOWS):
        handle = rig.client.start(postpone, ORDER)
        handle.result(timeout=20)
    events = handle.history()
    assert isinstance(events[0], WorkflowExecutionStarted)
    assert [event.event_id for event in events] == list(range(1, len(events) + 1))
    for after in range(len(events) + 2):
        assert handle.history(after=after) == events[after:]
    assert msgspec.json.decode(events[0].input or "") == [{"item": "tea", "due": "2026-02-28"}]


def test_list_filters_and_pages(rig: Rig) -> None:
    client = rig.client
    for number in range(7):
        client.start_with(rest, workflow_id=f"r{number}", tags=(f"t{number % 2}",))
    client.start_with(postpone, (ORDER,), workflow_id="p")
    client.terminate("r3")
    ids = [info.workflow_id for info in client.list().executions]
    assert ids == ["p", "r6", "r5", "r4", "r3", "r2", "r1", "r0"]
    seen: list[str] = []
    page = client.list(limit=3)
    while True:
        seen += [info.workflow_id for info in page.executions]
        if page.next_page is None:
            break
        page = client.list(limit=3, before_run=page.next_page)
    assert seen == ids
    assert names(rig, type_name="postpone") == ["p"]
    assert names(rig, status=Status.TERMINATED) == ["r3"]
    assert names(rig, tag="t1") == ["r5", "r3", "r1"]
    assert names(rig, workflow_id="r2") == ["r2"]
    assert names(rig, status=Status.OPEN, tag="t1", limit=1) == ["r5"]
    assert names(rig, type_name="none") == []


def names(rig: Rig, **filters: Any) -> list[str]:
    return [info.workflow_id for info in rig.client.list(**filters).executions]


# -- asyncio -------------------------------------------------------------------------------


def test_async_client_does_the_same(rig: Rig) -> None:
    async def use() -> None:
        client = AsyncClient(rig.client)
        handle = await client.start(postpone, ORDER)
        assert await client.result(handle.workflow_id, workflow=postpone) == Order(
            "tea", date(2026, 3, 1)
        )
        first, second = await asyncio.gather(
            client.start_with(rest, workflow_id="a"), client.start_with(rest, workflow_id="b")
        )
        with pytest.raises(errors.WaitTimeoutError):
            await client.result("a", timeout=0.01)
        await client.signal("a", "hello", 1)
        await client.cancel("a")
        await client.terminate("b", "enough")
        with pytest.raises(errors.WorkflowCanceledError):
            await client.result("a", run_id=first.run_id, timeout=20)
        with pytest.raises(errors.WorkflowTerminatedError):
            await client.result("b", run_id=second.run_id, timeout=20)
        assert (await client.describe("a")).info.status is Status.CANCELED
        assert len((await client.list()).executions) == 3
        assert await client.history("a") == rig.client.history("a")
        with pytest.raises(errors.ExecutionNotFoundError):
            await client.describe("nobody")

    with rig.worker(*FLOWS):
        asyncio.run(use())
