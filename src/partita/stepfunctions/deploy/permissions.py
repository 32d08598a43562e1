"""Read off a machine what its role must be allowed to do: one `Permission` for each need.

ARNs have `{partition}`, `{region}` and `{account}` where those of the deployment go. A part of an
ARN is `*` only where the machine does not name it: it is an expression there, or a version.

Source: AWS Step Functions Developer Guide, "How Step Functions generates IAM policies for
integrated services".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from partita.stepfunctions.deploy.sdk_permissions import queue_arn, sdk_permission
from partita.stepfunctions.emitter.states import states_of

_INTEGRATION = re.compile(r"arn:[^:]+:states:::(aws-sdk:)?([\w-]+):(\w+)(?:\.([\w:]+))?")
_CHILD = re.compile(r':stateMachine:([^"]+)"')
_FUNCTION = re.compile(r"arn:[\w-]+:lambda:[\w-]+:\d+:function:[\w-]+(:[\w$-]+)?")
_OWN = "arn:{partition}:%s:{region}:{account}:%s"
_RULE = _OWN % ("events", "rule/%s")
_RULES = {
    "states": "StepFunctionsGetEventsForStepFunctionsExecutionRule",
    "batch": "StepFunctionsGetEventsForBatchJobsRule",
    "ecs": "StepFunctionsGetEventsForECSTaskRule",
    "codebuild": "StepFunctionsGetEventForCodeBuildStartBuildRule",
}
"""The rules by which Step Functions hears of the ends of jobs."""


@dataclass(frozen=True)
class Permission:
    """Actions that a state needs on a resource; `resource` is None if they are not known."""

    state: str
    actions: tuple[str, ...]
    resource: str | None


def permissions_of(machine: dict[str, Any], name: str, function: str) -> list[Permission]:
    """Return all that a machine of that name needs.

    Args:
        machine: its definition.
        name: its own, and that of its function.
        function: what Task states have where they call that function.
    """
    found: list[Permission] = []
    for state, definition in states_of(machine):
        needs = _needs(definition, name, function)
        found += [Permission(state, tuple(actions), arn) for actions, arn in needs]
    return found


_Needs = Iterator[tuple[list[str], str | None]]


def _needs(state: dict[str, Any], name: str, function: str) -> _Needs:
    if state["Type"] == "Map":
        yield from _map_needs(state, name)
    if state["Type"] != "Task":
        return
    resource = str(state["Resource"])
    given = _constants(state)
    integration = _INTEGRATION.fullmatch(resource)
    if resource == function:
        yield ["lambda:InvokeFunction"], _OWN % ("lambda", f"function:{name}:*")
        return
    if integration is None:
        if ":function:" in resource:
            yield ["lambda:InvokeFunction"], resource
        return
    sdk, service, action, pattern = integration.groups()
    if service == "lambda" and given.get("FunctionName") == function:
        yield ["lambda:InvokeFunction"], _OWN % ("lambda", f"function:{name}:*")
    elif sdk:
        yield sdk_permission(service, action, given)
    else:
        yield from _optimised(service, action, pattern, given, state)


def _constants(state: dict[str, Any]) -> dict[str, str]:
    """Return the texts among a task's arguments that are no expressions."""
    given = state.get("Arguments", state.get("Parameters", {}))
    if not isinstance(given, dict):
        return {}
    texts = {key: one for key, one in given.items() if isinstance(one, str)}
    return {
        key: one for key, one in texts.items() if not (key.endswith(".$") or one.startswith("{%"))
    }


def _optimised(
    service: str, action: str, pattern: str | None, given: dict[str, str], state: dict[str, Any]
) -> _Needs:
    known = _SERVICES.get((service, action))
    if known is None:
        yield [f"{service}:{action[:1].upper()}{action[1:]}"], None
        return
    arguments = state.get("Arguments", state.get("Parameters", {}))
    waits = (pattern or "") if (pattern or "").startswith("sync") else ""
    yield from known(given, arguments, waits)
    if waits and service in _RULES:
        yield (
            ["events:PutTargets", "events:PutRule", "events:DescribeRule"],
            _RULE % (_RULES[service]),
        )


# -- optimised integrations


def _lambda(given: dict[str, str], _: Any, __: str) -> _Needs:
    name = given.get("FunctionName", "*")
    arn = name if _FUNCTION.fullmatch(name) else _OWN % ("lambda", f"function:{name}")
    yield ["lambda:InvokeFunction"], arn


def _dynamodb(action: str) -> Callable[..., _Needs]:
    def needs(given: dict[str, str], _: Any, __: str) -> _Needs:
        name = given.get("TableName", "*")
        arn = name if name.startswith("arn:") else _OWN % ("dynamodb", f"table/{name}")
        yield [f"dynamodb:{action}"], arn

    return needs


def _sns(given: dict[str, str], arguments: Any, _: str) -> _Needs:
    topic = given.get("TopicArn", given.get("TargetArn"))
    to_phone = any(key.startswith("PhoneNumber") for key in arguments)
    anywhere = "*" if to_phone else _OWN % ("sns", "*")
    yield ["sns:Publish"], topic or anywhere


def _sqs(given: dict[str, str], _: Any, __: str) -> _Needs:
    yield ["sqs:SendMessage"], queue_arn(given) or _OWN % ("sqs", "*")


