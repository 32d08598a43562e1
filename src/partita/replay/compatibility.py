"""Check whether code fits a history that it, or an older version of it, has written.

Replays the whole history, and the turn after it until the first side effect. No activity and no
`side_effect` function runs, and new decisions are thrown away. Knows no service and no file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from msgspec import Struct

from partita import history as h
from partita.authoring.definition import WorkflowSpec
from partita.authoring.registry import by_key, place
from partita.codec import Converter, same
from partita.errors import InvalidInputError, NonDeterminismError, PartitaError, UnknownTypeError
from partita.history.document import ExportedHistory
from partita.replay.decision_events import describe
from partita.replay.replayer import Replayer


class Fit(Struct, frozen=True, kw_only=True):
    """Whether code fits one history."""

    source: str  # of the history, for people: a file, or a workflow id
    execution: h.WorkflowExecution
    workflow_type: h.WorkflowType
    error: PartitaError | None = None  # why it does not fit

    def __str__(self) -> str:
        """Return one line."""
        return f"{self.source}: {'fits' if self.error is None else self.error}"


Check = Callable[[Any, ExportedHistory, Converter], None]


def fit(
    workflow: WorkflowSpec,
    history: ExportedHistory,
    source: str = "",
    converter: Converter | None = None,
    check: Check | None = None,
) -> Fit:
    """Return whether the code fits; `check` raises if not, by default `check_fit`.

    Raises:
        UnknownTypeError: the history is of another workflow.
        InvalidInputError: the history's payloads cannot be read here.
    """
    error: PartitaError | None = None
    converter = converter or Converter()
    check_readable(workflow, history, converter)
    try:
        (check or check_fit)(workflow, history, converter)
    except PartitaError as raised:
        error = raised
    return Fit(
        source=source or history.execution.workflow_id,
        execution=history.execution,
        workflow_type=history.workflow_type,
        error=error,
    )


def check_readable(workflow: WorkflowSpec, history: ExportedHistory, converter: Converter) -> None:
    """Raise unless a history can be replayed against the code at all.

    Raises:
        UnknownTypeError: it is of another workflow.
        InvalidInputError: a payload needs a codec that is not here.
    """
    if workflow.workflow_type != history.workflow_type:
        raise UnknownTypeError(
            f"the history of {history.execution.workflow_id!r} is of workflow "
            f"{history.workflow_type.key}, and {place(workflow)} is {workflow.key}; "
            "replay it against its own code"
        )
    for event in history.events:
        for name in ("input", "result"):
            payload = getattr(event, name, None)
            if isinstance(payload, str):
                converter.text(payload)


def check_fit(
    workflow: WorkflowSpec, history: ExportedHistory, converter: Converter | None = None
) -> None:
    """Replay a history, open or closed, against the code. A closed one must end as it did.

    A result must be equal as JSON, or when it is read by the result type; an error must have
    the same type, not the same words; how long timers run is not compared.

    Raises:
        NonDeterminismError: the code asks for something that the history does not record.
        UnknownTypeError: the history is of another workflow.
        InvalidInputError: a payload needs a codec that is not here.
        UsageError: the code passes on what cannot be stored.
    """
    converter = converter or Converter()
    check_readable(workflow, history, converter)
    replayer = Replayer([workflow], converter=converter)
    final = replayer.try_out(history.execution, history.workflow_type, history.events)
    last = history.events[-1]
    if final is not None and not ends_alike(workflow, converter, final, last):
        raise NonDeterminismError(
            location=place(workflow),
            expected=ending(last, converter),
            found=ending(final, converter),
            event_id=last.event_id,
        )


def ends_alike(
    workflow: WorkflowSpec, converter: Converter, final: h.AnyDecision, last: h.AnyEvent
) -> bool:
    """Return whether the code ends as the history does, if both ends are of one kind."""
    match final, last:
        case h.CompleteWorkflowExecution(), h.WorkflowExecutionCompleted():
            return _same_result(workflow, converter, final.result, last.result)
        case h.FailWorkflowExecution(), h.WorkflowExecutionFailed():
            return final.reason == last.reason
        case _:  # the replay has compared the kinds
            return True


def _same_result(
    workflow: WorkflowSpec, converter: Converter, one: str | None, other: str | None
) -> bool:
    if one is None or other is None:
        return one == other
    if same(converter.text(one), converter.text(other)):
        return True
    decode = workflow.signature.decode_result
    try:  # sets have no order
        return bool(converter.load(one, decode) == converter.load(other, decode))
    except InvalidInputError:
        return False


def ending(end: h.AnyDecision | h.AnyEvent, converter: Converter) -> str:
    """Describe in one line how code, or a history, ends."""
    result = getattr(end, "result", None)
    if result is None:
        return describe(end)
    text = converter.text(result)
    return f"{describe(end)} with the result {text if len(text) <= 200 else text[:197] + '...'}"


def code_for(
    workflow_type: h.WorkflowType, workflows: Iterable[WorkflowSpec]
) -> WorkflowSpec | None:
    """Return the workflow of a type among these; None if there is none.

    Raises:
        DuplicateTypeError: two of them claim the type.
    """
    claims: list[Any] = [one for one in workflows if one.workflow_type == workflow_type]
    return by_key(claims).get(workflow_type.key)
