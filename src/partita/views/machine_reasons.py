"""Find what a state machine on AWS Step Functions is doing, from the newest events of its history.

Pure. Its backend gives such events as markers that are named by their types, with JSON details.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from partita import history as h
from partita.views.durations import since
from partita.views.failures import printable
from partita.views.open_reasons import Found, found_as
from partita.views.verdicts import command

_FAILED = ("TaskFailed", "TaskTimedOut", "LambdaFunctionFailed", "LambdaFunctionTimedOut",
           "ActivityFailed", "ActivityTimedOut", "TaskStartFailed", "TaskSubmitFailed")  # fmt: skip
_BEGUN = ("TaskScheduled", "LambdaFunctionScheduled", "ActivityScheduled")


def reason_of_machine(id: str, events: Sequence[h.AnyEvent], now: float) -> Found:
    """Return why an execution of a state machine is not done."""
    markers = [one for one in events if isinstance(one, h.MarkerRecorded)]
    entered = next((one for one in reversed(markers) if _is_entry(one)), None)
    if entered is None:
        return found_as("MACHINE_RUNS", "its machine runs", command("history", id))
    state = printable(str(_details(entered).get("name", "")))
    kind = entered.marker_name.removesuffix("StateEntered")
    after = [one for one in markers if one.event_id > entered.event_id]
    last = next((one for one in reversed(after) if one.marker_name in (*_FAILED, *_BEGUN)), None)
    at = since(entered.event_timestamp, now)
    known: dict[str, Any] = {"state": state, "since_at": entered.event_timestamp}
    if last is not None and last.marker_name in _FAILED:
        said = _details(last)
        parts = [str(said[name]) for name in ("error", "cause") if said.get(name)]
        error = printable(": ".join(parts))
        what = f"state {state} failed with {error[:300] or last.marker_name}, and its retrier waits"
        return found_as("RETRIES", what, command("history", id), error=said.get("error"), **known)
    signal = None if last is None else _signal(_details(last))
    if signal is not None:
        what = f"it waits for signal {printable(signal)} in state {state} since {at}"
        return found_as("SIGNAL", what, command("signal", id, signal), signal=signal, **known)
    if kind == "Wait":
        return found_as(
            "SLEEPS", f"it sleeps in state {state} since {at}", command("result", id), **known
        )
    resource = None if last is None else _details(last).get("resource")
    what = f"state {state} ({kind}) runs since {at}"
    return found_as("MACHINE_RUNS", what, command("result", id), resource=resource, **known)


def _is_entry(event: h.MarkerRecorded) -> bool:
    return event.marker_name.endswith("StateEntered")


def _details(event: h.MarkerRecorded) -> dict[str, Any]:
    try:
        found = json.loads(event.details or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _signal(details: dict[str, Any]) -> str | None:
    """Return the signal that a task waits for, as a compiled workflow's does."""
    if not str(details.get("resource", "")).endswith(".waitForTaskToken"):
        return None
    try:
        return str(json.loads(details.get("parameters", "{}"))["Payload"]["signal"])
    except (ValueError, KeyError, TypeError):
        return None
