"""Decide for Python workflows, and keep their runs alive between decision tasks.

Divides a task's events into turns of a `Run`: old turns are replayed, the last one is new. A
live run gets only the events that it has not seen; without one, the whole history is replayed.
The cost is proportional to the events, so O(n) over an execution.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence

from partita import history as h
from partita.authoring.definition import WorkflowSpec
from partita.authoring.registry import by_key
from partita.codec import Converter
from partita.errors import PartitaError, QueryFailedError, UnknownTypeError
from partita.ports.decider import Decider
from partita.ports.service import UNBOUNDED, Bounds, DecisionTask
from partita.replay.courses import Course
from partita.replay.decision_events import caused_by
from partita.replay.run import Run
from partita.replay.stacks import CodeStack

DEFAULT_CACHE_BYTES = 512 * 1024 * 1024
"""Bytes that live runs may take, roughly."""

_BOOKKEEPING = frozenset({h.DecisionTaskScheduled, h.DecisionTaskTimedOut, h.DecisionTaskFailed})
"""Events that the code never sees."""


class Replayer(Decider):
    """A decider for a set of workflows. Belongs to one thread."""

    def __init__(
        self,
        workflows: Iterable[WorkflowSpec],
        *,
        converter: Converter | None = None,
        cache_bytes: int = DEFAULT_CACHE_BYTES,
        bounds: Bounds = UNBOUNDED,
    ) -> None:
        self._workflows: Mapping[str, WorkflowSpec] = by_key(workflows)
        self.keys = frozenset(self._workflows)  # of the workflow types that it decides for
        self._converter = converter or Converter()
        self._cache_bytes = cache_bytes
        self._bounds = bounds
        self._used = 0
        self._runs: OrderedDict[str, Run] = OrderedDict()  # least recently used first

    @property
    def live_runs(self) -> int:
        """The number of live runs."""
        return len(self._runs)

    def seen(self, run_id: str) -> int:
        """Return the `started_event_id` that a live run was last decided for; 0 without one."""
        run = self._runs.get(run_id)
        return 0 if run is None else run.seen

    def awaits(self, run_id: str) -> str | None:
        """Return where a live run's code waits, and for which signals; None if it is not alive."""
        run = self._runs.get(run_id)
        if run is None:
            return None
        names = ", ".join(repr(name) for name in run.awaited_signals)
        return f"at {run.location()}" + (f" for signal {names}" if names else "")

    def forget(self, run_id: str) -> None:
        """End a live run; its next task replays the whole history."""
        run = self._runs.pop(run_id, None)
        if run is not None:
            self._used -= run.cost
            run.evict()

    def forget_all(self) -> None:
        """End every live run."""
        for run_id in list(self._runs):
            self.forget(run_id)

    def leave_all(self) -> Callable[[], None]:
        """Keep no live run; return what ends those that were kept, on their own thread."""
        left, self._runs, self._used = self._runs, OrderedDict(), 0

        def end() -> None:
            for run in left.values():
                run.evict()

        return end

    def decide(self, task: DecisionTask) -> list[h.AnyDecision]:
        """Return the decisions on a task.

        Raises:
            UnknownTypeError: no workflow of that type is here.
            NonDeterminismError: the code does not fit the history.
        """
        run_id = task.workflow_execution.run_id
        run = self._runs.pop(run_id, None)
        if run is not None:
            self._used -= run.cost
            if task.events[0].event_id == 1:
                run.evict()
                run = None
        if run is None:
            run = self._new_run(task)
        try:
            decisions = run.new_turn(*self._replay(run, task.events))
        except BaseException:
            run.evict()
            raise
        run.seen = task.started_event_id
        self._keep(run_id, run)
        return decisions

    def query(
        self,
        execution: h.WorkflowExecution,
        workflow_type: h.WorkflowType,
        history: Callable[[], list[h.AnyEvent]],
        name: str,
        input: str | None,
    ) -> str:
        """Answer a query by the live run, or by replaying the history up to the last decision.

        Raises:
            UnknownTypeError: the workflow is not here, or answers no query of that name.
            QueryFailedError: the handler raised.
        """
        live = self._runs.get(execution.run_id)
        if live is not None:
            return live.query(name, input)
        events = _decided(history())
        if not events:
            raise QueryFailedError(
                f"execution {execution.workflow_id!r} has not begun, so its code cannot answer yet"
            )
        run = self._new_run(_task(execution, workflow_type, events))
        try:
            self._replay(run, events)
            return run.query(name, input)
        finally:
            run.evict()

    def try_out(
        self,
        execution: h.WorkflowExecution,
        workflow_type: h.WorkflowType,
        events: Sequence[h.AnyEvent],
    ) -> h.AnyDecision | None:
        """Replay a whole history and the turn after it, without any side effect.

        Returns the decision with which the code ended the run in an old turn, if it did.

        Raises:
            UnknownTypeError: no workflow of that type is here.
            NonDeterminismError: the code does not fit the history.
        """
        run = self._new_run(_task(execution, workflow_type, events), is_trial=True)
        try:
            inbox, time = self._replay(run, events)
            final = run.final
            if inbox and final is None:
                run.new_turn(inbox, time or inbox[-1].event_timestamp)
            return final
        finally:
            run.evict()

    def repeat(
        self,
        execution: h.WorkflowExecution,
        workflow_type: h.WorkflowType,
        history: Sequence[h.AnyEvent],
    ) -> None:
        """Run the code again up to the last decision, for code that notes what it does.

        Raises:
            UnknownTypeError: no workflow of that type is here.
            NonDeterminismError: the code does not fit the history.
        """
        events = _decided(list(history))
        if events:
            run = self._new_run(_task(execution, workflow_type, events))
            try:
                self._replay(run, events)
            finally:
                run.evict()

    def course(
        self,
        execution: h.WorkflowExecution,
        workflow_type: h.WorkflowType,
        history: Sequence[h.AnyEvent],
        file: str,
    ) -> tuple[Course, list[CodeStack]]:
        """Replay a history up to the last decision; return what ran, and where the code waits.

        `file` is the one whose lines are followed.

        Raises:
            UnknownTypeError: no workflow of that type is here.
            NonDeterminismError: the code does not fit the history.
        """
        events, course = _decided(list(history)), Course(file)
        if not events:
            return course, []
        run = self._new_run(_task(execution, workflow_type, events))
        try:
            with course.followed():
                self._replay(run, events)
            return course, run.stacks(events)
        finally:
            run.evict()

    def stack(
        self,
        execution: h.WorkflowExecution,
        workflow_type: h.WorkflowType,
        history: Sequence[h.AnyEvent],
    ) -> tuple[list[CodeStack], int]:
        """Replay an open run's history up to the last decision; return where the code waits.

        Returns the stacks, and the number of later events that the code has not seen. No live
        run is used or kept.

        Raises:
            UnknownTypeError: no workflow of that type is here.
            NonDeterminismError: the code does not fit the history.
        """
        events = _decided(list(history))
        since = [
            one
            for one in history[len(events) :]
            if type(one) not in _BOOKKEEPING | {h.DecisionTaskStarted}
        ]
        if not events:
            return [], len(since)
        run = self._new_run(_task(execution, workflow_type, events))
        try:
            inbox, _ = self._replay(run, events)
            return run.stacks(events), len(since) + len(inbox)
        finally:
            run.evict()

    def _new_run(self, task: DecisionTask, *, is_trial: bool = False) -> Run:
        workflow = self._workflows.get(task.workflow_type.key)
        if workflow is None:
            known = ", ".join(sorted(self._workflows)) or "none"
            raise UnknownTypeError(
                f"workflow {task.workflow_type.key} is not known to this worker; it has: {known}"
            )
        if task.events[0].event_id != 1:
            raise PartitaError("the run is not alive and its history was not given from the start")
        return Run(
            workflow,
            task.workflow_execution,
            self._converter,
            self._bounds,
            task.domain,
            is_trial=is_trial,
        )

    def _replay(self, run: Run, events: Sequence[h.AnyEvent]) -> tuple[list[h.AnyEvent], float]:
        """Replay the old turns; return the events after them, and the time of the last task."""
        inbox: list[h.AnyEvent] = []
        visible, time, started_event_id = 0, 0.0, 0
        position = 0
        while position < len(events):
            event = events[position]
            position += 1
            kind = type(event)
            if kind is h.DecisionTaskStarted:
                visible, time = len(inbox), event.event_timestamp
                started_event_id = event.event_id
            elif kind is h.DecisionTaskCompleted:
                caused, end = caused_by(events, position - 1)
                if started_event_id:
                    run.replay_turn(inbox[:visible], time, caused)
                    del inbox[:visible]
                else:  # the decisions on the task that this live run saw last
                    run.record(caused)
                if end - position > len(caused):
                    inbox += _uncaused(events[position:end], caused)
                position, started_event_id, visible = end, 0, 0
            elif kind not in _BOOKKEEPING:
                inbox.append(event)
        return inbox, time

    def _keep(self, run_id: str, run: Run) -> None:
        self._runs[run_id] = run
        self._used += run.cost
        while self._used > self._cache_bytes and len(self._runs) > 1:
            self.forget(next(iter(self._runs)))


def _task(
    execution: h.WorkflowExecution, workflow_type: h.WorkflowType, events: Sequence[h.AnyEvent]
) -> DecisionTask:
    """Return a task to replay a history with, which no service has handed out."""
    return DecisionTask(
        token="",
        workflow_execution=execution,
        workflow_type=workflow_type,
        started_event_id=0,
        previous_started_event_id=0,
        events=list(events),
    )


def _decided(events: list[h.AnyEvent]) -> list[h.AnyEvent]:
    """Return the events up to those that the last decisions caused."""
    for position in range(len(events) - 1, -1, -1):
        if type(events[position]) is h.DecisionTaskCompleted:
            return events[: caused_by(events, position)[1]]
    return []


def _uncaused(events: Iterable[h.AnyEvent], caused: list[h.AnyEvent]) -> list[h.AnyEvent]:
    ids = {event.event_id for event in caused}
    return [event for event in events if event.event_id not in ids]
