"""Check that a decider would decide today as it did in a recorded history.

A decider may decide otherwise in the middle of an execution without harm, unlike code that is
replayed; but its author should know.
"""

from __future__ import annotations

from functools import partial

from partita.authoring.definition import WorkflowSpec
from partita.authoring.registry import place
from partita.codec import Converter
from partita.deciders.by_hand import ByHand
from partita.deciders.decider import DeciderDefinition
from partita.errors import NonDeterminismError
from partita.history import AnyDecision, AnyEvent, DecisionTaskCompleted
from partita.history.document import ExportedHistory
from partita.ports.service import DecisionTask
from partita.replay import compatibility as replay
from partita.replay.compatibility import Fit, ending, ends_alike
from partita.replay.decision_events import agrees, caused_by, describe

ADVICE = (
    "take the change back, or give the new code another version; processes that run may go on "
    "with it, if that is what you mean"
)
"""Advice for the author of a decider that would decide otherwise."""


def fit(
    workflow: WorkflowSpec,
    history: ExportedHistory,
    source: str = "",
    converter: Converter | None = None,
) -> Fit:
    """Return whether code of any kind fits a history: by a replay, or by asking the decider.

    Raises:
        UnknownTypeError: the history is of another workflow.
        InvalidInputError: the history's payloads cannot be read here.
    """
    check = None if workflow.is_replayed else check_decisions
    return replay.fit(workflow, history, source, converter, check)


def check_decisions(
    definition: DeciderDefinition, history: ExportedHistory, converter: Converter
) -> None:
    """Give every answered decision task of a history to the decider again.

    Raises:
        NonDeterminismError: it decides otherwise.
        DeciderFailedError: it raises.
    """
    by_hand = ByHand([definition], converter=converter)
    events = history.events
    previous = 0
    for position, event in enumerate(events):
        if isinstance(event, DecisionTaskCompleted):
            started = event.started_event_id
            task = DecisionTask(
                token="",
                workflow_execution=history.execution,
                workflow_type=history.workflow_type,
                started_event_id=started,
                previous_started_event_id=previous,
                events=events[previous:started],
            )
            caused, _ = caused_by(events, position)
            decisions = by_hand.decide(task)
            _compare(place(definition), decisions, caused, event.event_id)
            for decision, end in zip(decisions[-1:], caused[-1:], strict=True):
                if not ends_alike(definition, converter, decision, end):
                    raise NonDeterminismError(
                        location=place(definition),
                        expected=ending(end, converter),
                        found=ending(decision, converter),
                        event_id=end.event_id,
                        advice=ADVICE,
                    )
            previous = started


def _compare(
    where: str, decisions: list[AnyDecision], caused: list[AnyEvent], completed: int
) -> None:
    """Check that the decisions are those that the events record."""
    wrong = partial(NonDeterminismError, location=where, advice=ADVICE)
    for decision, event in zip(decisions, caused, strict=False):
        if not agrees(decision, event):
            raise wrong(expected=describe(event), found=describe(decision), event_id=event.event_id)
    if len(decisions) > len(caused):
        found = describe(decisions[len(caused)])
        last = caused[-1].event_id if caused else completed
        raise wrong(expected=describe(None), found=found, event_id=last)
    if len(caused) > len(decisions):
        event = caused[len(decisions)]
        raise wrong(expected=describe(event), found=describe(None), event_id=event.event_id)
