"""Requests are held to Amazon's model, and those that break it change nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from partita.aws import derive
from partita.aws.faults import SerializationFault, UnknownOperationFault, ValidationFault
from partita.swf.model import swf_model
from tests.conftest import STORES
from tests.soak import scaled
from tests.swf.conftest import ACTIVITY, DOMAIN, LIST, WORKFLOW, Endpoint, Story, decision, serving
from tests.swf.test_signature import ask

REGISTER: dict[str, Any] = {"name": "d", "workflowExecutionRetentionPeriodInDays": "7"}
START: dict[str, Any] = {"domain": "d", "workflowId": "w", "workflowType": WORKFLOW}


def body(given: Any) -> bytes:
    return json.dumps(given).encode()


def test_the_table_is_derived_from_amazons_model() -> None:
    model = botocore.session.get_session().get_service_model("swf")._service_description
    assert derive.derive(model) == {"operations": OPERATIONS, "shapes": SHAPES}


def test_what_fits_passes_without_what_nobody_knows() -> None:
    passed = swf_model().check("RegisterDomain", body({**REGISTER, "more": 1, "description": None}))
    assert passed == REGISTER


@pytest.mark.parametrize(
    ("operation", "given", "part"),
    [
        ("RegisterDomain", {**REGISTER, "name": ""}, "length greater than or equal to 1"),
        ("RegisterDomain", {**REGISTER, "name": "x" * 257}, "length less than or equal to 256"),
        ("RegisterDomain", {"name": "d"}, "'workflowExecutionRetentionPeriodInDays' failed"),
        ("RegisterDomain", {**REGISTER, "name": "a:b"}, "must not contain"),
        ("RegisterDomain", {**REGISTER, "name": "a\u0000"}, "must not contain"),
        ("RegisterDomain", {**REGISTER, "name": "arn"}, "literal string arn"),
        ("RegisterDomain", {**REGISTER, "name": " a"}, "whitespace"),
        (
            "RegisterDomain",
            {"name": "d", "workflowExecutionRetentionPeriodInDays": "91"},
            "days from 0 to 90",
        ),
        ("ListDomains", {"registrationStatus": "GONE"}, "enum value set"),
        (
            "ListDomains",
            {"registrationStatus": "REGISTERED", "maximumPageSize": 1001},
            "less than or equal to",
        ),
        (
            "ListDomains",
            {"registrationStatus": "REGISTERED", "maximumPageSize": -1},
            "greater than or equal to",
        ),
        ("StartWorkflowExecution", {**START, "taskStartToCloseTimeout": "soon"}, "or NONE"),
        ("StartWorkflowExecution", {**START, "taskStartToCloseTimeout": "-1"}, "or NONE"),
        ("StartWorkflowExecution", {**START, "executionStartToCloseTimeout": "NONE"}, "one year"),
        ("StartWorkflowExecution", {**START, "executionStartToCloseTimeout": "99999999"}, "year"),
        ("StartWorkflowExecution", {**START, "taskPriority": "high"}, "integer"),
        ("StartWorkflowExecution", {**START, "taskPriority": "2147483648"}, "integer"),
        ("StartWorkflowExecution", {**START, "tagList": list("abcdef")}, "less than or equal to 5"),
        ("StartWorkflowExecution", {**START, "input": "x" * 32_769}, "32768"),
        (
            "RespondDecisionTaskCompleted",
            {
                "taskToken": "t",
                "decisions": [decision("StartTimer", timerId="t", startToFireTimeout="NONE")],
            },
            "integer of seconds",
        ),
    ],
)
def test_constraints(operation: str, given: Any, part: str) -> None:
    with pytest.raises(ValidationFault, match=part):
        swf_model().check(operation, body(given))


@pytest.mark.parametrize(
    "given",
    [
        [],
        "text",
        {**REGISTER, "name": 7},
        {**REGISTER, "tags": {}},
        {**REGISTER, "tags": ["x"]},
    ],
)
def test_types(given: Any) -> None:
    with pytest.raises(SerializationFault):
        swf_model().check("RegisterDomain", body(given))


@pytest.mark.parametrize("text", [b"{", b"\xff", b'{"name": "\\ud800"}', b"[" * 100_000])
def test_what_is_no_json(text: bytes) -> None:
    with pytest.raises(SerializationFault):
        swf_model().check("RegisterDomain", text)


def test_timestamps_are_numbers_within_reason() -> None:
    for bad in (True, "2020", 1e300, 10**30):
        given = {"domain": "d", "startTimeFilter": {"oldestDate": bad}}
        with pytest.raises(SerializationFault):
            swf_model().check("ListOpenWorkflowExecutions", body(given))


def test_operations_have_names() -> None:
    with pytest.raises(UnknownOperationFault):
        swf_model().check("Register", b"{}")


# -- malformed requests

SHAPES, OPERATIONS = swf_model().shapes, swf_model().operations

TEXT = st.text(max_size=20) | st.sampled_from(["", "NONE", "d", "w", "-1", "9" * 9, "a:b", "\0"])
JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)


def likely(name: str) -> st.SearchStrategy[Any]:
    """Return values that fit a shape, or nearly do."""
    shape = SHAPES[name]
    match shape["type"]:
        case "structure":
            required = {
                key: likely(inner)
                for key, inner in shape["members"].items()
                if key in shape.get("required", ())
            }
            optional = {
                key: likely(inner) for key, inner in shape["members"].items() if key not in required
            }
            return st.fixed_dictionaries(required, optional=optional)
        case "list":
            return st.lists(likely(shape["member"]), max_size=3)
        case "string" if "enum" in shape:
            return st.sampled_from(shape["enum"])
        case "string":
            return st.sampled_from(["d", "w", "flow", "work", "1", "list", "REGISTERED"]) | TEXT
        case "timestamp":
            return st.floats(0, 2e9)
        case "boolean":
            return st.booleans()
        case _:
            return st.integers(-2, 1002)


@st.composite
def malformed(draw: st.DrawFn) -> tuple[str, bytes]:
    """Return an operation and a body that breaks its shape somewhere."""
    operation = draw(st.sampled_from(sorted(OPERATIONS)))
    if draw(st.integers(0, 4)) == 0:
        return operation, draw(st.binary(max_size=60)) or b"{"
    whole = draw(likely(OPERATIONS[operation]["input"]))
    required = SHAPES[OPERATIONS[operation]["input"]].get("required") or list(whole) or ["name"]
    spoiled = draw(st.sampled_from(required))
    return operation, body({**whole, spoiled: draw(JUNK)})


@pytest.fixture(scope="module", params=STORES)
def target(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder: Path = tmp_path_factory.mktemp("fuzz")
    with serving(folder, store=request.param, poll=0.0, keys=None) as made:
        story = Story(made)
        story.start()
        story.decide(decision("ScheduleActivityTask", activityType=ACTIVITY, activityId="1"))
        yield made


def fingerprint(endpoint: Endpoint) -> Any:
    """Return all that the database holds, as far as a client can change it."""
    store = endpoint.engine.store
    found = [store.entries("swf.domain", "")]
    for kind in ("swf.activity", "swf.workflow"):
        found.append(store.entries(kind, DOMAIN))
    record = store.find(DOMAIN, "w", None)
    assert record is not None
    return found, record, store.events(record.run, 0), store.items(record.run)


def is_broken(operation: str, text: bytes) -> bool:
    """Whether a body breaks the shapes; what does not may well change something."""
    try:
        swf_model().check(operation, text)
    except (SerializationFault, ValidationFault):
        return True
    return False


many = settings(
    max_examples=scaled(60, soaking=2_000),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@many
@given(request=malformed())
@example(request=("PollForDecisionTask", body({"domain": "d", "taskList": LIST, "identity": "\0"})))
def test_malformed_requests_change_nothing(target: Endpoint, request: tuple[str, bytes]) -> None:
    operation, text = request
    before = fingerprint(target)
    status, answer = ask(target, text, target=f"SimpleWorkflowService.{operation}")
    assert status < 500, answer
    if is_broken(operation, text):
        assert status == 400
        assert fingerprint(target) == before


@many
@given(data=st.data())
def test_likely_requests_are_never_our_fault(target: Endpoint, data: st.DataObject) -> None:
    operation = data.draw(st.sampled_from(sorted(OPERATIONS)))
    text = body(data.draw(likely(OPERATIONS[operation]["input"])))
    status, answer = ask(target, text, target=f"SimpleWorkflowService.{operation}")
    assert status < 500, answer
    if status == 400:
        fault = answer["__type"].partition("#")[2]
        known = {*OPERATIONS[operation]["errors"], "ValidationException", "SerializationException"}
        assert fault in known
    assert target.engine.store.check() == []
