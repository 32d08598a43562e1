"""Turn the decisions of an SWF decider into ours, and say which of them are refused.

The service demands no registration and knows no defaults; SWF does. So types are looked up and
defaults filled in here, before the rules see a decision, and what SWF would refuse is handed
on with its cause: the rules record it in the same transaction.

Source: Amazon SWF API Reference (2012-01-25), RespondDecisionTaskCompleted and the `cause` of
each `…FailedEventAttributes`.
"""

from __future__ import annotations

from msgspec.structs import replace

from partita.aws.faults import ValidationFault
from partita.aws.shapes import Members, broken_constraint
from partita.history import AnyDecision, ContinueAsNewWorkflowExecution
from partita.ports.session import Catalogue
from partita.ports.state import State
from partita.swf.front.catalogue import (
    ACTIVITY,
    ACTIVITY_DEFAULTS,
    DEPRECATED,
    WORKFLOW,
    WORKFLOW_DEFAULTS,
    CachedCatalogue,
    domain_of,
    find_type,
    with_defaults,
)
from partita.swf.wire_format import decision_attributes, decision_from_swf

_NO_ATTRIBUTES_NEEDED = {
    "CancelWorkflowExecution",
    "CompleteWorkflowExecution",
    "ContinueAsNewWorkflowExecution",
    "FailWorkflowExecution",
}
"""Decisions that may come without attributes, because none is required."""


def read_decisions(
    catalogue: Catalogue, state: State, given: list[Members]
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
        _check_attributes(one, place + 1)
        decision, cause = _read(catalogue, state, one)
        if decision.closes and place < len(given) - 1:
            raise ValidationFault("Close must be last decision in list")
        decisions.append(decision)
        if cause is not None:
            refusals[place] = cause
    return decisions, refusals


def _check_attributes(given: Members, place: int) -> None:
    member = decision_attributes(given["decisionType"])
    if member not in given and given["decisionType"] not in _NO_ATTRIBUTES_NEEDED:
        path = f"decisions.{place}.member.{member}"
        broken = broken_constraint(None, path, "Member must not be null")
        raise ValidationFault(f"1 validation error detected: {broken}")


def _read(catalogue: Catalogue, state: State, given: Members) -> tuple[AnyDecision, str | None]:
    kind = given["decisionType"]
    member = decision_attributes(kind)
    attributes, cause = given.get(member, {}), None
    domain, current = state.execution.domain, state.execution.workflow_type
    if kind == "ScheduleActivityTask":
        attributes, cause = _activity(catalogue, domain, attributes)
    elif kind == "StartChildWorkflowExecution":
        attributes, cause = _workflow(catalogue, domain, attributes, attributes["workflowType"])
    elif kind == "ContinueAsNewWorkflowExecution":
        version = attributes.get("workflowTypeVersion") or current.version
        wanted = {"name": current.name, "version": version}
        attributes, cause = _workflow(catalogue, domain, attributes, wanted)
    decision = decision_from_swf({"decisionType": kind, member: attributes})
    if isinstance(decision, ContinueAsNewWorkflowExecution):
        decision = replace(  # in SWF, nothing of the run before is taken over
            decision, tag_list=decision.tag_list or (), task_priority=decision.task_priority or 0
        )
    return decision, cause


def _activity(catalogue: Catalogue, domain: str, attributes: Members) -> tuple[Members, str | None]:
    type = find_type(catalogue, ACTIVITY, domain, attributes["activityType"])
    if type is None:
        return attributes, "ACTIVITY_TYPE_DOES_NOT_EXIST"
    if type.status == DEPRECATED:
        return attributes, "ACTIVITY_TYPE_DEPRECATED"
    return with_defaults(attributes, type, ACTIVITY_DEFAULTS)


def _workflow(
    catalogue: Catalogue, domain: str, attributes: Members, wanted: dict[str, str]
) -> tuple[Members, str | None]:
    type = find_type(catalogue, WORKFLOW, domain, wanted)
    if type is None:
        return attributes, "WORKFLOW_TYPE_DOES_NOT_EXIST"
    if type.status == DEPRECATED:
        return attributes, "WORKFLOW_TYPE_DEPRECATED"
    if domain_of(catalogue, domain).status == DEPRECATED:
        return attributes, "OPERATION_NOT_PERMITTED"
    return with_defaults(attributes, type, WORKFLOW_DEFAULTS)