def _events(_: dict[str, str], arguments: Any, __: str) -> _Needs:
    entries = arguments.get("Entries") if isinstance(arguments, dict) else None
    for one in entries if isinstance(entries, list) else [{}]:
        bus = one.get("EventBusName", "default") if isinstance(one, dict) else "*"
        bus = "*" if bus.startswith("{%") or entries is None else bus
        arn = bus if bus.startswith("arn:") else _OWN % ("events", f"event-bus/{bus}")
        yield ["events:PutEvents"], arn


def _states(_: dict[str, str], arguments: Any, pattern: str) -> _Needs:
    text = str(arguments.get("StateMachineArn", ""))
    child = _CHILD.search(text)
    arn = (
        text
        if text.startswith("arn:")
        else _OWN % ("states", f"stateMachine:{child[1] if child else '*'}")
    )
    yield ["states:StartExecution"], arn
    if pattern:
        executions = arn.replace(":stateMachine:", ":execution:") + ":*"
        yield ["states:DescribeExecution", "states:StopExecution"], executions


def _glue(given: dict[str, str], _: Any, pattern: str) -> _Needs:
    waiting = ["glue:GetJobRun", "glue:GetJobRuns", "glue:BatchStopJobRun"]
    actions = ["glue:StartJobRun", *(waiting if pattern else [])]
    yield actions, _OWN % ("glue", f"job/{given.get('JobName', '*')}")


def _batch(given: dict[str, str], _: Any, pattern: str) -> _Needs:
    for key, kind in (("JobDefinition", "job-definition"), ("JobQueue", "job-queue")):
        name = given.get(key, "*")
        yield (
            ["batch:SubmitJob"],
            name if name.startswith("arn:") else _OWN % ("batch", f"{kind}/{name}"),
        )
    if pattern:
        yield ["batch:DescribeJobs", "batch:TerminateJob"], "*"  # they have no names before


def _ecs(given: dict[str, str], _: Any, pattern: str) -> _Needs:
    name = given.get("TaskDefinition", "*")
    arn = name if name.startswith("arn:") else _OWN % ("ecs", f"task-definition/{name}")
    yield ["ecs:RunTask"], arn if ":task-definition/" in arn and arn.count(":") > 5 else f"{arn}:*"
    if pattern:
        yield ["ecs:StopTask", "ecs:DescribeTasks"], _OWN % ("ecs", "task/*")


def _codebuild(given: dict[str, str], _: Any, pattern: str) -> _Needs:
    waiting = ["codebuild:StopBuild", "codebuild:BatchGetBuilds"]
    actions = ["codebuild:StartBuild", *(waiting if pattern else [])]
    yield actions, _OWN % ("codebuild", f"project/{given.get('ProjectName', '*')}")


_SERVICES: dict[tuple[str, str], Callable[[dict[str, str], Any, str], _Needs]] = {
    ("lambda", "invoke"): _lambda,
    ("dynamodb", "getItem"): _dynamodb("GetItem"),
    ("dynamodb", "putItem"): _dynamodb("PutItem"),
    ("dynamodb", "updateItem"): _dynamodb("UpdateItem"),
    ("dynamodb", "deleteItem"): _dynamodb("DeleteItem"),
    ("sns", "publish"): _sns,
    ("sqs", "sendMessage"): _sqs,
    ("events", "putEvents"): _events,
    ("states", "startExecution"): _states,
    ("glue", "startJobRun"): _glue,
    ("batch", "submitJob"): _batch,
    ("ecs", "runTask"): _ecs,
    ("codebuild", "startBuild"): _codebuild,
}


# -- distributed maps


def _map_needs(state: dict[str, Any], name: str) -> _Needs:
    processor: Mapping[str, Any] = state.get("ItemProcessor", {})
    if processor.get("ProcessorConfig", {}).get("Mode") != "DISTRIBUTED":
        return
    yield ["states:StartExecution"], _OWN % ("states", f"stateMachine:{name}")
    executions = _OWN % ("states", f"execution:{name}:*")
    yield ["states:DescribeExecution", "states:StopExecution"], executions
    yield from _reader_needs(state.get("ItemReader"))
    writer = state.get("ResultWriter")
    if writer is not None and "Resource" in writer:
        given = _constants(writer)
        prefix = given.get("Prefix", "").strip("/")
        place = "*" if not prefix else f"{prefix}/*"
        actions = ["PutObject", "GetObject", "ListMultipartUploadParts", "AbortMultipartUpload"]
        bucket = given.get("Bucket", "*")
        yield [f"s3:{one}" for one in actions], f"arn:{{partition}}:s3:::{bucket}/{place}"


def _reader_needs(reader: dict[str, Any] | None) -> _Needs:
    if reader is None:
        return
    given = _constants(reader)
    bucket = f"arn:{{partition}}:s3:::{given.get('Bucket', '*')}"
    if str(reader["Resource"]).endswith(":listObjectsV2"):
        yield ["s3:ListBucket"], bucket
        if reader.get("ReaderConfig", {}).get("Transformation") == "LOAD_AND_FLATTEN":
            yield ["s3:GetObject"], f"{bucket}/{given.get('Prefix', '')}*"
        return
    names_others = reader.get("ReaderConfig", {}).get("InputType") == "MANIFEST"
    yield ["s3:GetObject"], f"{bucket}/{'*' if names_others else given.get('Key', '*')}"
