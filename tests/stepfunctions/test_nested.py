"""Machines that start executions at their own endpoint."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from partita.engine import Engine
from partita.history import WorkflowExecution
from partita.server.local import stepfunctions_endpoint
from partita.stepfunctions.front import nested_executions
from partita.stores.memory import MemoryStore
from partita.stores.sqlite.store import SqliteStore
from tests.conftest import RunningClock
from tests.stepfunctions import endpoint  # noqa: F401 - for the keys
from tests.stepfunctions.test_restart import client_of
from tests.swf.command import served

ROLE = "arn:aws:iam::123456789012:role/sfn"
PREFIX = "arn:aws:states:us-east-1:123456789012"


def machine(client: Any, name: str, state: dict[str, Any], type: str = "STANDARD") -> str:
    definition = {"StartAt": "A", "States": {"A": {**state}}}
    return str(
        client.create_state_machine(
            name=name, definition=json.dumps(definition), roleArn=ROLE, type=type
        )["stateMachineArn"]
    )


def finished(client: Any, arn: str, name: str) -> dict[str, Any]:
    execution = client.start_execution(stateMachineArn=arn, name=name)["executionArn"]
    found: dict[str, Any] = client.describe_execution(executionArn=execution)
    while found["status"] == "RUNNING":
        found = client.describe_execution(executionArn=execution)
    return found


@pytest.mark.parametrize("pattern", ["", ".sync", ".sync:2"])
def test_an_execution_starts_another(pattern: str) -> None:
    with stepfunctions_endpoint() as url:
        client = boto3.client(
            "stepfunctions", "us-east-1", endpoint_url=url, config=Config(inject_host_prefix=False)
        )
        inner = machine(client, "inner", {"Type": "Pass", "Result": {"x": 1}, "End": True})
        failing = machine(client, "failing", {"Type": "Fail", "Error": "E", "Cause": "c"})
        task = {"Type": "Task", "Resource": f"arn:aws:states:::states:startExecution{pattern}"}

        def outer(name: str, target: str) -> dict[str, Any]:
            given = {"StateMachineArn": target, "Name": f"by-{name}"}
            arn = machine(client, name, {**task, "Parameters": given, "End": True})
            return finished(client, arn, "one")

        found = outer("outer", inner)
        assert found["status"] == "SUCCEEDED"
        output = json.loads(found["output"])
        assert output["ExecutionArn"] == f"{PREFIX}:execution:inner:by-outer"
        if pattern:
            shown = output["Output"]
            assert (json.loads(shown) if pattern == ".sync" else shown) == {"x": 1}
            events = client.get_execution_history(executionArn=found["executionArn"])["events"]
            types = [one["type"] for one in events]
            assert types[2:6] == ["TaskScheduled", "TaskStarted", "TaskSubmitted", "TaskSucceeded"]
            submitted = events[4]["taskSubmittedEventDetails"]
            assert json.loads(submitted["output"])["ExecutionArn"] == output["ExecutionArn"]
            assert submitted["resource"] == f"startExecution{pattern}"
            failed = outer("unlucky", failing)
            assert (failed["status"], failed["error"]) == ("FAILED", "States.TaskFailed")
            assert json.loads(failed["cause"])["Error"] == "E"
        missing = outer("lost", f"{PREFIX}:stateMachine:none")
        assert missing["error"] == "StepFunctions.StateMachineDoesNotExistException"


SYNC = "arn:aws:states:::states:startExecution.sync:2"
WAITING = {"Type": "Wait", "Seconds": 1000, "End": True}


def waiting_machines(client: Any, **more: Any) -> tuple[str, str]:
    """Return a machine whose task waits for one that waits for another, and that last one."""
    innermost = machine(client, "innermost", WAITING)
    inner = machine(client, "inner", starts(innermost, "third"))
    return machine(client, "outer", starts(inner, "second", **more)), innermost


def starts(target: str, name: str, **more: Any) -> dict[str, Any]:
    given = {"StateMachineArn": target, "Name": name}
    return {"Type": "Task", "Resource": SYNC, "Parameters": given, "End": True, **more}


def until(client: Any, machine: str, name: str, status: str) -> dict[str, Any]:
    """Wait for the status of an execution, which may not have begun; return its description."""
    arn = f"{PREFIX}:execution:{machine}:{name}"
    while True:
        try:
            found: dict[str, Any] = client.describe_execution(executionArn=arn)
        except client.exceptions.ExecutionDoesNotExist:
            continue
        if found["status"] == status:
            return found


@pytest.mark.parametrize("end", ["stopped", "task timed out", "execution timed out"])
def test_nested_executions_end_with_the_outer_one(end: str) -> None:
    with stepfunctions_endpoint() as url:
        client = boto3.client(
            "stepfunctions", "us-east-1", endpoint_url=url, config=Config(inject_host_prefix=False)
        )
        limit = {"TimeoutSeconds": 1} if end == "task timed out" else {}
        outer, _ = waiting_machines(client, **limit)
        if end == "execution timed out":
            found = client.describe_state_machine(stateMachineArn=outer)
            definition = {**json.loads(found["definition"]), "TimeoutSeconds": 1}
            client.update_state_machine(stateMachineArn=outer, definition=json.dumps(definition))
        execution = client.start_execution(stateMachineArn=outer, name="first")["executionArn"]
        if end == "stopped":
            until(client, "innermost", "third", "RUNNING")
            client.stop_execution(executionArn=execution, error="E", cause="c")
        until(client, "inner", "second", "ABORTED")
        until(client, "innermost", "third", "ABORTED")
        statuses = {"stopped": "ABORTED", "task timed out": "FAILED"}
        found = client.describe_execution(executionArn=execution)
        assert found["status"] == statuses.get(end, "TIMED_OUT")


def pausing(
    monkeypatch: pytest.MonkeyPatch, *, has_started: bool
) -> tuple[threading.Event, threading.Event, threading.Event]:
    """Pause the starts of nested executions, just before they are carried out or just after.

    Return the events that one has paused, that it may go on, and that it has ended.
    """
    paused, goes_on, ended = threading.Event(), threading.Event(), threading.Event()
    submit = nested_executions._submit

    def pause() -> None:
        paused.set()
        assert goes_on.wait(30)

    def held(front: Any, parameters: Any) -> Any:
        try:
            if not has_started:
                pause()
            result = submit(front, parameters)
            if has_started:
                pause()
            return result
        finally:
            ended.set()

    monkeypatch.setattr(nested_executions, "_submit", held)
    return paused, goes_on, ended


@pytest.mark.parametrize("names_it", [True, False])
def test_an_execution_stops_with_one_that_has_not_recorded_its_start(
    names_it: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    paused, goes_on, _ = pausing(monkeypatch, has_started=True)
    with stepfunctions_endpoint() as url:
        client = boto3.client("stepfunctions", "us-east-1", endpoint_url=url)
        inner = machine(client, "inner", WAITING)
        task = starts(inner, "second")
        if not names_it:
            del task["Parameters"]["Name"]
        outer = machine(client, "outer", task)
        execution = client.start_execution(stateMachineArn=outer, name="first")["executionArn"]
        try:
            assert paused.wait(30)
            client.stop_execution(executionArn=execution)
            found = client.list_executions(stateMachineArn=inner)["executions"]
            assert [one["status"] for one in found] == ["ABORTED"]
        finally:
            goes_on.set()


def test_an_execution_that_was_stopped_starts_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    paused, goes_on, ended = pausing(monkeypatch, has_started=False)
    with stepfunctions_endpoint() as url:
        client = boto3.client("stepfunctions", "us-east-1", endpoint_url=url)
        inner = machine(client, "inner", WAITING)
        outer = machine(client, "outer", starts(inner, "second"))
        execution = client.start_execution(stateMachineArn=outer, name="first")["executionArn"]
        try:
            assert paused.wait(30)
            client.stop_execution(executionArn=execution)
        finally:
            goes_on.set()
        assert ended.wait(30)
        assert client.list_executions(stateMachineArn=inner)["executions"] == []


def test_an_execution_of_the_same_name_that_others_started_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    paused, goes_on, _ = pausing(monkeypatch, has_started=False)
    with stepfunctions_endpoint() as url:
        client = boto3.client("stepfunctions", "us-east-1", endpoint_url=url)
        inner = machine(client, "inner", WAITING)
        outer = machine(client, "outer", starts(inner, "second"))
        execution = client.start_execution(stateMachineArn=outer, name="first")["executionArn"]
        try:
            assert paused.wait(30)
            client.start_execution(stateMachineArn=inner, name="second")
            client.stop_execution(executionArn=execution)
        finally:
            goes_on.set()
        found = client.list_executions(stateMachineArn=inner)["executions"]
        assert [one["status"] for one in found] == ["RUNNING"]


def test_a_start_that_takes_longer_than_the_task_may_is_undone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    paused, goes_on, _ = pausing(monkeypatch, has_started=True)
    with stepfunctions_endpoint() as url:
        client = boto3.client("stepfunctions", "us-east-1", endpoint_url=url)
        inner = machine(client, "inner", WAITING)
        outer = machine(client, "outer", starts(inner, "second", TimeoutSeconds=1))
        began = time.time()
        execution = client.start_execution(stateMachineArn=outer, name="first")["executionArn"]
        try:
            assert paused.wait(30)
            while time.time() < began + 1.2:  # whoever measured the time would have ended it
                client.describe_execution(executionArn=execution)
        finally:
            goes_on.set()
        until(client, "inner", "second", "ABORTED")
        found = until(client, "outer", "first", "FAILED")
        assert found["error"] == "States.Timeout"


def end_outside(engine: Engine, clock: RunningClock, how: str) -> None:
    """End the outer execution in another way than by the endpoint's API."""
    if how == "terminated":
        execution = WorkflowExecution("outer:first", "")
        engine.terminate_workflow_execution("default", execution, None)
        return
    clock.ahead += 200
    engine.poll_activity_task("nobody's", "nothing")  # so that the engine sees the time


