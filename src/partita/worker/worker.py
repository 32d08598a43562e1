"""Decide for workflows and run activities, many at a time, in one process.

The worker is the host of a service: one in this process pushes tasks at it, any other is polled
(`poller`). It knows which code decides and runs what; the service knows what is due.
"""

from __future__ import annotations

import logging
import math
import os
import platform
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any

from partita import errors
from partita import history as h
from partita.authoring.activity_classes import Activity
from partita.authoring.class_options import WorkflowClass
from partita.authoring.definition import ActivityDefinition
from partita.authoring.options import Seconds, seconds
from partita.authoring.registry import serve, stop_serving
from partita.authoring.workflow import WorkflowDefinition
from partita.codec import Converter
from partita.ports.capabilities import SupportsNotices, supports
from partita.ports.decider import Decider
from partita.ports.host import Attachable
from partita.ports.service import ActivityTask, DecisionTask, Service, bounds_of
from partita.ports.state import DEFAULT_DOMAIN, DEFAULT_TASK_LIST
from partita.replay.replayer import DEFAULT_CACHE_BYTES
from partita.telemetry.spans import trace_decision
from partita.views.failures import printable
from partita.worker.activity_runs import ActivityRuns
from partita.worker.activity_types import ActivityTypes
from partita.worker.decider_set import DeciderSet, deciders_for, own_task_lists, served
from partita.worker.execution_log import ExecutionLog, log_start
from partita.worker.execution_log import limit as log_limit
from partita.worker.execution_log import log as execution_log
from partita.worker.poller import Poller
from partita.worker.reports import OnStoreError, Reports
from partita.worker.signals import Shutdown
from partita.worker.switch_interval import short_switch_interval
from partita.worker.timing import DEFAULT_TIMING, STOP_MARGIN, Timing

DEFAULT_SLOTS = 100
"""Activities that one worker runs at a time."""

DEFAULT_THREADS = 32
"""Those of them that are no coroutines and not quick, unless the slots are given.

Threads share one interpreter, and what keeps the worker's tasks its own must have its turn among
them.
"""

DEFAULT_GRACE = 10.0
"""Seconds that a stopping worker lets its activities finish in."""

OnDecisionFailed = Callable[[DecisionTask, errors.PartitaError], None]

log = logging.getLogger("partita.worker")


