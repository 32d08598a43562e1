"""Draw an execution of a state machine on the machine's graph, from its history alone.

The interpreter runs again over what was recorded, as for `projection`. Knows no service: of an
execution that was redriven, the states since then are shown.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from partita import history as h
from partita.asl.diagram import diagram_of_text
from partita.asl.machines import recorded_definition, shown_machine
from partita.errors import PartitaError
from partita.graph import Graph
from partita.history.document import ExportedHistory
from partita.replay.replayer import Replayer
from partita.stepfunctions.execution.beginning import WORKFLOW_TYPE
from partita.stepfunctions.execution.recorder import RecordedEvent, Recorder
from partita.stepfunctions.execution.records import beginning_of
from partita.stepfunctions.execution.workflow import execution_workflow
from partita.views.machine_pictures import on_machine
from partita.views.run_steps import run_steps
from partita.views.state_visits import StateVisit, state_visits


def picture_of_machine(history: ExportedHistory) -> Graph | None:
    """Return what to draw of an execution; None if it runs no machine that its history has."""
    events = list(history.events)
    definition, has_all = _definition(events), True
    if definition is None:
        definition, has_all = _compiled_definition(events), False
    if definition is None:
        return None
    visits = state_visits(_markers(_states(history, events))) if has_all else _task_visits(events)
    graph = diagram_of_text(definition, history.execution.workflow_id)
    return on_machine(graph, visits, history.status, has_all=has_all)


def _definition(events: list[h.AnyEvent]) -> str | None:
    """Return the definition that an execution of a machine's file, or of the API, runs."""
    beginning = beginning_of(events[:1])
    if beginning is not None:
        return beginning.definition
    recorded = recorded_definition(events)
    return None if recorded is None else recorded[0]


def _compiled_definition(events: Sequence[h.AnyEvent]) -> str | None:
    """Return the definition of the machine that a compiled workflow runs."""
    marker = next((one for one in events if isinstance(one, h.MarkerRecorded)), None)
    try:
        text = json.loads(marker.details or "null") if marker is not None else None
        found = json.loads(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return text if isinstance(found, dict) and "StartAt" in found and "States" in found else None


def _states(history: ExportedHistory, events: list[h.AnyEvent]) -> Sequence[RecordedEvent]:
    """Return the events that AWS's history would have, as far as the history can be replayed."""
    recorder = Recorder(is_limited=False)
    workflow: Any = shown_machine(history.workflow_type.name, recorder)
    if history.workflow_type == WORKFLOW_TYPE:
        workflow = execution_workflow(lambda text: text, lambda _: recorder)
    try:
        Replayer([workflow]).repeat(history.execution, history.workflow_type, events)
    except PartitaError:  # an older interpreter wrote it: the states before that are shown
        pass
    return recorder.events


def _markers(events: Sequence[RecordedEvent]) -> list[h.AnyEvent]:
    """Return events as a history of Step Functions has them here."""
    return [
        h.MarkerRecorded(
            event_id=one.id,
            event_timestamp=one.at,
            marker_name=one.type,
            decision_task_completed_event_id=0,
            details=json.dumps({name: _text(value) for name, value in one.details.items()}),
        )
        for one in events
    ]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str)


def _task_visits(events: Sequence[h.AnyEvent]) -> list[StateVisit]:
    """Return the visits of the Task states of a compiled workflow, which its steps name."""
    return [
        StateVisit(
            name=step.place,
            kind="Task",
            event_id=step.event_id,
            begun_at=step.begun_at,
            ended_at=step.ended_at,
            error=step.note if step.status == "failed" else "",
        )
        for step in run_steps(events)
        if step.place
    ]
