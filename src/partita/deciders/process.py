"""Show a decider one execution, read from its history.

Each event is read once, so that a kept process costs no more than what is new. It knows what
is open and what has happened, and nothing of what should follow.
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
from partita.deciders.parts import (
    ActivityExecution,
    ChildProcess,
    LambdaExecution,
    Part,
    ProcessTimer,
    ReadOnly,
    ReceivedSignal,
    plain,
    sole_argument,
)
from partita.deciders.pending_decisions import PendingDecisions
from partita.deciders.process_state import ProcessState, is_news
from partita.errors import PartitaError
from partita.history.references import Kind

I = TypeVar("I")  # noqa: E741
P = TypeVar("P", bound=Part)

Load = Callable[[str | None], Any]
_UNREAD: Any = object()
_UNCHANGING = (str, int, float, bool, type(None))


class Process(Generic[I]):
    """One execution: its input and tags, its history, and what is open in it.

    A decider is given one; `of` makes one of any history, to look at or to test with.
    """

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
        self.converter = converter or Converter()
        self.load_input = load_input or self._plain_input
        self.time = datetime.fromtimestamp(0, UTC)  # of this decision
        self.previous_started_event_id = 0  # events up to this one were seen
        self._events: list[h.AnyEvent] = []
        self._read_events = 0  # that the state knows
        self._read_state = ProcessState(self.converter)
        self._is_reading = False  # or stepping from event to event
        self._pending = PendingDecisions(self.converter)  # of this very answer
        self._input: Any = _UNREAD

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
        made.add_task(events, last_answered(events), events[-1].event_timestamp)
        return made

    def __repr__(self) -> str:
        return f"<Process {self.id} of {self.workflow.key}: {len(self.history)} events>"

    # -- what deciders ask -----------------------------------------------------------------

    @property
    def history(self) -> Sequence[h.AnyEvent]:
        """All events so far."""
        return ReadOnly(self._events)

    @property
    def tags(self) -> tuple[str, ...]:
        """What the execution was tagged with."""
        begun = self._state.begun
        return () if begun is None else begun.tag_list

    @property
    def parent(self) -> h.WorkflowExecution | None:
        """Whose child it is."""
        begun = self._state.begun
        return None if begun is None else begun.parent_workflow_execution

    @property
    def origin(self) -> str:
        """The run that this one was forked from, or its own."""
        begun = self._state.begun
        return (begun.original_run_id if begun else None) or self.run_id

    @property
    def activities(self) -> Sequence[ActivityExecution]:
        """All that were scheduled, open or ended, in their order."""
        return ReadOnly(self._state.parts[Kind.ACTIVITY])

    @property
    def lambdas(self) -> Sequence[LambdaExecution]:
        """All Lambda functions that were scheduled."""
        return ReadOnly(self._state.parts[Kind.LAMBDA])

    @property
    def timers(self) -> Sequence[ProcessTimer]:
        """All timers that were started."""
        return ReadOnly(self._state.parts[Kind.TIMER])

    @property
    def children(self) -> Sequence[ChildProcess]:
        """All children that were asked for."""
        return ReadOnly(self._state.parts[Kind.CHILD])

    @property
    def received(self) -> Sequence[ReceivedSignal]:
        """All signals that came."""
        return ReadOnly(self._state.signals)

    @property
    def is_cancel_requested(self) -> bool:
        """Whether somebody asked the execution to cancel itself."""
        return self._state.is_cancel_requested

    @property
    def ended(self) -> Result | None:
        """How the execution as a whole ended."""
        return self._state.ended

    @property
    def input(self) -> I:
        """What the execution was started with.

        Raises:
            InvalidInputError: it does not fit the decider's type.
        """
        if self._input is _UNREAD:
            begun = self._state.begun
            self._input = self.load_input(None if begun is None else begun.input)
        given: I = self._input
        return given

    @property
    def markers(self) -> Mapping[str, Any]:
        """The newest details of each marker, by its name."""
        known, pending = self._state.markers, self._pending.markers
        return MappingProxyType({**known, **pending} if pending else known)

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
        return next((one for one in reversed(self.activities) if one.id == id), None)

    def signals(self, signal: str | Signal[Any]) -> list[ReceivedSignal]:
        """Return the signals of that name, in the order in which they came."""
        return [one for one in self.received if one.name == str(signal)]

    @property
    def is_closed(self) -> bool:
        """Whether the execution has ended."""
        return self.ended is not None

    @property
    def result(self) -> Any:
        """The value with which the execution was completed; None if it was not."""
        ended = self.ended
        return ended.value if isinstance(ended, Completed) else None

    def unfinished(self, kind: type[P]) -> list[P]:
        """Return the parts of a kind that are open, or will be by this answer."""
        is_open = self._state.open_parts(kind.kind)
        if canceled := self._pending.canceled_timers if kind is ProcessTimer else None:
            is_open = (one for one in is_open if one.id not in canceled)
        return [*is_open, *self._pending.parts(kind.kind)]

    # -- for those who ask the decider -----------------------------------------------------

    def add_task(self, events: Iterable[h.AnyEvent], previous: int, time: float) -> None:
        """Add the events of a decision task; they are read only when something is asked."""
        self._read_all()
        self.discard_decisions()
        if not isinstance(self._input, _UNCHANGING):  # what is changed by mistake is not kept
            self._input = _UNREAD
        self._events += events
        self.previous_started_event_id = previous
        self.time = datetime.fromtimestamp(time, UTC)

    def step(self) -> Iterator[h.AnyEvent]:
        """Yield what is news, event by event; the process stands as it stood after each."""
        self._is_reading = True
        state = self._read_state
        seen = max(self._read_events, self.previous_started_event_id)
        for event in self._events[self._read_events : seen]:
            state.add(event)
        unseen = self._events[seen:]
        self._read_events = len(self._events)
        for event in unseen:  # what the last answer has caused stands before what came meanwhile
            if not is_news(event):
                state.add(event)
        waiting = iter([event for event in unseen if is_news(event)])
        try:
            for event in waiting:
                state.add(event)
                yield event
        finally:
            for event in waiting:
                state.add(event)
            self._is_reading = False

    def add_decision(self, decision: h.AnyDecision) -> None:
        """Show a decision of this very answer to those that follow in it."""
        self._pending.add(decision)
        if isinstance(decision, h.RequestCancelActivityTask):
            found = self._state.open_part(Kind.ACTIVITY, decision.activity_id)
            if found is not None:
                found.is_cancel_requested = True

    def discard_decisions(self) -> None:
        """Begin the answer anew."""
        if self._pending:
            self._pending = PendingDecisions(self.converter)

    def is_taken(self, kind: Kind, id: str) -> bool:
        """Whether a part of that kind is open, or will be by this answer."""
        is_open = self._state.open_part(kind, id) is not None
        return is_open or self._pending.has(kind, id)

    def asked_for(self, kind: Kind) -> int:
        """Return how many parts of a kind there were ever, with those of this answer."""
        return len(self._state.parts[kind]) + self._pending.count(kind)

    def part(self, event: h.AnyEvent) -> Any:
        """Return the activity, timer, child or signal that an event tells of, if any."""
        return self._state.part_of(event)

    # -- reading ---------------------------------------------------------------------------

    @property
    def _state(self) -> ProcessState:
        """The state after all events, or after those that were stepped to."""
        self._read_all()
        return self._read_state

    def _read_all(self) -> None:
        if self._is_reading:
            return
        for event in self._events[self._read_events :]:
            self._read_state.add(event)
        self._read_events = len(self._events)

    def _plain_input(self, payload: str | None) -> Any:
        return sole_argument(plain(self.converter, payload))


def last_answered(events: Sequence[h.AnyEvent]) -> int:
    """Return the DecisionTaskStarted of the last task that was answered; 0: none was."""
    for event in reversed(events):
        if isinstance(event, h.DecisionTaskCompleted):
            return event.started_event_id
    return 0
