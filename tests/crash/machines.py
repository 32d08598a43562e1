"""The state machine that the crash tests kill: tasks, a retry, branches, items, a loop."""

import os
import time
from typing import Any

from partita.asl import machine, register_lambda
from partita.errors import TaskFailedError


def trace(event: Any) -> int:
    """Return the square of a number after a while; fail once for each execution at step 3."""
    line = f"{event['id']} {event['step']} {event.get('retry', 0)}\n".encode()
    log = os.open(os.environ["TRACE_LOG"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(log, line)
    os.close(log)
    time.sleep(0.02)
    if event["step"] == 3 and event["retry"] == 0:
        raise TaskFailedError("Busy")
    return int(event["step"]) ** 2


register_lambda("trace", trace)


def _call(step: str, **fields: Any) -> dict[str, Any]:
    retry = "{% $states.context.State.RetryCount %}"
    return {
        "Type": "Task",
        "Resource": "arn:aws:lambda:us-east-1:123456789012:function:trace",
        "Arguments": {"id": "{% $id %}", "step": step, "retry": retry},
        **fields,
    }


def _one(state: dict[str, Any]) -> dict[str, Any]:
    return {"StartAt": "One", "States": {"One": {**state, "End": True}}}


_ADDED = {"total": "{% $total + $sum($states.result) %}"}

DEFINITION = {
    "QueryLanguage": "JSONata",
    "StartAt": "Begin",
    "States": {
        "Begin": {
            "Type": "Pass",
            "Assign": {"id": "{% $states.input %}", "total": 0, "left": 30},
            "Next": "First",
        },
        "First": _call("{% 1 %}", Assign=_ADDED, Next="Both"),
        "Both": {
            "Type": "Parallel",
            "Branches": [
                _one(_call("{% 2 %}")),
                _one(
                    _call(
                        "{% 3 %}",
                        Retry=[{"ErrorEquals": ["Busy"], "IntervalSeconds": 1, "MaxAttempts": 1}],
                    )
                ),
            ],
            "Assign": _ADDED,
            "Next": "Loop",
        },
        "Loop": {
            "Type": "Choice",
            "Choices": [{"Condition": "{% $left > 0 %}", "Next": "Less"}],
            "Default": "Items",
        },
        "Less": {"Type": "Pass", "Assign": {"left": "{% $left - 1 %}"}, "Next": "Loop"},
        "Items": {
            "Type": "Map",
            "Items": [4, 5],
            "ItemProcessor": _one(_call("{% $states.input %}")),
            "Assign": _ADDED,
            "Next": "Runs",
        },
        "Runs": {
            "Type": "Map",
            "Items": [6, 7],
            "ItemProcessor": {
                "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
                "QueryLanguage": "JSONata",
                **_one({"Type": "Pass", "Output": "{% $states.input * $states.input %}"}),
            },
            "Assign": _ADDED,
            "Next": "Fails",
        },
        "Fails": {
            "Type": "Parallel",
            "Branches": [_one({"Type": "Pass"})],
            "Output": "{% $error('no') %}",
            "Catch": [{"ErrorEquals": ["States.QueryEvaluationError"], "Next": "Done"}],
            "Next": "Never",
        },
        "Never": {"Type": "Fail"},
        "Done": {"Type": "Succeed", "Output": "{% $total %}"},
    },
}
TOTAL = sum(number**2 for number in range(1, 8))

crashed = machine(DEFINITION, "crashed")
