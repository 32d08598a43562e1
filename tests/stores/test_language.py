"""What every store keeps for the language: types, limits, questions, search attributes."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from partita.ports.state import ExecutionFilter
from partita.ports.store import Answer, LimitRecord, Question, Store
from tests.stores.test_obligations import activity, committed, new_state, saved, write

LIMIT = LimitRecord(domain="d", task_list="t", concurrency=2, per_second=1.5, burst=3.0)


class LostError(Exception):
    """Break a transaction off."""


def question(id: str, key: str = "w@1") -> Question:
    return Question(id=id, domain="d", run=1, type_key=key, name="state", input="[]", asked_at=1.0)


def test_types_are_remembered(store: Store) -> None:
    with store.transaction() as transaction:
        assert not transaction.has_type("d", "w@1")
        transaction.add_types("d", ["w@1", "v@2"])
        transaction.add_types("d", ["w@1"])
    with store.transaction() as transaction:
        assert transaction.has_type("d", "w@1")
        assert transaction.has_type("d", "v@2")
        assert not transaction.has_type("other", "w@1")


def test_limits_are_put_replaced_and_removed(store: Store) -> None:
    with store.transaction() as transaction:
        transaction.put_limit(LIMIT)
        transaction.put_limit(LimitRecord(domain="d", task_list="u", concurrency=1))
    changed = msgspec.structs.replace(LIMIT, tokens=0.5, filled_at=9.0)
    with store.transaction() as transaction:
        transaction.put_limit(changed)
        transaction.put_limit(LimitRecord(domain="d", task_list="u"))
    with store.transaction() as transaction:
        assert transaction.limits() == [changed]


def test_places_in_a_lane_are_counted(store: Store) -> None:
    state = saved(store)
    write(store, state, activity("a", lane="t", queue=None), activity("b", lane="t"), activity("c"))
    with store.transaction() as transaction:
        assert transaction.lane("d", "t")[1] == 2
        assert transaction.lane("other", "t")[1] == 0
    write(store, state, activity("a"))
    with store.transaction() as transaction:
        assert transaction.lane("d", "t")[1] == 1


def test_a_question_and_its_answer(store: Store) -> None:
    with store.transaction() as transaction:
        transaction.ask(question("1"))
        transaction.ask(question("2", "other@1"))
        assert transaction.take_answer("1") is None
    with store.transaction() as transaction:
        assert transaction.questions("d", ["w@1"]) == [question("1")]
        transaction.answer("1", Answer(result='"yes"'))
    with store.transaction() as transaction:
        assert transaction.questions("d", ["w@1", "other@1"]) == [question("2", "other@1")]
        assert transaction.take_answer("1") == Answer(result='"yes"')
    with store.transaction() as transaction:
        assert transaction.take_answer("1") is None
        transaction.drop_question("2")
        transaction.answer("2", Answer(code="X", message="late"))
    with store.transaction() as transaction:
        assert transaction.questions("d", ["w@1", "other@1"]) == []
        assert transaction.take_answer("3") is None


def test_old_questions_are_removed(store: Store) -> None:
    with store.transaction() as transaction:
        transaction.ask(question("1"))
        transaction.answer("1", Answer(result="1"))
        transaction.drop_questions_before(1.0)
    with store.transaction() as transaction:
        assert transaction.take_answer("1") is not None
        transaction.ask(question("2"))
        transaction.drop_questions_before(1.5)
        assert transaction.questions("d", ["w@1"]) == []


def test_what_is_broken_off_leaves_no_trace(store: Store) -> None:
    with pytest.raises(LostError), store.transaction() as transaction:
        transaction.add_types("d", ["w@1"])
        transaction.put_limit(LIMIT)
        transaction.ask(question("1"))
        raise LostError
    with store.transaction() as transaction:
        assert not transaction.has_type("d", "w@1")
        assert transaction.limits() == []
        assert transaction.questions("d", ["w@1"]) == []


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
    assert store.item(state.run, "activity", "a") is not None
    assert store.item(state.run, "activity", "b") is None
    assert store.item(state.run + 1, "activity", "a") is None
