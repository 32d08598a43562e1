"""Test single states.

Source: AWS Step Functions API Reference (2016-11-23), TestState.
"""

from __future__ import annotations

import json
import re
import uuid
from typing import Any

from msgspec import Struct

from partita.asl.check import check_text
from partita.asl.frame import Identity
from partita.asl.json_text import json_text
from partita.asl.single_states import StateTest, TestOutcome, targets
from partita.aws.faults import ValidationFault
from partita.aws.shapes import Members
from partita.stepfunctions import arns
from partita.stepfunctions.faults import InvalidDefinition
from partita.stepfunctions.front.front import Front
from partita.stepfunctions.front.json_errors import parsed
from partita.stepfunctions.front.mock_results import check_mock
from partita.stepfunctions.front.starts import checked_input

NAME = "StateName"
"""What a state is called in its test."""

_LANGUAGE = "JSONPath"
_PARTS = ("ItemProcessor", "Iterator")
_WAITS = re.compile(r"\.sync(:2)?$|\.waitForTaskToken$")
_NEVER_MOCKED = ("Pass", "Fail", "Succeed")

_AFTER = ("afterResultSelector", "afterResultPath")
_ITEMS = ("afterItemsPointer", "afterItemSelector", "afterItemBatcher")
_SHOWN: dict[str, tuple[str, ...]] = {
    "Choice": ("afterInputPath",),
    "Fail": ("afterInputPath",),
    "Succeed": ("afterInputPath",),
    "Wait": ("afterInputPath",),
    "Pass": ("afterInputPath", "afterParameters", *_AFTER),
    "Parallel": _AFTER,
    "Map": ("afterInputPath", "afterItemsPath", *_ITEMS, *_AFTER),
    "Task": ("afterInputPath", "afterParameters", "result", *_AFTER),
}
"""By type of state, the intermediate values that AWS shows of a JSONPath state."""

_SHOWN_RESULT = ("result", *_AFTER)
_SHOWN_JSONATA: dict[str, tuple[str, ...]] = {
    "Task": ("afterArguments", "result"),
    "Parallel": ("afterArguments",),
    "Map": _ITEMS,
}
_HTTP = ("request", "response")
_NUMBERS = ("maxConcurrency", "toleratedFailureCount", "toleratedFailurePercentage")


def state_test(front: Front, request: Members) -> StateTest:
    """Return the test that a request means.

    Raises:
        InvalidDefinition: the definition is none.
        ValidationFault: the request contradicts itself.
    """
    found = _state(request)
    state, language = found.state, found.language
    _check_definition(state, language)
    mock: Members = request.get("mock", {})
    result = _mocked_result(mock)
    if "mock" in request:
        _check_mocked(state, request, result)
    else:
        _check_unmocked(state, request)
    configuration = request.get("stateConfiguration", {})
    failed = mock.get("errorOutput", {})
    return StateTest(
        definition=state,
        language=language,
        input=json.loads(checked_input(front, request.get("input", "{}"))),
        role_arn=request.get("roleArn"),
        identity=_identity(front, request.get("roleArn")),
        variables=_object("Variables", request.get("variables", "{}")),
        context=_context(found, request),
        has_mock="mock" in request,
        result=result,
        error=failed.get("error", "") if "errorOutput" in mock else None,
        cause=failed.get("cause"),
        retries=configuration.get("retrierRetryCount", 0),
        failures=configuration.get("mapIterationFailureCount"),
        iterations=_length(result),
        item_data=configuration.get("mapItemReaderData"),
        has_secrets=bool(request.get("revealSecrets")),
    )


def _length(result: Any) -> int:
    return len(result) if isinstance(result, list) else 0


def _mocked_result(mock: Members) -> Any:
    try:
        return parsed(mock.get("result", "null"))
    except ValueError as error:
        raise ValidationFault("Mocked result must be valid JSON") from error


def _identity(front: Front, role_arn: str | None) -> Identity:
    name, machine = str(uuid.uuid4()), str(uuid.uuid4())
    return Identity(
        execution_arn=front.names.arn(arns.EXPRESS, machine, name),
        execution_name=name,
        machine_arn=front.names.arn(arns.MACHINE, machine),
        machine_name=machine,
        role_arn=role_arn or "",
        lambda_prefix=f"arn:aws:lambda:{front.names.region}:{front.names.account}:function",
    )


def _object(what: str, text: str) -> dict[str, Any]:
    try:
        value = parsed(text)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise ValidationFault(f"{what} must be a valid JSON object")
    return value


class _Found(Struct, frozen=True):
    """A state in the definition of a machine, or one that is a definition itself."""

    state: dict[str, Any]
    language: str = _LANGUAGE  # of what is around it
    is_iterated: bool = False  # whether it is inside a Map state


def _state(request: Members) -> _Found:
    """Return the state that is meant."""
    try:
        definition = parsed(request["definition"])
    except (ValueError, RecursionError):
        definition = None
    if not isinstance(definition, dict):
        found = check_text(request["definition"])
        raise InvalidDefinition(", ".join(map(str, found)))
    name = request.get("stateName")
    if name is None and "Type" in definition:
        return _Found(definition)
    around = _Found(definition, definition.get("QueryLanguage", _LANGUAGE))
    state = None if name is None else _find(around, name)
    if state is None:
        raise ValidationFault("State not found in definition")
    return state


def _find(around: _Found, name: str) -> _Found | None:
    """Return the state of a name in a machine, a branch or a processor, or in one of its states."""
    states = around.state.get("States")
    if not isinstance(states, dict):
        return None
    if isinstance(states.get(name), dict):
        return _Found(states[name], around.language, around.is_iterated)
    for state in states.values():
        found = _find_in(state, around, name) if isinstance(state, dict) else None
        if found is not None:
            return found
    return None


