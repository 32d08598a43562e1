"""Answer decision tasks for Python workflows, and keep their runs alive between tasks.

Turns a task's events into turns of a `Run`: old ones are replayed against what they caused,
the last one is new. A live run is fed only what it has not seen; without one, the whole
history is replayed. Cost is proportional to the events fed, so O(n) over an execution.
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
from partita.replay.journal import caused_by
from partita.replay.run import Run
from partita.replay.stacks import CodeStack

DEFAULT_CACHE = 512 * 1024 * 1024
"""Bytes that live runs may take, roughly."""

_BOOKKEEPING = frozenset({h.DecisionTaskScheduled, h.DecisionTaskTimedOut, h.DecisionTaskFailed})


_UNHEARD = _BOOKKEEPING | {h.DecisionTaskStarted}


class Replayer(Decider):
    """A decider for a set of workflows. Belongs to one thread."""

    def __init__(
        self,
        workflows: Iterable[WorkflowSpec],
        *,
        converter: Converter | None = None,
        cache_bytes: int = DEFAULT_CACHE,
        bounds: Bounds = UNBOUNDED,
    ) -> None:
        self._workflows: Mapping[str, WorkflowSpec] = by_key(workflows)
        self.keys = frozenset(self._workflows)  # the types that this decides for
        self._converter = converter or Converter()
        self._cache_bytes = cache_bytes
        self._bounds = bounds
        self._used = 0
        self._runs: OrderedDict[str, Run] = OrderedDict()  # least recently used first

    @property
    def live_runs(self) -> int:
        """How many runs are alive."""
        return len(self._runs)

    def seen(self, run_id: str) -> int:
        """Return the `started_event_id` that a live run was last decided for; 0 without one."""
        run = self._runs.get(run_id)
        return 0 if run is None else run.seen

    def awaits(self, run_id: str) -> str | None:
        """Say where a live run's code waits, and for which signals; None if it is not alive."""
        run = self._runs.get(run_id)
        if run is None:
            return None
        names = ", ".join(repr(name) for name in run.asking.inbox.awaited)
        return f"at {run.where()}" + (f" for signal {names}" if names else "")

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

    def decide(self, task: DecisionTask) -> list[h.AnyDecision]:
        """Answer a task.

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
            decisions = self._feed(run, task)
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
        """Answer a query from the live run, or by replaying the history up to the last answer.

        Raises:
            UnknownTypeError: the workflow is not here, or answers no query of that name.
            QueryFailedError: the handler raised.
        """
        live = self._runs.get(execution.run_id)
        if live is not None:
            return live.query(name, input)
        events = _answered(history())
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
        """Replay a whole history, with the turn that is still to come; keep and do nothing.

        Returns how the code ends the run, if in an answered turn it does.

        Raises:
            UnknownTypeError: no workflow of that type is here.
            NonDeterminismError: the code does not fit the history.
        """
        run = self._new_run(_task(execution, workflow_type, events))
        run.is_trial = True
        try:
            inbox, time = self._replay(run, events)
            final = run.final
            if inbox and final is None:
                run.new_turn(inbox, time or inbox[-1].event_timestamp)
            return final
        finally:
            run.evict()

    def stack(
        self,
        execution: h.WorkflowExecution,
        workflow_type: h.WorkflowType,
        history: Sequence[h.AnyEvent],
    ) -> tuple[list[CodeStack], int]:
        """Replay an open run's history up to the last answer; tell where the code waits.

        Returns the stacks, and how many events since the code has not heard of. No live run is
        looked at, and none is kept.

        Raises:
            UnknownTypeError: no workflow of that type is here.
            NonDeterminismError: the code does not fit the history.
        """
        events = _answered(list(history))
        since = [one for one in history[len(events) :] if type(one) not in _UNHEARD]
        if not events:
            return [], len(since)
        run = self._new_run(_task(execution, workflow_type, events))
        try:
            inbox, _ = self._replay(run, events)
            return run.stacks(events), len(since) + len(inbox)
        finally:
            run.evict()

    def _new_run(self, task: DecisionTask) -> Run:
        workflow = self._workflows.get(task.workflow_type.key)
        if workflow is None:
            known = ", ".join(sorted(self._workflows)) or "none"
            raise UnknownTypeError(
                f"workflow {task.workflow_type.key} is not known to this worker; it has: {known}"
            )
        if task.events[0].event_id != 1:
            raise PartitaError("the run is not alive and its history was not given from the start")
        run = Run(workflow, task.workflow_execution, self._converter, self._bounds)
        run.domain = task.domain
        return run

    def _feed(self, run: Run, task: DecisionTask) -> list[h.AnyDecision]:
        inbox, time = self._replay(run, task.events)
        return run.new_turn(inbox, time)

    def _replay(self, run: Run, events: Sequence[h.AnyEvent]) -> tuple[list[h.AnyEvent], float]:
        """Live through the old turns; return what is new since, and the time of the last task."""
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
                else:  # the answer to the task that this live run saw last
                    run.recorded(caused)
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
    """Return a task that nobody has given out, to replay a history with."""
    return DecisionTask(
        token="",
        workflow_execution=execution,
        workflow_type=workflow_type,
        started_event_id=0,
        previous_started_event_id=0,
        events=list(events),
    )


def _answered(events: list[h.AnyEvent]) -> list[h.AnyEvent]:
    """Return the events up to what the last answer of the decider caused."""
    for position in range(len(events) - 1, -1, -1):
        if type(events[position]) is h.DecisionTaskCompleted:
            return events[: caused_by(events, position)[1]]
    return []


def _uncaused(events: Iterable[h.AnyEvent], caused: list[h.AnyEvent]) -> list[h.AnyEvent]:
    ids = {event.event_id for event in caused}
    return [event for event in events if event.event_id not in ids]
