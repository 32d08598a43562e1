"""Bring the activity tasks of a service that is polled to a host, and report how they ended.

Knows what the host holds; which threads poll, and when to try again, the poller knows.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Collection
from functools import partial
from typing import Any, Protocol

from partita.errors import PartitaError, StoreError, TaskLostError
from partita.history import RetryPolicy
from partita.ports.capabilities import supports
from partita.ports.host import Host, SupportsGiveBack, SupportsProbes
from partita.ports.service import ActivityAnswer, ActivityTask, Service
from partita.worker.execution_log import log_polled_attempt
from partita.worker.thread_pool import ThreadPool
from partita.worker.timing import Timing

MAX_REPORTERS = 16
"""Threads that report results, at most."""

log = logging.getLogger("partita.worker")


class _KnowsRetries(Protocol):
    logs_messages: bool

    def retry_of(self, task: ActivityTask) -> RetryPolicy: ...


class PolledActivities:
    """The activity tasks of one host. Safe to use from many threads."""

    def __init__(self, service: Any, host: Host, timing: Timing, stopped: threading.Event) -> None:
        self._service = service
        self._host = host
        self._timing = timing
        self._stopped = stopped
        self._reports = ThreadPool(MAX_REPORTERS, "partita-report")
        self._changed = threading.Condition()
        self._polls = 0  # that may each bring a task
        self._held: dict[str, ActivityTask] = {}  # given to the host, and not recorded
        self._reporting = 0
        self._unrecorded: dict[str, ActivityAnswer] = {}  # the service was out of reach
        self._asked: dict[str, float] = {}  # when a token was last asked about

    def poll(self, task_list: str, wait: float) -> None:
        """Take one activity, once the host has a free slot, and give it to the host."""
        if not self._reserve():
            return
        task = None
        try:
            task = self._service.poll_activity_task(
                self._host.domain, task_list, identity=self._host.identity, wait=wait
            )
        finally:
            with self._changed:
                self._polls -= 1
                is_taken = task is not None and self._take(task)
                self._changed.notify_all()
        if task is not None and not is_taken:
            self._give_back(task)

    def _reserve(self) -> bool:
        """Wait for a free slot; return whether there is one for a poll to fill."""
        with self._changed:
            while not self._stopped.is_set():
                if self._host.free_slots() > self._polls:
                    self._polls += 1
                    return True
                self._changed.wait(1.0)
        return False

    def _take(self, task: ActivityTask) -> bool:
        """Give a task to the host, unless it stops; return whether it was given."""
        if self._stopped.is_set():
            return False
        self._held[task.token] = task
        if task.activity_type.key in self._host.activity_keys():
            self._host.start_tasks([task])
        else:
            self.report(unknown_type(task, self._host), lambda error: log.info("%s", error))
        return True

    def wake(self) -> None:
        """Wake polls that wait for a slot, since the host stops."""
        with self._changed:
            self._changed.notify_all()

    def close(self) -> None:
        """Wait for reports; give back what was not finished."""
        with self._changed:
            self._changed.wait_for(lambda: not self._reporting, self._timing.report_limit)
            held, unrecorded = list(self._held.values()), list(self._unrecorded.values())
        self._report_last(unrecorded)
        for task in held:
            if task.token not in self._unrecorded:
                self._give_back(task)
        self._reports.close()

    def _report_last(self, answers: list[ActivityAnswer]) -> None:
        """Try once more to record what the service did not take."""
        for number, answer in enumerate(answers):
            try:
                record(self._service, answer)
            except StoreError as error:
                log.error("%d results could not be stored: %s", len(answers) - number, error)
                return
            except PartitaError as error:
                log.info("%s", error)

    def _give_back(self, task: ActivityTask) -> None:
        try:
            if supports(self._service, SupportsGiveBack):
                self._service.give_back(task.token)
            else:
                log.warning(
                    "activity %s of execution %s was not finished; it ends by its timeouts",
                    task.activity_id,
                    task.workflow_execution.workflow_id,
                )
        except PartitaError as error:
            log.info("an activity could not be given back: %s", error)
        self._forget(task.token)

    def _forget(self, token: str) -> None:
        with self._changed:
            for known in (self._held, self._asked, self._unrecorded):
                known.pop(token, None)

    def report(self, answer: ActivityAnswer, failed: Callable[[PartitaError], None]) -> None:
        """Record how an activity ended, on a thread of ours."""
        with self._changed:
            self._reporting += 1
        self._reports.submit([partial(self._report, answer, failed)])

    def _report(self, answer: ActivityAnswer, failed: Callable[[PartitaError], None]) -> None:
        try:
            record(self._service, answer)
            self._log(answer)
            self._forget(answer.token)
        except StoreError as error:
            self._unrecorded[answer.token] = answer
            failed(error)
        except PartitaError as error:
            self._forget(answer.token)
            failed(error)
        except Exception as error:
            self._forget(answer.token)
            failed(PartitaError(f"{type(error).__name__}: {error}"))
        finally:
            with self._changed:
                self._reporting -= 1
                self._changed.notify_all()

    def _log(self, answer: ActivityAnswer) -> None:
        task = self._held.get(answer.token)
        if task is None or task.activity_type.key not in self._host.activity_keys():
            return
        if answer.outcome == "failed" and supports(self._host, _KnowsRetries):
            retry, with_message = self._host.retry_of(task), self._host.logs_messages
            log_polled_attempt(task, answer, retry, with_message=with_message)

    def unwanted(self, tokens: Collection[str]) -> set[str]:
        """Return those tasks that should end, as the service says in answer to heartbeats.

        Tasks with a heartbeat timeout are left out: their own heartbeats bring the answer, and
        one from here would keep alive what is stuck.
        """
        now = time.monotonic()
        found = set()
        for token in tokens:
            task = self._held.get(token)
            if task is None or task.heartbeat is not None:
                continue
            if now - self._asked.setdefault(token, now) < self._timing.unwanted_interval:
                continue
            self._asked[token] = now
            try:
                if self._is_unwanted(token):
                    found.add(token)
            except TaskLostError:
                found.add(token)
        return found

    def _is_unwanted(self, token: str) -> bool:
        if supports(self._service, SupportsProbes):
            return self._service.is_unwanted(token)
        return bool(self._service.heartbeat_activity(token, None))


def unknown_type(task: ActivityTask, host: Host) -> ActivityAnswer:
    """Return the answer to a task that the host has no code for."""
    known = ", ".join(sorted(host.activity_keys())) or "none"
    return ActivityAnswer(
        token=task.token,
        outcome="failed",
        reason="UNKNOWN_TYPE",
        details=f"activity {task.activity_type.key} is not known to {host.identity}; "
        f"it has: {known}",
    )


def record(service: Service, answer: ActivityAnswer) -> None:
    """Tell a service how an activity ended.

    Raises:
        TaskLostError: it timed out, or its workflow is over.
    """
    match answer.outcome:
        case "completed":
            service.complete_activity(answer.token, answer.result)
        case "failed":
            service.fail_activity(
                answer.token, answer.reason, answer.details, retryable=answer.retryable
            )
        case "canceled":
            service.cancel_activity(answer.token, answer.details)
        case "pending":
            pass  # nobody holds it any more; whoever has its token will end it