class Worker:
    """Serve task lists with workflows and activities; by default, all that are defined.

    One that only `decides`, or only `acts`, leaves the rest in the store for others. `deciders`
    decide for workflows that are no Python functions or classes of ours. Without `task_lists` the
    default one is served; by one that only decides, those that its workflows name.

    Use it as a context manager, or call `start` and `stop`; `run` does both around a wait
    for a signal.
    """

    def __init__(
        self,
        service: Service | Attachable,
        *,
        workflows: Iterable[WorkflowDefinition[..., Any] | type[WorkflowClass]] | None = None,
        activities: Iterable[ActivityDefinition | type[Activity]] | None = None,
        deciders: Iterable[Decider] = (),
        decides: bool = True,
        acts: bool = True,
        task_lists: Collection[str] | None = None,
        domain: str = DEFAULT_DOMAIN,
        slots: int | None = None,
        converter: Converter | None = None,
        cache_bytes: int = DEFAULT_CACHE_BYTES,
        identity: str | None = None,
        clock: Callable[[], float] = time.time,
        on_decision_failed: OnDecisionFailed | None = None,
        on_store_error: OnStoreError | None = None,
        timing: Timing = DEFAULT_TIMING,
        only: str | None = None,
        logs_messages: bool = False,
    ) -> None:
        self.logs_messages = logs_messages  # of exceptions, which may hold values
        self.only = only  # the workflow id of the one execution that is served; None: all are
        self.domain = domain
        self.identity = identity or f"{os.getpid()}@{platform.node()}"
        self._service = _attachable(service, timing)
        converter = converter or Converter()
        own_workflows = served(workflows) if decides else []
        if task_lists is None:
            task_lists = (DEFAULT_TASK_LIST,) if acts else own_task_lists(own_workflows)
        self.task_lists = task_lists
        if decides:
            own = deciders_for(own_workflows, converter, cache_bytes, bounds_of(service))
            self._decider = DeciderSet([*own, *deciders])
        else:
            self._decider = DeciderSet(())
        self._types = ActivityTypes(activities, acts=acts)
        self._definitions = [*own_workflows, *self._types.runnable.values()]
        self._reports = Reports(self._service, timing.report_again, on_store_error)
        self._runs = ActivityRuns(
            self._service,
            self._reports.send,
            slots=slots or DEFAULT_SLOTS,
            threads=slots or DEFAULT_THREADS,
            converter=converter,
            clock=clock,
            timing=timing,
        )
        self._deciding: tuple[h.WorkflowType, h.WorkflowExecution] | None = None  # whose code runs
        self._decisions = 0  # that were asked for
        self._given_back = 0
        self._is_stopping = False
        self._on_decision_failed = on_decision_failed or log_decision_failed
        self._stop_log: Callable[[], None] = _nothing

    # -- life ------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to take tasks."""
        serve(self, self._definitions)
        self._stop_log()
        if supports(self._service, SupportsNotices):
            self._stop_log = self._service.listen(ExecutionLog(with_messages=self.logs_messages))
        self._service.attach(self)

    def stop(self, grace: float = DEFAULT_GRACE) -> None:
        """Take nothing new, let what runs finish for `grace` seconds, give the rest back."""
        self._is_stopping = True
        stop_serving(self)
        try:
            self._service.pause()
        except errors.StoreError as error:
            log.info(
                "the store is out of reach; this worker takes nothing new by itself: %s", error
            )
        self._runs.wait(grace)
        try:
            self._service.detach()
        except errors.StoreError as error:
            log.info("what this worker held is given back when its lease ends: %s", error)
        self._reports.close()
        self._runs.close()
        self._stop_log()
        log_limit.flush()

    def __enter__(self) -> Worker:
        """Start."""
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        """Stop."""
        self.stop()

    def run(
        self,
        grace: float = DEFAULT_GRACE,
        is_over: Callable[[], bool] = lambda: False,
        begun: Callable[[], None] = lambda: None,
        margin: float = STOP_MARGIN,
        max_time: Seconds | None = None,
    ) -> None:
        """Work until SIGTERM or SIGINT, then stop; a second signal ends the process at once.

        It stops, too, after `max_time` seconds, and when `is_over` says so, which is asked about
        once a second. `begun` is called once the service has taken the worker. What keeps it from
        stopping, such as a workflow whose code never comes back, has `margin` seconds beyond
        `grace`; then the process ends as at a second signal.
        """
        limit = seconds("max_time", max_time)
        shutdown = Shutdown(grace + margin, state=self._state, obstacle=self._obstacle)
        with short_switch_interval(), shutdown:
            self.start()
            begun()
            end = math.inf if limit is None else time.monotonic() + limit
            while (left := end - time.monotonic()) > 0 and not is_over():
                if shutdown.wait(min(left, 1.0)):
                    break
            shutdown.begin()
            self.stop(grace)

    def _state(self) -> str:
        return f"{len(self._runs)} activities still run"

    def _obstacle(self) -> str:
        """Return why this does not end, as far as is known without asking the service."""
        deciding = self._deciding
        if deciding is None:
            return "this worker does not end in time; ending it hard"
        workflow_type, execution = deciding
        return (
            f"this worker does not end in time; ending it hard: workflow {workflow_type.key} of "
            f"execution {execution.workflow_id} is still deciding: does its code block, or loop "
            "without an end?"
        )

    # -- for those who watch ----------------------------------------------------------------

    @property
    def slots(self) -> int:
        """How many activities run at a time, at most."""
        return self._runs.slots

    @property
    def running_activities(self) -> int:
        """How many activities run now."""
        return len(self._runs)

    @property
    def live_runs(self) -> int:
        """How many workflows are kept alive between their decisions."""
        return self._decider.live_runs

    @property
    def lost_tasks(self) -> int:
        """How many results came too late to be used."""
        return self._reports.lost

    @property
    def is_short_of_threads(self) -> bool:
        """Whether activities wait here because the system gives no thread for them."""
        return self._runs.is_short_of_threads

    @property
    def tasks_done(self) -> int:
        """How many decisions and activities were done."""
        return self._decisions + self._runs.started - len(self._runs)

    @property
    def is_stopping(self) -> bool:
        """Whether nothing new is taken."""
        return self._is_stopping

    # -- the Host port ---------------------------------------------------------------------

    def workflow_keys(self) -> Collection[str]:
        """Return the workflow types that this decides for."""
        return self._decider.keys

    def activity_keys(self) -> Collection[str]:
        """Return the activity types that this runs; without a free thread, the asynchronous."""
        if self._runs.free_threads > 0:
            return self._types.runnable.keys()
        return self._types.asynchronous

    def is_lent(self, activity_key: str) -> bool:
        """Return whether activities of that type end with their function and set no heartbeat."""
        return self._types.is_lent(activity_key)

    def seen(self, run_id: str) -> int:
        """Return the `started_event_id` that a live run was last decided for."""
        return self._decider.seen(run_id)

    def decide(self, task: DecisionTask) -> list[h.AnyDecision]:
        """Answer a decision task."""
        self._decisions += 1
        self._deciding = (task.workflow_type, task.workflow_execution)
        if not task.previous_started_event_id:
            log_start(task)
        try:
            decisions = trace_decision(task, self._decider.decide)
        finally:
            self._deciding = None
        self._types.warn_of_missing(decisions, task, self.task_lists)
        return decisions

    def query(
        self,
        execution: h.WorkflowExecution,
        workflow_type: h.WorkflowType,
        history: Callable[[], list[h.AnyEvent]],
        name: str,
        input: str | None,
    ) -> str:
        """Answer a query."""
        self._deciding = (workflow_type, execution)
        try:
            return self._decider.query(execution, workflow_type, history, name, input)
        finally:
            self._deciding = None

    def decision_failed(self, task: DecisionTask, error: errors.PartitaError) -> None:
        """Log that a task failed; it is tried again later."""
        self._on_decision_failed(task, error)

    def awaits(self, run_id: str) -> str | None:
        """Return where a live run's code waits; only on the thread that decides."""
        return self._decider.awaits(run_id)

    def forget(self, run_id: str) -> None:
        """Drop a live run."""
        self._decider.forget(run_id)

    def free_slots(self) -> int:
        """Return how many more activities this would take."""
        self._runs.retry()
        self._reports.retry()
        if self._is_stopping:
            return 0
        free, threads = self._runs.slots - len(self._runs), self._runs.free_threads
        if threads > 0:
            return min(free, threads)
        return free if self._types.asynchronous else 0

    def is_busy(self) -> bool:
        """Return whether an activity runs or is about to be reported."""
        return self._runs.is_busy

    def holds(self, token: str) -> bool:
        """Return whether an activity runs here, or its answer is not reported yet."""
        return self._runs.holds(token) or self._reports.is_pending(token)

    def given_back(self, activity_id: str) -> None:
        """Count an activity that the database says is ours, and that does not run."""
        self._given_back += 1
        log.warning("activity %s was ours and did not run; it is given back", activity_id)

    @property
    def tasks_given_back(self) -> int:
        """How many activities were given back because they did not run."""
        return self._given_back

    def definition_of_task(self, task: ActivityTask) -> ActivityDefinition:
        """Return what runs a task; it is of one of the `activity_keys`."""
        return self._types.runnable[task.activity_type.key]

    def retry_of(self, task: ActivityTask) -> h.RetryPolicy:
        """Return the retry policy that the definition of a task's activity has."""
        return self.definition_of_task(task).settings.retry_policy or h.RetryPolicy()

    def start_tasks(self, tasks: Sequence[ActivityTask]) -> None:
        """Begin to run activities."""
        self._runs.start([(self.definition_of_task(task), task) for task in tasks])

    def run_task(self, task: ActivityTask) -> None:
        """Run one activity on this thread; return when its report was made."""
        self._runs.run(self.definition_of_task(task), task)

    def short_call(
        self, tasks: Sequence[ActivityTask], *, is_alone: bool
    ) -> Callable[[], None] | None:
        """Return what runs short activities on the calling thread."""
        runs = [(self.definition_of_task(task), task) for task in tasks]
        return self._runs.short_call(runs, is_alone=is_alone)

    def leave_runs(self) -> Callable[[], None]:
        """Keep no live run; return what ends those that were kept, on their own thread."""
        self._runs.overstayed()
        return self._decider.leave_all()

    def detached(self) -> None:
        """End every live run, on the thread that they belong to."""
        self._decider.forget_all()

    def lost(self) -> None:
        """Log that the lease ran out; late results will be refused one by one."""
        log.warning("this worker was taken for dead; what it ran is given to others")


def _attachable(service: Service | Attachable, timing: Timing) -> Attachable:
    """Return what brings tasks: the service itself if it can, else a poller of it."""
    if supports(service, Attachable):
        return service
    if not supports(service, Service):
        raise errors.InvalidOptionError(
            f"{type(service).__name__} cannot serve a worker; "
            "give it a service of `connect`, such as connect('sqlite:///orders.db')"
        )
    return Poller(service, timing)


def log_decision_failed(task: DecisionTask, error: errors.PartitaError) -> None:
    """Log that an execution waits for better code."""
    execution = task.workflow_execution
    where = {"workflow_id": execution.workflow_id, "run_id": execution.run_id}
    execution_log.error(
        "%s: %s [%s]", printable(execution.workflow_id), error, error.code, extra=where
    )


def _nothing() -> None:
    """Do nothing."""
