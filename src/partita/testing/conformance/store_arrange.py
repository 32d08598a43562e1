"""Make executions and their open items by hand: what the checks of stores share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from partita import history as h
from partita.ports.state import Execution, OpenActivity, Progress, State
from partita.ports.store import Store, Transaction
from partita.rules import apply, decide
from partita.rules.commands import Start, Terminate

StoreCheck = Callable[[Store], None]

STORE_CHECKS: dict[str, StoreCheck] = {}
"""Every check of a store, by name."""


def store_check(function: StoreCheck) -> StoreCheck:
    """Add a function to the checks of stores."""
    STORE_CHECKS[function.__name__] = function
    return function


class _BrokenOffError(Exception):
    """Ends a transaction that is not to be committed."""


@contextmanager
def broken_off(store: Store) -> Iterator[Transaction]:
    """Begin a transaction, and leave it by an exception."""
    try:
        with store.transaction() as transaction:
            yield transaction
            raise _BrokenOffError
    except _BrokenOffError:
        pass


def new_state(transaction: Transaction, workflow_id: str = "w", **more: Any) -> State:
    """Return an execution that has just begun and is not written yet."""
    execution = Execution(
        domain=more.pop("domain", "d"),
        workflow_id=workflow_id,
        run_id=f"run-of-{workflow_id}",
        workflow_type=h.WorkflowType(more.pop("type_name", "flow")),
        task_list="default",
        started_at=more.pop("started_at", 1.0),
        **more,
    )
    state = State(transaction.new_run(), execution, Progress(), transaction.items, is_new=True)
    apply(state, decide(state, Start(input="[1]"), 1.0))
    return state


def saved(store: Store, workflow_id: str = "w", **more: Any) -> State:
    """Return an execution that has just begun and is written."""
    with store.transaction() as transaction:
        state = new_state(transaction, workflow_id, **more)
        transaction.write([state])
    return committed(state)


def committed(state: State) -> State:
    """Return a state that the store holds as it is, as an engine does after a commit."""
    state.settle()
    return state


def activity(id: str, **more: Any) -> OpenActivity:
    """Return an open activity."""
    return OpenActivity(
        id=id,
        name=more.pop("name", "charge@1"),
        activity_type=h.ActivityType("charge"),
        scheduled_event_id=5,
        scheduled_at=1.0,
        **more,
    )


def write(store: Store, state: State, *items: Any) -> None:
    """Put items into a state, and write it."""
    for item in items:
        state.put(item)
    with store.transaction() as transaction:
        transaction.write([state])
    committed(state)


def terminated(store: Store, state: State) -> None:
    """Close an execution."""
    apply(state, decide(state, Terminate(), 2.0))
    write(store, state)


def ended(store: Store, workflow_id: str, **more: object) -> State:
    """Return an execution that is closed."""
    state = saved(store, workflow_id, **more)
    state.progress.search_attributes["colour"] = "red"
    state.reindex = True
    write(store, state, activity("a", queue="q"))
    terminated(store, state)
    return state


def ids(taken: list[tuple[int, Any]]) -> list[str]:
    """Return the ids of items."""
    return [item.id for _, item in taken]
