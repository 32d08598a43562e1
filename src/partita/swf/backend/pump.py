"""Poll Amazon SWF for a worker in this process: tasks in, answers out, on many threads.

Polls, and the calls that answer, wait on the network, so each has a thread. Deciding has one
for all: the code of a live run can be resumed only by the thread that made it. Activities run
on the worker's own threads, and a poll begins only if one would be free for what it brings.

When it stops, polls are let go of (see `polls`), and what was on its way is not lost: a
decision is answered as ever, an activity is given back at once, as the same attempt.
"""

from __future__ import annotations

import logging
import queue
import random
import threading
import time
import uuid
from collections.abc import Callable, Collection
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from partita import history as h
from partita.errors import PartitaError, StoreError, TaskLostError
from partita.ports.host import Host
from partita.ports.service import ActivityAnswer, ActivityTask, DecisionTask
from partita.swf.backend.backoff import Absence
from partita.worker.poller import record
from partita.worker.thread_pool import Threads

if TYPE_CHECKING:
    from partita.swf.backend.service import SwfService

T = TypeVar("T")

REPORTERS = 16
"""Threads that report results, at most."""

AGAIN = (1.0, 20.0)
"""Seconds between two polls that fail: at first, and at most; up to half of them is left out."""

REFUSED = 5.0
"""Seconds before a poll is tried again that SWF has refused."""

UNWANTED = 2.0
"""Seconds between two questions whether a task that tells nothing itself is still wanted."""

ENDING = 30.0
"""Seconds that a stopping worker waits for results to be recorded, at most."""

log = logging.getLogger("partita.swf")


