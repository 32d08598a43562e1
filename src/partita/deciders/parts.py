"""Show a decider what its process consists of: activities, timers, children, signals.

Each part is made from the event that began it and completed by the event that ended it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, TypeVar, overload

from partita import history as h
from partita.authoring.definition import ActivityDefinition, WorkflowSpec
from partita.authoring.messages import Signal
from partita.authoring.registry import sole
from partita.authoring.results import Canceled, Completed, Failed, Result, Terminated, TimedOut
from partita.codec import Converter, read_untyped
from partita.errors import UsageError
from partita.history.failure import Failure
from partita.history.references import REFERENCES, Kind, Outcome

V = TypeVar("V")


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


class Part:
    """Something that the decider has asked for, and its end."""

    kind: ClassVar[Kind]
    _named: ClassVar[str]  # the attribute that holds its id

    def __init__(self, begun: Any, converter: Converter) -> None:
        """Take the event that began it, or the decision that begins it in this very answer."""
        self.id: str = getattr(begun, self._named)
        self.event_id: int = getattr(begun, "event_id", 0)  # 0: this very answer begins it
        self.result: Result | None = None  # None while it is open
        self._begun = begun
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
        return plain(self._converter, getattr(self._begun, "control", None))

    def end(self, event: h.AnyEvent) -> None:
        """Note how it ended; a value is read by the types of its code, if that is here."""
        code = self._code()
        decode = read_untyped if code is None else code.signature.decode_result
        self.result = result_of(event, self._converter, decode)

    def _code(self) -> ActivityDefinition | WorkflowSpec | None:
        return None


class ActivityExecution(Part):
    """An activity that the process has scheduled."""

    kind = Kind.ACTIVITY
    _named = "activity_id"

    def __init__(self, begun: Any, converter: Converter) -> None:
        super().__init__(begun, converter)
        self.activity_type: h.ActivityType = begun.activity_type
        self.is_started = False
        self.is_cancel_requested = False

    @property
    def name(self) -> str:
        """The name of its type."""
        return self.activity_type.name

    @property
    def input(self) -> Any:
        """Its argument, as plain JSON; a list, if it has not just one."""
        return sole_argument(plain(self._converter, getattr(self._begun, "input", None)))

    def _code(self) -> ActivityDefinition | None:
        return sole(ActivityDefinition, self.activity_type.key)


class LambdaExecution(Part):
    """An AWS Lambda function that the process has scheduled."""

    kind = Kind.LAMBDA
    _named = "id"

    @property
    def name(self) -> str:
        """The name of the function."""
        return str(self._begun.name)


class ProcessTimer(Part):
    """A timer that the process has started; `Completed` once it fired."""

    kind = Kind.TIMER
    _named = "timer_id"

    @property
    def seconds(self) -> float:
        """How long it runs."""
        return float(self._begun.start_to_fire)


class ChildProcess(Part):
    """A child that the process has started; its id is its workflow id."""

    kind = Kind.CHILD
    _named = "workflow_id"

    def __init__(self, begun: Any, converter: Converter) -> None:
        super().__init__(begun, converter)
        self.workflow: h.WorkflowType = begun.workflow_type
        self.tags: tuple[str, ...] = getattr(begun, "tag_list", ())
        self.execution: h.WorkflowExecution | None = None  # None: not started yet

    @property
    def name(self) -> str:
        """The name of its workflow type."""
        return self.workflow.name

    def _code(self) -> WorkflowSpec | None:
        return sole(WorkflowSpec, self.workflow.key)


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
        return converter.load(payload, read_untyped)
    except UsageError:
        return payload


def sole_argument(args: Any) -> Any:
    """Return the only one of a call's arguments, or all of them if it has not just one."""
    return args[0] if isinstance(args, list) and len(args) == 1 else args


def result_of(event: Any, converter: Converter, decode: Any = None) -> Result | None:
    """Return how an event ended what it is about; None if that goes on.

    A value is read by `decode`; without it, text that is not JSON is a value as well.
    """
    match REFERENCES[type(event)].outcome:
        case Outcome.COMPLETED if decode is None:
            return Completed(plain(converter, event.result))
        case Outcome.COMPLETED:
            return _completed(event.result, converter, decode)
        case Outcome.FIRED:
            return Completed()
        case Outcome.FAILED:
            failure = Failure.load(event.details, event.reason)
            return Failed(event.reason, failure.summary or None)
        case Outcome.TIMED_OUT:
            return TimedOut(str(event.timeout_type or h.TimeoutType.START_TO_CLOSE))
        case Outcome.CANCELED:
            return Canceled(getattr(event, "details", None))
        case Outcome.TERMINATED:
            return Terminated()
        case Outcome.REFUSED:
            return Failed(event.cause)
    return None


def _completed(payload: str | None, converter: Converter, decode: Any) -> Result:
    try:
        return Completed(converter.load(payload, decode, "the result"))
    except UsageError as error:  # as for Python workflows, a value that does not fit is an error
        return Failed(error.code, str(error))
