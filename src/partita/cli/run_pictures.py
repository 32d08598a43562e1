"""Choose how an execution is drawn, by what its history and the imported code allow."""

from __future__ import annotations

import time
from collections.abc import Iterable

from partita import history as h
from partita.cli.histories import note
from partita.errors import PartitaError
from partita.graph import Structure
from partita.history.document import ExportedHistory
from partita.views.code_pictures import picture_on_source, workflow_of

_MACHINES = "states:execution"
"""The type of the executions of Step Functions' API."""


def picture_with_code(history: ExportedHistory) -> Structure | None:
    """Return the picture of an execution on its source; None, and a note, if there is none."""
    workflow = workflow_of(history.workflow_type)
    if workflow is None:
        note(f"the code has no workflow {history.workflow_type.key}; drawn without its source")
        return None
    try:
        return picture_on_source(history, workflow, now=time.time())
    except PartitaError as error:
        note(f"drawn without its source: {error}")
        return None


def is_of_machine(history: ExportedHistory) -> bool:
    """Return whether a history may be that of a state machine's execution."""
    if history.workflow_type.name == _MACHINES:
        return True
    return any(
        '"States' in (one.details or "") or "StartAt" in (one.details or "")
        for one in _markers(history.events)
    )


def _markers(events: Iterable[h.AnyEvent]) -> Iterable[h.MarkerRecorded]:
    """Yield the first marker of a history, in which a machine's definition is."""
    for event in events:
        if isinstance(event, h.MarkerRecorded):
            yield event
            return