class Lane:
    """One thread that does everything that may be done on one thread only."""

    def __init__(self, name: str) -> None:
        self._calls: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def call(self, function: Callable[[], T], timeout: float | None = None) -> T:
        """Have the thread call the function; return, or raise, what it does.

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
        """Let the thread end once it has done all."""
        self._calls.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (call := self._calls.get()) is not None:
            call()


class Pump:
    """The threads that serve one worker."""

    def __init__(self, service: SwfService, host: Host, domain: str) -> None:
        self.host = host
        self._service = service
        self._domain = domain
        self._sticky = f"partita {uuid.uuid4().hex}"  # a task list of our own
        self._lane = Lane("partita-decider")
        self._reports = Threads(REPORTERS, "partita-report")
        self._threads: list[threading.Thread] = []
        self._paused = threading.Event()
        self._changed = threading.Condition()
        self._polling = 0  # activity polls that may each bring a task
        self._held: dict[str, ActivityTask] = {}  # given to the host, and not reported
        self._reporting = 0
        self._asked: dict[str, float] = {}  # when a token was last asked about
        self._warned: set[tuple[str, str]] = set()  # of whose tasks come by which task list
        self._absences = {task_list: Absence() for task_list in host.task_lists}

    # -- life

    def start(self) -> None:
        """Begin to poll."""
        pollers = self._service.address.pollers
        for task_list in self.host.task_lists:
            for _ in range(pollers):
                if self.host.workflow_keys():
                    self._thread(partial(self._poll_decisions, task_list, sticky=False))
                if self.host.activity_keys():
                    self._thread(partial(self._poll_activities, task_list))
        if self.host.workflow_keys() and self._service.address.sticky:
            for _ in range(pollers):
                self._thread(partial(self._poll_decisions, self._sticky, sticky=True))

    def _thread(self, poll: Callable[[], None]) -> None:
        thread = threading.Thread(target=self._run, args=[poll], name="partita-poll", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _run(self, poll: Callable[[], None]) -> None:
        self._service.call.poll_once()
        try:
            self._repeat(poll)
        finally:
            self._service.call.polls.release()

    def _repeat(self, poll: Callable[[], None]) -> None:
        failures = 0  # in a row
        while not self._paused.is_set():
            try:
                self._service.call.polls.wait(None)
                poll()
                failures = 0
            except StoreError as error:
                self._out_of_reach(error, failures)
                failures += 1
            except PartitaError as error:
                log.error("Amazon SWF refuses: %s [%s]", error, error.code)
                self._paused.wait(REFUSED)
            except Exception:
                log.exception("a poll failed")
                self._paused.wait(REFUSED)

    def _out_of_reach(self, error: StoreError, before: int) -> None:
        """Wait after a failure with so many before it: one alone is no outage."""
        if before and not self._paused.is_set():
            self._service.call.outage.failed(error)
        longest = min(AGAIN[1], AGAIN[0] * 2.0 ** min(before, 10))
        self._paused.wait(longest * random.uniform(0.5, 1.0))

    def pause(self) -> None:
        """Take nothing new."""
        self._paused.set()
        self._service.call.polls.stop()
        with self._changed:
            self._changed.notify_all()

    def stop(self) -> None:
        """Stop polling; give back what the host has not finished; let reports be recorded."""
        self.pause()
        for thread in self._threads:
            thread.join()
        with self._changed:
            self._changed.wait_for(lambda: not self._reporting, ENDING)
            left = list(self._held)
        for token in left:
            self._give_back(token)
        self._reports.close()
        self._lane.call(self.host.detached)
        self._lane.close()
        self._service.call.polls.resume()

    # -- decisions

    def _poll_decisions(self, task_list: str, *, sticky: bool) -> None:
        absence = None if sticky else self._absences[task_list]
        if absence is not None:
            if (pause := absence.pause()) > 0:
                self._paused.wait(pause)
                return
            self._service.call.polls.until(absence.until)
        tasks = self._service.decision_tasks
        task = tasks.poll(
            self._domain, task_list, self.host.identity, self.host.seen, sticky=sticky
        )
        if task is not None:
            if absence is not None and task.workflow_type.key not in self.host.workflow_keys():
                self._stay_away(absence, task_list, task)
            self._decide(task)

    def _stay_away(self, absence: Absence, task_list: str, task: DecisionTask) -> None:
        """Leave a task of an unknown type to others when SWF gives it out again."""
        begun = task.events[0] if task.events else None
        if not isinstance(begun, h.WorkflowExecutionStarted) or not begun.task_start_to_close:
            return  # it never comes back
        absence.meet(task.workflow_execution.run_id, begun.task_start_to_close)
        warning = (task_list, task.workflow_type.key)
        if warning not in self._warned:
            self._warned.add(warning)
            log.warning(
                "task list %r is shared with other code, which gets tasks of %s only after a "
                "timeout of %g s; give each its own: --task-list",
                *warning,
                begun.task_start_to_close,
            )

    def _decide(self, task: DecisionTask) -> None:
        service, run_id = self._service, task.workflow_execution.run_id
        try:
            task, decisions = self._decided(task)
            while (more := service.decision_tasks.go_on(task, decisions)) is not None:
                task = more
                decisions = self._lane.call(partial(self.host.decide, task))
            self._answer(task, decisions)
        except TaskLostError as error:  # it timed out; another decider has it
            log.info("%s", error)
            self._forget(run_id)
        except StoreError:
            service.decision_tasks.drop(task.token)
            self._forget(run_id)
            raise
        except BaseException as error:  # sys.exit() must not end the thread that polls
            self._forget(run_id)
            self._failed(task, error)

    def _decided(self, task: DecisionTask) -> tuple[DecisionTask, list[h.AnyDecision]]:
        """Have the host decide; return the task as it was decided, which may be a longer one.

        Between the poll and the decision, a run that was alive may have had to make room for
        another, or been dropped because its last answer was lost: what is new is then too little.
        """
        run_id = task.workflow_execution.run_id

        def decide() -> list[h.AnyDecision] | None:
            if task.events[0].event_id > 1 and not self.host.seen(run_id):
                return None
            return self.host.decide(task)

        decisions = self._lane.call(decide)
        if decisions is not None:
            return task, decisions
        whole = self._service.decision_tasks.whole(task)
        return whole, self._lane.call(partial(self.host.decide, whole))

    def _answer(self, task: DecisionTask, decisions: list[h.AnyDecision]) -> None:
        service, closes = self._service, bool(decisions and decisions[-1].closes)
        sticky = None
        if service.address.sticky and not self._paused.is_set():
            sticky = (self._sticky, service.address.sticky)
        tasks = service.decision_tasks
        tasks.complete(task.token, decisions, sticky=sticky, keep=not closes, leases=self._lease)
        if closes:  # should SWF refuse to close it, it is read from its first event again
            self._forget(task.workflow_execution.run_id)
        tasks.purge(self.host.seen)
        service.tell()

    def _lease(self, decision: h.ScheduleActivityTask) -> int:
        """Return for how long an activity is lent: not at all if it watches over itself."""
        if decision.heartbeat is None and self.host.is_lent(decision.activity_type.key):
            return self._service.address.lease
        return 0

    def _failed(self, task: DecisionTask, error: BaseException) -> None:
        if not isinstance(error, PartitaError):
            error = PartitaError(f"{type(error).__name__}: {error}")
        self._service.fail_decision(task.token, error.code, str(error))
        self._lane.call(partial(self.host.decision_failed, task, error))

    def _forget(self, run_id: str) -> None:
        self._lane.call(partial(self.host.forget, run_id))
        self._service.decision_tasks.forget(run_id)

    def query(
        self,
        execution: h.WorkflowExecution,
        workflow_type: h.WorkflowType,
        history: Callable[[], list[h.AnyEvent]],
        name: str,
        input: str | None,
        timeout: float | None,
    ) -> str:
        """Have the worker answer a query."""
        ask = partial(self.host.query, execution, workflow_type, history, name, input)
        return self._lane.call(ask, timeout)

    # -- activities

    def _poll_activities(self, task_list: str) -> None:
        with self._changed:
            while not self._may_poll():
                if self._paused.is_set():
                    return
                self._changed.wait(1.0)
            self._polling += 1
        task = None
        try:
            task = self._service.activity_tasks.poll(self._domain, task_list, self.host.identity)
        finally:
            with self._changed:
                self._polling -= 1
                if task is not None:
                    self._take(task)
                self._changed.notify_all()
        if task is not None and task.token not in self._held:
            self._give_back(task.token)

    def _may_poll(self) -> bool:
        return not self._paused.is_set() and self.host.free_slots() - self._polling > 0

    def _take(self, task: ActivityTask) -> None:
        """Give a task to the host, unless it stops: then `_poll_activities` gives it back."""
        if self._paused.is_set():
            return
        self._held[task.token] = task
        if task.activity_type.key in self.host.activity_keys():
            self.host.start_tasks([task])
        else:
            self._unknown(task)

    def _unknown(self, task: ActivityTask) -> None:
        known = ", ".join(sorted(self.host.activity_keys())) or "none"
        answer = ActivityAnswer(
            token=task.token,
            outcome="failed",
            reason="UNKNOWN_TYPE",
            details=f"activity {task.activity_type.key} is not known to {self.host.identity}; "
            f"it has: {known}",
        )
        self.report(answer, lambda error: log.info("%s", error))

    def _give_back(self, token: str) -> None:
        try:
            self._service.activity_tasks.give_back(token)
        except PartitaError as error:
            log.info("an activity could not be given back: %s", error)
        with self._changed:
            self._held.pop(token, None)
            self._asked.pop(token, None)

    def report(self, answer: ActivityAnswer, failed: Callable[[PartitaError], None]) -> None:
        """Record how an activity ended, on a thread of ours."""
        with self._changed:
            self._reporting += 1
        self._reports.submit([partial(self._report, answer, failed)])

    def _report(self, answer: ActivityAnswer, failed: Callable[[PartitaError], None]) -> None:
        try:
            record(self._service, answer)
        except PartitaError as error:
            failed(error)
        except Exception as error:
            failed(PartitaError(f"{type(error).__name__}: {error}"))
        finally:
            with self._changed:
                self._reporting -= 1
                self._held.pop(answer.token, None)
                self._asked.pop(answer.token, None)
                self._changed.notify_all()

    def unwanted(self, tokens: Collection[str]) -> set[str]:
        """Return those tasks that should end; SWF tells only in answer to a heartbeat."""
        now = time.monotonic()
        found = set()
        for token in tokens:
            if now - self._asked.get(token, now - UNWANTED) < UNWANTED:
                continue
            self._asked[token] = now
            try:
                if self._service.heartbeat_activity(token, None):
                    found.add(token)
            except TaskLostError:
                found.add(token)
        return found
