"""Context variables that user code sets end with the attempt or the query that set them."""

from __future__ import annotations

from contextvars import ContextVar

import pytest

from partita import activity, query, wait_signal, workflow
from partita.errors import WorkflowFailedError
from tests.conftest import Rig
from tests.worker import jobs

USER: ContextVar[str] = ContextVar("user", default="nobody")


@activity(retry=1)
def act(name: str) -> str:
    before = USER.get()
    if name:
        USER.set(name)
    if name == "raises":
        raise ValueError(before)
    return before


@activity
async def act_async(name: str) -> str:
    before = USER.get()
    USER.set(name)
    return before


@workflow
def acting(name: str) -> list[str]:
    return [act(name), act_async.submit(name).result()]


@workflow
def asked() -> str:
    @query
    def greet(name: str) -> str:
        before = USER.get()
        USER.set(name)
        return before

    wait_signal("end", str)
    return USER.get()


@workflow
def apart() -> list[int]:
    return [jobs.count_in_context(), jobs.count_in_context()]


def test_activities_do_not_see_what_others_set(memory_rig: Rig) -> None:
    with memory_rig.worker(acting, act, act_async):
        for name in ("ann", "", "bob", ""):
            assert memory_rig.client.start(acting, name).result(timeout=30) == ["nobody"] * 2
        with pytest.raises(WorkflowFailedError, match="nobody"):
            memory_rig.client.start(acting, "raises").result(timeout=30)
        assert memory_rig.client.start(acting, "").result(timeout=30) == ["nobody"] * 2


def test_what_a_query_sets_is_seen_by_nobody(memory_rig: Rig) -> None:
    with memory_rig.worker(asked):
        first = memory_rig.client.start(asked)
        assert [first.query("greet", name) for name in ("ann", "bob")] == ["nobody"] * 2
        later = memory_rig.client.start(asked)
        for handle in (first, later):
            handle.signal("end", "now")
            assert handle.result(timeout=30) == "nobody"


def test_attempts_in_one_child_process_see_nothing_of_each_other(memory_rig: Rig) -> None:
    with memory_rig.worker(apart, jobs.count_in_context):
        assert memory_rig.client.start(apart).result(timeout=60) == [1, 1]
