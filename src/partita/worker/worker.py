"""The worker: it decides for workflows and runs activities, many at a time, in one process.

Sync activities run on threads, async ones on an event loop's thread, those that ask for it
in child processes. The worker knows what runs; the service knows what is owed to whom.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import os
import platform
import threading
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Protocol

from partita import errors
from partita import history as h
from partita.authoring.activity_classes import Activity
from partita.authoring.declared import Declared
from partita.authoring.definition import ActivityDefinition
from partita.authoring.failure import Failure
from partita.authoring.workflow import WorkflowDefinition
from partita.codec import Converter
from partita.ports.decider import Decider
from partita.ports.host import Attachable
from partita.ports.service import ActivityAnswer, ActivityTask, DecisionTask, Service, bounds_of
from partita.ports.state import DEFAULT_DOMAIN, DEFAULT_TASK_LIST
from partita.replay.replayer import DEFAULT_CACHE
from partita.telemetry.spans import trace_decision
from partita.worker.cancellation import Watch
from partita.worker.decider_set import DeciderSet, deciders_for
from partita.worker.execute import decided, execute, execute_async, failed, refused, served
from partita.worker.heartbeats import Beats
from partita.worker.process_pool import Processes, UnfitError
from partita.worker.shutdown import MARGIN, Stopping
from partita.worker.thread_pool import Threads

DEFAULT_SLOTS = 100
"""Activities that one worker runs at a time."""

DEFAULT_GRACE = 10.0
"""Seconds that a stopping worker lets its activities finish in."""

REPORT_AGAIN = 0.5
"""Seconds between two tries to report a result to a store that does not take it."""

SUSPECT = 2
"""Workers that an activity has lost before it is run in a process of its own.

