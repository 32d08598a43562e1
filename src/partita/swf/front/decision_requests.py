"""Turn the decisions of an SWF decider into ours, and say which of them are refused.

The engine demands no registration and knows no defaults; SWF does. So types are looked up and
defaults filled in here, before the rules see a decision, and what SWF would refuse is handed
on with its cause: the rules record it in the same transaction.

Source: Amazon SWF API Reference (2012-01-25), RespondDecisionTaskCompleted and the `cause` of
each `…FailedEventAttributes`.
"""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from partita.aws.faults import ValidationFault
from partita.history import AnyDecision, ContinueAsNewWorkflowExecution
from partita.ports.session import Catalogue
from partita.ports.state import State
from partita.swf.decisions import attributes_name, decision_from_swf
from partita.swf.front.catalogue import (
    ACTIVITY,
    DEPRECATED,
    WORKFLOW,
    CachedCatalogue,
    Registration,
    domain_of,
    find_type,
)
from partita.swf.front.defaults import ACTIVITY_DEFAULTS, WORKFLOW_DEFAULTS, Default, filled
from partita.swf.front.operations import Given


def decided(
    catalogue: Catalogue, state: State, given: list[Given]
) -> tuple[list[AnyDecision], dict[int, str]]:
    """Return the decisions, and the causes of those that are refused, by place from 0.

    Raises:
        ValidationFault: a decision lacks its attributes, or one that closes is not the last.
        InvalidInputError: an attribute is missing.
    """
    catalogue = CachedCatalogue(catalogue)
    decisions: list[AnyDecision] = []
    refusals: dict[int, str] = {}
    for place, one in enumerate(given):
        decision, cause = _decided(catalogue, state, one)
        if decision.closes and place < len(given) - 1:
            raise ValidationFault("Close must be last decision in list")
        decisions.append(decision)
        if cause is not None:
            refusals[place] = cause
    return decisions, refusals


def _decided(catalogue: Catalogue, state: State, given: Given) -> tuple[AnyDecision, str | None]:
    kind = given["decisionType"]
    member = attributes_name(kind)
    if member not in given and kind not in _WITHOUT:
        raise ValidationFault(f"a decision of type {kind} needs {member}")
    attributes, cause = given.get(member, {}), None
    if kind == "ScheduleActivityTask":
        attributes, cause = _activity(catalogue, state.execution.domain, attributes)
    elif kind == "StartChildWorkflowExecution":
        attributes, cause = _child(catalogue, state.execution.domain, attributes)
    elif kind == "ContinueAsNewWorkflowExecution":
        attributes, cause = _next_run(catalogue, state, attributes)
    decision = decision_from_swf({"decisionType": kind, member: attributes})
    if isinstance(decision, ContinueAsNewWorkflowExecution):
        decision = replace(  # in SWF, nothing of the run before is taken over
            decision, tag_list=decision.tag_list or (), task_priority=decision.task_priority or 0
        )
    return decision, cause


_WITHOUT = {
    "CancelWorkflowExecution",
    "CompleteWorkflowExecution",
    "ContinueAsNewWorkflowExecution",
    "FailWorkflowExecution",
}
"""Decisions that may come without attributes, because none is required."""


def _activity(catalogue: Catalogue, domain: str, given: Given) -> tuple[Given, str | None]:
    type = find_type(catalogue, ACTIVITY, domain, given["activityType"])
    if type is None:
        return given, "ACTIVITY_TYPE_DOES_NOT_EXIST"
    if type.status == DEPRECATED:
        return given, "ACTIVITY_TYPE_DEPRECATED"
    return filled(given, type, ACTIVITY_DEFAULTS)


def _child(catalogue: Catalogue, domain: str, given: Given) -> tuple[Given, str | None]:
    return _workflow(catalogue, domain, given, given["workflowType"])


def _next_run(catalogue: Catalogue, state: State, given: Given) -> tuple[Given, str | None]:
    current = state.execution.workflow_type
    version = given.get("workflowTypeVersion") or current.version
    wanted = {"name": current.name, "version": version}
    return _workflow(catalogue, state.execution.domain, given, wanted)


def _workflow(
    catalogue: Catalogue, domain: str, given: Given, wanted: dict[str, Any]
) -> tuple[Given, str | None]:
    type: Registration | None = find_type(catalogue, WORKFLOW, domain, wanted)
    if type is None:
        return given, "WORKFLOW_TYPE_DOES_NOT_EXIST"
    if type.status == DEPRECATED:
        return given, "WORKFLOW_TYPE_DEPRECATED"
    if domain_of(catalogue, domain).status == DEPRECATED:
        return given, "OPERATION_NOT_PERMITTED"
    defaults: tuple[Default, ...] = WORKFLOW_DEFAULTS
    return filled(given, type, defaults)
