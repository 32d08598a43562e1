"""Wait: go on after a time, or at a moment."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from partita.asl.comparisons import parse_timestamp
from partita.asl.expressions import Fields
from partita.asl.failures import QUERY_EVALUATION, EvaluationFault
from partita.asl.flows import Flow
from partita.asl.frame import Frame
from partita.asl.json_text import is_integer, json_text
from partita.asl.path_reader import PathMissingError
from partita.asl.queries import Query
from partita.asl.states.state import SimpleState
from partita.authoring.determinism import now, sleep

LONGEST_WAIT_SECONDS = 2_147_483_647
"""Seconds that a Wait state may last."""

Delay = Callable[[Frame], float]
"""Returns the seconds to wait."""


class WaitState(SimpleState):
    """Wait, and give the input on."""

    type = "Wait"
    is_abortable = True

    def __init__(self, name: str, next: str | None, flow: Flow, delay: Delay) -> None:
        super().__init__(name, next, flow)
        self._delay = delay

    def work(self, frame: Frame, arguments: Any) -> Any:
        seconds = self._delay(frame)
        if seconds > LONGEST_WAIT_SECONDS:
            raise EvaluationFault("Wait state delay is too long.")
        if seconds > 0 and frame.stub is None:
            sleep(seconds)
        return arguments


def constant_seconds(seconds: float) -> Delay:
    """Return the delay of `Seconds`."""
    return lambda _frame: seconds


def constant_timestamp(text: str) -> Delay:
    """Return the delay of `Timestamp`."""
    return lambda _frame: _until("Timestamp", text, text)


def seconds_path(query: Query) -> Delay:
    """Return the delay of `SecondsPath`."""

    def delay(frame: Frame) -> float:
        value = _referenced("SecondsPath", query, frame)
        shown = f"{query.text} == {value if isinstance(value, str) else json_text(value)}"
        if not is_integer(value):
            raise EvaluationFault(
                f"The SecondsPath parameter cannot be parsed as a long value: {shown}"
            )
        if value < 0:
            raise EvaluationFault(f"The SecondsPath parameter references a negative value: {shown}")
        return float(value)

    return delay


def timestamp_path(query: Query) -> Delay:
    """Return the delay of `TimestampPath`."""

    def delay(frame: Frame) -> float:
        value = _referenced("TimestampPath", query, frame)
        shown = value if isinstance(value, str) else json_text(value)
        return _until("TimestampPath", value, f"{query.text} == {shown}")

    return delay


def expressed_seconds(fields: Fields) -> Delay:
    """Return the delay of `Seconds` of a JSONata state."""

    def delay(frame: Frame) -> float:
        seconds = fields.typed(frame, "integer")
        if seconds < 0:
            raise EvaluationFault(
                f"The Seconds parameter references a negative value: {seconds}",
                QUERY_EVALUATION,
                location=fields.location,
            )
        return float(seconds)

    return delay


def expressed_timestamp(fields: Fields) -> Delay:
    """Return the delay of `Timestamp` of a JSONata state."""

    def delay(frame: Frame) -> float:
        text = fields.typed(frame, "string")
        try:
            return _until("Timestamp", text, text)
        except EvaluationFault as fault:
            raise EvaluationFault(
                str(fault.cause), QUERY_EVALUATION, location=fields.location
            ) from fault

    return delay


def _referenced(field: str, query: Query, frame: Frame) -> Any:
    try:
        return query.evaluate(frame)
    except PathMissingError as error:
        raise EvaluationFault(
            f"The {field} parameter does not reference an input value: {query.text}"
        ) from error


def _until(field: str, text: Any, shown: str) -> float:
    moment = parse_timestamp(text)
    if moment is None:
        raise EvaluationFault(
            f"The {field} parameter does not reference a valid ISO-8601 extended offset date-time "
            f"format string: {shown}"
        )
    return (moment - now()).total_seconds()