Then, if it is what kills them, it kills only that one, and everybody knows. One loss means
little: all that run in a worker are lost with it.
"""

SUSPECTS = 8
"""Processes that one worker keeps for suspects at a time; more of these run as others do."""

log = logging.getLogger("partita.worker")


class Worker:
    """Serve task lists with workflows and activities; by default, all that are defined.

    One that only `decides`, or only `acts`, leaves the rest in the store for others. `deciders`
    decide for workflows that are no Python functions or classes of ours.

    Use it as a context manager, or call `start` and `stop`; `run` does both around a wait
    for a signal.
    """

    def __init__(
        self,
        service: Service,
        *,
        workflows: Iterable[WorkflowDefinition[..., Any] | type[Declared]] | None = None,
        activities: Iterable[ActivityDefinition | type[Activity]] | None = None,
        deciders: Iterable[Decider] = (),
        decides: bool = True,
        acts: bool = True,
        task_lists: Collection[str] = (DEFAULT_TASK_LIST,),
        domain: str = DEFAULT_DOMAIN,
        slots: int = DEFAULT_SLOTS,
        converter: Converter | None = None,
        cache_bytes: int = DEFAULT_CACHE,
        identity: str | None = None,
        clock: Callable[[], float] = time.time,
        on_decision_failed: Callable[[DecisionTask, errors.PartitaError], None] | None = None,
        on_store_error: Callable[[errors.StoreError], None] | None = None,
    ) -> None:
        self.domain = domain
        self.task_lists = task_lists
        self.identity = identity or f"{os.getpid()}@{platform.node()}"
        self._service = _attachable(service)
        self._converter = converter or Converter()
        self._defined = served(activities)
        self._activities = self._defined if acts else {}
        self._acts = acts
        self._missed: set[str] = set()  # activities that it lacks, and has said so of
        types = decided(workflows) if decides else ()
        own = deciders_for(types, self._converter, cache_bytes, bounds_of(service))
        self._decider: Decider = DeciderSet([*own, *(deciders if decides else ())])
        self._slots = slots
        self._clock = clock  # what `now()` in activities reads
        self._asked: tuple[h.WorkflowType, h.WorkflowExecution] | None = None  # whose code runs now
        self._running: dict[str, ActivityTask] = {}
        self._ending: dict[str, None] = {}  # tokens of what has ended but is not reported
        self._suspects: set[str] = set()  # tokens of what has lost workers
        self._threads = Threads(slots, "partita-activity")
        self._processes = Processes()
        self._watch = Watch(self._service.unwanted)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._loop_thread: threading.Thread | None = None
        self._changed = threading.Condition()
        self._done = itertools.count(1)  # what threads may count up without a lock
        self.tasks_done = 0  # decisions and activities
        self._stopping = False
        self.lost_tasks = 0  # whose results came too late to be used
        self._detached = False  # what still runs is no longer ours
        self._on_store_error = on_store_error  # instead of trying again, but for outages
        self._on_decision_failed = on_decision_failed or log_decision_failed

    # -- life ------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to take tasks."""
        self._service.attach(self)

    def stop(self, grace: float = DEFAULT_GRACE) -> None:
        """Take nothing new, let what runs finish for `grace` seconds, give the rest back."""
        self._stopping = True
        try:
            self._service.pause()
        except errors.StoreError as error:
            log.info(
                "the store is out of reach; this worker takes nothing new by itself: %s", error
            )
        deadline = time.monotonic() + grace
        with self._changed:
            while (self._running or self._ending) and (left := deadline - time.monotonic()) > 0:
                self._changed.wait(left)
        try:
            self._service.detach()
        except errors.StoreError as error:
            log.info("what this worker held is given back when its lease ends: %s", error)
        self._detached = True
        self._watch.close()
        self._threads.close()
        self._processes.close()
        if self._loop is not None and self._loop_thread is not None:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._loop_thread.join(timeout=MARGIN / 2)  # it may be blocked by what runs on it

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
        margin: float = MARGIN,
    ) -> None:
        """Work until SIGTERM or SIGINT, then stop; a second signal ends the process at once.

        It stops, too, when `is_over` says so, which is asked about once a second. `begun` is
        called once the service has taken the worker. What keeps it from stopping, such as a
        workflow whose code never comes back, has `margin` seconds beyond `grace`; then the
        process ends as at a second signal.
        """
        with Stopping(grace + margin, state=self._state, obstacle=self._obstacle) as stopping:
            self.start()
            begun()
            while not is_over() and not stopping.wait(1.0):
                pass
            stopping.begin()
            self.stop(grace)

    def _state(self) -> str:
        return f"{len(self._running)} activities still run"

    def _obstacle(self) -> str:
        """Say why this does not end, as far as it can be known without asking the service."""
        asked = self._asked
        if asked is None:
            return "this worker does not end in time; ending it hard"
        workflow_type, execution = asked
        return (
            f"this worker does not end in time; ending it hard: workflow {workflow_type.key} of "
            f"execution {execution.workflow_id} is still deciding: does its code block, or loop "
            "without an end?"
        )

    # -- for those who watch ----------------------------------------------------------------

    @property
    def slots(self) -> int:
        """How many activities run at a time, at most."""
        return self._slots

    @property
    def running_activities(self) -> int:
        """How many activities run now."""
        return len(self._running)

    @property
    def live_runs(self) -> int:
        """How many workflows are kept alive between their decisions."""
        return self._decider.live_runs

    @property
    def is_stopping(self) -> bool:
        """Whether nothing new is taken."""
        return self._stopping

    # -- the Host port ---------------------------------------------------------------------

    def workflow_keys(self) -> Collection[str]:
        """Return the workflow types that this decides for."""
        return self._decider.keys

    def activity_keys(self) -> Collection[str]:
        """Return the activity types that this runs."""
        return self._activities.keys()

    def is_lent(self, activity_key: str) -> bool:
        """Whether activities of that type may be lent; where their code is not, they are not."""
        definition = self._defined.get(activity_key)
        if definition is None:
            return False
        return definition.settings.auto_complete and definition.settings.heartbeat is None

    def seen(self, run_id: str) -> int:
        """Return what a live run has seen."""
        return self._decider.seen(run_id)

    def decide(self, task: DecisionTask) -> list[h.AnyDecision]:
        """Answer a decision task."""
        self.tasks_done = next(self._done)
        self._asked = (task.workflow_type, task.workflow_execution)
        try:
            decisions = trace_decision(task, self._decider.decide)
        finally:
            self._asked = None
        if self._acts:
            for decision in decisions:
                if isinstance(decision, h.ScheduleActivityTask):
                    self._look_for(decision, task)
        return decisions

    def _look_for(self, wanted: h.ScheduleActivityTask, task: DecisionTask) -> None:
        """Say, once, what nobody here can do: it may be that nobody else can."""
        key = wanted.activity_type.key
        if key in self._activities or key in self._missed:
            return
        if wanted.task_list is None or wanted.task_list in self.task_lists:
            self._missed.add(key)
            log.warning(
                "execution %s asks for activity %s, which this worker does not have; it waits for "
                "another that has it (an activity must be defined at the top of a file)",
                task.workflow_execution.workflow_id,
                key,
            )

    def query(
        self,
        execution: h.WorkflowExecution,
        workflow_type: h.WorkflowType,
        history: Callable[[], list[h.AnyEvent]],
        name: str,
        input: str | None,
    ) -> str:
        """Answer a query."""
        self._asked = (workflow_type, execution)
        try:
            return self._decider.query(execution, workflow_type, history, name, input)
        finally:
            self._asked = None

    def decision_failed(self, task: DecisionTask, error: errors.PartitaError) -> None:
        """Say so; the task is tried again later."""
        self._on_decision_failed(task, error)

    def awaits(self, run_id: str) -> str | None:
        """Say where a live run's code waits, and for which signals; only on its own thread."""
        return self._decider.awaits(run_id)

    def forget(self, run_id: str) -> None:
        """Drop a live run."""
        self._decider.forget(run_id)

    def free_slots(self) -> int:
        """Return how many more activities this would take."""
        return 0 if self._stopping else self._slots - len(self._running)

    def is_busy(self) -> bool:
        """Return whether an activity runs or is about to be reported; see `_finish`."""
        return bool(self._running) or bool(self._ending)

    def definition_of_task(self, task: ActivityTask) -> ActivityDefinition:
        """Return what runs a task; it is of one of the `activity_keys`."""
        return self._activities[task.activity_type.key]

    def start_tasks(self, tasks: Sequence[ActivityTask]) -> None:
        """Begin to run activities."""
        running = self._running
        calls = []
        for task in tasks:
            running[task.token] = task
            definition = self.definition_of_task(task)
            if definition.settings.process or self._is_suspect(task):
                self._watch.add(task.token, partial(self._processes.stop, task.token))
                calls.append(partial(self._run_apart, definition, task))
            elif definition.is_async:
                self._begin_async(definition, task)
            else:
                calls.append(partial(self._run, definition, task))
        if calls:
            self._threads.submit(calls)

    def _is_suspect(self, task: ActivityTask) -> bool:
        """Whether a task shall run in a process of its own, because it has lost workers."""
        if task.losses < SUSPECT or len(self._suspects) >= SUSPECTS:
            return False
        self._suspects.add(task.token)
        return True

    def detached(self) -> None:
        """End every live run, on the thread that they belong to."""
        self._decider.forget_all()

    def lost(self) -> None:
        """Say so; late results will be refused one by one."""
        log.warning("this worker was taken for dead; what it ran is given to others")

    # -- running ---------------------------------------------------------------------------

    def _run(self, definition: ActivityDefinition, task: ActivityTask) -> None:
        beats = self._beats(task)
        try:
            answer = execute(definition, task, self._converter, beats, self._clock)
        except BaseException as error:  # the slot must be given free, whatever happens
            answer = failed(task, Failure.of(error))
        beats.flush(answer)
        self._finish(task, answer)

    def _run_apart(self, definition: ActivityDefinition, task: ActivityTask) -> None:
        answer: ActivityAnswer | None
        beats = self._beats(task)
        try:
            limit = self._converter.limit
            answer = self._processes.run(definition, task, limit, beats.is_unwanted)
        except UnfitError as error:
            if not definition.settings.process:  # it is only a suspect, and can be run only here
                self._watch.discard(task.token)
                run = self._begin_async if definition.is_async else self._run
                run(definition, task)
                return
            answer = failed(task, Failure.of(errors.LoadError(f"{error}")), retryable=False)
        except BaseException as error:
            answer = failed(task, Failure.of(error))
        beats.flush(answer)
        self._finish(task, answer)

    def _begin_async(self, definition: ActivityDefinition, task: ActivityTask) -> None:
        self._event_loop().call_soon_threadsafe(self._begin_here, definition, task)

    def _begin_here(self, definition: ActivityDefinition, task: ActivityTask) -> None:
        """Begin an activity on the event loop, whose thread this is."""
        begun = asyncio.ensure_future(self._run_async(definition, task))
        begun.add_done_callback(partial(self._ended_async, task))
        self._watch.add(task.token, partial(self._cancel_async, begun))

    def _cancel_async(self, begun: asyncio.Task[None]) -> None:
        """Cancel an activity from another thread; one that has ended is left alone."""
        with suppress(RuntimeError):  # the loop is closed, and all that ran on it has ended
            begun.get_loop().call_soon_threadsafe(begun.cancel)

    def _ended_async(self, task: ActivityTask, begun: asyncio.Task[None]) -> None:
        """Answer for an activity that could not: it was cancelled before its first step."""
        fault = None if begun.cancelled() else begun.exception()
        if task.token not in self._running:
            return
        if fault is None:
            self._finish(task, ActivityAnswer(token=task.token, outcome="canceled"))
        else:
            self._finish(task, failed(task, Failure.of(fault)))

    async def _run_async(self, definition: ActivityDefinition, task: ActivityTask) -> None:
        beats = self._beats(task)
        answer = await execute_async(definition, task, self._converter, beats, self._clock)
        beats.flush(answer)
        self._finish(task, answer)

    def _beats(self, task: ActivityTask) -> Beats:
        return Beats(self._service, self._converter, task)

    def _finish(self, task: ActivityTask, answer: ActivityAnswer | None) -> None:
        self._watch.discard(task.token)
        self.tasks_done = next(self._done)
        self._ending[task.token] = None  # so that `stop` waits until it is reported
        self._running.pop(task.token, None)
        self._suspects.discard(task.token)
        if answer is not None:
            self._report(answer)
        self._ending.pop(task.token, None)
        if self._stopping:
            with self._changed:
                self._changed.notify_all()

    def _report(self, answer: ActivityAnswer) -> None:
        if not self._detached:  # else the activity was given back, or is when the lease ends
            self._service.report(answer, partial(self._not_reported, answer))

    def _not_reported(self, answer: ActivityAnswer, error: errors.PartitaError) -> None:
        is_away = isinstance(error, errors.StoreUnavailableError)  # the engine says so
        if (
            isinstance(error, errors.StoreError)
            and self._on_store_error is not None
            and not is_away
        ):
            self._on_store_error(error)
        elif isinstance(error, errors.StoreError):
            level = logging.INFO if is_away else logging.WARNING
            log.log(level, "a result is not stored yet, trying again: %s", error)
            timer = threading.Timer(REPORT_AGAIN, self._report, [answer])
            timer.daemon = True
            timer.start()
        elif isinstance(
            error, errors.TaskLostError
        ):  # timed out, or its workflow is over: all in order
            self.lost_tasks += 1
            log.info("%s", error)
        elif (
            isinstance(error, errors.UsageError) and (instead := refused(answer, error)) is not None
        ):
            self._report(instead)  # a result that nobody can keep would be waited for for ever
        else:
            log.error("a result could not be stored: %s", error)

    def _event_loop(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            self._loop_thread = threading.Thread(
                target=_run_loop, args=[self._loop], name="partita-async", daemon=True
            )
            self._loop_thread.start()
        return self._loop


def _run_loop(loop: asyncio.AbstractEventLoop) -> None:
    """Run an event loop until it is stopped, then end what still runs on it."""
    loop.run_forever()
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()
    if tasks:
        loop.run_until_complete(asyncio.wait(tasks, timeout=1.0))
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()


class _Attachable(Service, Attachable, Protocol):
    """A service in this process."""


def _attachable(service: Any) -> _Attachable:
    if not isinstance(service, Attachable):
        raise errors.InvalidOptionError(
            f"{type(service).__name__} cannot serve a worker in this process; "
            "give it a service of `connect`, such as connect('sqlite:///orders.db')"
        )
    return service  # type: ignore[return-value]


def log_decision_failed(task: DecisionTask, error: errors.PartitaError) -> None:
    """Say in the log that an execution waits for better code."""
    execution = task.workflow_execution
    where = {"workflow_id": execution.workflow_id, "run_id": execution.run_id}
    log.error("%s: %s [%s]", execution.workflow_id, error, error.code, extra=where)
