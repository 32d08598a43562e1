"""Choose how an execution is drawn, by what its history and the code that is given allow."""

from __future__ import annotations

import time
from typing import Any

from partita import history as h
from partita.cli.histories import note
from partita.cli.machine_options import composer, import_needing
from partita.cli.targets import load_module
from partita.errors import PartitaError
from partita.history.document import ExportedHistory
from partita.views.code_pictures import RunOnSource, run_on_source, workflow_of
from partita.views.run_pictures import picture_of_run

_MACHINES = "states:execution"
"""The type of the executions of Step Functions' API."""


def source_of_run(history: ExportedHistory, code: str | None) -> RunOnSource | None:
    """Return an execution on its source, in a file or module; None, and a note, if that fails.

    Raises:
        LoadError: the file or module cannot be imported.
    """
    if code is None:
        return None
    load_module(code)
    workflow = workflow_of(history.workflow_type)
    if workflow is None:
        note(f"the code has no workflow {history.workflow_type.key}; drawn without its source")
        return None
    try:
        return run_on_source(history, workflow, now=time.time())
    except PartitaError as error:
        note(f"drawn without its source: {error}")
        return None


def picture_without_code(history: ExportedHistory) -> Any:
    """Return the picture of an execution on its machine or composition, or step by step."""
    name, events = history.execution.workflow_id, history.events
    if _is_of_machine(history):
        pictures = import_needing("asl", "partita.stepfunctions.execution.pictures")
        on_machine = pictures.picture_of_machine(history)
        if on_machine is not None:
            return on_machine
    composed = composer().picture_of_run(events, name)
    return picture_of_run(events, name, time.time()) if composed is None else composed


def _is_of_machine(history: ExportedHistory) -> bool:
    """Return whether a history may be that of a state machine's execution."""
    if history.workflow_type.name == _MACHINES:
        return True
    markers = (one for one in history.events if isinstance(one, h.MarkerRecorded))
    first = next(markers, None)  # which records the definition
    return first is not None and "StartAt" in (first.details or "")
