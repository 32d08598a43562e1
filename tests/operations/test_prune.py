"""What is removed, what stays because others may ask for it, and that retention does it alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from partita import history as h
from partita.engine import Engine, catalogue
from partita.engine.removal import Pruner
from partita.engine.timing import Timing
from partita.engine.transaction import EngineTransaction
from partita.errors import ExecutionAlreadyStartedError, ExecutionNotFoundError, InvalidOptionError
from partita.history.document import load
from partita.operations.archive import Archive
from partita.operations.prune import prune, read_span, set_retention, span_text
from partita.ports.capabilities import PruneRequest
from partita.ports.catalogue import Question
from partita.ports.service import ForkRequest, ReusePolicy
from partita.ports.state import ExecutionFilter, Status
from partita.ports.store import Store
from partita.stores.memory import MemoryStore
from partita.testing.clock import Clock
from partita.testing.conformance.arrange import FLOW, answer, decision_task, start
from partita.worker import Worker
from tests.conftest import until

DAY = 86400.0
DONE = h.CompleteWorkflowExecution(result="1")
AGAIN = h.ContinueAsNewWorkflowExecution(input="[2]")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def engine(store: Store, clock: Clock) -> Iterator[Engine]:
    made = Engine(store, clock=clock)
    made.register_workflow_type("default", FLOW)
    yield made
    assert store.check() == []
    made.close()


def closed(
    engine: Engine, workflow_id: str, *, runs: int = 1, **options: Any
) -> h.WorkflowExecution:
    """Return an execution that is done, at the end of a chain of runs."""
    execution = start(engine, workflow_id, **options)
    for _ in range(runs - 1):
        answer(engine, AGAIN)
    answer(engine, DONE)
    return execution


def older_than(clock: Clock, seconds: float, **more: Any) -> PruneRequest:
    return PruneRequest(closed_before=clock() - seconds, **more)


def pruned(engine: Engine, request: PruneRequest, **how: Any) -> list[str]:
    found = prune(engine, request, **how)
    return sorted(info.workflow_id for group in found for info in group.infos)


def left(engine: Engine) -> list[str]:
    """The workflow ids of all the runs that are here, oldest first."""
    page = engine.list_executions(ExecutionFilter(limit=1000))
    return [info.workflow_id for info in page.executions][::-1]


def test_what_ended_long_ago_goes(engine: Engine, clock: Clock) -> None:
    for number in range(45):
        closed(engine, f"old{number}")
    start(engine, "open")
    clock.advance(2 * DAY)
    closed(engine, "new")
    request = older_than(clock, DAY)
    assert len(pruned(engine, request, dry=True)) == 45
    assert len(left(engine)) == 47
    assert len(pruned(engine, request)) == 45
    assert left(engine) == ["open", "new"]
    assert pruned(engine, request) == []
    with pytest.raises(ExecutionNotFoundError):
        engine.describe("default", h.WorkflowExecution("old1", ""))


def test_the_age_counts_from_the_end(engine: Engine, clock: Clock) -> None:
    start(engine, "long")
    clock.advance(2 * DAY)
    answer(engine, DONE)
    clock.advance(1)
    assert pruned(engine, older_than(clock, DAY)) == []
    assert pruned(engine, older_than(clock, 0)) == ["long"]


def test_only_what_is_asked_for(engine: Engine, clock: Clock) -> None:
    closed(engine, "done")
    closed(engine, "other type", workflow_type=h.WorkflowType("other"))
    ended = start(engine, "ended")
    engine.terminate_workflow_execution("default", ended, None)
    clock.advance(DAY)
    assert pruned(engine, older_than(clock, 0, domain="other")) == []
    assert pruned(engine, older_than(clock, 0, statuses=(Status.TERMINATED,))) == ["ended"]
    assert pruned(engine, older_than(clock, 0, type_name="other")) == ["other type"]
    assert left(engine) == ["done"]


# -- what stays


def test_a_child_stays_as_long_as_its_parent_is_open(engine: Engine, clock: Clock) -> None:
    child = h.StartChildWorkflowExecution(workflow_id="child", workflow_type=FLOW)
    parent = start(engine, "parent")
    answer(engine, child)
    task = decision_task(engine)
    while task.workflow_execution.workflow_id != "child":  # the parent hears that it began
        engine.complete_decision(task.token, [])
        task = decision_task(engine)
    engine.complete_decision(task.token, [DONE])
    clock.advance(DAY)
    assert pruned(engine, older_than(clock, 0)) == []
    engine.terminate_workflow_execution("default", parent, None)
    clock.advance(DAY)
    assert pruned(engine, older_than(clock, 0)) == ["child", "parent"]


def test_an_origin_stays_as_long_as_its_fork_is_open(engine: Engine, clock: Clock) -> None:
    closed(engine, "origin")
    fork = engine.fork_workflow_execution(
        ForkRequest(workflow_id="origin", new_workflow_id="fork", event_id=1)
    )
    clock.advance(DAY)
    assert pruned(engine, older_than(clock, 0)) == []
    engine.terminate_workflow_execution("default", fork, None)
    clock.advance(DAY)
    assert pruned(engine, older_than(clock, 0)) == ["fork", "origin"]


def test_a_chain_keeps_its_first_run_and_its_last(engine: Engine, clock: Clock) -> None:
    first = start(engine, "chain")
    for _ in range(9):
        answer(engine, AGAIN)
    clock.advance(DAY)
    assert len(pruned(engine, older_than(clock, 0))) == 8
    runs = engine.list_executions(ExecutionFilter(workflow_id="chain")).executions
    assert [info.status for info in runs] == [Status.OPEN, Status.CONTINUED_AS_NEW]
    assert start(engine, "chain").run_id == runs[0].run_id  # the same start is still the same
    with pytest.raises(ExecutionAlreadyStartedError):
        start(engine, "chain", input="[3]")
    assert runs[1].run_id == first.run_id
    answer(engine, DONE)
    assert start(engine, "chain").run_id == runs[0].run_id
    clock.advance(DAY)
    assert pruned(engine, older_than(clock, 0)) == ["chain", "chain"]
    assert start(engine, "chain").run_id not in (runs[0].run_id, first.run_id)


def test_a_chain_goes_whole_once_it_is_over(engine: Engine, clock: Clock) -> None:
    closed(engine, "chain", runs=50)
    clock.advance(DAY)
    request = older_than(clock, 0)
    assert len(pruned(engine, request, dry=True)) == 50
    assert len(pruned(engine, request)) == 50
    assert left(engine) == []


def test_the_newest_run_stays_as_long_as_an_older_one(engine: Engine, clock: Clock) -> None:
    first = start(engine, "w")
    engine.terminate_workflow_execution("default", first, None)
    closed(engine, "w", reuse_policy=ReusePolicy.ALLOW)
    clock.advance(DAY)
    done = older_than(clock, 0, statuses=(Status.COMPLETED,))
    assert pruned(engine, done) == []
    with pytest.raises(ExecutionAlreadyStartedError):
        start(engine, "w", reuse_policy=ReusePolicy.ALLOW_AFTER_FAILURE)
    assert pruned(engine, older_than(clock, 0, statuses=(Status.TERMINATED,))) == ["w"]
    assert pruned(engine, done) == ["w"]


def test_an_id_is_new_after_all_of_it_has_gone(engine: Engine, clock: Clock) -> None:
    before = closed(engine, "w")
    clock.advance(DAY)
    assert start(engine, "w") == before
    pruned(engine, older_than(clock, 0))
    after = start(engine, "w", input="[3]")
    assert after.run_id != before.run_id
    assert left(engine) == ["w"]


def test_what_another_request_of_the_transaction_looks_at_stays(
    engine: Engine, clock: Clock
) -> None:
    execution = closed(engine, "w")
    clock.advance(DAY)
    request = older_than(clock, 0)
    (group,) = engine.prunable(request, (0.0, 0)).groups

    def both(tx: Any) -> list[int]:
        assert tx.find("default", "w") is not None
        return Pruner(tx, request).remove([one.key for one in group])

    assert engine._scheduler.inbox.ask(both) == []
    assert start(engine, "w") == execution


# -- an archive


def test_what_goes_is_in_the_archive(engine: Engine, clock: Clock, tmp_path: Path) -> None:
    for number in range(25):
        closed(engine, f"w{number}")
    histories = {
        f"w{number}": engine.history("default", h.WorkflowExecution(f"w{number}", ""))
        for number in range(25)
    }
    clock.advance(DAY)
    path = tmp_path / "old.jsonl"
    with Archive(path) as archive:
        pruned(engine, older_than(clock, 0), archive=archive)
    assert left(engine) == []
    kept = [load(line) for line in path.read_text().splitlines()]
    assert {one.execution.workflow_id: list(one.events) for one in kept} == histories


def test_nothing_goes_that_cannot_be_written(engine: Engine, clock: Clock, tmp_path: Path) -> None:
    closed(engine, "w")
    clock.advance(DAY)
    archive = Archive(tmp_path / "old.jsonl")
    archive.close()
    with pytest.raises(ValueError, match="closed"):
        pruned(engine, older_than(clock, 0), archive=archive)
    assert left(engine) == ["w"]


# -- retention


def test_retention_removes_what_is_over(engine: Engine, clock: Clock) -> None:
    closed(engine, "w")
    set_retention(engine, "default", DAY)
    set_retention(engine, "other", 60)
    assert engine.retentions() == {"default": DAY, "other": 60.0}
    assert engine.apply_retentions() == 0
    clock.advance(DAY + 1)
    assert engine.apply_retentions() == 1
    assert left(engine) == []
    closed(engine, "next")
    clock.advance(2 * DAY)
    set_retention(engine, "default", None)
    assert engine.apply_retentions() == 0
    assert engine.retentions() == {"other": 60.0}


def test_one_engine_looks_for_all(store: Store, clock: Clock, engine: Engine) -> None:
    set_retention(engine, "default", DAY)
    closed(engine, "w")
    engine.apply_retentions()
    (one,) = catalogue.retentions(store)
    assert one.next_at == clock() + 3600  # a twentieth of a day, but an hour at most
    clock.advance(DAY + 1)
    other = Engine(store, clock=clock)
    assert engine.apply_retentions() + other.apply_retentions() == 1
    other._scheduler.inbox.close()


def test_a_worker_does_it_by_itself(clock: Clock) -> None:
    engine = Engine(MemoryStore(), clock=clock, timing=Timing(retention_interval=0.01))
    closed(engine, "w")
    set_retention(engine, "default", DAY)
    clock.advance(2 * DAY)
    with Worker(engine, workflows=[], activities=[]):
        until(lambda: left(engine) == [])
    engine.close()


@pytest.mark.parametrize("span", [0, -1, 59, float("nan"), True])
def test_a_retention_that_cannot_be_meant(span: Any) -> None:
    engine = Engine(MemoryStore())
    with pytest.raises(InvalidOptionError):
        set_retention(engine, "default", span)
    engine.close()


def test_spans() -> None:
    assert read_span("1.5h").total_seconds() == 5400
    assert [read_span(f"1{unit}").total_seconds() for unit in "smdw"] == [1, 60, DAY, 7 * DAY]
    assert read_span("0d").total_seconds() == 0
    for text in ("2d", "30d", "12h", "90m", "75s", "90.5s"):
        assert span_text(read_span(text).total_seconds()) == text
    for text in ("", "d", "30", "-1d", "1y", "1e9d", "999999999999w", "1.2.3d", "٣d"):
        with pytest.raises(InvalidOptionError, match="30d"):
            read_span(text)


def test_questions_about_what_is_removed_go_with_it(engine: Engine, clock: Clock) -> None:
    closed(engine, "gone")
    start(engine, "kept")
    runs = {one: engine.store.find("default", one, None) for one in ("gone", "kept")}

    def ask(tx: EngineTransaction) -> None:
        for name, record in runs.items():
            assert record is not None
            question = Question(
                id=name,
                domain="default",
                run=record.run,
                type_key=FLOW.key,
                name="n",
                input=None,
                asked_at=clock(),
            )
            catalogue.ask(tx.stored, question)

    engine.transact(ask)
    clock.advance(DAY)
    assert sum(one.removed for one in prune(engine, older_than(clock, 1.0))) == 1
    assert [one.id for one in catalogue.questions(engine.store, "default")] == ["kept"]
