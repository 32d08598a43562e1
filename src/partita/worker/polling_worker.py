"""Step through the tasks of any service by hand, one at a time.

The same code as that of a `Worker` over a poller, without its threads: nothing runs when
`step` is not called.
"""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Collection
from typing import Any

from partita.authoring.options import Seconds, seconds
from partita.errors import PartitaError, StoreError
from partita.ports.host import Host
from partita.ports.service import ActivityAnswer, ActivityTask, Service
from partita.worker.polled_activities import record, unknown_type
from partita.worker.polled_decisions import PolledDecisions, call_here, channel_of
from partita.worker.poller import Poller, register_types
from partita.worker.timing import DEFAULT_TIMING, Timing
from partita.worker.worker import Worker


class PollingWorker:
    """Serve one task list of any service, task by task; `options` are those of `Worker`.

    Decisions belong to one thread. One that only `decides`, or only `acts`, leaves the rest
    for others. Without `task_list` it serves what a `Worker` would: the default one, or, if it only
    decides, those that its workflows name.
    """

    def __init__(
        self,
        service: Service,
        *,
        decides: bool = True,
        acts: bool = True,
        task_list: str | None = None,
        slots: int = 1,
        timing: Timing = DEFAULT_TIMING,
        **options: Any,
    ) -> None:
        self._service = service
        self._decides, self._acts = decides, acts
        task_lists = None if task_list is None else (task_list,)
        self._options = options | {"task_lists": task_lists, "slots": slots, "timing": timing}
        self._options |= {"decides": decides, "acts": acts}
        self._timing = timing
        self._reports = _HeldReports(service)
        self._host = Worker(self._reports, **self._options)
        self.identity = self._host.identity
        channel = channel_of(service, self._host)
        self._decision_lists = tuple(channel.task_lists)
        self._decisions = PolledDecisions(channel, self._host, call_here)
        self._stop = threading.Event()
        register_types(service, self._host)

    def step(self, wait: float = 0.0) -> bool:
        """Do one decision or one activity; return whether there was one within `wait` seconds.

        Raises:
            StoreUnavailableError: the service is out of reach. A result that it did not take
                is kept, and reported by the next call.
        """
        did = self._decides and self.decide(0.0 if self._acts else wait)
        return did or (self._acts and self.work(wait))

    def decide(self, wait: float = 0.0) -> bool:
        """Answer one decision task; return whether there was one."""
        return _any(self._decisions.poll, self._decision_lists, wait)

    def work(self, wait: float = 0.0) -> bool:
        """Run one activity; return whether there was one."""
        return _any(self._work, self._host.task_lists, wait)

    def _work(self, task_list: str, wait: float) -> bool:
        self._reports.send()
        task = self._service.poll_activity_task(
            self._host.domain, task_list, identity=self.identity, wait=wait
        )
        if task is not None:
            self._run(task)
            self._reports.send()
        return task is not None

    def _run(self, task: ActivityTask) -> None:
        if task.activity_type.key in self._host.activity_keys():
            self._host.run_task(task)
        else:
            self._reports.report(unknown_type(task, self._host), lambda _: None)

    def poll(self, max_time: Seconds | None = None) -> int:
        """Step until `stop` is called, or for `max_time` seconds; return how many tasks were done.

        What runs when the time is over is finished. Raises what `step` raises.
        """
        limit = seconds("max_time", max_time)
        end, done = math.inf if limit is None else time.monotonic() + limit, 0
        while not self._stop.is_set() and (left := end - time.monotonic()) > 0:
            done += self.step(min(left, self._timing.poll_wait))
        return done

    def run(self) -> None:
        """Work until `stop` is called, on threads: one decides, `slots` run activities."""
        worker = Worker(Poller(self._service, self._timing), **self._options)
        worker.start()
        try:
            self._stop.wait()
        finally:
            worker.stop(grace=threading.TIMEOUT_MAX)

    def stop(self) -> None:
        """End `run` or `poll` after the task that it works on."""
        self._stop.set()


def _any(poll: Callable[[str, float], bool], task_lists: Collection[str], wait: float) -> bool:
    """Poll one task list after the other; return whether one had a task within `wait` seconds."""
    return any(poll(one, wait / len(task_lists)) for one in task_lists)


class _HeldReports:
    """Keeps what activities have come to until it is sent, in the place of a service."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._unsent: deque[tuple[ActivityAnswer, Callable[[PartitaError], None]]] = deque()

    @property
    def heartbeat_activity(self) -> Callable[[str, str | None], bool]:
        """The service's own."""
        return self._service.heartbeat_activity

    def __getattr__(self, name: str) -> Any:
        return getattr(self._service, name)

    def report(self, answer: ActivityAnswer, failed: Callable[[PartitaError], None]) -> None:
        """Keep an answer."""
        self._unsent.append((answer, failed))

    def send(self) -> None:
        """Report what was kept, as far as the service takes it.

        Raises:
            StoreError: it is out of reach; the rest is kept.
        """
        while self._unsent:
            answer, failed = self._unsent.popleft()
            try:
                record(self._service, answer)
            except StoreError:
                self._unsent.appendleft((answer, failed))
                raise
            except PartitaError as error:
                failed(error)

    def unwanted(self, tokens: Collection[str]) -> set[str]:  # noqa: ARG002
        """Return nothing: an activity learns from its own heartbeats that it should end."""
        return set()

    def attach(self, host: Host) -> None:
        """Do nothing: the host is stepped."""

    def detach(self) -> None:
        """Do nothing."""

    def pause(self) -> None:
        """Do nothing."""
