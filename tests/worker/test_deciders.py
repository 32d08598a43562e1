"""A worker takes deciders of any kind, not only Python functions and classes of ours."""

from __future__ import annotations

from typing import Any

import pytest

from partita import activity
from partita import history as h
from partita.errors import UnknownTypeError
from partita.ports.decider import Decider
from partita.ports.service import DecisionTask, StartRequest
from partita.worker import PollingWorker, Worker
from tests.conftest import Rig


@activity(name="shout")
def shout(text: str) -> str:
    return text.upper()


class Relay(Decider):
    """Run one activity with the input of the workflow, and complete with its result."""

    keys = ("relay@1",)

    def decide(self, task: DecisionTask) -> list[h.AnyDecision]:
        done = [one for one in task.events if isinstance(one, h.ActivityTaskCompleted)]
        if done:
            return [h.CompleteWorkflowExecution(result=done[0].result)]
        begun = task.events[0]
        assert isinstance(begun, h.WorkflowExecutionStarted)
        return [
            h.ScheduleActivityTask(
                activity_id="a", activity_type=shout.activity_type, input=begun.input
            )
        ]


def start(rig: Rig) -> h.WorkflowExecution:
    request = StartRequest(
        workflow_id="r", workflow_type=h.WorkflowType("relay"), input='["hello"]'
    )
    return rig.engine.start_workflow_execution(request)


def result(rig: Rig, execution: h.WorkflowExecution) -> Any:
    last = rig.engine.history("default", execution)[-1]
    return getattr(last, "result", last)


def test_a_worker_takes_a_decider_as_it_is(memory_rig: Rig) -> None:
    with Worker(memory_rig.engine, workflows=[], activities=[shout], deciders=[Relay()]):
        execution = start(memory_rig)
        assert memory_rig.engine.wait_closed("default", execution, 20) is not None
        assert result(memory_rig, execution) == '"HELLO"'
        with pytest.raises(UnknownTypeError, match="relay@1 answers no query mood"):
            memory_rig.engine.query_workflow("default", execution, "mood", None, 5)


def test_so_does_one_that_is_stepped_by_hand(memory_rig: Rig) -> None:
    execution = start(memory_rig)
    worker = PollingWorker(memory_rig.engine, workflows=[], activities=[shout], deciders=[Relay()])
    while worker.step():
        pass
    assert result(memory_rig, execution) == '"HELLO"'
