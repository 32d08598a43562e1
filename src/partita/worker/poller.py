"""A worker that asks for one task at a time: for services elsewhere, and for stepping by hand.

It needs of a service only that it can be polled. Nothing is kept between two decisions but
what makes them cheaper; nothing runs when `step` is not called.
"""

from __future__ import annotations

import asyncio
import logging
import os
import platform
import threading
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

from partita.authoring.activity_classes import Activity
from partita.authoring.declared import Declared
from partita.authoring.definition import ActivityDefinition
from partita.authoring.failure import Failure
from partita.authoring.workflow import WorkflowDefinition
from partita.codec import Converter
from partita.errors import (
    DecisionRefusedError,
    PartitaError,
    StoreError,
    TaskLostError,
    UsageError,
)
from partita.ports.decider import Decider
from partita.ports.outage import Outage
from partita.ports.service import ActivityAnswer, ActivityTask, DecisionTask, Service, bounds_of
from partita.ports.state import DEFAULT_DOMAIN, DEFAULT_TASK_LIST
from partita.replay.replayer import DEFAULT_CACHE
from partita.telemetry.spans import trace_decision
from partita.worker.decider_set import DeciderSet, deciders_for
from partita.worker.execute import decided, execute, execute_async, failed, refused, served
from partita.worker.heartbeats import Beats

POLL = 1.0
"""Seconds that one poll of a running worker waits; so long, at most, does `stop` take."""

log = logging.getLogger("partita.worker")


class PollingWorker:
    """Serve one task list of any service, task by task. Decisions belong to one thread.

    One that only `decides`, or only `acts`, leaves the rest for others.
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
        task_list: str = DEFAULT_TASK_LIST,
        slots: int = 1,
        domain: str = DEFAULT_DOMAIN,
        converter: Converter | None = None,
        cache_bytes: int = DEFAULT_CACHE,
        identity: str | None = None,
    ) -> None:
        self.identity = identity or f"{os.getpid()}@{platform.node()}"
        self._service = service
        self._domain = domain
        self._task_list = task_list
        self._slots = slots
        self._converter = converter or Converter()
        self._decides, self._acts = decides, acts
        types = decided(workflows) if decides else ()
        own = deciders_for(types, self._converter, cache_bytes, bounds_of(service))
        self._decider = DeciderSet([*own, *(deciders if decides else ())])
        self._activities = served(activities) if acts else {}
        self._unsent: deque[ActivityAnswer] = deque()  # the service was out of reach
        self._outage = Outage("the service", log)
        self._stop = threading.Event()
        for one in types:
            service.register_workflow_type(domain, one.workflow_type)

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
        task = self._service.poll_decision_task(
            self._domain, self._task_list, identity=self.identity, wait=wait
        )
        if task is not None:
            self._decide(task)
        return task is not None

    def work(self, wait: float = 0.0) -> bool:
        """Run one activity; return whether there was one."""
        self._send()
        task = self._service.poll_activity_task(
            self._domain, self._task_list, identity=self.identity, wait=wait
        )
        if task is not None:
            self._unsent.append(self._run(task))
            self._send()
        return task is not None

    def run(self) -> None:
        """Work until `stop` is called: this thread decides, `slots` others run activities."""
        works = [
            threading.Thread(target=self._repeat, args=[self.work], daemon=True)
            for _ in range(self._slots if self._acts else 0)
        ]
        for thread in works:
            thread.start()
        try:
            if self._decides:
                self._repeat(self.decide)
            self._stop.wait()
        finally:
            self._stop.set()
            for thread in works:
                thread.join()
            self._decider.forget_all()
            self._send_last()

    def stop(self) -> None:
        """Let `run` return once what it is at is done."""
        self._stop.set()

    def _repeat(self, poll: Callable[[float], bool]) -> None:
        while not self._stop.is_set():
            try:
                poll(POLL)
                self._outage.over()
            except StoreError as error:
                self._outage.failed(error)
                self._stop.wait(POLL)
            except Exception:  # a thread that ended here would be missed by nobody
                log.exception("a task broke its worker, which goes on")
                self._stop.wait(POLL)

    def _decide(self, task: DecisionTask) -> None:
        run_id = task.workflow_execution.run_id
        try:
            self._service.complete_decision(task.token, trace_decision(task, self._decider.decide))
        except TaskLostError as error:  # it timed out; another decider has it
            log.info("%s", error)
            self._decider.forget(run_id)
        except StoreError:
            self._decider.forget(run_id)
            raise
        except KeyboardInterrupt:  # it is meant for whoever steps
            self._decider.forget(run_id)
            raise
        except BaseException as error:  # sys.exit() in a hook must not end the worker
            self._decider.forget(run_id)
            self._fail_decision(task, error)

    def _fail_decision(self, task: DecisionTask, error: BaseException) -> None:
        """Give a task back that could not be answered; it is tried again later."""
        code = error.code if isinstance(error, PartitaError) else "ERROR"
        if not isinstance(error, DecisionRefusedError):
            log.error("%s: %s [%s]", task.workflow_execution.workflow_id, error, code)
        try:
            self._service.fail_decision(task.token, code, f"{error}")
        except TaskLostError as lost:
            log.info("%s", lost)

    def _run(self, task: ActivityTask) -> ActivityAnswer:
        definition = self._activities.get(task.activity_type.key)
        if definition is None:
            known = ", ".join(sorted(self._activities)) or "none"
            return ActivityAnswer(
                token=task.token,
                outcome="failed",
                reason="UNKNOWN_TYPE",
                details=f"activity {task.activity_type.key} is not known to "
                f"{self.identity}; it has: {known}",
                retryable=True,
            )
        beats = Beats(self._service, self._converter, task)
        try:
            if definition.is_async:
                answer = asyncio.run(execute_async(definition, task, self._converter, beats))
            else:
                answer = execute(definition, task, self._converter, beats)
        except BaseException as error:  # the task must be answered, whatever happens
            answer = failed(task, Failure.of(error))
        beats.flush(answer)
        return answer

    def _send(self) -> None:
        """Report what activities have come to, as far as the service takes it."""
        while self._unsent:
            try:
                answer = self._unsent.popleft()
            except IndexError:  # another thread was quicker
                return
            try:
                self._report(answer)
            except StoreError:
                self._unsent.appendleft(answer)
                raise

    def _send_last(self) -> None:
        try:
            self._send()
        except StoreError as error:
            log.error("%d results could not be stored: %s", len(self._unsent), error)

    def _report(self, answer: ActivityAnswer) -> None:
        try:
            record(self._service, answer)
        except TaskLostError as error:  # it timed out, or its workflow is over: all in order
            log.info("%s", error)
        except UsageError as error:
            instead = refused(answer, error)
            if instead is None:
                raise
            self._report(instead)


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
