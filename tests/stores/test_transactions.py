"""What a block that raises leaves behind in any store: nothing."""

from __future__ import annotations

from typing import Any

import pytest

from partita.engine import catalogue
from partita.engine.leases import new_worker
from partita.history import WorkflowExecutionSignaled
from partita.ports.state import OpenTimer, State
from partita.ports.store import Store
from partita.rules import apply, decide
from partita.rules.commands import Terminate
from tests.stores.test_obligations import activity, ids, new_state, saved, write


def looked_at(store: Store, state: State) -> list[Any]:
    """All that a store says of a run, and of the workers."""
    items = sorted(store.items(state.run), key=lambda item: (item.kind, item.id))
    record = store.find(state.execution.domain, state.execution.workflow_id, None)
    return [record, items, store.events(state.run, 0), catalogue.workers(store)]


def test_what_was_written_goes_with_a_block_that_raises(store: Store) -> None:
    state = saved(store)
    worker = new_worker(5.0)
    write(store, state, activity("a", queue="q"), activity("b", queue="q"))
    with store.transaction() as transaction:
        catalogue.put_worker(transaction, worker)
    before = looked_at(store, state)
    state.new_events = [WorkflowExecutionSignaled(event_id=3, event_timestamp=1.0, signal_name="s")]
    state.put(activity("c", queue="q"))
    state.put(activity("b", owner="me"))
    state.drop(("activity", "a"))
    with pytest.raises(ZeroDivisionError), store.transaction() as transaction:
        other = new_state(transaction, "other")
        transaction.write([state, other])
        catalogue.drop_worker(transaction, worker)
        catalogue.put_worker(transaction, new_worker(9.0))
        raise ZeroDivisionError
    assert looked_at(store, state) == before
    assert store.find("d", "other", None) is None


def test_a_close_that_is_not_committed_is_none(store: Store) -> None:
    state = saved(store)
    write(store, state, activity("a", queue="q"))
    before = looked_at(store, state)
    apply(state, decide(state, Terminate(), 2.0))
    with pytest.raises(ZeroDivisionError), store.transaction() as transaction:
        transaction.write([state])
        raise ZeroDivisionError
    assert looked_at(store, state) == before
    assert store.open_among([state.run]) == {state.run}


def test_what_a_block_did_before_stays(store: Store) -> None:
    state = saved(store)
    with pytest.raises(ZeroDivisionError), store.transaction():
        raise ZeroDivisionError
    assert store.open_among([state.run]) == {state.run}
    assert saved(store, "next").run > state.run


def test_what_is_due_at_the_beginning_of_time_is_due(store: Store) -> None:
    state = saved(store)
    write(store, state, OpenTimer(id="t", started_event_id=3, due=0.0))
    with store.transaction() as transaction:
        assert transaction.next_due() == 0.0
        assert ids(transaction.due(0.0, 10)) == ["t"]
