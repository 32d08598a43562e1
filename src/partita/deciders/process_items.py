"""What a process consists of, as its decider sees it: activities, timers, children, signals.

Each is made from the event that began it and completed by the event that ended it. Values
are decoded when they are asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, TypeVar, overload

from partita import history as h
from partita.authoring.definition import ActivityDefinition, WorkflowSpec
from partita.authoring.failure import Failure
from partita.authoring.messages import Signal
from partita.authoring.registry import sole
from partita.authoring.results import Canceled, Completed, Failed, Result, Terminated, TimedOut
from partita.codec import Converter, decoder
from partita.errors import UsageError

V = TypeVar("V")

_load_any = decoder(Any)


class ReadOnly(Sequence[V]):
    """A list that those who are shown it cannot change."""

    __slots__ = ("_items",)

    def __init__(self, items: list[V]) -> None:
        self._items = items

    @overload
    def __getitem__(self, index: int) -> V: ...
    @overload
    def __getitem__(self, index: slice) -> list[V]: ...
    def __getitem__(self, index: int | slice) -> V | list[V]:
        """Return an item, or a list of its own."""
        return self._items[index]

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._items)

    def __iter__(self) -> Iterator[V]:
        """Yield each."""
        return iter(self._items)

    def __eq__(self, other: object) -> bool:
        """Whether another sequence has equal items in the same order."""
        if isinstance(other, ReadOnly):
            return bool(self._items == other._items)
        return bool(self._items == other)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return repr(self._items)


class _Part:
    """What all parts share: where it began, and how it ended."""

    def __init__(self, id: str, event_id: int, control: str | None, converter: Converter) -> None:
        self.id = id
        self.event_id = event_id  # of the event that began it; 0: this very answer begins it
        self.result: Result | None = None  # None while it is open
        self._control = control
        self._converter = converter

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.id}: {self.result or 'open'}>"

    @property
    def value(self) -> Any:
        """The value that it gave; None if it gave none."""
        return self.result.value if isinstance(self.result, Completed) else None

    @property
    def reason(self) -> str | None:
        """Why it failed, in a word; None if it did not."""
        return self.result.reason if isinstance(self.result, Failed) else None

    @property
    def details(self) -> str | None:
        """What more is known of how it failed, timed out or was cancelled."""
        return getattr(self.result, "details", None)

    @property
    def data(self) -> Any:
        """What its decision noted for the decider alone (SWF's `control`)."""
        return plain(self._converter, self._control)


class ActivityExecution(_Part):
    """An activity that the process has scheduled."""

    def __init__(
        self,
        id: str,
        event_id: int,
        activity_type: h.ActivityType,
        input: str | None,
        control: str | None,
        converter: Converter,
    ) -> None:
        super().__init__(id, event_id, control, converter)
        self.activity_type = activity_type
        self.is_started = False
        self.is_cancel_requested = False
        self._input = input

    @property
    def name(self) -> str:
        """The name of its type."""
        return self.activity_type.name

    @property
    def input(self) -> Any:
        """Its argument, as plain JSON; a list, if it has not just one."""
        args = plain(self._converter, self._input)
        return args[0] if isinstance(args, list) and len(args) == 1 else args

    def end(self, event: h.AnyEvent) -> None:
        """Note how it ended. A value is read by the activity's own types if they are here."""
        found = sole(ActivityDefinition, self.activity_type.key)
        decode = _load_any if found is None else found.signature.decode_result
        self.result = _result(event, self._converter, decode)


class LambdaExecution(_Part):
    """An AWS Lambda function that the process has scheduled."""

    def __init__(self, id: str, event_id: int, name: str, control: str | None, c: Converter):
        super().__init__(id, event_id, control, c)
        self.name = name

    def end(self, event: h.AnyEvent) -> None:
        """Note how it ended."""
        self.result = _result(event, self._converter, _load_any)


class ProcessTimer(_Part):
    """A timer that the process has started; `Completed` once it fired."""

    def __init__(self, id: str, event_id: int, seconds: float, data: str | None, c: Converter):
        super().__init__(id, event_id, data, c)
        self.seconds = seconds


class ChildProcess(_Part):
    """A child that the process has started; its id is its workflow id."""

    def __init__(
        self,
        id: str,
        event_id: int,
        workflow: h.WorkflowType,
        tags: tuple[str, ...],
        control: str | None,
        converter: Converter,
    ) -> None:
        super().__init__(id, event_id, control, converter)
        self.workflow = workflow
        self.tags = tags
        self.execution: h.WorkflowExecution | None = None  # None: not started yet

    @property
    def name(self) -> str:
        """The name of its workflow type."""
        return self.workflow.name

    def end(self, event: h.AnyEvent) -> None:
        """Note how it ended. A value is read by the workflow's own types if they are here."""
        found = sole(WorkflowSpec, self.workflow.key)
        decode = _load_any if found is None else found.signature.decode_result
        self.result = _result(event, self._converter, decode)


class ReceivedSignal:
    """A signal that the process has received."""

    def __init__(self, name: str, payload: str | None, event_id: int, converter: Converter) -> None:
        self.name = name
        self.event_id = event_id
        self._payload = payload
        self._converter = converter

    def __repr__(self) -> str:
        return f"<ReceivedSignal {self.name}>"

    @property
    def value(self) -> Any:
        """What it carries, as plain JSON."""
        return plain(self._converter, self._payload)

    def read(self, signal: Signal[Any]) -> Any:
        """Return what it carries, by a signal's type.

        Raises:
            InvalidInputError: it does not fit.
        """
        payload = "null" if self._payload is None else self._payload
        return self._converter.load(payload, signal.decode, f"the value of signal {self.name}")


def plain(converter: Converter, payload: str | None) -> Any:
    """Return a payload's value as plain JSON; text that others wrote is returned as it is."""
    if payload is None:
        return None
    try:
        return converter.load(payload, _load_any)
    except UsageError:
        return payload


def failure_of(event: h.AnyEvent) -> Failure:
    """Return the error in an event that has `reason` and `details`."""
    return Failure.load(getattr(event, "details", None), getattr(event, "reason", None))


def _failed(event: h.AnyEvent) -> Failed:
    """Return a failure with its message in plain text."""
    reason = getattr(event, "reason", None)
    return Failed(reason, failure_of(event).message or None)


def end_of(event: h.AnyEvent, converter: Converter) -> Result | None:
    """Return how an event ended an execution as a whole; None if it did not."""
    match event:
        case h.WorkflowExecutionCompleted(result=payload):
            return Completed(plain(converter, payload))
        case h.WorkflowExecutionFailed():
            return _failed(event)
        case h.WorkflowExecutionCanceled(details=details):
            return Canceled(details)
        case h.WorkflowExecutionTerminated():
            return Terminated()
        case h.WorkflowExecutionTimedOut(timeout_type=timeout_type):
            return TimedOut(timeout_type.value)
    return None


def _completed(payload: str | None, converter: Converter, decode: Any) -> Result:
    try:
        return Completed(converter.load(payload, decode, "the result"))
    except UsageError as error:  # as for Python workflows, a value that does not fit is an error
        return Failed(error.code, str(error))


def _result(event: h.AnyEvent, converter: Converter, decode: Any) -> Result:
    """Return how an event ended a part of a process."""
    match event:
        case (
            h.ActivityTaskCompleted(result=payload)
            | h.ChildWorkflowExecutionCompleted(result=payload)
            | h.LambdaFunctionCompleted(result=payload)
        ):
            return _completed(payload, converter, decode)
        case (
            h.ActivityTaskTimedOut()
            | h.ChildWorkflowExecutionTimedOut()
            | h.LambdaFunctionTimedOut()
        ):
            kind = event.timeout_type
            return TimedOut("START_TO_CLOSE" if kind is None else kind.value)
        case (
            h.ActivityTaskCanceled(details=details)
            | h.ChildWorkflowExecutionCanceled(details=details)
        ):
            return Canceled(details)
        case h.ChildWorkflowExecutionTerminated():
            return Terminated()
        case h.ActivityTaskFailed() | h.ChildWorkflowExecutionFailed() | h.LambdaFunctionFailed():
            return _failed(event)
        case (
            h.ScheduleActivityTaskFailed(cause=cause)
            | h.StartChildWorkflowExecutionFailed(cause=cause)
            | h.ScheduleLambdaFunctionFailed(cause=cause)
            | h.StartLambdaFunctionFailed(cause=cause)
        ):
            return Failed(cause)
    raise AssertionError(f"{event.event_type} ends nothing")
