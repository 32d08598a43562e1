"""What an engine keeps in the catalogue of any store."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from partita.engine import catalogue
from partita.engine.leases import new_worker
from partita.errors import ConflictError
from partita.ports.catalogue import Answer, LimitRecord, Question, Retention
from partita.ports.store import Reads, Store

LIMIT = LimitRecord(domain="d", task_list="t", concurrency=2, per_second=1.5, burst=3.0)


class LostError(Exception):
    """Break a transaction off."""


def question(id: str, key: str = "w@1") -> Question:
    return Question(id=id, domain="d", run=1, type_key=key, name="state", input="[]", asked_at=1.0)


def unanswered(reads: Reads, *keys: str) -> list[Question]:
    """Return what nobody has answered about some types."""
    found = catalogue.questions(reads, "d")
    return [one for one in found if one.type_key in keys and one.answer is None]


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


def test_types_are_remembered(store: Store) -> None:
    with store.transaction() as transaction:
        assert not catalogue.has_type(transaction, "d", "w@1")
        catalogue.add_types(transaction, "d", ["w@1", "v@2"])
        catalogue.add_types(transaction, "d", ["w@1"])
    with store.transaction() as transaction:
        assert catalogue.has_type(transaction, "d", "w@1")
        assert catalogue.has_type(transaction, "d", "v@2")
        assert not catalogue.has_type(transaction, "other", "w@1")


def test_limits_are_put_replaced_and_removed(store: Store) -> None:
    with store.transaction() as transaction:
        catalogue.put_limit(transaction, LIMIT)
        catalogue.put_limit(transaction, LimitRecord(domain="d", task_list="u", concurrency=1))
    changed = replace(LIMIT, tokens=0.5, filled_at=9.0)
    with store.transaction() as transaction:
        catalogue.put_limit(transaction, changed)
        catalogue.put_limit(transaction, LimitRecord(domain="d", task_list="u"))
    with store.transaction() as transaction:
        assert catalogue.limits(transaction, "d") == {"t": changed}


def test_limits_are_used_up_while_they_are_locked(store: Store) -> None:
    with store.transaction() as transaction:
        catalogue.put_limit(transaction, LIMIT)
    with store.transaction() as transaction:
        assert catalogue.lock_limit(transaction, "d", "u") is None
        found = catalogue.lock_limit(transaction, "d", "t")
        assert found is not None
        used = replace(found[0], tokens=0.5)
        catalogue.use_limit(transaction, used, found[1])
    assert catalogue.limits(store, "d") == {"t": used}


def test_a_question_and_its_answer(store: Store) -> None:
    with store.transaction() as transaction:
        catalogue.ask(transaction, question("1"))
        catalogue.ask(transaction, question("2", "other@1"))
        assert catalogue.take_answer(transaction, "d", "1") is None
    with store.transaction() as transaction:
        assert unanswered(transaction, "w@1") == [question("1")]
        catalogue.answer(transaction, "d", "1", Answer(result='"yes"'))
    with store.transaction() as transaction:
        assert unanswered(transaction, "w@1", "other@1") == [question("2", "other@1")]
        assert catalogue.take_answer(transaction, "d", "1") == Answer(result='"yes"')
    with store.transaction() as transaction:
        assert catalogue.take_answer(transaction, "d", "1") is None
        catalogue.drop_question(transaction, "d", "2")
        catalogue.answer(transaction, "d", "2", Answer(code="X", message="late"))
    with store.transaction() as transaction:
        assert unanswered(transaction, "w@1", "other@1") == []
        assert catalogue.take_answer(transaction, "d", "3") is None


def test_old_questions_are_removed(store: Store) -> None:
    with store.transaction() as transaction:
        catalogue.ask(transaction, question("1"))
        catalogue.answer(transaction, "d", "1", Answer(result="1"))
        catalogue.drop_questions(transaction, "d", lambda one: one.asked_at < 1.0)
    with store.transaction() as transaction:
        assert catalogue.take_answer(transaction, "d", "1") is not None
        catalogue.ask(transaction, question("2"))
        catalogue.drop_questions(transaction, "d", lambda one: one.asked_at < 1.5)
        assert unanswered(transaction, "w@1") == []


def test_what_is_broken_off_leaves_no_trace(store: Store) -> None:
    with pytest.raises(LostError), store.transaction() as transaction:
        catalogue.add_types(transaction, "d", ["w@1"])
        catalogue.put_limit(transaction, LIMIT)
        catalogue.ask(transaction, question("1"))
        raise LostError
    with store.transaction() as transaction:
        assert not catalogue.has_type(transaction, "d", "w@1")
        assert catalogue.limits(transaction, "d") == {}
        assert unanswered(transaction, "w@1") == []


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


@pytest.mark.parametrize(("body", "was"), [("2", None), ("2", "x"), (None, "x")])
def test_who_is_refused_is_told_what_was_changed(
    store: Store, body: str | None, was: str | None
) -> None:
    with store.transaction() as transaction:
        transaction.enter("type", "d", "a", "1", None)
    with pytest.raises(ConflictError, match="'a' was changed"), store.transaction() as transaction:
        transaction.enter("type", "d", "a", body, was)
