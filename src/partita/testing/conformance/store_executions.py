"""Checks of stores: executions, their events and open items, and transactions that fail."""

from __future__ import annotations

from typing import Any

from partita import history as h
from partita.ports.state import OpenChild, OpenTimer, State
from partita.ports.store import Store
from partita.rules import apply, decide
from partita.rules.commands import Terminate
from partita.testing.conformance.store_arrange import (
    activity,
    broken_off,
    ids,
    new_state,
    saved,
    store_check,
    terminated,
    write,
)


@store_check
def what_is_written_is_read(store: Store) -> None:
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


@store_check
def the_newest_run_is_found(store: Store) -> None:
    first = saved(store)
    terminated(store, first)
    second = saved(store)
    found = store.find("d", "w", None)
    assert found is not None
    assert found.run == second.run > first.run


@store_check
def a_transaction_that_raises_leaves_no_trace(store: Store) -> None:
    with broken_off(store) as transaction:
        new_state(transaction)
    assert store.find("d", "w", None) is None
    assert saved(store).run > 0


@store_check
def events_across_batches(store: Store) -> None:
    state = saved(store)
    for number in range(3, 8):
        state.new_events = [
            h.WorkflowExecutionSignaled(
                event_id=number, event_timestamp=1.0, signal_name=str(number)
            )
        ]
        write(store, state)
    assert [event.event_id for event in store.events(state.run, 0)] == [1, 2, 3, 4, 5, 6, 7]
    for after in range(9):
        expected = list(range(after + 1, 8))
        assert [event.event_id for event in store.events(state.run, after)] == expected
        with store.transaction() as transaction:
            assert [e.event_id for e in transaction.events(state.run, after)] == expected


@store_check
def items_are_put_replaced_and_dropped(store: Store) -> None:
    state = saved(store)
    write(store, state, activity("a", queue="q"), OpenTimer(id="a", started_event_id=3, due=9.0))
    write(store, state, activity("a", owner="me", attempt=2))
    with store.transaction() as transaction:
        assert transaction.items(state.run, "activity", "a") == [
            activity("a", owner="me", attempt=2)
        ]
        assert transaction.items(state.run, "activity", "b") == []
        assert transaction.items(state.run + 1, "activity", "a") == []
        kinds = sorted(item.kind for item in transaction.items(state.run))
    assert kinds == ["activity", "decision", "timer"]
    assert store.items(state.run, "activity", "a") == [activity("a", owner="me", attempt=2)]
    assert store.items(state.run, "activity", "b") == []
    state.drop(("activity", "a"))
    write(store, state)
    assert sorted(item.kind for item in store.items(state.run)) == ["decision", "timer"]


@store_check
def a_closed_state_has_no_items(store: Store) -> None:
    state = saved(store)
    write(store, state, activity("a", queue="q"))
    terminated(store, state)
    assert store.items(state.run) == []
    assert store.open_among([state.run]) == set()


@store_check
def queues_by_priority_then_age(store: Store) -> None:
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


@store_check
def due_items_soonest_first(store: Store) -> None:
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


@store_check
def what_a_worker_holds(store: Store) -> None:
    state = saved(store)
    write(store, state, activity("a", owner="me"), activity("b", owner="you"), activity("c"))
    with store.transaction() as transaction:
        assert ids(transaction.held("me")) == ["a"]


@store_check
def children(store: Store) -> None:
    state = saved(store)
    child = OpenChild(
        id="7",
        execution=h.WorkflowExecution("c", "c"),
        workflow_type=h.WorkflowType("c"),
        initiated_event_id=7,
        started_event_id=8,
    )
    write(store, state, child, activity("a"))
    with store.transaction() as transaction:
        assert transaction.items(state.run, "child") == [child]


@store_check
def places_in_a_lane_are_counted(store: Store) -> None:
    state = saved(store)
    write(store, state, activity("a", lane="t", queue=None), activity("b", lane="t"), activity("c"))
    with store.transaction() as transaction:
        assert transaction.count_running("d", "t") == 2
        assert transaction.count_running("other", "t") == 0
    write(store, state, activity("a"))
    with store.transaction() as transaction:
        assert transaction.count_running("d", "t") == 1


def _looked_at(store: Store, state: State) -> list[Any]:
    """Return all that a store knows of a run, and an entry of its catalogue."""
    items = sorted(store.items(state.run), key=lambda item: (item.kind, item.id))
    record = store.find(state.execution.domain, state.execution.workflow_id, None)
    return [record, items, store.events(state.run, 0), store.entry("worker", "", "me")]


@store_check
def what_was_written_goes_with_a_block_that_raises(store: Store) -> None:
    state = saved(store)
    write(store, state, activity("a", queue="q"), activity("b", queue="q"))
    with store.transaction() as transaction:
        transaction.enter("worker", "", "me", "1", None)
    before = _looked_at(store, state)
    state.new_events = [
        h.WorkflowExecutionSignaled(event_id=3, event_timestamp=1.0, signal_name="s")
    ]
    state.put(activity("c", queue="q"))
    state.put(activity("b", owner="me"))
    state.drop(("activity", "a"))
    with broken_off(store) as transaction:
        other = new_state(transaction, "other")
        transaction.write([state, other])
        transaction.enter("worker", "", "me", "2", "1")
    assert _looked_at(store, state) == before
    assert store.find("d", "other", None) is None


@store_check
def a_close_that_is_not_committed_is_none(store: Store) -> None:
    state = saved(store)
    write(store, state, activity("a", queue="q"))
    before = _looked_at(store, state)
    apply(state, decide(state, Terminate(), 2.0))
    with broken_off(store) as transaction:
        transaction.write([state])
    assert _looked_at(store, state) == before
    assert store.open_among([state.run]) == {state.run}


@store_check
def what_a_block_did_before_stays(store: Store) -> None:
    state = saved(store)
    with broken_off(store):
        pass
    assert store.open_among([state.run]) == {state.run}
    assert saved(store, "next").run > state.run


@store_check
def what_is_due_at_the_beginning_of_time_is_due(store: Store) -> None:
    state = saved(store)
    write(store, state, OpenTimer(id="t", started_event_id=3, due=0.0))
    with store.transaction() as transaction:
        assert transaction.next_due() == 0.0
        assert ids(transaction.due(0.0, 10)) == ["t"]


@store_check
def what_was_read_and_is_unchanged_may_be_relied_on(store: Store) -> None:
    read, written = saved(store, "read"), saved(store, "written")
    written.put(activity("a"))
    with store.transaction() as transaction:
        transaction.rely_on([read])
        transaction.write([written])
    assert store.items(written.run, "activity") == [activity("a")]
