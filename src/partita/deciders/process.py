"""Be what a decider decides on: one execution, read from its history.

A process is folded from events, each of them once, so that a kept process costs no more than
what is new. It knows what is open and what has happened, and nothing of what should follow.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Generic, TypeVar

from partita import history as h
from partita.authoring.messages import Signal
from partita.authoring.results import Completed, Result
from partita.codec import Converter
from partita.deciders.event_folds import fold, is_news
from partita.deciders.pending_decisions import Promises
from partita.deciders.process_items import (
    ActivityExecution,
    ChildProcess,
    LambdaExecution,
    ProcessTimer,
    ReadOnly,
    ReceivedSignal,
    plain,
)
from partita.errors import PartitaError

I = TypeVar("I")  # noqa: E741
V = TypeVar("V")

Load = Callable[[str | None], Any]
Part = ActivityExecution | LambdaExecution | ProcessTimer | ChildProcess


class _Read(Generic[V]):
    """An attribute that is as the history makes it."""

    def __set_name__(self, owner: type[Any], name: str) -> None:
        self._name = f"_{name}"

    def __get__(self, process: Process[Any], owner: type[Any]) -> V:
        process.catch_up()
        value: V = getattr(process, self._name)
        return value

    def __set__(self, process: Process[Any], value: V) -> None:
        setattr(process, self._name, value)


class _Parts(Generic[V]):
    """All parts of a kind, in the order of their events, as the history makes them."""

    def __init__(self, kind: type[V]) -> None:
        self._kind = kind

    def __get__(self, process: Process[Any], owner: type[Any]) -> Sequence[V]:
        process.catch_up()
        found: Sequence[V] = process.views[self._kind]
        return found


_KINDS = (ActivityExecution, LambdaExecution, ProcessTimer, ChildProcess, ReceivedSignal)
_UNREAD: Any = object()
_UNCHANGING = (str, int, float, bool, type(None))


class Process(Generic[I]):
    """One execution: its input and tags, its history, and what is open in it.

    A decider is given one; `of` makes one of any history, to look at or to test with.
    """

    tags = _Read[tuple[str, ...]]()
    parent = _Read[h.WorkflowExecution | None]()
    activities = _Parts(ActivityExecution)
    lambdas = _Parts(LambdaExecution)
    timers = _Parts(ProcessTimer)
    children = _Parts(ChildProcess)
    received = _Parts(ReceivedSignal)  # every signal
    is_cancel_requested = _Read[bool]()
    ended = _Read[Result | None]()  # how the execution as a whole ended

    def __init__(
        self,
        execution: h.WorkflowExecution,
        workflow: h.WorkflowType,
        *,
        converter: Converter | None = None,
        load_input: Load | None = None,
    ) -> None:
        self.id = execution.workflow_id
        self.run_id = execution.run_id
        self.workflow = workflow
        self.tags = ()
        self.parent = None
        self._events: list[h.AnyEvent] = []
        self.history: Sequence[h.AnyEvent] = ReadOnly(self._events)
        self.converter = converter or Converter()
        self.origin = execution.run_id  # of the run that this one was forked from, or its own
        self.time = datetime.fromtimestamp(0, UTC)  # of this decision
        self.previous_started_event_id = 0  # events up to this one were seen
        self.started_event_id = 0  # of this decision task
        self._parts: dict[type[Any], list[Any]] = {kind: [] for kind in _KINDS}
        self.views = {kind: ReadOnly(parts) for kind, parts in self._parts.items()}
        self._markers: dict[str, Any] = {}
        self.is_cancel_requested = False
        self.ended = None
        self.counts: dict[type[Any], int] = {}  # how many of its parts were ever asked for
        self.load_input = load_input or self._plain_input
        self._payload: str | None = None  # of the input
        self._input: Any = _UNREAD
        self._open: dict[type[Any], dict[int, Any]] = {}  # by the event that began them
        self._named: dict[type[Any], dict[str, Any]] = {}  # what is open, by its id
        self._promises = Promises(self.converter)  # asked for in this very answer
        self._told: dict[int, Any] = {}  # the parts that unseen events tell of
        self._folded = 0  # events that are folded in
        self._busy = False  # folding, or stepping from event to event

    @classmethod
    def of(
        cls,
        events: Sequence[h.AnyEvent],
        workflow_id: str = "process",
        run_id: str = "",
        *,
        converter: Converter | None = None,
        load_input: Load | None = None,
    ) -> Process[Any]:
        """Return the process that a whole history tells of, as its next decision would see it.

        Raises:
            PartitaError: the history does not begin at event 1.
        """
        begun = events[0] if events else None
        if not isinstance(begun, h.WorkflowExecutionStarted):
            raise PartitaError("a process is made of a whole history, from event 1 on")
        made: Process[Any] = cls(
            h.WorkflowExecution(workflow_id, run_id),
            begun.workflow_type,
            converter=converter,
            load_input=load_input,
        )
        made.take(events, last_answered(events), events[-1].event_timestamp)
        return made

    def __repr__(self) -> str:
        return f"<Process {self.id} of {self.workflow.key}: {len(self.history)} events>"

    # -- what deciders ask -----------------------------------------------------------------

    @property
    def input(self) -> I:
        """What the execution was started with.

        Raises:
            InvalidInputError: it does not fit the decider's type.
        """
        self.catch_up()
        if self._input is _UNREAD:
            self._input = self.load_input(self._payload)
        given: I = self._input
        return given

    @property
    def markers(self) -> Mapping[str, Any]:
        """The newest details of each marker, by its name."""
        self.catch_up()
        noted = self._promises.notes
        return MappingProxyType({**self._markers, **noted} if noted else self._markers)

    def unseen_events(self) -> list[h.AnyEvent]:
        """Return what has happened since the decider last answered, in order.

        Left out are the events of decision tasks, and those that record what the decider
        itself had decided; a decision that was refused is news.
        """
        return [event for event in self._events[self.previous_started_event_id :] if is_news(event)]

    def unfinished_activities(self) -> list[ActivityExecution]:
        """Return the activities that are scheduled and have not ended."""
        return self.unfinished(ActivityExecution)

    def untriggered_timers(self) -> list[ProcessTimer]:
        """Return the timers that run."""
        return self.unfinished(ProcessTimer)

    def unfinished_children(self) -> list[ChildProcess]:
        """Return the children that are started, or being started, and have not ended."""
        return self.unfinished(ChildProcess)

    def activity(self, id: str) -> ActivityExecution | None:
        """Return the newest activity of that id, open or ended."""
        self.catch_up()
        return next((one for one in reversed(self.activities) if one.id == id), None)

    def signals(self, signal: str | Signal[Any]) -> list[ReceivedSignal]:
        """Return the signals of that name, in the order in which they came."""
        self.catch_up()
        return [one for one in self.received if one.name == str(signal)]

    @property
    def is_closed(self) -> bool:
        """Whether the execution has ended."""
        self.catch_up()
        return self.ended is not None

    @property
    def result(self) -> Any:
        """The value with which the execution was completed; None if it was not."""
        self.catch_up()
        return self.ended.value if isinstance(self.ended, Completed) else None

    def unfinished(self, kind: type[Any]) -> list[Any]:
        """Return the parts of a kind that are open, or will be by this answer."""
        self.catch_up()
        is_open: Iterable[Any] = self._open.get(kind, {}).values()
        if kind is ProcessTimer and (stopped := self._promises.stopped):
            is_open = (one for one in is_open if one.id not in stopped)
        return [*is_open, *self._promises.parts(kind)]

    # -- for those who ask the decider -----------------------------------------------------

    def take(self, events: Iterable[h.AnyEvent], previous: int, time: float) -> None:
        """Take in the events of a decision task; nothing is folded in until it is looked at."""
        self.catch_up()
        self.forget_promises()
        self._told.clear()
        if not isinstance(self._input, _UNCHANGING):  # what is changed by mistake is not kept
            self._input = _UNREAD
        self._events += events
        self.previous_started_event_id = previous
        self.started_event_id = self._events[-1].event_id
        self.time = datetime.fromtimestamp(time, UTC)

    def step(self) -> Iterator[h.AnyEvent]:
        """Yield what is news, event by event; the process stands as it stood after each."""
        self._busy = True
        seen = self.previous_started_event_id
        while self._folded < min(seen, len(self._events)):
            self._fold(self._events[self._folded])
        unseen = self._events[self._folded :]
        self._folded = len(self._events)
        for event in unseen:  # what the last answer has caused stands before what came meanwhile
            if not is_news(event):
                self._take_in(event)
        waiting = iter([event for event in unseen if is_news(event)])
        try:
            for event in waiting:
                self._take_in(event)
                yield event
        finally:
            for event in waiting:
                self._take_in(event)
            self._busy = False

    def promise(self, decision: h.AnyDecision) -> None:
        """Let what was decided in this very answer be seen by what follows in it."""
        self._promises.take(decision)
        if isinstance(decision, h.RequestCancelActivityTask):
            found = self.named(ActivityExecution, decision.activity_id)
            if found is not None:
                found.is_cancel_requested = True

    def forget_promises(self) -> None:
        """Begin the answer anew."""
        if self._promises:
            self._promises = Promises(self.converter)

    def is_taken(self, kind: type[Any], id: str) -> bool:
        """Whether a part of that kind is open, or will be by this answer."""
        self.catch_up()
        return id in self._named.get(kind, ()) or self._promises.has(kind, id)

    def asked_for(self, kind: type[Any]) -> int:
        """Return how many parts of a kind there were ever, with those of this answer."""
        self.catch_up()
        return self.counts.get(kind, 0) + self._promises.count(kind)

    def part(self, event: h.AnyEvent) -> Any:
        """Return the activity, timer or child that an unseen event tells of; None if it is none."""
        self.catch_up()
        return self._told.get(event.event_id)

    # -- folding ---------------------------------------------------------------------------

    def catch_up(self) -> None:
        """Fold in what was not looked at yet."""
        if self._busy:
            return
        self._busy = True
        try:
            while self._folded < len(self._events):
                self._fold(self._events[self._folded])
        finally:
            self._busy = False

    def _fold(self, event: h.AnyEvent) -> None:
        self._folded += 1
        self._take_in(event)

    def _take_in(self, event: h.AnyEvent) -> None:
        part = fold(self, event)
        if part is not None and event.event_id > self.previous_started_event_id:
            self._told[event.event_id] = part

    def begin(self, event: h.WorkflowExecutionStarted) -> None:
        """Take in the execution's own beginning."""
        self.tags = event.tag_list
        self.parent = event.parent_workflow_execution
        self.origin = event.original_run_id or self.run_id
        self._payload = event.input

    def add(self, part: Part) -> None:
        """Take in a part that has begun."""
        kind = type(part)
        self._parts[kind].append(part)
        self.counts[kind] = self.counts.get(kind, 0) + 1
        self._open.setdefault(kind, {})[part.event_id] = part
        self._named.setdefault(kind, {})[part.id] = part

    def receive(self, signal: ReceivedSignal) -> None:
        """Take in a signal."""
        self._parts[ReceivedSignal].append(signal)

    def note(self, name: str, details: Any) -> None:
        """Take in a marker."""
        self._markers[name] = details

    def named(self, kind: type[Any], id: str) -> Any:
        """Return the open part of that kind and id; None if there is none."""
        return self._named.get(kind, {}).get(id)

    def find(self, kind: type[Any], event_id: int) -> Any:
        """Return the open part that an event began."""
        return self._open.get(kind, {}).get(event_id)

    def end(self, kind: type[Any], event_id: int) -> Any:
        """Close the part that an event began, and return it."""
        found = self._open.get(kind, {}).pop(event_id, None)
        if found is not None:
            self._named[kind].pop(found.id, None)
        return found

    def _plain_input(self, payload: str | None) -> Any:
        args = plain(self.converter, payload)
        return args[0] if isinstance(args, list) and len(args) == 1 else args


def last_answered(events: Sequence[h.AnyEvent]) -> int:
    """Return the DecisionTaskStarted of the last task that was answered; 0: none was."""
    for event in reversed(events):
        if isinstance(event, h.DecisionTaskCompleted):
            return event.started_event_id
    return 0
