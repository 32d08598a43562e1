"""Fill what a request or a decision leaves out from its type's registration.

Source: Amazon SWF API Reference (2012-01-25): the `default…` members of RegisterActivityType
and RegisterWorkflowType, and the causes named DEFAULT_…_UNDEFINED.
"""

from __future__ import annotations

from msgspec import Struct

from partita.swf.front.catalogue import Registration
from partita.swf.front.operations import Given


class Default(Struct, frozen=True):
    """One member that may come from the type."""

    member: str  # of the request or decision
    registered: str  # of the type
    undefined: str | None  # the cause if neither has it; None: it may be left out


ACTIVITY_DEFAULTS = (
    Default("taskList", "defaultTaskList", "DEFAULT_TASK_LIST_UNDEFINED"),
    Default(
        "scheduleToStartTimeout",
        "defaultTaskScheduleToStartTimeout",
        "DEFAULT_SCHEDULE_TO_START_TIMEOUT_UNDEFINED",
    ),
    Default(
        "scheduleToCloseTimeout",
        "defaultTaskScheduleToCloseTimeout",
        "DEFAULT_SCHEDULE_TO_CLOSE_TIMEOUT_UNDEFINED",
    ),
    Default(
        "startToCloseTimeout",
        "defaultTaskStartToCloseTimeout",
        "DEFAULT_START_TO_CLOSE_TIMEOUT_UNDEFINED",
    ),
    Default(
        "heartbeatTimeout", "defaultTaskHeartbeatTimeout", "DEFAULT_HEARTBEAT_TIMEOUT_UNDEFINED"
    ),
    Default("taskPriority", "defaultTaskPriority", None),
)

WORKFLOW_DEFAULTS = (
    Default("taskList", "defaultTaskList", "DEFAULT_TASK_LIST_UNDEFINED"),
    Default(
        "executionStartToCloseTimeout",
        "defaultExecutionStartToCloseTimeout",
        "DEFAULT_EXECUTION_START_TO_CLOSE_TIMEOUT_UNDEFINED",
    ),
    Default(
        "taskStartToCloseTimeout",
        "defaultTaskStartToCloseTimeout",
        "DEFAULT_TASK_START_TO_CLOSE_TIMEOUT_UNDEFINED",
    ),
    Default("childPolicy", "defaultChildPolicy", "DEFAULT_CHILD_POLICY_UNDEFINED"),
    Default("taskPriority", "defaultTaskPriority", None),
    Default("lambdaRole", "defaultLambdaRole", None),
)


def filled(
    given: Given, type: Registration, defaults: tuple[Default, ...]
) -> tuple[Given, str | None]:
    """Return the members with the type's defaults, and the cause if one is undefined."""
    whole = dict(given)
    for default in defaults:
        if default.member not in whole and default.registered in type.defaults:
            whole[default.member] = type.defaults[default.registered]
    missing = (one.undefined for one in defaults if one.undefined and one.member not in whole)
    return whole, next(missing, None)