@pytest.mark.parametrize("how", ["terminated", "timed out"])
@pytest.mark.parametrize("is_started", [True, False])
def test_an_execution_ends_with_one_that_others_end(
    how: str, is_started: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever ends the outer one, and even before its task is known to have started the other."""
    paused, goes_on, _ = pausing(monkeypatch, has_started=True)
    if is_started:
        goes_on.set()
    clock = RunningClock()
    engine = Engine(MemoryStore(), clock=clock)
    try:
        with stepfunctions_endpoint(engine) as url:
            client = boto3.client("stepfunctions", "us-east-1", endpoint_url=url)
            outer, _ = limited(client)
            client.start_execution(stateMachineArn=outer, name="first")
            assert paused.wait(30)
            end_outside(engine, clock, how)
            until(client, "inner", "second", "ABORTED")
            goes_on.set()
    finally:
        goes_on.set()
        engine.close()


def limited(client: Any) -> tuple[str, str]:
    """Return a machine with a time limit whose task waits for another one, and that one."""
    inner = machine(client, "inner", WAITING)
    outer = machine(client, "outer", starts(inner, "second"))
    found = client.describe_state_machine(stateMachineArn=outer)
    definition = {**json.loads(found["definition"]), "TimeoutSeconds": 100}
    client.update_state_machine(stateMachineArn=outer, definition=json.dumps(definition))
    return outer, inner


def test_an_execution_ends_with_one_whose_time_was_over_while_nothing_ran(tmp_path: Path) -> None:
    with served(f"sqlite:///{tmp_path / 'x.db'}", "--protocol", "stepfunctions") as killed:
        client = client_of(killed.url)
        outer, _ = limited(client)
        client.start_execution(stateMachineArn=outer, name="first")
        until(client, "inner", "second", "RUNNING")
        killed.kill()
    clock = RunningClock()
    clock.ahead = 200
    engine = Engine(SqliteStore(tmp_path / "x.db"), clock=clock)
    with stepfunctions_endpoint(engine) as url:
        client = boto3.client("stepfunctions", "us-east-1", endpoint_url=url)
        until(client, "outer", "first", "TIMED_OUT")
        until(client, "inner", "second", "ABORTED")
    engine.close()


def test_an_execution_that_nobody_waits_for_goes_on() -> None:
    with stepfunctions_endpoint() as url:
        client = boto3.client("stepfunctions", "us-east-1", endpoint_url=url)
        inner = machine(client, "inner", WAITING)
        task = {**starts(inner, "second"), "Resource": SYNC.removesuffix(".sync:2")}
        outer = machine(client, "outer", task)
        execution = client.start_execution(stateMachineArn=outer, name="first")["executionArn"]
        until(client, "outer", "first", "SUCCEEDED")
        client.stop_execution(executionArn=execution)
        assert client.list_executions(stateMachineArn=inner)["executions"][0]["status"] == "RUNNING"
