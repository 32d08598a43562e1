"""Run one workflow function, fed with the events of its history.

Drives the strands of the function turn by turn. Whatever the code asks for becomes a
decision: while old turns are replayed it is compared with the event that records it, and in
a new turn it is collected for the service. What the code can ask for is in `asking`.

Belongs to the thread that made it, which must also be the one that drives it.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

from greenlet import GreenletExit

from partita import errors
from partita import history as h
from partita.authoring.definition import WorkflowSpec
from partita.authoring.failure import Failure
from partita.authoring.registry import place
from partita.authoring.runtime import PART_CANCELLED, SELF_CANCELLED, current
from partita.codec import Converter, same
from partita.errors import (
    CancelledError,
    DeadlockError,
    NonDeterminismError,
    PartitaError,
    QueryFailedError,
    UsageError,
)
from partita.ports.service import UNBOUNDED, Bounds
from partita.ports.state import DEFAULT_DOMAIN
from partita.replay.decision_budget import Full
from partita.replay.journal import agrees, shown, was_refused
from partita.replay.runtime import Asking
from partita.replay.stacks import CodeStack, stacks_of
from partita.replay.strands import Strand, user_line

_PACKAGE = str(Path(errors.__file__).parent)

BASE_COST = 12_000
"""Bytes that a suspended run takes besides what its history gave it, measured."""


class Run:
    """One live workflow function."""

    def __init__(
        self,
        workflow: WorkflowSpec,
        execution: h.WorkflowExecution,
        converter: Converter,
        bounds: Bounds = UNBOUNDED,
    ) -> None:
        self.workflow = workflow
        self.execution = execution
        self.converter = converter
        self.bounds = bounds  # of the service that the execution lives on
        self.seen = 0  # started_event_id of the last turn
        self.cost = BASE_COST  # bytes, roughly
        self.time = 0.0  # of the turn, in seconds since the epoch
        self.last_event_id = 0
        self.final: h.AnyDecision | None = None  # how the function ended
        self.expected: deque[h.AnyEvent] | None = None  # of an old turn; None: a new one
        self.strands: list[Strand] = []  # the first is the function itself
        self.cancel_requested = False
        self.reading = False  # nothing may be decided now
        self.domain = DEFAULT_DOMAIN
        self.is_trial = False  # what new turns decide is thrown away, so nothing may be done
        self.asking = Asking(self)
        self._broken: PartitaError | None = None
        self._own_fault: UsageError | None = None  # raised for what this code passed on
        self._evicted = False
        self._input: str | None = None
        self._decisions: list[h.AnyDecision] = []
        self._refused: list[h.AnyEvent] = []  # of the last turn; the code hears of it in the next
        self._full = Full(bounds)

    # -- for the replayer ------------------------------------------------------------------

    def replay_turn(
        self, events: Iterable[h.AnyEvent], time: float, expected: list[h.AnyEvent]
    ) -> None:
        """Live through an old turn; `expected` is what its answer caused.

        Raises:
            NonDeterminismError: the code asks for something else than it did then.
        """
        self.expected = deque(expected)
        self._turn(events, time)
        if self.expected:
            raise self._mismatch(None, self.expected[0], self.where())

    def new_turn(self, events: Iterable[h.AnyEvent], time: float) -> list[h.AnyDecision]:
        """Live through a new turn and return what the code decided."""
        self.expected = None
        self._decisions = []
        self._turn(events, time)
        return self._decisions

    def recorded(self, caused: list[h.AnyEvent]) -> None:
        """Learn which events the last new turn's decisions became."""
        if len(caused) != len(self._decisions):
            extra = caused[len(self._decisions)] if len(caused) > len(self._decisions) else None
            raise self._mismatch(None, extra, self.where())
        for decision, event in zip(self._decisions, caused, strict=True):
            if not self._agrees(decision, event):
                raise self._mismatch(decision, event, self.where())
            self._bind(decision, event)
        self._decisions = []

    def query(self, name: str, payload: str | None) -> str:
        """Answer a query; return the answer's payload.

        Raises:
            UnknownTypeError: the workflow answers no query of that name.
            QueryFailedError: the handler raised.
        """
        self.reading = True
        token = current.set(self.asking)
        try:
            return self.asking.inbox.query(name, payload)
        except UsageError:
            raise
        except BaseException as error:  # sys.exit() must not end the thread that decides for all
            raise QueryFailedError(f"query {name}: {type(error).__name__}: {error}") from error
        finally:
            current.reset(token)
            self.reading = False

    @property
    def is_running(self) -> bool:
        """Whether the function can still ask for something."""
        return self.final is None and self.asking.continuation is None and not self._evicted

    def evict(self) -> None:
        """End the function without letting it do anything more."""
        self._evicted = True
        for strand in self.strands:
            strand.evict()

    def stacks(self, events: Iterable[h.AnyEvent]) -> list[CodeStack]:
        """Return where every line of the code waits; `events` are those of its history."""
        return stacks_of(self.strands, _PACKAGE, events)

    def where(self) -> str:
        """Return file:line of the user's code where the function waits."""
        frame = self.strands[0].frame if self.strands else None
        return user_line(frame, _PACKAGE) or self._defined_at()

    # -- the turn --------------------------------------------------------------------------

    def _turn(self, events: Iterable[h.AnyEvent], time: float) -> None:
        self.time = time
        asking = self.asking
        self._call_quietly(self.workflow.hooks.before_replay)
        token = current.set(asking)  # for callbacks, which run here
        refused, self._refused = self._refused, []
        for decision in self._full.next_turn():
            self._put(decision)
        try:
            for event in refused:
                asking.was_refused(event)
            for event in events:
                self.last_event_id = event.event_id
                if type(event) is h.WorkflowExecutionStarted:
                    self._on_started(event)
                else:
                    asking.deliver(event)
        finally:
            current.reset(token)
        self._raise_broken()
        if self.final is None:
            self._advance()
        else:
            self.issue(self.asking.closing(self.final))
        if self._full.is_cut and self._broken is None:
            self._put(h.RecordMarker(marker_name=h.MORE))
        self._call_quietly(self.workflow.hooks.after_replay)
        self._raise_broken()

    def _raise_broken(self) -> None:
        if self._broken is not None:
            raise self._broken

    def _call_quietly(self, hook: Callable[[], object] | None) -> None:
        """Call a hook that may look, and decide nothing."""
        if hook is None or self.expected is not None:
            return
        self.reading, before = True, self.reading
        token = current.set(self.asking)
        try:
            hook()
        finally:
            current.reset(token)
            self.reading = before

    def _advance(self) -> None:
        """Let every strand run that can, until none can."""
        while self._resume_all():
            pass
        if len(self.strands) > 1:
            self.strands[1:] = [one for one in self.strands[1:] if not one.is_over]
        if self._broken is not None or self.final is not None:
            return
        self.asking.refuse_unknown_updates()
        if self.asking.can_never_go_on() and self.strands and self.strands[0].is_waiting:
            self.strands[0].error = DeadlockError(
                f"{self.where()}: this waits for what nothing can bring about: no activity, "
                "timer or child is open, and no signal is waited for; is there a cycle of futures?"
            )
            self._advance()

    def _resume_all(self) -> bool:
        progressed = False
        for strand in self.strands:  # spawned ones are appended while this runs
            if self._broken is not None or self.final is not None:
                return False
            if not strand.is_over and strand.may_resume():
                strand.resume()
                progressed = True
        return progressed

    def _on_started(self, event: h.WorkflowExecutionStarted) -> None:
        self.asking.begin(event)
        self._input = event.input
        self.add_strand(self._main, self.workflow.label)

    def add_strand(self, body: Callable[[], None], name: str) -> Strand:
        """Make a strand; it runs when the others have given way. `name` is for people."""

        def enter() -> None:
            current.set(self.asking)
            try:
                body()
            except GreenletExit:
                return

        cancelled = PART_CANCELLED if self.strands else SELF_CANCELLED
        strand = Strand(enter, self.asking.start_timer, cancelled, name)
        self.strands.append(strand)
        return strand

    # -- the function's end ----------------------------------------------------------------

    def _main(self) -> None:
        outcome = self._outcome()
        if outcome is not None and not self._evicted:
            self.final = outcome
            self.issue(self.asking.closing(self.final))

    def _outcome(self) -> h.AnyDecision | None:
        hooks = self.workflow.hooks
        try:
            args, kwargs = self.workflow.signature.load(self.converter, self._input)
            result = self._call(args, kwargs)
            what = f"the result of workflow {self.workflow.workflow_type.name}"
            payload = self.dump(result, what)
            if hooks.on_completed is not None:
                hooks.on_completed(result)
            return h.CompleteWorkflowExecution(result=payload)
        except CancelledError as error:
            if self.cancel_requested:
                return h.CancelWorkflowExecution(details=str(error))
            return self._failed(error)
        except GreenletExit:
            if self.asking.continuation is None:
                raise
            return self.asking.continuation
        except BaseException as error:  # sys.exit() must not end the thread that decides for all
            if self.asking.continuation is not None:  # said in a task of a group, perhaps
                return self.asking.continuation
            if error is not self._own_fault:
                return self._failed(error)
            self._broken = self._own_fault  # the code is at fault: mend it, and it goes on
            return None

    def _call(self, args: list[Any], kwargs: dict[str, Any]) -> Any:
        if not self.workflow.is_async:
            return self.workflow.function(*args, **kwargs)
        from partita.replay.event_loop import WorkflowLoop  # asyncio: for those who use it

        loop = WorkflowLoop(self.asking)  # type: ignore[abstract]
        self.strands[0].event_loop = loop
        try:
            return loop.run_until_complete(self.workflow.function(*args, **kwargs))
        finally:
            self.strands[0].event_loop = None

    def _failed(self, error: BaseException) -> h.AnyDecision | None:
        hook = self.workflow.hooks.on_failure
        if hook is not None and not isinstance(error, CancelledError):
            try:
                hook(error)
            except GreenletExit:
                raise
            except BaseException as worse:
                error = worse
        return failure_decision(error)

    def abort(self, error: BaseException) -> None:
        """Fail the execution with no further code run."""
        self.final = failure_decision(error)

    def dump(self, value: Any, what: str) -> str:
        """Return a value as a payload; one that has none is the code's fault."""
        try:
            return self.converter.dump(value, what)
        except UsageError as error:
            self._own_fault = error
            raise

    # -- decisions -------------------------------------------------------------------------

    def check_alive(self) -> None:
        """Keep evicted code, and code that may only look, from asking for anything."""
        if not (self.reading or self._evicted) and self.asking.continuation is None:
            return
        if self.reading:
            raise UsageError(
                "a query, or a before_replay or after_replay hook, may only look; "
                "use an update or a signal to change something"
            )
        for strand in self.strands:
            if strand.is_current:
                strand.refuse()
        raise GreenletExit

    def strand(self) -> Strand:
        """Return the strand whose code runs now.

        Raises:
            PartitaError: it is not this workflow's own code.
        """
        for strand in self.strands:
            if strand.is_current:
                return strand
        raise PartitaError("a workflow can wait only in its own thread; use an activity")

    def is_async_here(self) -> bool:
        """Return whether the code that runs now is driven by the workflow's event loop."""
        return any(one.is_current and one.event_loop is not None for one in self.strands)

    def issue(self, decision: h.AnyDecision, *, closing: bool = False) -> None:
        """Put a decision to the service, or hold it against the history."""
        if not (closing or decision.closes):
            self.check_alive()
        if not self._full.keeps_back(decision):
            self._put(decision)

    def _put(self, decision: h.AnyDecision) -> None:
        if self.expected is None:
            self._decisions.append(decision)
            return
        event = self.expected.popleft() if self.expected else None
        if event is None or not self._agrees(decision, event):
            asking_at = user_line(sys._getframe(), _PACKAGE) or self._defined_at()
            self._stop(self._mismatch(decision, event, asking_at))
        else:
            self._bind(decision, event)

    def _agrees(self, decision: h.AnyDecision, event: h.AnyEvent) -> bool:
        return agrees(decision, event, partial(self._same_input, decision))

    def _same_input(self, decision: h.AnyDecision, one: str | None, other: str | None) -> bool:
        """Compare as the activity would read them: sets have no order, lists have one."""
        definition = self.asking.operations.definition_of(decision)
        if definition is None:
            return same(one, other)
        try:
            load = definition.signature.load
            return same(one, other) or load(self.converter, one) == load(self.converter, other)
        except UsageError:
            return False

    def _bind(self, decision: h.AnyDecision, event: h.AnyEvent) -> None:
        if not was_refused(decision, event):
            self.asking.operations.was_recorded(decision, event)
        else:
            self._refused.append(event)

    def _stop(self, error: PartitaError) -> None:
        """Break off: the function is never resumed, and its driver raises the error."""
        self._broken = self._broken or error
        for strand in self.strands:
            if strand.is_current:
                strand.leave()
        raise error

    def _mismatch(
        self, decision: h.AnyDecision | None, event: h.AnyEvent | None, location: str
    ) -> NonDeterminismError:
        return NonDeterminismError(
            location=location,
            expected=shown(event),
            found=shown(decision),
            event_id=0 if event is None else event.event_id,
        )

    def _defined_at(self) -> str:
        return place(self.workflow)


def failure_decision(error: BaseException) -> h.AnyDecision:
    """Return the decision that fails an execution with an error."""
    failure = Failure.of(error)
    return h.FailWorkflowExecution(reason=failure.reason, details=failure.dump())
