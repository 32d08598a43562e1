"""What every store keeps for the wire protocols: the catalogue, and how long a queue is."""

from __future__ import annotations

import pytest

from partita.errors import ConflictError
from partita.ports.store import Store
from tests.stores.test_obligations import activity, saved, write


class LostError(Exception):
    """Break a transaction off."""


def put(store: Store, key: str, body: str | None, was: str | None) -> None:
    with store.transaction() as transaction:
        transaction.enter("type", "d", key, body, was)


def test_entries_are_put_replaced_and_removed(store: Store) -> None:
    put(store, "a", "1", None)
    put(store, "b", "2", None)
    assert store.entries("type", "d") == {"a": "1", "b": "2"}
    put(store, "a", "3", "1")
    put(store, "b", None, "2")
    put(store, "c", None, None)
    assert store.entries("type", "d") == {"a": "3"}
    assert store.entry("type", "d", "a") == "3"
    assert store.entry("type", "d", "b") is None


def test_entries_belong_to_a_kind_and_a_domain(store: Store) -> None:
    put(store, "a", "1", None)
    with store.transaction() as transaction:
        assert transaction.entry("type", "other", "a") is None
        assert transaction.entry("other", "d", "a") is None
        assert transaction.entries("type", "other") == {}


def test_a_transaction_sees_what_it_has_put(store: Store) -> None:
    with store.transaction() as transaction:
        transaction.enter("type", "d", "a", "1", None)
        assert transaction.entry("type", "d", "a") == "1"
        transaction.enter("type", "d", "a", "2", "1")
        assert transaction.entries("type", "d") == {"a": "2"}


@pytest.mark.parametrize(("body", "was"), [("2", None), ("2", "x"), (None, "x")])
def test_who_took_it_for_something_else_is_refused(
    store: Store, body: str | None, was: str | None
) -> None:
    put(store, "a", "1", None)
    with pytest.raises(ConflictError, match="'a' was changed"):
        put(store, "a", body, was)
    assert store.entry("type", "d", "a") == "1"


def test_what_is_broken_off_leaves_no_entry(store: Store) -> None:
    with pytest.raises(LostError), store.transaction() as transaction:
        transaction.enter("type", "d", "a", "1", None)
        raise LostError
    assert store.entry("type", "d", "a") is None


def test_what_waits_in_a_queue_is_counted(store: Store) -> None:
    state = saved(store)
    waiting = [activity(id, queue="t") for id in "ab"]
    write(store, state, *waiting, activity("c", queue=None), activity("d", queue="u"))
    found = {(one.domain, one.kind, one.task_list): one.count for one in store.backlogs()}
    assert found == {
        ("d", "activity", "t"): 2,
        ("d", "activity", "u"): 1,
        ("d", "decision", "default"): 1,
    }
    assert store.backlogs("d") == store.backlogs()
    assert store.backlogs("other") == []
