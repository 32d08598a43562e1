"""Checks of stores: the catalogue."""

from __future__ import annotations

from partita.errors import ConflictError
from partita.ports.store import Store
from partita.testing.conformance.arrange import refused
from partita.testing.conformance.store_arrange import broken_off, store_check


def _put(store: Store, key: str, body: str | None, was: str | None) -> None:
    with store.transaction() as transaction:
        transaction.enter("type", "d", key, body, was)


@store_check
def entries_are_put_replaced_and_removed(store: Store) -> None:
    _put(store, "a", "1", None)
    _put(store, "b", "2", None)
    assert store.entries("type", "d") == {"a": "1", "b": "2"}
    _put(store, "a", "3", "1")
    _put(store, "b", None, "2")
    _put(store, "c", None, None)
    assert store.entries("type", "d") == {"a": "3"}
    assert store.entry("type", "d", "a") == "3"
    assert store.entry("type", "d", "b") is None


@store_check
def entries_belong_to_a_kind_and_a_domain(store: Store) -> None:
    _put(store, "a", "1", None)
    with store.transaction() as transaction:
        assert transaction.entry("type", "other", "a") is None
        assert transaction.entry("other", "d", "a") is None
        assert transaction.entries("type", "other") == {}


@store_check
def a_transaction_sees_what_it_has_put(store: Store) -> None:
    with store.transaction() as transaction:
        transaction.enter("type", "d", "a", "1", None)
        assert transaction.entry("type", "d", "a") == "1"
        transaction.enter("type", "d", "a", "2", "1")
        assert transaction.entries("type", "d") == {"a": "2"}


@store_check
def who_took_it_for_something_else_is_refused(store: Store) -> None:
    _put(store, "a", "1", None)
    for body, was in (("2", None), ("2", "x"), (None, "x")):
        with refused(ConflictError):
            _put(store, "a", body, was)
        assert store.entry("type", "d", "a") == "1"


@store_check
def what_is_locked_can_be_changed_and_required(store: Store) -> None:
    _put(store, "a", "1", None)
    with store.transaction() as transaction:
        assert transaction.lock("type", "d", "b") is None
        assert transaction.lock("type", "d", "a") == "1"
        transaction.enter("type", "d", "a", "2", "1")
        transaction.require("type", "d", "a")
    assert store.entry("type", "d", "a") == "2"


@store_check
def what_is_broken_off_leaves_no_entry(store: Store) -> None:
    with broken_off(store) as transaction:
        transaction.enter("type", "d", "a", "1", None)
    assert store.entry("type", "d", "a") is None
