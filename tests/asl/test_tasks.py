"""What Task states call: Lambda functions, activities, services; and mocks of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from partita import activity, heartbeat
from partita.asl import (
    forget_integration,
    load_machine,
    machine,
    register_integration,
    send_task_failure,
    send_task_heartbeat,
    send_task_success,
)
from partita.client import Handle
from partita.errors import (
    ExecutionNotFoundError,
    InvalidInputError,
    InvalidTokenError,
    LoadError,
    MachineFailedError,
    TaskFailedError,
    WorkflowFailedError,
)
from partita.testing import Environment
from tests.asl.running import Machine, failure, lambdas, of, run, task

ACTIVITY = "arn:aws:states:us-east-1:123456789012:activity:double"
INVOKE = "arn:aws:states:::lambda:invoke"
SEND = "arn:aws:states:::mail:send"


def service(resource: str, **fields: Any) -> dict[str, Any]:
    return {"Type": "Task", "Resource": resource, "End": True, **fields}


# -- Lambda --------------------------------------------------------------------------------------


def test_invoke_wraps_the_result() -> None:
    made = of({"A": service(INVOKE, Parameters={"FunctionName": "f", "Payload.$": "$.n"})})
    response = run(made, {"n": 2}, f=lambda event: event + 1)
    assert response["Payload"] == 3
    assert response["StatusCode"] == 200
    assert response["SdkHttpMetadata"]["HttpHeaders"]["Content-Length"] == "1"


def test_a_function_as_the_resource_gets_and_gives_any_value() -> None:
    values: list[Any] = [None, [], 0, "text", {"a": 1}]
    for value in values:
        states = {"A": {"Type": "Pass", "Result": value, "Next": "B"}, "B": task("f")}
        assert run(of(states), f=lambda event: [event]) == [value]


def test_a_machine_runs_as_plain_python() -> None:
    each = {"StartAt": "B", "States": {"B": task("f")}}
    made = of(
        {
            "A": task("f", ResultPath="$.first", Next="M"),
            "M": {"Type": "Map", "ItemsPath": "$.items", "ItemProcessor": each, "End": True},
        }
    )
    with lambdas(f=lambda event: [event]):
        assert made({"items": [1, 2]}) == [[1], [2]]


def test_a_handler_may_take_a_context() -> None:
    made = of({"A": task("f:live")})
    assert run(made, f=lambda event, context: context.function_name) == "f"


def test_a_function_that_is_not_there_fails_the_task() -> None:
    error, cause = failure(of({"A": task("nowhere")}))
    assert error == "Lambda.ResourceNotFoundException"
    assert cause is not None
    assert cause.startswith("Function not found: arn:aws:lambda:us-east-1:123456789012:function:")


def test_an_activity_stands_in_for_a_function_of_its_name() -> None:
    @activity(name="stand-in")
    def stand_in(event: Any) -> Any:
        return {"seen": event}

    assert run(of({"A": task("stand-in")}), 1) == {"seen": 1}


@pytest.mark.parametrize("name", ["DataLimitExceeded", "ALL", "TaskFailed"])
def test_a_result_over_256_kib_fails_the_task_and_can_be_caught(name: str) -> None:
    states = {
        "A": task("f", Catch=[{"ErrorEquals": [f"States.{name}"], "Next": "B"}]),
        "B": {"Type": "Pass", "Result": "caught", "End": True},
    }
    assert run(of(states), f=lambda event: "x" * 300_000) == "caught"


# -- activities ----------------------------------------------------------------------------------


def test_an_activity_arn_is_an_activity_of_any_worker() -> None:
    @activity(name="double")
    def double(n: int) -> int:
        if n > 100:
            raise ValueError("too many")
        return n * 2

    made = of({"A": service(ACTIVITY)})
    assert run(made, 21, [double]) == 42
    assert failure(made, 101, [double]) == ("ValueError", "too many")


@pytest.mark.parametrize(
    ("fields", "seconds"),
    [({"TimeoutSeconds": 50}, 50), ({"TimeoutSeconds": 50, "HeartbeatSeconds": 20}, 20)],
)
def test_an_activity_that_does_not_end_times_out(fields: dict[str, int], seconds: int) -> None:
    @activity(name="endless", auto_complete=False)
    def endless(n: int) -> None:
        heartbeat(n)

    made = of({"A": service(ACTIVITY.replace("double", "endless"), **fields)})
    with Environment(workflows=[made], activities=[endless], start=0.0) as env:
        with pytest.raises(WorkflowFailedError) as failed:
            env.run(made, 1)
        assert isinstance(failed.value.__cause__, MachineFailedError)
        assert failed.value.__cause__.error == "States.Timeout"
        assert env.clock() == pytest.approx(seconds)


def test_the_wait_for_a_worker_counts() -> None:
    made = of({"A": service(ACTIVITY.replace("double", "nobody-does-it"), TimeoutSeconds=30)})
    with Environment(workflows=[made], activities=[], start=0.0) as env:
        with pytest.raises(WorkflowFailedError) as failed:
            env.run(made, 1)
        assert str(failed.value.__cause__) == "States.Timeout"
        assert env.clock() == pytest.approx(30)


# -- services and tokens -------------------------------------------------------------------------


@pytest.fixture
def mails() -> Iterator[list[Any]]:
    sent: list[Any] = []

    def send(parameters: Any) -> Any:
        if parameters.get("to") == "nobody":
            raise TaskFailedError("Mail.Refused", "no such person")
        sent.append(parameters)
        return {"number": len(sent)}

    register_integration("mail:send", send)
    yield sent
    forget_integration("mail:send")


def test_an_action_is_done_by_its_handler(mails: list[Any]) -> None:
    made = of({"A": service(SEND, Parameters={"to.$": "$.to"})})
    assert run(made, {"to": "ada"}) == {"number": 1}
    assert mails == [{"to": "ada"}]
    assert failure(made, {"to": "nobody"}) == ("Mail.Refused", "no such person")


def test_an_action_without_a_handler_says_so() -> None:
    error, cause = failure(of({"A": service("arn:aws:states:::fax:send")}))
    assert error == "States.TaskFailed"
    assert cause is not None
    assert "no integration fax:send" in cause


WAITING = service(
    SEND + ".waitForTaskToken",
    Parameters={"token.$": "$$.Task.Token"},
    TimeoutSeconds=100,
    HeartbeatSeconds=30,
    Catch=[{"ErrorEquals": ["States.HeartbeatTimeout"], "Next": "B"}],
)


def waiting() -> Machine:
    return of({"A": WAITING, "B": {"Type": "Fail", "Error": "Silent"}})


def begun(env: Environment, made: Machine) -> Handle[Any]:
    handle = env.start(made, {})
    env.sleep(1)
    return handle


def test_a_token_brings_the_output(mails: list[Any]) -> None:
    made = waiting()
    with Environment(workflows=[made], activities=[]) as env:
        handle = begun(env, made)
        send_task_success(env.client, mails[0]["token"], {"answer": 42})
        assert handle.result() == {"answer": 42}
        with pytest.raises(ExecutionNotFoundError):
            send_task_success(env.client, mails[0]["token"], 1)


def test_a_token_brings_a_failure(mails: list[Any]) -> None:
    made = waiting()
    with Environment(workflows=[made], activities=[]) as env:
        handle = begun(env, made)
        send_task_failure(env.client, mails[0]["token"], "Nope", "because")
        with pytest.raises(WorkflowFailedError) as failed:
            handle.result()
        assert str(failed.value.__cause__) == "Nope: because"


def test_heartbeats_keep_a_task_alive_until_its_timeout(mails: list[Any]) -> None:
    made = waiting()
    with Environment(workflows=[made], activities=[], start=0.0) as env:
        handle = begun(env, made)
        for _ in range(4):
            send_task_heartbeat(env.client, mails[0]["token"])
            env.sleep(25)
        with pytest.raises(WorkflowFailedError) as failed:
            handle.result()
        assert str(failed.value.__cause__) == "States.Timeout"
        assert env.clock() == pytest.approx(101, abs=2)


def test_a_task_without_heartbeats_times_out(mails: list[Any]) -> None:
    made = waiting()
    with Environment(workflows=[made], activities=[], start=0.0) as env:
        with pytest.raises(WorkflowFailedError) as failed:
            env.run(made, {})
        assert str(failed.value.__cause__) == "Silent"
        assert env.clock() == pytest.approx(30, abs=1)


def test_the_time_of_the_request_counts_and_needs_no_heartbeat() -> None:
    waits = {
        "Type": "Task",
        "Resource": INVOKE + ".waitForTaskToken",
        "Parameters": {"FunctionName": "slow", "Payload": {"token.$": "$$.Task.Token"}},
        "TimeoutSeconds": 60,
        "HeartbeatSeconds": 50,
        "Catch": [{"ErrorEquals": ["States.Timeout"], "Next": "B"}],
        "End": True,
    }
    made = of({"A": waits, "B": {"Type": "Pass", "Result": "late", "End": True}})
    with Environment(workflows=[made], activities=[], start=0.0) as env:
        with lambdas(slow=lambda event: env.advance(55)):
            assert env.run(made, {}) == "late"
        assert env.clock() == pytest.approx(60, abs=1)


def test_each_attempt_has_a_token_of_its_own(mails: list[Any]) -> None:
    made = of({"A": {**WAITING, "Catch": [], "Retry": [{"ErrorEquals": ["Again"]}]}})
    with Environment(workflows=[made], activities=[]) as env:
        handle = begun(env, made)
        send_task_failure(env.client, mails[0]["token"], "Again")
        env.sleep(2)
        send_task_success(env.client, mails[1]["token"], "second")
        assert handle.result() == "second"


@pytest.mark.parametrize("token", ["", "x", "e30=", "é", "WyJhIl0="])
def test_what_is_no_token_is_refused(token: str) -> None:
    with Environment(workflows=[], activities=[]) as env, pytest.raises(InvalidTokenError):
        send_task_success(env.client, token)


# -- mocks ---------------------------------------------------------------------------------------

DEFINITION = {
    "StartAt": "Charge",
    "States": {"Charge": task("charge", Retry=[{"ErrorEquals": ["Busy"], "IntervalSeconds": 1}])},
}
CONFIG = {
    "StateMachines": {
        "order": {"TestCases": {"busy": {"Charge": "busy"}, "down": {"Charge": "down"}}}
    },
    "MockedResponses": {
        "busy": {"0-1": {"Throw": {"Error": "Busy"}}, "2": {"Return": {"Payload": {"ok": True}}}},
        "down": {"0": {"Throw": {"Error": "Down", "Cause": "for good"}}},
    },
}


@pytest.fixture
def order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "mocks.json").write_text(json.dumps(CONFIG))
    monkeypatch.setenv("SFN_MOCK_CONFIG", str(tmp_path / "mocks.json"))
    path = tmp_path / "order.asl.json"
    path.write_text(json.dumps(DEFINITION))
    return str(path)


def test_mocked_responses_follow_each_other(order: str) -> None:
    assert run(load_machine(order, "busy")) == {"ok": True}
    assert failure(load_machine(order, "down")) == ("Down", "for good")


def test_a_case_that_is_not_there_is_named(order: str) -> None:
    with pytest.raises(
        InvalidInputError, match=r"no 'other' in the test cases of order.*busy, down"
    ):
        load_machine(order, "other")


def test_a_test_case_needs_a_file(order: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SFN_MOCK_CONFIG")
    with pytest.raises(LoadError, match="SFN_MOCK_CONFIG"):
        load_machine(order, "busy")


def test_mocks_are_the_same_when_they_change_on_the_way() -> None:
    states = {
        "Charge": {**task("charge", Next="Wait")},
        "Wait": {"Type": "Wait", "Seconds": 10, "Next": "Again"},
        "Again": task("charge"),
    }
    definition = {"StartAt": "Charge", "States": states}
    mocks = {name: [{"Return": {"Payload": name}}] for name in ("Charge", "Again")}
    made = machine(definition, "mocked", mocks=mocks)
    with lambdas(charge=lambda event: 1 / 0), Environment(workflows=[made], activities=[]) as env:
        assert env.run(made, {}) == "Again"