def _find_in(state: dict[str, Any], around: _Found, name: str) -> _Found | None:
    """Return the state of a name in the branches or in the processor of a state."""
    branches = state.get("Branches")
    inner = [(one, False) for one in branches] if isinstance(branches, list) else []
    inner += [(state.get(part), True) for part in _PARTS]
    for one, is_iterated in inner:
        if isinstance(one, dict):
            within = _Found(one, around.language, is_iterated or around.is_iterated)
            found = _find(within, name)
            if found is not None:
                return found
    return None


def _check_definition(state: dict[str, Any], language: str) -> None:
    others = {name: {"Type": "Succeed"} for name in targets(state)}
    machine = {
        "QueryLanguage": language,
        "StartAt": NAME,
        "States": {**others, NAME: state},
    }
    found = [one for one in check_text(json.dumps(machine)) if one.severity == "ERROR"]
    if found:
        raise InvalidDefinition(", ".join(map(str, found)))


def _check_mocked(state: dict[str, Any], request: Members, result: Any) -> None:
    if state.get("Type") in _NEVER_MOCKED:
        raise ValidationFault(
            f"State type '{state.get('Type')}' is not supported when a mock is specified"
        )
    if request.get("revealSecrets"):
        raise ValidationFault("TestState does not support RevealSecrets when a mock is specified.")
    mock = request["mock"]
    if "result" in mock and "errorOutput" in mock:
        raise ValidationFault(
            "A test mock should have only one of the following fields: [result, errorOutput]."
        )
    if "result" in mock:
        check_mock(state, result, mock.get("fieldValidationMode", "STRICT"))
    configuration = request.get("stateConfiguration", {})
    cause = configuration.get("errorCausedByState")
    if cause is not None and _find_in(state, _Found(state), cause) is None:
        raise ValidationFault(
            f"State '{cause}' in errorCausedByState is not in the state's definition"
        )
    failures = configuration.get("mapIterationFailureCount", 0)
    if "errorOutput" not in mock and failures > _length(result):
        raise ValidationFault(
            "Map iteration failure count must be less than or equal to the number of Map iterations"
        )


def _check_unmocked(state: dict[str, Any], request: Members) -> None:
    if "context" in request:
        raise ValidationFault("TestState does not support Context when a mock is not specified.")
    if "mapIterationFailureCount" in request.get("stateConfiguration", {}):
        raise ValidationFault(
            "TestState does not support MapIterationFailureCount when a mock is not specified."
        )
    if state.get("Type") in ("Map", "Parallel"):
        raise InvalidDefinition.worded(
            "TestState API does not support Map or Parallel states. Supported state types include: "
            "[Task, Wait, Pass, Succeed, Fail, Choice]"
        )
    resource = str(state.get("Resource"))
    if state.get("Type") == "Task" and ":activity:" in resource:
        raise InvalidDefinition.worded("TestState API does not support Activity ARN")
    if state.get("Type") == "Task" and _WAITS.search(resource):
        raise InvalidDefinition.worded(
            "TestState API does not support '.sync' or '.waitForTaskToken' integration patterns."
        )
    if state.get("Type") == "Task" and "roleArn" not in request:
        raise ValidationFault("RoleArn must be specified when testing a Task state")


def _context(found: _Found, request: Members) -> dict[str, Any]:
    """Return the members of the context object that the request gives, or those of an iteration."""
    if "context" not in request and found.is_iterated:
        return {"Map": {"Item": {"Index": 0, "Value": json.loads(request.get("input", "{}"))}}}
    context = _object("Context object", request.get("context", "{}"))
    resource = str(found.state.get("Resource", ""))
    if "Task" in context and not (".sync" in resource or ".waitForTaskToken" in resource):
        raise ValidationFault(
            "Invalid Context object provided: Context object contains 'Task' when state is not a "
            "Task state with a '.sync' or '.waitForTaskToken' service integration pattern"
        )
    return context


def outcome_to_api(test: StateTest, outcome: TestOutcome, request: Members) -> Members:
    """Return how a test has ended, with as much as the request's inspection level shows."""
    answer: Members = {"status": outcome.status}
    if outcome.has_output:
        answer["output"] = json_text(outcome.output)
    for name, value in (
        ("error", outcome.error),
        ("cause", outcome.cause),
        ("nextState", outcome.next_state),
    ):
        if value is not None:
            answer[name] = value
    if request.get("inspectionLevel", "INFO") != "INFO":
        inspected = answer["inspectionData"] = _inspection(test, outcome)
        if request["inspectionLevel"] == "TRACE":
            inspected |= {name: outcome.notes[name] for name in _HTTP if outcome.notes.get(name)}
    return answer


def _inspection(test: StateTest, outcome: TestOutcome) -> Members:
    shown: Members = {"input": json_text(test.input)}
    names = _names(test)
    for name, value in outcome.notes.items():
        if name in names:
            shown[name] = json_text(value)
        elif name in _NUMBERS:
            shown[name] = value
    variables = outcome.variables or test.variables
    if variables:
        shown["variables"] = json_text(variables)
    if outcome.details:
        shown["errorDetails"] = outcome.details
    return shown


def _names(test: StateTest) -> tuple[str, ...]:
    state, kind = test.definition, test.definition["Type"]
    if state.get("QueryLanguage", test.language) == "JSONata":
        return _SHOWN_JSONATA.get(kind, ())
    if kind == "Pass" and "Result" in state:
        return _SHOWN_RESULT
    return _SHOWN[kind]
