"""Be what a decider decides on: one execution, read from its history.

A process is folded from events, each of them once, so that a kept process costs no more than
what is new. It knows what is open and what has happened, and nothing of what should follow.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

from partita.authoring.messages import Signal
from partita.authoring.results import Completed, Result
from partita.codec import Converter
from partita.deciders.folding import fold, is_news
from partita.deciders.views import (
    ActivityExecution,
    ChildProcess,
    LambdaExecution,
    ProcessTimer,
    ReceivedSignal,
    plain,
)
from partita.errors import PartitaError
from partita.history import (
    AnyDecision,
    AnyEvent,
    DecisionTaskCompleted,
    ScheduleActivityTask,
    ScheduleLambdaFunction,
    StartChildWorkflowExecution,
    StartTimer,
    WorkflowExecution,
    WorkflowExecutionStarted,
    WorkflowType,
)

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


class Process(Generic[I]):
    """One execution: its input and tags, its history, and what is open in it.

    A decider is given one; `of` makes one of any history, to look at or to test with.
    """

    tags = _Read[tuple[str, ...]]()
    parent = _Read[WorkflowExecution | None]()
    activities = _Read[list[ActivityExecution]]()  # all, in the order of their events
    lambdas = _Read[list[LambdaExecution]]()
    timers = _Read[list[ProcessTimer]]()
    children = _Read[list[ChildProcess]]()
    received = _Read[list[ReceivedSignal]]()  # every signal
    markers = _Read[dict[str, Any]]()  # the newest details of each marker
    is_cancel_requested = _Read[bool]()
    ended = _Read[Result | None]()  # how the execution as a whole ended

    def __init__(
        self,
        execution: WorkflowExecution,
        workflow: WorkflowType,
        *,
        converter: Converter | None = None,
        load_input: Load | None = None,
    ) -> None:
        self.id = execution.workflow_id
        self.run_id = execution.run_id
        self.workflow = workflow
        self.tags = ()
        self.parent = None
        self.history: list[AnyEvent] = []
        self.converter = converter or Converter()
        self.origin = execution.run_id  # of the run that this one was forked from, or its own
        self.time = datetime.fromtimestamp(0, UTC)  # of this decision
        self.previous_started_event_id = 0  # events up to this one were seen
        self.started_event_id = 0  # of this decision task
        self.activities = []
        self.lambdas = []
        self.timers = []
        self.children = []
        self.received = []
        self.markers = {}
        self.is_cancel_requested = False
        self.ended = None
        self.counts: dict[type[Any], int] = {}  # how many of its parts were ever asked for
        self.load_input = load_input or self._plain_input
        self._input: Any = None
        self._open: dict[type[Any], dict[int, Any]] = {}  # by the event that began them
        self._promised: list[Part] = []  # asked for in this very answer
        self._told: dict[int, Any] = {}  # the parts that unseen events tell of
        self._folded = 0  # events that are folded in
        self._busy = False  # folding, or stepping from event to event

    @classmethod
    def of(
        cls,
        events: Sequence[AnyEvent],
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
        if not isinstance(begun, WorkflowExecutionStarted):
            raise PartitaError("a process is made of a whole history, from event 1 on")
        made: Process[Any] = cls(
            WorkflowExecution(workflow_id, run_id),
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
        """What the execution was started with."""
        self.catch_up()
        given: I = self._input
        return given

    def unseen_events(self) -> list[AnyEvent]:
        """Return what has happened since the decider last answered, in order.

        Left out are the events of decision tasks, and those that record what the decider
        itself had decided; a decision that was refused is news.
        """
        return [event for event in self.history[self.previous_started_event_id :] if is_news(event)]

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
        return [*self._open.get(kind, {}).values()] + [
            one for one in self._promised if type(one) is kind
        ]

    # -- for those who ask the decider -----------------------------------------------------

    def take(self, events: Iterable[AnyEvent], previous: int, time: float) -> None:
        """Take in the events of a decision task; nothing is folded in until it is looked at."""
        self.catch_up()
        self._promised.clear()
        self._told.clear()
        self.history += events
        self.previous_started_event_id = previous
        self.started_event_id = self.history[-1].event_id
        self.time = datetime.fromtimestamp(time, UTC)

    def step(self) -> Iterator[AnyEvent]:
        """Yield what is news, event by event; the process stands as it stood after each."""
        self._busy = True
        seen = self.previous_started_event_id
        while self._folded < min(seen, len(self.history)):
            self._fold(self.history[self._folded])
        unseen = self.history[self._folded :]
        self._folded = len(self.history)
        for event in unseen:  # what the last answer has caused stands before what came meanwhile
            if not is_news(event):
                self._take_in(event)
        waiting = [event for event in unseen if is_news(event)]
        try:
            while waiting:
                event = waiting.pop(0)
                self._take_in(event)
                yield event
        finally:
            for event in waiting:
                self._take_in(event)
            self._busy = False

    def promise(self, decision: AnyDecision) -> None:
        """Let what was decided in this very answer be seen as open by what follows in it."""
        part: Part
        match decision:
            case ScheduleActivityTask(
                activity_id=id, activity_type=kind, input=input, control=data
            ):
                part = ActivityExecution(id, 0, kind, input, data, self.converter)
            case StartTimer(timer_id=id, start_to_fire=seconds, control=data):
                part = ProcessTimer(id, 0, seconds, data, self.converter)
            case StartChildWorkflowExecution(workflow_id=id, workflow_type=type, control=data):
                part = ChildProcess(id, 0, type, decision.tag_list, data, self.converter)
            case ScheduleLambdaFunction(id=id, name=name, control=data):
                part = LambdaExecution(id, 0, name, data, self.converter)
            case _:
                return
        self._promised.append(part)

    def promised(self, kind: type[Any]) -> int:
        """Return how many parts of a kind this answer has asked for so far."""
        return sum(type(one) is kind for one in self._promised)

    def forget_promises(self) -> None:
        """Begin the answer anew."""
        self._promised.clear()

    def part(self, event: AnyEvent) -> Any:
        """Return the activity, timer or child that an event tells of; None if it is none."""
        return self._told.get(event.event_id)

    # -- folding ---------------------------------------------------------------------------

    def catch_up(self) -> None:
        """Fold in what was not looked at yet."""
        if self._busy:
            return
        self._busy = True
        try:
            while self._folded < len(self.history):
                self._fold(self.history[self._folded])
        finally:
            self._busy = False

    def _fold(self, event: AnyEvent) -> None:
        self._folded += 1
        self._take_in(event)

    def _take_in(self, event: AnyEvent) -> None:
        part = fold(self, event)
        if part is not None and event.event_id > self.previous_started_event_id:
            self._told[event.event_id] = part

    def begin(self, event: WorkflowExecutionStarted) -> None:
        """Take in the execution's own beginning."""
        self.tags = event.tag_list
        self.parent = event.parent_workflow_execution
        self.origin = event.original_run_id or self.run_id
        self._input = self.load_input(event.input)

    def add(self, part: Part, among: list[Any]) -> None:
        """Take in a part that has begun."""
        among.append(part)
        kind = type(part)
        self.count(kind)
        self._open.setdefault(kind, {})[part.event_id] = part

    def count(self, kind: type[Any]) -> None:
        """Note that a part was asked for."""
        self.counts[kind] = self.counts.get(kind, 0) + 1

    def open(self, kind: type[Any]) -> Iterable[Any]:
        """Return the open parts of a kind."""
        return self._open.get(kind, {}).values()

    def find(self, kind: type[Any], event_id: int) -> Any:
        """Return the open part that an event began."""
        return self._open.get(kind, {}).get(event_id)

    def end(self, kind: type[Any], event_id: int) -> Any:
        """Close the part that an event began, and return it."""
        return self._open.get(kind, {}).pop(event_id, None)

    def _plain_input(self, payload: str | None) -> Any:
        args = plain(self.converter, payload)
        return args[0] if isinstance(args, list) and len(args) == 1 else args


def last_answered(events: Sequence[AnyEvent]) -> int:
    """Return the DecisionTaskStarted of the last task that was answered; 0: none was."""
    for event in reversed(events):
        if isinstance(event, DecisionTaskCompleted):
            return event.started_event_id
    return 0
