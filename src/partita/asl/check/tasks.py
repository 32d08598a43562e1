"""Check what a Task calls: its Resource, its Credentials, its times."""

from __future__ import annotations

import re
from typing import Any

from partita.asl.check import values
from partita.asl.check.diagnostics import Report

_ARN = re.compile(r"arn:[\w-]+:[\w-]+:[^:]*:[^:]*:.+")
_ACTIVITY = re.compile(r"arn:[^:]+:states:[^:]+:[^:]+:activity:")
_INTEGRATION = re.compile(
    r"arn:[^:]+:states:::(?:(?P<sdk>aws-sdk):)?(?P<service>[\w-]+):(?P<action>\w+)"
    r"(?:\.(?P<pattern>sync:2|sync|waitForTaskToken))?"
)
_SUBSTITUTION = "${"

# the optimised integrations, and the actions that each has; None: any
_ACTIONS: dict[str, frozenset[str] | None] = {
    "lambda": frozenset({"invoke"}),
    "dynamodb": frozenset({"getItem", "putItem", "updateItem", "deleteItem"}),
    "sns": frozenset({"publish"}),
    "sqs": frozenset({"sendMessage"}),
    "states": frozenset({"startExecution"}),
    "events": frozenset({"putEvents"}),
    "http": frozenset({"invoke"}),
    "apigateway": frozenset({"invoke"}),
    "batch": frozenset({"submitJob"}),
    "ecs": frozenset({"runTask"}),
    "glue": frozenset({"startJobRun"}),
    "codebuild": None,
    "athena": None,
    "sagemaker": None,
    "elasticmapreduce": None,
    "emr-containers": None,
    "emr-serverless": None,
    "eks": None,
    "databrew": frozenset({"startJobRun"}),
    "mediaconvert": frozenset({"createJob"}),
    "bedrock": None,
    "bedrock-agentcore": None,
}
_WITHOUT_SYNC = frozenset(
    {"lambda", "sns", "sqs", "dynamodb", "events", "apigateway", "http", "bedrock-agentcore"}
)
_WITHOUT_TOKEN = frozenset(
    {"athena", "batch", "codebuild", "elasticmapreduce", "emr-containers", "emr-serverless"}
    | {"glue", "databrew", "mediaconvert", "sagemaker", "dynamodb", "http", "bedrock-agentcore"}
) - {"batch"}


def check_task(report: Report, state: dict[str, Any], location: str, kind: str) -> None:
    """Check the fields that only a Task has; `kind` is of the machine."""
    resource = state.get("Resource")
    if "Resource" in state and values.string(report, resource, f"{location}/Resource"):
        _check_resource(report, str(resource), f"{location}/Resource", kind)
    if "Credentials" in state:
        _check_credentials(report, state, f"{location}/Credentials")
    _check_times(report, state, location)


def _check_resource(report: Report, resource: str, location: str, kind: str) -> None:
    if _SUBSTITUTION in resource:
        return
    if not _ARN.fullmatch(resource):
        report.schema("Value is not a valid resource ARN", location)
    elif ":states:::" in resource and not _is_known(resource):
        report.schema(
            f"The resource provided {resource} is not recognized. The value is not a valid "
            "resource ARN, or the resource is not available in this region.",
            location,
        )
    elif kind == "EXPRESS":
        _check_express(report, resource, location)


def _is_known(resource: str) -> bool:
    matched = _INTEGRATION.fullmatch(resource)
    if matched is None:
        return False
    service, pattern = matched["service"], matched["pattern"] or ""
    if matched["sdk"]:
        return not pattern.startswith("sync")
    if service not in _ACTIONS or (pattern == "sync:2" and service != "states"):
        return False
    if pattern.startswith("sync") and service in _WITHOUT_SYNC:
        return False
    if pattern == "waitForTaskToken" and service in _WITHOUT_TOKEN:
        return False
    actions = _ACTIONS[service]
    return actions is None or matched["action"] in actions


def _check_express(report: Report, resource: str, location: str) -> None:
    """Report what only standard machines can do; AWS's text has the two spaces."""
    if _ACTIVITY.match(resource):
        report.schema("Express state machine does not support Activity ARN", location)
    elif resource.endswith(".waitForTaskToken"):
        report.schema(
            "Express state machine does not support '.waitForTaskToken' service integration ",
            location,
        )
    elif resource.endswith((".sync", ".sync:2")):
        report.schema(
            "Express state machine does not support '.sync' service integration", location
        )


def _check_credentials(report: Report, state: dict[str, Any], location: str) -> None:
    value = state["Credentials"]
    if not values.json_object(report, value, location):
        return
    if "RoleArn" not in value and "RoleArn.$" not in value:
        report.schema("The field 'RoleArn' is required but was missing", location)
    resource = state.get("Resource")
    if isinstance(resource, str) and _ACTIVITY.match(resource):
        report.schema("The field 'Credentials' is not supported for activities", location)


def _check_times(report: Report, state: dict[str, Any], location: str) -> None:
    heartbeat, timeout = state.get("HeartbeatSeconds"), state.get("TimeoutSeconds")
    if isinstance(heartbeat, int) and isinstance(timeout, int) and heartbeat >= timeout:
        report.schema(
            "HeartbeatSeconds must be smaller than TimeoutSeconds",
            f"{location}/HeartbeatSeconds",
        )
