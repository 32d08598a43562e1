"""Poll any service for a host in this process: tasks in, answers out, on many threads.

Polls, and the calls that answer, wait on the network, so each has a thread. Deciding has one
for all: a live run can be resumed only by the thread that made it. Activities run on the
host's own threads, and a poll begins only if one would be free for what it brings.

When it stops, nothing that was on its way is lost: a decision is answered as ever, an activity
is given back at once, as the same attempt, where the service can take it back.
"""

from __future__ import annotations

import logging
import math
import queue
import random
import threading
from collections.abc import Callable, Collection
from contextlib import nullcontext
from functools import partial
from typing import Any, TypeVar

from partita import history as h
from partita.errors import PartitaError, StoreError
from partita.ports.capabilities import supports
from partita.ports.host import (
    DecisionChannel,
    Host,
    RefusesWorkers,
    SupportsActivityTypes,
    SupportsLocalQueries,
    SupportsLongPolls,
)
from partita.ports.outage import Outage
from partita.ports.service import ActivityAnswer, Bounds, Service, bounds_of, title_of
from partita.worker.polled_activities import PolledActivities
from partita.worker.polled_decisions import PolledDecisions, channel_of
from partita.worker.timing import DEFAULT_TIMING, Timing

T = TypeVar("T")

DEFAULT_POLLERS = 2
"""Polls that wait at a time for activities, and as many for decisions, per task list."""

log = logging.getLogger("partita.worker")


