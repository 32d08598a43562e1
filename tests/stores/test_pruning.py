"""What `store.Pruning` obliges every store to do: executions go whole, and so do their keys."""

from __future__ import annotations

import pytest

from partita.engine import catalogue
from partita.ports.catalogue import Retention
from partita.ports.state import ExecutionFilter, Origin, State, Status
from partita.ports.store import Store
from partita.rules import apply, decide
from partita.rules.commands import Terminate
from tests.stores.test_obligations import activity, saved, write

ALL = ExecutionFilter(domain="d")


def ended(store: Store, workflow_id: str, **more: object) -> State:
    """Return an execution that is closed."""
    state = saved(store, workflow_id, **more)
    state.progress.search_attributes["colour"] = "red"
    state.reindex = True
    write(store, state, activity("a", queue="q"))
    apply(state, decide(state, Terminate(), 2.0))
    write(store, state)
    return state


def remove(store: Store, *runs: int) -> None:
    with store.transaction() as transaction:
        assert [one.run for one in transaction.hold(runs)] == sorted(runs)
        transaction.remove(runs)


def test_an_execution_goes_with_all_that_is_its_own(store: Store) -> None:
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


def test_nothing_goes_with_a_block_that_raises(store: Store) -> None:
    state = ended(store, "w")
    with pytest.raises(ZeroDivisionError), store.transaction() as transaction:
        transaction.remove([state.run])
        raise ZeroDivisionError
    assert [record.run for record in store.executions(ALL)] == [state.run]
    assert len(store.events(state.run, 0)) == 3
    assert store.find("d", "w", None) is not None


def test_only_what_is_there_is_held(store: Store) -> None:
    state = ended(store, "w")
    with store.transaction() as transaction:
        (found,) = transaction.hold([state.run, state.run + 99])
        assert (found.run, found.progress) == (state.run, state.progress)
        assert transaction.hold([]) == []
        transaction.remove([])


def test_keys_are_never_used_again(store: Store) -> None:
    states = [ended(store, f"w{number}") for number in range(3)]
    last = states[-1].run
    remove(store, *(state.run for state in states))
    assert saved(store).run > last


def test_the_newest_run_is_the_newest_that_is_left(store: Store) -> None:
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


def test_what_open_runs_reuse(store: Store) -> None:
    saved(store, "has the word origin in its id")
    for number, workflow_id in enumerate(("open", "closed"), 41):
        fork = saved(store, workflow_id, origin=Origin(run=number, run_id="x", until=3))
        if workflow_id == "closed":
            apply(fork, decide(fork, Terminate(), 2.0))
            write(store, fork)
    with store.transaction() as transaction:
        assert transaction.origins() == {41}


def test_closed_executions_by_their_beginning(store: Store) -> None:
    saved(store, "open", started_at=1.0)
    ended(store, "elsewhere", domain="other")
    for number in (3, 1, 2, 1):
        ended(store, f"w{number}", started_at=float(number), type_name=f"type{number}")

    def pages(**filter: object) -> list[list[str]]:
        found, after = [], (0.0, 0)
        wanted = ExecutionFilter(domain="d", limit=2, **filter)  # type: ignore[arg-type]
        while page := store.executions(wanted, after):
            found.append([record.execution.workflow_id for record in page])
            after = page[-1].execution.started_at, page[-1].run
        return found

    assert pages() == [["w1", "w1"], ["w2", "w3"]]
    assert pages(started_before=3.0) == [["w1", "w1"], ["w2"]]
    assert pages(type_name="type2") == [["w2"]]
    assert pages(statuses=(Status.TERMINATED,), started_before=2.0) == [["w1", "w1"]]
    assert pages(statuses=(Status.COMPLETED,)) == []


def test_retentions(store: Store) -> None:
    first, other = Retention(domain="d", seconds=60.0), Retention(domain="e", seconds=1.5)
    with store.transaction() as transaction:
        for one in (first, other, first):
            catalogue.put_retention(transaction, one)
        assert sorted(one.domain for one in catalogue.retentions(transaction)) == ["d", "e"]
    with store.transaction() as transaction:
        catalogue.drop_retention(transaction, "e")
        catalogue.drop_retention(transaction, "unknown")
    assert catalogue.retentions(store) == [first]


def test_one_look_is_claimed_once(store: Store) -> None:
    one = Retention(domain="d", seconds=60.0, next_at=1.0)
    with store.transaction() as transaction:
        catalogue.put_retention(transaction, one)
    with store.transaction() as transaction:
        assert catalogue.claim_retention(transaction, one, 9.0)
    with store.transaction() as transaction:
        assert not catalogue.claim_retention(transaction, one, 10.0)
    assert catalogue.retentions(store) == [Retention(domain="d", seconds=60.0, next_at=9.0)]
