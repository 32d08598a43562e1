"""Make a compiled machine call the one function that its activities are bundled in."""

from __future__ import annotations

import copy
from collections.abc import Collection
from typing import Any

from partita.stepfunctions.emitter.states import states_of
from partita.stepfunctions.emitter.tasks import LAMBDA, SIGNALS

OWN_FUNCTION = "${Function}"
"""The resource of tasks that are their machine's own function itself."""

_TASK = (
    '{% {"execution": $states.context.Execution.Id, "state": $states.context.State.Name, '
    '"entered": $states.context.State.EnteredTime, "retries": $states.context.State.RetryCount, '
    '"item": $states.context.Map.Item.Index} %}'
)
"""What an activity's `activity_info` is made of."""


def calling(definition: dict[str, Any], activities: Collection[str], function: str) -> Any:
    """Return a machine's definition that calls activities in a function.

    Tasks of other functions stay as they are. A function sends no heartbeats, so that a limit of
    the time between them would only end it.
    """
    made = copy.deepcopy(definition)
    for _, state in states_of(made):
        arguments = state.get("Arguments")
        if state.get("Resource") == OWN_FUNCTION:
            state["Resource"] = function
            continue
        is_call = state["Type"] == "Task" and str(state["Resource"]).startswith(LAMBDA)
        if not is_call or not isinstance(arguments, dict):
            continue
        name = arguments["FunctionName"]
        if name == SIGNALS:
            arguments["FunctionName"] = function
        elif name in activities:
            payload = {"activity": name, "arguments": arguments["Payload"], "task": _TASK}
            arguments |= {"FunctionName": function, "Payload": payload}
            state.pop("HeartbeatSeconds", None)
    return made


def calls_own_function(definition: dict[str, Any], activities: Collection[str]) -> bool:
    """Return whether a machine calls activities, or waits for signals."""
    return bool(calling(definition, activities, "") != definition)
