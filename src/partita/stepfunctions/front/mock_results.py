"""Check mocked results of tests against what services answer, by the models of AWS's SDK.

Source: AWS Step Functions API Reference (2016-11-23), MockInput.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

import botocore.session
from botocore.exceptions import UnknownServiceError
from botocore.model import ServiceModel

from partita.asl.tasks.resources import ServiceResource, parse_resource
from partita.aws.faults import ValidationFault

_ERROR = "Mock result schema validation error"

_SYNC = {"startExecution": "describeExecution"}
"""Actions of which a `.sync` task has the result of another one."""

_SERVICES = {"sfn": "stepfunctions", "states": "stepfunctions"}
"""Names of services where resources and the SDK differ."""

_KINDS: dict[str, tuple[tuple[type, ...], str]] = {
    "string": ((str,), "a string"),
    "character": ((str,), "a string"),
    "blob": ((str,), "a string"),
    "timestamp": ((str,), "a string"),
    "integer": ((int,), "a number"),
    "long": ((int,), "a number"),
    "float": ((int, float), "a number"),
    "double": ((int, float), "a number"),
    "boolean": ((bool,), "a boolean"),
    "list": ((list,), "an array"),
    "map": ((dict,), "an object"),
    "structure": ((dict,), "an object"),
}


def check_mock(state: Mapping[str, Any], result: Any, mode: str) -> None:
    """Check the mocked result of a state; `mode` is STRICT, PRESENT or NONE.

    Raises:
        ValidationFault: the state cannot have that result.
    """
    kind = state["Type"]
    if kind == "Parallel":
        _check_array(result)
        if len(result) != len(state.get("Branches", ())):
            raise ValidationFault(
                "Mocked result must contain the same number of items as number of Parallel "
                "branches."
            )
    elif kind == "Map":
        if "ResultWriter" not in state:
            _check_array(result)
        elif not isinstance(result, dict):
            raise ValidationFault("Mocked result must be a JSON object.")
    elif mode != "NONE":
        _check_task(str(state.get("Resource", "")), result, is_strict=mode == "STRICT")


def _check_array(result: Any) -> None:
    if not isinstance(result, list):
        raise ValidationFault("Mocked result must be an array.")


def _check_task(arn: str, result: Any, *, is_strict: bool) -> None:
    try:
        resource = parse_resource(arn)
    except ValueError:
        return
    if isinstance(resource, ServiceResource) and resource.pattern != "waitForTaskToken":
        is_sync = resource.pattern.startswith("sync")
        action = _SYNC.get(resource.action, resource.action) if is_sync else resource.action
        shape = _output_shape(resource.service, action)
        if shape is not None:
            _check(shape, result, "", is_strict=is_strict)


@functools.lru_cache(maxsize=64)
def _output_shape(service: str, action: str) -> Any:
    """Return the shape of an action's answer; None if there is no model of it."""
    name = service.removeprefix("aws-sdk:")
    try:
        loaded = botocore.session.get_session().get_service_model(_SERVICES.get(name, name))
    except UnknownServiceError:
        return None
    model: ServiceModel = loaded
    found = next((one for one in model.operation_names if one.lower() == action.lower()), None)
    return None if found is None else model.operation_model(found).output_shape


def _check(shape: Any, value: Any, name: str, *, is_strict: bool) -> None:
    """Raise ValidationFault unless a value fits a shape; unknown members are passed over."""
    types, described = _KINDS[shape.type_name]
    is_boolean = isinstance(value, bool)
    if type(value) not in types and not (is_boolean and bool in types):
        raise _fault(name, f"must be {described}")
    match shape.type_name:
        case "structure":
            _check_structure(shape, value, is_strict=is_strict)
        case "list":
            for one in value:
                _check(shape.member, one, name, is_strict=is_strict)
        case "map":
            for key, one in value.items():
                _check(shape.value, one, key, is_strict=is_strict)
        case "string" | "blob":
            _check_text(shape, value, name)
        case "integer" | "long" | "float" | "double":
            _check_number(shape, value, name)


def _check_structure(shape: Any, value: dict[str, Any], *, is_strict: bool) -> None:
    members = {_spelled(name): inner for name, inner in shape.members.items()}
    if is_strict:
        for name in map(_spelled, shape.required_members):
            if name not in value:
                raise ValidationFault(f"{_ERROR}: Required field '{name}' is missing")
    for name, one in value.items():
        if name in members and one is not None:
            _check(members[name], one, name, is_strict=is_strict)


def _spelled(name: str) -> str:
    """Return a member's name as Step Functions spells it."""
    return name[:1].upper() + name[1:]


def _check_text(shape: Any, value: str, name: str) -> None:
    if value not in (getattr(shape, "enum", None) or (value,)):
        raise _fault(name, "is not an expected value")
    if len(value) < shape.metadata.get("min", 0):
        raise _fault(name, "is smaller than the minimum length")
    if len(value) > shape.metadata.get("max", len(value)):
        raise _fault(name, "is larger than the maximum length")


def _check_number(shape: Any, value: float, name: str) -> None:
    if value < shape.metadata.get("min", value):
        raise _fault(name, "is less than the minimum value")
    if value > shape.metadata.get("max", value):
        raise _fault(name, "is greater than the maximum value")


def _fault(name: str, problem: str) -> ValidationFault:
    return ValidationFault(f"{_ERROR}: Field '{name}' {problem}")
