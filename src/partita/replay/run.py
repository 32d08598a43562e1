"""Run one workflow function, driven turn by turn with the events of its history.

Resumes the strands of the function and turns its end into a decision. What the code can ask for
is in `runtime`, how decisions meet the history in `journal`.

A run belongs to the thread that made it, which must also be the one that drives it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextvars import copy_context
from typing import Any

import msgspec
from greenlet import GreenletExit

from partita import history as h
from partita.authoring.definition import WorkflowSpec
from partita.authoring.failure import failure_decision
from partita.authoring.runtime import current
from partita.codec import Converter
from partita.errors import CancelledError, DeadlockError, QueryFailedError, UsageError
from partita.ports.service import UNBOUNDED, Bounds
from partita.ports.state import DEFAULT_DOMAIN
from partita.replay.declared import CHECK, STACKS, WAITS, Verdict, read_message
from partita.replay.runtime import ReplayRuntime
from partita.replay.stacks import CodeStack, stacks_of

BASE_COST = 12_000
"""Bytes that a suspended run takes besides its payloads, measured."""


class Run:
    """One live workflow function."""

    def __init__(
        self,
        workflow: WorkflowSpec,
        execution: h.WorkflowExecution,
        converter: Converter,
        bounds: Bounds = UNBOUNDED,
        domain: str = DEFAULT_DOMAIN,
        *,
        is_trial: bool = False,
    ) -> None:
        self.seen = 0  # started_event_id of the last turn
        self._workflow = workflow
        self._runtime = ReplayRuntime(workflow, execution, domain, converter, bounds)
        self._journal = self._runtime.journal
        self._journal.is_trial = is_trial
        self._strands = self._runtime.strands
        self._payloads = self._runtime.payloads
        self._input: str | None = None

    @property
    def cost(self) -> int:
        """Bytes that it takes, roughly."""
        return BASE_COST + self._payloads.size

    @property
    def final(self) -> h.AnyDecision | None:
        """The decision with which the function ended."""
        return self._journal.final

    @property
    def awaited_signals(self) -> list[str]:
        """The names of the signals that the code waits for."""
        return self._runtime.messages.awaited

    # -- for the replayer ------------------------------------------------------------------

    def replay_turn(
        self, events: Iterable[h.AnyEvent], time: float, expected: list[h.AnyEvent]
    ) -> None:
        """Replay a turn; `expected` is what its decisions caused.

        Raises:
            NonDeterminismError: the code decides something else than it did then.
        """
        self._journal.begin(time, expected)
        self._turn(events)
        self._journal.check_complete()

    def new_turn(self, events: Iterable[h.AnyEvent], time: float) -> list[h.AnyDecision]:
        """Return what the code decides on new events."""
        self._journal.begin(time, None)
        self._turn(events)
        return self._journal.decisions

    def record(self, caused: list[h.AnyEvent]) -> None:
        """Match the decisions of the last new turn with the events that they caused."""
        self._journal.record(caused)

    def query(self, name: str, payload: str | None) -> str:
        """Return the payload of the answer to a query.

        Raises:
            UnknownTypeError: the workflow answers no query of that name.
            QueryFailedError: the handler raised.
        """
        if name == CHECK:
            return self._read(lambda: self._verdict(payload))  # type: ignore[no-any-return]
        if name == WAITS:
            waits = [wait.what for stack in self.stacks(()) for wait in stack.waits_for]
            return msgspec.json.encode(waits).decode()
        if name == STACKS:
            return msgspec.json.encode(self.stacks(())).decode()
        try:
            answer: str = self._read(lambda: self._runtime.messages.query(name, payload))
            return answer
        except UsageError:
            raise
        except BaseException as error:  # sys.exit() must not end the thread of all runs
            raise QueryFailedError(f"query {name}: {type(error).__name__}: {error}") from error

    def _verdict(self, payload: str | None) -> str:
        """Return what is wrong with a message that somebody is about to send."""
        try:
            message = read_message(payload or "")
            self._runtime.messages.check(message, self._workflow.function)
            verdict = Verdict()
        except UsageError as error:
            verdict = Verdict(error.code, str(error))
        return msgspec.json.encode(verdict).decode()

    def evict(self) -> None:
        """End the code; what it tries in `finally` blocks is refused."""
        self._strands.evict()
        self._runtime.unawaited.close()

    def stacks(self, events: Iterable[h.AnyEvent]) -> list[CodeStack]:
        """Return where every strand waits; `events` are those of the run's history."""
        return stacks_of(self._strands.all, events)

    def location(self) -> str:
        """Return file:line of the user's code where the function waits."""
        return self._strands.location()

    # -- the turn --------------------------------------------------------------------------

    def _turn(self, events: Iterable[h.AnyEvent]) -> None:
        self._observe(self._workflow.hooks.before_replay)
        self._deliver(events)
        self._raise_broken()
        if self._journal.final is None:
            self._advance()
        else:
            self._runtime.close()
        self._journal.close()
        self._observe(self._workflow.hooks.after_replay)
        self._raise_broken()

    def _deliver(self, events: Iterable[h.AnyEvent]) -> None:
        runtime, journal = self._runtime, self._journal
        token = current.set(runtime)  # for callbacks of futures
        try:
            for event in journal.open():
                runtime.refuse(event)
            for event in events:
                journal.last_event_id = event.event_id
                if type(event) is h.WorkflowExecutionStarted:
                    self._input = event.input
                    runtime.begin(event)
                    self._strands.add(self._main, self._workflow.label)
                else:
                    runtime.deliver(event)
        finally:
            current.reset(token)

    def _raise_broken(self) -> None:
        if self._journal.broken is not None:
            raise self._journal.broken

    def _observe(self, hook: Callable[[], object] | None) -> None:
        """Call a hook in a new turn; it may look, and decide nothing."""
        if hook is not None and self._journal.expected is None:
            self._read(hook)

    def _read(self, function: Callable[[], Any]) -> Any:
        """Call a function that may look, and decide nothing, in a copied context."""
        self._journal.is_reading = True
        try:
            return copy_context().run(self._read_here, function)
        finally:
            self._journal.is_reading = False

    def _read_here(self, function: Callable[[], Any]) -> Any:
        current.set(self._runtime)
        return function()

    def _advance(self) -> None:
        """Resume strands until none can go on; fail the function if none ever will."""
        strands, journal = self._strands.all, self._journal
        while self._resume_all():
            pass
        if len(strands) > 1:
            strands[1:] = [one for one in strands[1:] if not one.is_over]
        if journal.final is not None or journal.broken is not None:
            return
        self._runtime.messages.refuse_unknown_updates()
        if strands and strands[0].ready is not None and not self._runtime.can_go_on():
            strands[0].error = DeadlockError(
                f"{self.location()}: this waits for what nothing can bring about: no activity, "
                "timer or child is open, and no signal is waited for; is there a cycle of futures?"
            )
            self._advance()

    def _resume_all(self) -> bool:
        progressed, journal = False, self._journal
        for strand in self._strands.all:  # spawned ones are appended meanwhile
            if journal.final is not None or journal.broken is not None:
                return False
            if not strand.is_over and strand.may_resume():
                strand.resume()
                progressed = True
        return progressed

    # -- the function's end ----------------------------------------------------------------

    def _main(self) -> None:
        final = self._outcome()
        self._runtime.unawaited.close()
        if final is not None and not self._strands.is_evicted:
            self._journal.final = final
            self._runtime.close()

    def _outcome(self) -> h.AnyDecision | None:
        """Call the function; return the decision that ends the run, None if its code is broken."""
        journal = self._journal
        try:
            return self._completed()
        except CancelledError as error:
            if self._strands.cancel_requested:
                return h.CancelWorkflowExecution(details=str(error))
            return failure_decision(error)
        except GreenletExit:
            if journal.continuation is None:
                raise
            return journal.continuation
        except BaseException as error:  # sys.exit() must not end the thread of all runs
            if journal.continuation is not None:  # raised in a task of a group, perhaps
                return journal.continuation
            if error is not self._payloads.fault:
                return self._failed(error)
            journal.broken = self._payloads.fault
            return None

    def _completed(self) -> h.AnyDecision:
        workflow = self._workflow
        args, kwargs = workflow.signature.load(self._payloads.converter, self._input)
        result = self._call(args, kwargs)
        self._runtime.unawaited.check(workflow.label, result)
        signature = workflow.signature
        payload = self._payloads.dump(result, workflow.result_label, signature.result_form)
        converter = self._payloads.converter
        signature.check_result(converter, result, payload, workflow.result_label)
        if workflow.hooks.on_completed is not None:
            workflow.hooks.on_completed(result)
        return h.CompleteWorkflowExecution(result=payload)

    def _call(self, args: list[Any], kwargs: dict[str, Any]) -> Any:
        if not self._workflow.is_async:
            return self._workflow.function(*args, **kwargs)
        from partita.replay.event_loop import WorkflowLoop  # asyncio: for those who use it

        loop = WorkflowLoop(self._runtime)  # type: ignore[abstract]
        self._strands.all[0].event_loop = loop
        try:
            return loop.run(self._workflow.function(*args, **kwargs))
        finally:
            self._strands.all[0].event_loop = None

    def _failed(self, error: BaseException) -> h.AnyDecision:
        hook = self._workflow.hooks.on_failure
        if hook is not None:
            try:
                hook(error)
            except GreenletExit:
                raise
            except BaseException as worse:
                error = worse
        return failure_decision(error)
