"""Translate what is said about executions: SWF's `WorkflowExecutionInfo` and its relations.

Source: Amazon SWF API Reference (2012-01-25), WorkflowExecutionInfo and
DescribeWorkflowExecution.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from partita.aws.names import (
    duration,
    execution_from_swf,
    execution_to_swf,
    moment,
    type_to_swf,
)
from partita.history import WorkflowExecution, WorkflowType
from partita.ports.service import ExecutionInfo
from partita.ports.state import Execution, Progress, Status


def info_to_swf(execution: Execution, progress: Progress) -> dict[str, Any]:
    """Write one line of a list of executions."""
    info: dict[str, Any] = {
        "execution": execution_to_swf(WorkflowExecution(execution.workflow_id, execution.run_id)),
        "workflowType": type_to_swf(execution.workflow_type),
        "startTimestamp": execution.started_at,
        "executionStatus": "OPEN" if progress.status is Status.OPEN else "CLOSED",
        "cancelRequested": progress.cancel_requested,
    }
    if progress.status is not Status.OPEN:
        info["closeStatus"] = progress.status.name
        info["closeTimestamp"] = progress.closed_at
    if execution.parent is not None:
        info["parent"] = execution_to_swf(execution.parent)
    if execution.tag_list:
        info["tagList"] = list(execution.tag_list)
    return info


def configuration_to_swf(execution: Execution) -> dict[str, Any]:
    """Write what an execution was started with."""
    written: dict[str, Any] = {
        "taskStartToCloseTimeout": duration(execution.task_start_to_close),
        "executionStartToCloseTimeout": duration(execution.execution_start_to_close),
        "taskList": {"name": execution.task_list},
        "taskPriority": str(execution.task_priority),
        "childPolicy": str(execution.child_policy),
    }
    if execution.lambda_role is not None:
        written["lambdaRole"] = execution.lambda_role
    return written


def info_from_swf(info: Mapping[str, Any]) -> ExecutionInfo:
    """Read one line of a list of executions; SWF does not say how many events there are."""
    closed, kind = info.get("closeTimestamp"), info["workflowType"]
    execution = execution_from_swf(info["execution"])
    return ExecutionInfo(
        workflow_id=execution.workflow_id,
        run_id=execution.run_id,
        workflow_type=WorkflowType(kind["name"], kind["version"]),
        status=Status[info.get("closeStatus") or "OPEN"],
        started_at=moment(info["startTimestamp"]),
        closed_at=None if closed is None else moment(closed),
        tag_list=tuple(info.get("tagList") or ()),
        cancel_requested=bool(info.get("cancelRequested")),
        parent=execution_from_swf(info["parent"]) if info.get("parent") else None,
    )
