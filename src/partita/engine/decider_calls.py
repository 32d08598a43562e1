"""Ask the host to decide, and watch how long it takes.

Knows the watchdog; knows nothing of what a decision does.
"""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Callable

from partita.authoring.frames import user_line
from partita.engine.standby import ENGINE_THREAD
from partita.engine.timing import Timing
from partita.engine.watchdog import CommittedEarlyError, Watchdog
from partita.history import AnyDecision
from partita.ports.host import Host
from partita.ports.service import DecisionTask

log = logging.getLogger("partita.engine")

Answer = list[AnyDecision] | BaseException
"""What a host answered, or what it raised."""


def blocked_at() -> str | None:
    """Return file:line of the code that an engine's thread runs at this moment; of another thread.

    None if it runs no code of users, or if several engines of this process do.
    """
    threads = {one.ident for one in threading.enumerate() if one.name == ENGINE_THREAD}
    frames = sys._current_frames()
    lines = [user_line(frame) for thread, frame in frames.items() if thread in threads]
    found = [line for line in lines if line is not None]
    return found[0] if len(found) == 1 else None


class DeciderCalls:
    """The calls of one host's decider. Belongs to the engine's thread."""

    def __init__(self, host: Host, watchdog: Watchdog | None, timing: Timing) -> None:
        """Without a `watchdog` a transaction is as long as its decisions take."""
        self._host = host
        self._watchdog = watchdog
        self._slow_decision = timing.slow_decision
        self._running: DecisionTask | None = None  # None once it was reported
        self._late: dict[str, tuple[DecisionTask, Answer]] = {}  # by token

    def decide(self, task: DecisionTask, commit_early: Callable[[], None]) -> Answer:
        """Ask the host.

        Raises:
            CommittedEarlyError: it took too long; `late_answer` has what it answered.
        """
        begun = time.monotonic()
        self._running = task
        if self._watchdog is not None:
            self._watchdog.begin(commit_early)
        answer: Answer
        try:
            answer = self._host.decide(task)
        except BaseException as error:  # sys.exit() in a hook must not end the engine's thread
            answer = error
        self._running = None
        took = time.monotonic() - begun
        if took > self._slow_decision:
            log.warning(
                "workflow %s of execution %s took %.1f s to decide, and all else that this worker "
                "does waited; move what takes long into an activity",
                task.workflow_type.key,
                task.workflow_execution.workflow_id,
                took,
            )
        if self._watchdog is not None and self._watchdog.finish():
            self._late[task.token] = (task, answer)
            raise CommittedEarlyError
        return answer

    def late_answer(self, token: str) -> tuple[DecisionTask, Answer] | None:
        """Return the answer to a task whose transaction was committed early."""
        return self._late.get(token)

    def forget_late_answers(self) -> None:
        """Drop late answers: what they answer has been committed."""
        self._late.clear()

    def report_blocked(self) -> None:
        """Log, once, which decision does not return; from any thread."""
        task, self._running = self._running, None
        if task is not None:
            log.warning(
                "workflow %s of execution %s is still deciding, and all else that this worker "
                "does waits: does its code block, or loop without an end?",
                task.workflow_type.key,
                task.workflow_execution.workflow_id,
            )
