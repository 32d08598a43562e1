"""What `store.py` obliges every store to do."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from partita.engine import catalogue
from partita.engine.leases import new_worker
from partita.history import ActivityType, WorkflowExecution, WorkflowExecutionSignaled, WorkflowType
from partita.ports.state import (
    Execution,
    ExecutionFilter,
    OpenActivity,
    OpenChild,
    OpenTimer,
    Progress,
    State,
    Status,
)
from partita.ports.store import Store, Transaction
from partita.rules import apply, decide
from partita.rules.commands import Start, Terminate


def new_state(transaction: Transaction, workflow_id: str = "w", **more: Any) -> State:
    execution = Execution(
        domain=more.pop("domain", "d"),
        workflow_id=workflow_id,
        run_id=f"run-of-{workflow_id}",
        workflow_type=WorkflowType(more.pop("type_name", "flow")),
        task_list="default",
        started_at=more.pop("started_at", 1.0),
        **more,
    )
    state = State(transaction.new_run(), execution, Progress(), transaction.items, is_new=True)
    apply(state, decide(state, Start(input="[1]"), 1.0))
    return state


def saved(store: Store, workflow_id: str = "w", **more: Any) -> State:
    with store.transaction() as transaction:
        state = new_state(transaction, workflow_id, **more)
        transaction.write([state])
    return committed(state)


def committed(state: State) -> State:
    """Say that the store holds this state, as the engine does after a commit."""
    state.settle()
    return state


def activity(id: str, **more: Any) -> OpenActivity:
    return OpenActivity(
        id=id,
        name=more.pop("name", "charge@1"),
        activity_type=ActivityType("charge"),
        scheduled_event_id=5,
        scheduled_at=1.0,
        **more,
    )


def write(store: Store, state: State, *items: Any) -> None:
    for item in items:
        state.put(item)
    with store.transaction() as transaction:
        transaction.write([state])
    committed(state)


def ids(taken: list[tuple[int, Any]]) -> list[str]:
    return [item.id for _, item in taken]


def test_what_is_written_is_read(store: Store) -> None:
    state = saved(store)
    with store.transaction() as transaction:
        record = transaction.record(state.run)
        assert record is not None
        assert (record.execution, record.progress) == (state.execution, state.progress)
        assert transaction.find("d", "w", None) == transaction.find("d", "w", "run-of-w") == record
        assert transaction.find("d", "w", "other") is None
        assert transaction.find("other", "w", None) is None
        assert transaction.record(state.run + 99) is None
    assert store.find("d", "w", None) == record
    assert store.open_among([state.run]) == {state.run}
    assert store.open_among([state.run + 99]) == set()


def test_the_newest_run_is_found(store: Store) -> None:
    first = saved(store)
    apply(first, decide(first, Terminate(), 2.0))
    write(store, first)
    second = saved(store)
    found = store.find("d", "w", None)
    assert found is not None
    assert found.run == second.run > first.run


def test_a_transaction_that_raises_leaves_no_trace(store: Store) -> None:
    with pytest.raises(ZeroDivisionError), store.transaction() as transaction:
        new_state(transaction)
        raise ZeroDivisionError
    assert store.find("d", "w", None) is None
    assert saved(store).run > 0


def test_events_across_batches(store: Store) -> None:
    state = saved(store)
    for number in range(3, 8):
        state.new_events = [
            WorkflowExecutionSignaled(event_id=number, event_timestamp=1.0, signal_name=str(number))
        ]
        write(store, state)
    assert [event.event_id for event in store.events(state.run, 0)] == [1, 2, 3, 4, 5, 6, 7]
    for after in range(9):
        expected = list(range(after + 1, 8))
        assert [event.event_id for event in store.events(state.run, after)] == expected
        with store.transaction() as transaction:
            assert [e.event_id for e in transaction.events(state.run, after)] == expected


def test_items_are_put_replaced_and_dropped(store: Store) -> None:
    state = saved(store)
    write(store, state, activity("a", queue="q"), OpenTimer(id="a", started_event_id=3, due=9.0))
    write(store, state, activity("a", owner="me", attempt=2))
    with store.transaction() as transaction:
        assert transaction.items(state.run, "activity", "a") == [
            activity("a", owner="me", attempt=2)
        ]
        assert transaction.items(state.run, "activity", "b") == []
        kinds = sorted(item.kind for item in transaction.items(state.run))
    assert kinds == ["activity", "decision", "timer"]
    state.drop(("activity", "a"))
    write(store, state)
    assert sorted(item.kind for item in store.items(state.run)) == ["decision", "timer"]


def test_a_closed_state_has_no_items(store: Store) -> None:
    state = saved(store)
    write(store, state, activity("a", queue="q"))
    apply(state, decide(state, Terminate(), 2.0))
    write(store, state)
    assert store.items(state.run) == []
    assert store.open_among([state.run]) == set()


def test_queues_by_priority_then_age(store: Store) -> None:
    state = saved(store)
    write(
        store,
        state,
        activity("old", queue="q", since=1.0),
        activity("new", queue="q", since=2.0),
        activity("urgent", queue="q", since=3.0, priority=5),
        activity("elsewhere", queue="r", since=0.0),
        activity("taken", since=0.0, owner="me"),
        activity("foreign", queue="q", since=0.0, name="other@1"),
    )
    with store.transaction() as transaction:

        def queued(lists: list[str], names: list[str] | None, limit: int = 10) -> list[str]:
            return ids(transaction.queued("activity", "d", lists, names, limit))

        assert queued(["q"], ["charge@1"]) == ["urgent", "old", "new"]
        assert queued(["q"], ["charge@1"], 1) == ["urgent"]
        assert queued(["q"], None) == ["urgent", "foreign", "old", "new"]
        assert queued(["q", "r"], ["charge@1"]) == ["urgent", "elsewhere", "old", "new"]
        assert queued(["q"], []) == []
        assert transaction.queued("activity", "other", ["q"], None, 10) == []
        assert ids(transaction.queued("decision", "d", ["default"], ["flow@1"], 10)) == [""]


def test_due_items_soonest_first(store: Store) -> None:
    state = saved(store)
    timers = [OpenTimer(id=str(due), started_event_id=3, due=due) for due in (30.0, 10.0, 20.0)]
    with store.transaction() as transaction:
        assert transaction.next_due() is None
    write(store, state, *timers)
    with store.transaction() as transaction:
        assert transaction.next_due() == 10.0
        assert ids(transaction.due(20.0, 10)) == ["10.0", "20.0"]
        assert ids(transaction.due(99.0, 1)) == ["10.0"]
        assert transaction.due(9.9, 10) == []


def test_what_a_worker_holds(store: Store) -> None:
    state = saved(store)
    write(store, state, activity("a", owner="me"), activity("b", owner="you"), activity("c"))
    with store.transaction() as transaction:
        assert ids(transaction.held("me")) == ["a"]


def test_children(store: Store) -> None:
    state = saved(store)
    child = OpenChild(
        id="7",
        execution=WorkflowExecution("c", "c"),
        workflow_type=WorkflowType("c"),
        initiated_event_id=7,
        started_event_id=8,
    )
    write(store, state, child, activity("a"))
    with store.transaction() as transaction:
        assert transaction.items(state.run, "child") == [child]


def test_workers(store: Store) -> None:
    worker = new_worker(5.0)
    with store.transaction() as transaction:
        catalogue.put_worker(transaction, worker)
        catalogue.put_worker(transaction, worker)
    assert catalogue.workers(store) == [worker]
    with store.transaction() as transaction:
        assert catalogue.workers(transaction) == [worker]
        catalogue.require_worker(transaction, worker.id)
    with store.transaction() as transaction:
        assert not catalogue.drop_worker(transaction, new_worker(6.0))
        assert not catalogue.drop_worker(transaction, replace(worker, lease_until=6.0))
        assert catalogue.drop_worker(transaction, worker)
        assert not catalogue.drop_worker(transaction, worker)
    assert catalogue.workers(store) == []


def test_lists_and_counts(store: Store) -> None:
    for number in range(6):
        saved(
            store,
            f"w{number}",
            type_name="even" if number % 2 == 0 else "odd",
            tag_list=("t", f"n{number}"),
            started_at=float(number),
        )
    closed = saved(store, "closed", started_at=50.0)
    apply(closed, decide(closed, Terminate(), 60.0))
    write(store, closed)
    saved(store, "elsewhere", domain="other")

    def listed(**filter: Any) -> list[str]:
        wanted = ExecutionFilter(domain="d", **filter)
        found = [record.execution.workflow_id for record in store.executions(wanted)]
        if "limit" not in filter:
            assert store.count_executions(wanted) == len(found)
        return found

    assert listed() == ["closed", "w5", "w4", "w3", "w2", "w1", "w0"]
    assert listed(type_name="odd") == ["w5", "w3", "w1"]
    assert listed(statuses=(Status.TERMINATED,)) == ["closed"]
    assert listed(tag="n3") == ["w3"]
    assert listed(workflow_id="w2") == ["w2"]
    assert listed(started_after=2.0, started_before=4.0) == ["w3", "w2"]
    page = store.executions(ExecutionFilter(domain="d", limit=2))
    assert listed(before_run=page[-1].run, limit=2) == ["w4", "w3"]
    assert store.check() == []


def test_backlogs_tell_how_much_waits_and_since_when(store: Store) -> None:
    waiting = [
        activity(id, queue=queue, since=since)
        for id, queue, since in (("a", "fast", 3.0), ("b", "slow", 9.0), ("c", "slow", 7.0))
    ]
    state = saved(store)
    write(store, state, *waiting, activity("taken", queue=None))
    write(store, saved(store, "elsewhere", domain="other"), activity("d", queue="slow"))
    found = {(one.kind, one.task_list): (one.count, one.since) for one in store.backlogs("d")}
    assert found["activity", "fast"] == (1, 3.0)
    assert found["activity", "slow"] == (2, 7.0)
    assert all(kind in ("activity", "decision") for kind, _ in found)
    assert store.backlogs("nobody's") == []
