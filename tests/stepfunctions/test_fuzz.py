"""Requests at random never break the endpoint, and refused ones change nothing."""

from __future__ import annotations

import json
import random
import urllib.error
import urllib.request
from typing import Any

import pytest

from partita.ports.state import ExecutionFilter
from partita.stepfunctions.model import stepfunctions_model
from tests.stepfunctions.endpoint import Endpoint, endpoint

MODEL = stepfunctions_model()
PER_OPERATION = 40
"""Requests to each operation."""

KINDS = ("states.machine", "states.activity")
"""Entries of the catalogue; versions and aliases are entries of a machine."""

PASS = '{"StartAt":"A","States":{"A":{"Type":"Pass","End":true}}}'
TEXTS = [
    "",
    "x",
    "{}",
    "null",
    "arn:aws:states:us-east-1:111111111111:stateMachine:fuzzed",
    "arn:aws:states:us-east-1:111111111111:stateMachine:fuzzed:1",
    "arn:aws:states:us-east-1:111111111111:stateMachine:quick",
    "arn:aws:states:us-east-1:111111111111:execution:fuzzed:one",
    "arn:aws:states:us-east-1:111111111111:express:fuzzed:one:two",
    "arn:aws:states:us-east-1:111111111111:activity:fuzzed",
    "arn:aws:states:us-east-1:111111111111:mapRun:fuzzed/label:1",
    "arn:aws:states:eu-west-1:111111111111:stateMachine:fuzzed",
    "arn:aws:states:us-east-1:999999999999:stateMachine:fuzzed",
    "arn:aws:states:::",
    PASS,
    '{"StartAt":"A","States":{"A":{"Type":"Map","End":true}}}',
    "\x00\ud7ff\U0001f600",
    "a" * 300,
]


EXPRESS = "arn:aws:states:us-east-1:111111111111:stateMachine:quick"
POLLED = "arn:aws:states:us-east-1:111111111111:activity:polled"


def value_of(shape: dict[str, Any], chance: random.Random, depth: int = 0) -> Any:
    """Return a value of a shape, or now and then one of another kind."""
    if chance.random() < 0.05:
        return chance.choice([None, True, 1.5, -1, [], {}, "x", [[[]]]])
    match shape["type"]:
        case "structure":
            members = shape["members"].items()
            return {
                name: value_of(MODEL.shapes[inner], chance, depth + 1)
                for name, inner in members
                if name in shape.get("required", ()) or chance.random() < 0.4
            }
        case "list":
            inner = MODEL.shapes[shape["member"]]
            return [value_of(inner, chance, depth + 1) for _ in range(chance.randrange(3))]
        case "string":
            return chance.choice([*shape.get("enum", ()), *TEXTS])
        case "boolean":
            return chance.random() < 0.5
        case _:
            return chance.choice([0, 1, 50, 100, 10**9, -5])


def dump(made: Endpoint) -> list[Any]:
    """Return all that the database holds of the catalogue and of executions."""
    committed = made.engine.committed
    entries = {kind: committed.entries(kind, "") for kind in KINDS}
    parts = {
        (kind, name): committed.entries(kind, name)
        for kind in ("states.version", "states.alias")
        for name in entries["states.machine"]
    }
    records = committed.executions(ExecutionFilter(domain="default", limit=100_000))
    return [entries, parts, records, [committed.events(one.run, 0) for one in records]]


def assert_refusals_change_nothing(operation: str, made: Endpoint) -> None:
    """Send requests at random; compare the database before and after those that are refused."""
    chance = random.Random(operation)
    shape = MODEL.shapes[MODEL.operations[operation]["input"]]
    before = dump(made)
    for _ in range(PER_OPERATION):
        body = json.dumps(value_of(shape, chance)).encode()
        status = post(made.url, operation, body)
        after = dump(made)
        assert status < 500, body
        assert status < 400 or after == before, body
        before = after


def post(url: str, operation: str, body: bytes) -> int:
    """Send a request as it is; return the status of the answer."""
    headers = {"X-Amz-Target": f"AWSStepFunctions.{operation}"}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, body, headers)) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return int(error.code)


@pytest.fixture
def fuzzed() -> Any:
    with endpoint(poll=0.0) as made:
        made.client.create_state_machine(
            name="fuzzed", definition=PASS, roleArn="arn:aws:iam::1:role/x", publish=True
        )
        made.client.create_state_machine(
            name="quick", definition=PASS, roleArn="arn:aws:iam::1:role/x", type="EXPRESS"
        )
        made.client.create_activity(name="fuzzed")
        made.client.create_activity(name="polled")
        made.client.start_execution(stateMachineArn=TEXTS[4], name="one")
        yield made


@pytest.mark.parametrize("operation", sorted(MODEL.operations.keys() - {"TestState"}))
def test_no_request_breaks_an_operation(operation: str, fuzzed: Endpoint) -> None:
    assert_refusals_change_nothing(operation, fuzzed)


def test_a_refused_start_of_an_express_machine_changes_nothing(fuzzed: Endpoint) -> None:
    """The start is refused by its input, its name and its version; a good one is accepted."""
    bad: list[dict[str, Any]] = [{"input": "{"}, {"name": "a b"}, {"input": ""}]
    before = dump(fuzzed)
    for more in bad:
        body = json.dumps({"stateMachineArn": EXPRESS, **more}).encode()
        assert post(fuzzed.url, "StartSyncExecution", body) == 400
    body = json.dumps({"stateMachineArn": EXPRESS + ":7"}).encode()
    assert post(fuzzed.url, "StartSyncExecution", body) == 400
    assert dump(fuzzed) == before
    body = json.dumps({"stateMachineArn": EXPRESS}).encode()
    assert post(fuzzed.url, "StartSyncExecution", body) == 200
    assert dump(fuzzed) != before


def test_a_poll_for_no_task_changes_nothing(fuzzed: Endpoint) -> None:
    body = json.dumps({"activityArn": POLLED}).encode()
    before = dump(fuzzed)
    assert post(fuzzed.url, "GetActivityTask", body) == 200
    assert dump(fuzzed) == before


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b"{", b"\xff", b'{"a":' * 3000, b"1e999"])
def test_no_body_breaks_it(body: bytes, fuzzed: Endpoint) -> None:
    assert post(fuzzed.url, "CreateStateMachine", body) == 400


def test_a_test_of_anything_is_answered(fuzzed: Endpoint) -> None:
    chance = random.Random(1)
    shape = MODEL.shapes[MODEL.operations["TestState"]["input"]]
    for _ in range(40):
        body = json.dumps(value_of(shape, chance)).encode()
        assert post(fuzzed.url, "TestState", body) < 500, body
