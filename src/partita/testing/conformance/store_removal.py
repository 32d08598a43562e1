"""Checks of stores: the removal of closed executions."""

from __future__ import annotations

from partita.ports.state import ExecutionFilter, Origin
from partita.ports.store import Store
from partita.testing.conformance.store_arrange import (
    broken_off,
    ended,
    saved,
    store_check,
    terminated,
)

ALL = ExecutionFilter(domain="d")


def remove(store: Store, *runs: int) -> None:
    """Hold runs and remove them."""
    with store.transaction() as transaction:
        assert [one.run for one in transaction.hold(runs)] == sorted(runs)
        transaction.remove(runs)


@store_check
def an_execution_goes_with_all_that_is_its_own(store: Store) -> None:
    gone, kept = ended(store, "gone"), ended(store, "kept")
    remove(store, gone.run)
    assert store.find("d", "gone", None) is None
    assert store.events(gone.run, 0) == []
    assert [record.run for record in store.executions(ALL)] == [kept.run]
    by_colour = ExecutionFilter(domain="d", attributes=(("colour", "red"),))
    assert store.count_executions(by_colour) == 1
    with store.transaction() as transaction:
        assert transaction.record(gone.run) is None
    assert store.check() == []


@store_check
def nothing_goes_with_a_block_that_raises(store: Store) -> None:
    state = ended(store, "w")
    with broken_off(store) as transaction:
        transaction.remove([state.run])
    assert [record.run for record in store.executions(ALL)] == [state.run]
    assert len(store.events(state.run, 0)) == 3
    assert store.find("d", "w", None) is not None


@store_check
def only_what_is_there_is_held(store: Store) -> None:
    state = ended(store, "w")
    with store.transaction() as transaction:
        (found,) = transaction.hold([state.run, state.run + 99])
        assert (found.run, found.progress) == (state.run, state.progress)
        assert transaction.hold([]) == []
        transaction.remove([])


@store_check
def keys_are_never_used_again(store: Store) -> None:
    states = [ended(store, f"w{number}") for number in range(3)]
    last = states[-1].run
    remove(store, *(state.run for state in states))
    assert saved(store).run > last


@store_check
def the_newest_run_is_the_newest_that_is_left(store: Store) -> None:
    first, second, third = (ended(store, "w") for _ in range(3))
    with store.transaction() as transaction:
        runs_of, runs = transaction.runs_of, [first.run, second.run, third.run]
        assert runs_of("d", ["w", "x"], 9) == {"w": runs, "x": []}
        assert runs_of("d", {"w"}, 2) == {"w": runs[:2]}
        assert runs_of("other", ["w"], 2) == {"w": []}
        assert runs_of("d", [], 2) == {}
    remove(store, third.run)
    found = store.find("d", "w", None)
    assert found is not None
    assert found.run == second.run
    remove(store, first.run)
    fourth = saved(store)
    assert [record.run for record in store.executions(ALL)] == [fourth.run, second.run]
    assert store.check() == []


@store_check
def what_open_runs_reuse(store: Store) -> None:
    saved(store, "has the word origin in its id")
    for number, workflow_id in enumerate(("open", "closed"), 41):
        fork = saved(store, workflow_id, origin=Origin(run=number, run_id="x", until=3))
        if workflow_id == "closed":
            terminated(store, fork)
    with store.transaction() as transaction:
        assert transaction.origins() == {41}
