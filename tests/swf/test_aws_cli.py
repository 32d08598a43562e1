"""Scripts for the AWS CLI, which this project did not write, against the endpoint."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from partita.history import AnyEvent
from partita.swf.wire_format import DECISIONS
from tests.swf.aws_cli import aws_cli
from tests.swf.conftest import Endpoint, decision, serving

SCRIPTS = Path(__file__).parent / "scripts"

OPEN = [
    decision(
        "ScheduleActivityTask", activityType={"name": "charge", "version": "1"}, activityId="a"
    ),
    decision("RequestCancelActivityTask", activityId="a"),
    decision("StartTimer", timerId="t", startToFireTimeout="600"),
    decision("CancelTimer", timerId="t"),
    decision("RecordMarker", markerName="m"),
    decision(
        "StartChildWorkflowExecution",
        workflowType={"name": "child", "version": "1"},
        workflowId="c",
    ),
    decision("SignalExternalWorkflowExecution", workflowId="nobody", signalName="s"),
    decision("RequestCancelExternalWorkflowExecution", workflowId="nobody"),
    decision("ScheduleLambdaFunction", id="f", name="function"),
]

CLOSING = {  # the last one leaves a decision task to whoever polls next
    "CompleteWorkflowExecution": "WorkflowExecutionCompleted",
    "FailWorkflowExecution": "WorkflowExecutionFailed",
    "CancelWorkflowExecution": "WorkflowExecutionCanceled",
    "ContinueAsNewWorkflowExecution": "WorkflowExecutionContinuedAsNew",
}


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Endpoint]:
    with serving(tmp_path, functions={"function": lambda event, context: "out"}) as endpoint:
        yield endpoint


def run(script: str, endpoint: Endpoint, folder: Path) -> str:
    """Run a script of the AWS CLI, which must succeed; return what it says."""
    environment = {
        **os.environ,
        "SWF": f"{folder / 'aws'} --output text --endpoint-url {endpoint.url} swf",
        "AWS_ACCESS_KEY_ID": "AKID",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_PAGER": "",
        "DECISIONS": str(folder),
    }
    with aws_cli(folder):
        done = subprocess.run(
            ["sh", "-eu", SCRIPTS / script], env=environment, capture_output=True, text=True
        )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def events(endpoint: Endpoint, workflow_id: str, run: int = 0) -> list[AnyEvent]:
    store = endpoint.engine.store
    record = store.find("shop", workflow_id, None)
    assert record is not None
    return store.events(record.run + run, 0)


@pytest.mark.timeout(300)
def test_a_life_from_end_to_end(made: Endpoint, tmp_path: Path) -> None:
    said = run("lifecycle.sh", made, tmp_path)
    assert said.split()[-1] == "WorkflowExecutionCompleted"
    assert len(said.split()) == len(events(made, "order-1"))


@pytest.mark.timeout(300)
def test_every_decision_type(made: Endpoint, tmp_path: Path) -> None:
    assert {one["decisionType"] for one in OPEN} | set(CLOSING) == set(DECISIONS)
    (tmp_path / "open.json").write_text(json.dumps(OPEN))
    for place, kind in enumerate(CLOSING):
        closing = tmp_path / f"close-{place}.json"
        closing.write_text(json.dumps([{"decisionType": kind}]))
    run("decisions.sh", made, tmp_path)
    kinds = [event.event_type for event in events(made, "all")]
    for expected in (
        "ActivityTaskCanceled",
        "TimerCanceled",
        "MarkerRecorded",
        "ChildWorkflowExecutionStarted",
        "SignalExternalWorkflowExecutionFailed",
        "RequestCancelExternalWorkflowExecutionFailed",
        "LambdaFunctionScheduled",
        "WorkflowExecutionTerminated",
    ):
        assert expected in kinds
    for place, (kind, event) in enumerate(CLOSING.items()):
        back = -1 if kind == "ContinueAsNewWorkflowExecution" else 0
        assert events(made, f"close-{place}", back)[-1].event_type == event
