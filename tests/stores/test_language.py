"""What every store keeps for the language: types, limits, questions, search attributes."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from partita.engine import catalogue
from partita.ports.catalogue import Answer, LimitRecord, Question
from partita.ports.state import ExecutionFilter
from partita.ports.store import Reads, Store
from tests.stores.test_obligations import activity, committed, new_state, saved, write

LIMIT = LimitRecord(domain="d", task_list="t", concurrency=2, per_second=1.5, burst=3.0)


class LostError(Exception):
    """Break a transaction off."""


def question(id: str, key: str = "w@1") -> Question:
    return Question(id=id, domain="d", run=1, type_key=key, name="state", input="[]", asked_at=1.0)


def unanswered(reads: Reads, *keys: str) -> list[Question]:
    """Return what nobody has answered about some types."""
    found = catalogue.questions(reads, "d")
    return [one for one in found if one.type_key in keys and one.answer is None]


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
    changed = msgspec.structs.replace(LIMIT, tokens=0.5, filled_at=9.0)
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
        used = msgspec.structs.replace(found[0], tokens=0.5)
        catalogue.use_limit(transaction, used, found[1])
    assert catalogue.limits(store, "d") == {"t": used}


def test_places_in_a_lane_are_counted(store: Store) -> None:
    state = saved(store)
    write(store, state, activity("a", lane="t", queue=None), activity("b", lane="t"), activity("c"))
    with store.transaction() as transaction:
        assert transaction.count_running("d", "t") == 2
        assert transaction.count_running("other", "t") == 0
    write(store, state, activity("a"))
    with store.transaction() as transaction:
        assert transaction.count_running("d", "t") == 1


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


def test_executions_are_found_by_search_attributes(store: Store) -> None:
    def described(workflow_id: str, **attributes: Any) -> None:
        with store.transaction() as transaction:
            state = new_state(transaction, workflow_id)
            state.progress = msgspec.structs.replace(state.progress, search_attributes=attributes)
            state.reindex = True
            transaction.write([state])
        committed(state)

    described("a", size=3, kind="x")
    described("b", size=3.5, kind="x", flag=True)
    described("c", size="3", flag=1)

    def found(**attributes: Any) -> list[str]:
        filter = ExecutionFilter(domain="d", attributes=tuple(attributes.items()))
        records = store.executions(filter)
        assert store.count_executions(filter) == len(records)
        return sorted(record.execution.workflow_id for record in records)

    assert found(kind="x") == ["a", "b"]
    assert found(size=3) == ["a"]
    assert found(size=3.5, kind="x") == ["b"]
    assert found(size="3") == found(flag=1) == ["c"]
    assert found(flag=True) == ["b"]
    assert found(nothing=0) == []


def test_one_item_is_read_as_last_committed(store: Store) -> None:
    state = saved(store)
    write(store, state, activity("a"))
    assert store.items(state.run, "activity", "a") == [activity("a")]
    assert store.items(state.run, "activity", "b") == []
    assert store.items(state.run + 1, "activity", "a") == []