class Poller:
    """What brings the tasks of any service to a host; it is `Attachable` for one host at a time."""

    def __init__(
        self,
        service: Service,
        timing: Timing = DEFAULT_TIMING,
        channel_of: Callable[[Any, Host], DecisionChannel] = channel_of,
    ) -> None:
        self._service: Any = service  # with whatever capabilities it has
        self._timing = timing
        self._channel_of = channel_of
        self._is_interruptible = supports(service, SupportsLongPolls)
        self._outage = getattr(service, "outage", None) or Outage(title_of(service), log)
        self._stopped = threading.Event()
        self._threads: list[threading.Thread] = []
        self._decider = DeciderThread()
        self._serving: tuple[PolledDecisions, PolledActivities] | None = None

    @property
    def bounds(self) -> Bounds:
        """What the service takes at most."""
        return bounds_of(self._service)

    @property
    def heartbeat_activity(self) -> Callable[[str, str | None], bool]:
        """The service's own."""
        return self._service.heartbeat_activity  # type: ignore[no-any-return]

    def attach(self, host: Host) -> None:
        """Register the host's types, and begin to poll for it.

        Raises:
            UnsupportedError: the service has no use for a worker.
        """
        if supports(self._service, RefusesWorkers):
            self._service.refuse_workers()
        register_types(self._service, host)
        self._stopped.clear()
        self._decider.start()
        channel = self._channel_of(self._service, host)
        decisions = PolledDecisions(channel, host, self._decider.call)
        activities = PolledActivities(self._service, host, self._timing, self._stopped)
        self._serving = decisions, activities
        wait = math.inf if self._is_interruptible else self._timing.poll_wait
        for _ in range(getattr(self._service, "pollers", DEFAULT_POLLERS)):
            for task_list in channel.task_lists if host.workflow_keys() else ():
                self._thread(partial(decisions.poll, task_list, wait))
            for task_list in host.task_lists if host.activity_keys() else ():
                self._thread(partial(activities.poll, task_list, wait))
        if supports(self._service, SupportsLocalQueries):
            self._service.answer_queries(_Queries(host, self._decider))

    def pause(self) -> None:
        """Take nothing new."""
        self._stopped.set()
        if self._is_interruptible:
            self._service.stop_polls()
        if self._serving is not None:
            self._serving[1].wake()

    def detach(self) -> None:
        """Stop polling; give back what the host has not finished; wait for its reports."""
        if self._serving is None:
            return
        self.pause()
        for thread in self._threads:
            thread.join()
        self._threads.clear()
        decisions, activities = self._serving
        activities.close()
        if supports(self._service, SupportsLocalQueries):
            self._service.answer_queries(None)
        self._decider.call(decisions.host.detached)
        self._decider.close()
        self._serving = None
        if self._is_interruptible:
            self._service.resume_polls()

    def unwanted(self, tokens: Collection[str]) -> set[str]:
        """Return those tasks that should end; a polled service tells only of a heartbeat."""
        return set() if self._serving is None else self._serving[1].unwanted(tokens)

    def report(self, answer: ActivityAnswer, failed: Callable[[PartitaError], None]) -> None:
        """Record how an activity ended, on a thread of ours."""
        if self._serving is not None:
            self._serving[1].report(answer, failed)

    # -- threads

    def _thread(self, poll: Callable[[], object]) -> None:
        thread = threading.Thread(target=self._run, args=[poll], name="partita-poll", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _run(self, poll: Callable[[], object]) -> None:
        with self._service.polling() if self._is_interruptible else nullcontext():
            self._repeat(poll)

    def _repeat(self, poll: Callable[[], object]) -> None:
        failures = 0  # in a row
        while not self._stopped.is_set():
            try:
                poll()
                self._outage.over()
                failures = 0
            except StoreError as error:
                self._back_off(error, failures)
                failures += 1
            except PartitaError as error:
                log.error("%s refuses: %s [%s]", title_of(self._service), error, error.code)
                self._stopped.wait(self._timing.refused_again)
            except Exception:
                log.exception("a poll failed")
                self._stopped.wait(self._timing.refused_again)

    def _back_off(self, error: StoreError, failures: int) -> None:
        """Wait after a failure with so many before it: one alone is no outage."""
        if failures and not self._stopped.is_set():
            self._outage.failed(error)
        first, most = self._timing.poll_again
        longest = min(most, first * 2.0 ** min(failures, 10))
        self._stopped.wait(longest * random.uniform(0.5, 1.0))


class DeciderThread:
    """One thread that does everything that may be done on one thread only."""

    def __init__(self) -> None:
        self._calls: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the thread."""
        self._thread = threading.Thread(target=self._run, name="partita-decider", daemon=True)
        self._thread.start()

    def call(self, function: Callable[[], T], timeout: float | None = None) -> T:
        """Call the function on the thread; return, or raise, what it does.

        Raises:
            TimeoutError: it was not done within `timeout` seconds.
        """
        done = threading.Event()
        outcome: list[Any] = [None, None]

        def run() -> None:
            try:
                outcome[0] = function()
            except BaseException as error:
                outcome[1] = error
            done.set()

        self._calls.put(run)
        if not done.wait(timeout):
            raise TimeoutError
        if outcome[1] is not None:
            raise outcome[1]
        return outcome[0]  # type: ignore[no-any-return]

    def close(self) -> None:
        """End the thread once it has done all."""
        self._calls.put(None)
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while (call := self._calls.get()) is not None:
            call()


class _Queries:
    """Answers queries on the thread that decides."""

    def __init__(self, host: Host, decider: DeciderThread) -> None:
        self._host = host
        self._decider = decider

    def workflow_keys(self) -> Collection[str]:
        return self._host.workflow_keys()

    def query(
        self,
        execution: h.WorkflowExecution,
        workflow_type: h.WorkflowType,
        history: Callable[[], list[h.AnyEvent]],
        name: str,
        input: str | None,
        timeout: float | None,
    ) -> str:
        ask = partial(self._host.query, execution, workflow_type, history, name, input)
        return self._decider.call(ask, timeout)


def register_types(service: Any, host: Host) -> None:
    """Register the types of a host where the service wants them registered."""
    for key in sorted(host.workflow_keys()):
        name, _, version = key.rpartition("@")
        service.register_workflow_type(host.domain, h.WorkflowType(name, version))
    if supports(service, SupportsActivityTypes):
        for key in sorted(host.activity_keys()):
            name, _, version = key.rpartition("@")
            service.register_activity_type(host.domain, h.ActivityType(name, version))
