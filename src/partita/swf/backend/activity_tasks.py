"""Take activity tasks from Amazon SWF, send heartbeats for them, and report how they ended.

SWF knows of no leases. An activity that sets no heartbeat timeout is lent with one all the same,
and for as long as this process lives it beats for what it has taken: if it is killed, the
timeout ends the attempt, and the decider has another begun. The id of such an attempt says
how often to beat; see `ids.Attempt`.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from functools import partial

from msgspec.structs import replace

from partita.authoring.failure import Failure, fitted
from partita.errors import PartitaError, PayloadTooLargeError, StoreError, TaskLostError
from partita.history import ActivityType, WorkflowExecution
from partita.ports.service import ActivityTask
from partita.swf.backend.calls import Call
from partita.swf.backend.decision_tasks import MIN_WAIT
from partita.swf.backend.envelopes import Again, Failed, opened, sealed
from partita.swf.backend.followed_histories import FollowedHistories
from partita.swf.backend.followed_run import Heartbeat
from partita.swf.backend.ids import attempt_of, escaped, unescaped
from partita.swf.backend.payloads import Payloads
from partita.swf.backend.translate_decisions import REASON_LIMIT
from partita.worker.thread_pool import ThreadPool

BEATS = 3
"""Beats within the time that an activity is lent for."""

MAX_TAKEN = 10_000
"""Activities whose heartbeats listeners are told of; of more at a time, the newest."""

BEATERS = 4
"""Threads that beat, at most."""

log = logging.getLogger("partita.swf")


class ActivityTasks:
    """The activity tasks that this process works on. Safe to use from many threads."""

    def __init__(
        self,
        call: Call,
        payloads: Payloads,
        tell: Callable[[], None],
        followed: FollowedHistories,
    ) -> None:
        self._call = call
        self._payloads = payloads
        self._tell = tell  # what is called when one has ended
        self._followed = followed
        self._taken: OrderedDict[str, ActivityTask] = OrderedDict()  # by token, if one listens
        self._beats: dict[str, str] = {}  # the last heartbeat's details, by token
        self._lent: dict[str, _Lent] = {}  # by token
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._threads = ThreadPool(BEATERS, "partita-beat")
        self._closed = False

    def poll(
        self, domain: str, task_list: str, identity: str, *, wait: float = math.inf
    ) -> ActivityTask | None:
        """Wait for a task, at most as long as SWF does."""
        if wait <= 0 and not self._call.has_pending("activity", domain, escaped(task_list)):
            return None
        self._call.polls.wait(max(wait, MIN_WAIT))
        raw = self._call(
            "poll_for_activity_task",
            domain=domain,
            taskList={"name": escaped(task_list)},
            identity=identity[:256] or None,
        )
        if not raw.get("taskToken"):
            return None
        attempt, kind = attempt_of(raw["activityId"]), raw["activityType"]
        again = opened(self._payloads.unpack(raw.get("input")), Again)
        execution = raw["workflowExecution"]
        task = ActivityTask(
            token=raw["taskToken"],
            workflow_execution=WorkflowExecution(
                unescaped(execution["workflowId"]), execution["runId"]
            ),
            activity_id=attempt.key,
            activity_type=ActivityType(unescaped(kind["name"]), unescaped(kind["version"])),
            started_event_id=raw["startedEventId"],
            attempt=attempt.number,
            input=again.text,
            details=again.details,
        )
        if self._followed.is_listened:
            self._follow(domain, task)
        if attempt.lease:  # not before: nobody runs what cannot be read
            self._lend(task.token, attempt.lease)
        return task

    def _follow(self, domain: str, task: ActivityTask) -> None:
        """Tell listeners of what happens to a task's execution from its start on."""
        self._followed.follow(domain, task.workflow_execution, task.started_event_id - 1)
        self._taken[task.token] = task
        while len(self._taken) > MAX_TAKEN:
            self._taken.popitem(last=False)

    def tell_of_heartbeat(self, token: str, details: str | None) -> None:
        """Tell listeners that an activity of this process has sent a heartbeat."""
        task = self._taken.get(token)
        if task is not None:
            beat = Heartbeat(activity_id=task.activity_id, details=details, time=time.time())
            self._followed.heartbeat(task.workflow_execution.run_id, beat)

    def complete(self, token: str, result: str | None) -> None:
        """Record a result, once."""
        packed = self._payloads.pack(result, "the result")
        self._end("completed", token, result=packed)

    def fail(
        self, token: str, reason: str | None, details: str | None, *, retryable: bool = True
    ) -> None:
        """Record an error; the decider tries again by the activity's retry policy."""
        report = Failed(text=details, heartbeat=self._beats.get(token), final=not retryable)
        self._report(token, reason, report)

    def give_back(self, token: str) -> None:
        """Fail an attempt that nobody runs any more; it does not count."""
        report = Failed(text=None, heartbeat=self._beats.get(token), given_back=True)
        self._report(token, "GIVEN_BACK", report)

    def _report(self, token: str, reason: str | None, report: Failed) -> None:
        try:
            details = self._payloads.pack(sealed(report), "the failure")
        except PayloadTooLargeError:
            failure = fitted(
                Failure.load(report.text, reason),
                lambda text: self._payloads.takes(sealed(replace(report, text=text)) or ""),
            )
            details = self._payloads.pack(
                sealed(replace(report, text=failure.dump())), "the failure"
            )
        short = None if reason is None else reason[:REASON_LIMIT]
        self._end("failed", token, reason=short, details=details)

    def cancel(self, token: str, details: str | None) -> None:
        """Record that the activity obeyed a cancel request."""
        packed = self._payloads.pack(details, "the details")
        self._end("canceled", token, details=packed)

    def _end(self, how: str, token: str, **members: str | None) -> None:
        try:
            self._call(f"respond_activity_task_{how}", taskToken=token, **members)
        except TaskLostError:
            self._forget(token)
            raise
        self._forget(token)
        self._tell()

    def _forget(self, token: str) -> None:
        with self._changed:
            self._lent.pop(token, None)
        self._beats.pop(token, None)
        self._taken.pop(token, None)

    def heartbeat(self, token: str, details: str | None) -> bool:
        """Record that the activity is alive; return whether it should cancel itself."""
        known = self._beats.get(token) if details is None else details  # or SWF forgets them
        packed = self._payloads.pack(known, "the heartbeat")
        answer = self._call("record_activity_task_heartbeat", taskToken=token, details=packed)
        if details is not None:
            self._beats[token] = details
        return bool(answer.get("cancelRequested"))

    # -- what is lent

    def _lend(self, token: str, lease: int) -> None:
        with self._changed:
            self._lent[token] = _Lent(lease / BEATS)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="partita-beats", daemon=True)
                self._thread.start()
            self._changed.notify()

    def _run(self) -> None:
        while True:
            with self._changed:
                now = time.monotonic()
                due = [token for token, one in self._lent.items() if one.next <= now]
                if self._closed:
                    return
                if not due:
                    left = min((one.next for one in self._lent.values()), default=math.inf) - now
                    self._changed.wait(None if left == math.inf else left)
                    continue
                for token in due:
                    self._lent[token].next = math.inf
            self._threads.submit([partial(self._beat, token) for token in due])

    def _beat(self, token: str) -> None:
        again = 1.0  # of the interval
        try:
            self.heartbeat(token, None)
        except StoreError as error:
            self._call.outage.failed(error)
            again = 1.0 / BEATS
        except PartitaError as error:  # it is over, and whoever runs it hears so when it reports
            log.info("%s", error)
            self._forget(token)
        with self._changed:
            if token in self._lent:
                self._lent[token].wait(again)
            self._changed.notify()

    def close(self) -> None:
        """Beat no more."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._threads.close()


class _Lent:
    """How often to beat for one task, and when next, by `time.monotonic`."""

    def __init__(self, interval: float) -> None:
        self._interval = interval
        self.wait(1.0)

    def wait(self, intervals: float) -> None:
        self.next = time.monotonic() + self._interval * intervals
