"""Run activities in child processes, so that one that is stuck can be killed.

A child is a plain `python -m partita.worker.child_process`, which reads JSON lines from its stdin
and writes them to its stdout: nothing is pickled. It serves one task at a time and is kept for
the next.
"""

from __future__ import annotations

import inspect
import os
import select
import subprocess
import sys
import threading
import time
from collections.abc import Callable

import msgspec
from msgspec import field

from partita.authoring.definition import ActivityDefinition
from partita.authoring.failure import describe
from partita.errors import WorkerLostError
from partita.ports.service import ActivityAnswer, ActivityTask
from partita.telemetry.spans import current_traceparent, trace_activity
from partita.worker.child_setup import Registration, registrations
from partita.worker.execute import failed


class Job(msgspec.Struct, frozen=True):
    """What a child is told to do."""

    module: str
    file: str
    key: str  # of the activity
    task: ActivityTask
    payload_limit: int
    trace_context: str | None = None  # of the span that it runs within
    registrations: list[Registration] = field(default_factory=list)


class Heartbeat(msgspec.Struct, frozen=True, tag=True):
    """What a child sends while it works: that it is alive."""

    details: str | None


class Done(msgspec.Struct, frozen=True, tag=True):
    """What a child sends at the end."""

    answer: ActivityAnswer


class Unfit(msgspec.Struct, frozen=True, tag=True):
    """What a child sends if it does not find the activity, in place of running it."""

    message: str


OnHeartbeat = Callable[[str | None], bool]
"""Pass on the payload of a heartbeat; return whether the task shall be cancelled."""

encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Heartbeat | Done | Unfit).decode


class UnfitError(Exception):
    """The activity cannot be found by another process; it was not run."""


class ProcessPool:
    """A pool of children. Safe to use from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: list[_Child] = []
        self._busy: dict[str, _Child] = {}

    def run(
        self,
        definition: ActivityDefinition,
        task: ActivityTask,
        payload_limit: int,
        heartbeat: OnHeartbeat,
    ) -> ActivityAnswer | None:
        """Run an activity in a child and wait for it.

        None if it was killed for being late: the service's own timeout has ended the task.

        Raises:
            UnfitError: another process cannot run it.
        """
        with trace_activity(task) as ended:
            answer = self._run(definition, task, payload_limit, heartbeat)
            ended(answer)
        return answer

    def _run(
        self,
        definition: ActivityDefinition,
        task: ActivityTask,
        payload_limit: int,
        heartbeat: OnHeartbeat,
    ) -> ActivityAnswer | None:
        code = inspect.unwrap(definition.function).__code__
        module = definition.function.__module__
        job = Job(
            module,
            code.co_filename,
            definition.key,
            task,
            payload_limit,
            current_traceparent(),
            registrations(),
        )
        with self._lock:
            child = self._idle.pop() if self._idle else _Child()
            self._busy[task.token] = child
        try:
            answer = child.run(job, heartbeat)
        except _DiedError as error:
            if child.stopped:
                return ActivityAnswer(token=task.token, outcome="canceled")
            return failed(task, describe(_lost(task, f"{error}")))
        finally:
            with self._lock:
                self._busy.pop(task.token, None)
                if child.is_alive():
                    self._idle.append(child)
                else:
                    child.kill()
        return answer

    def stop(self, token: str) -> None:
        """Kill the child that runs this task."""
        with self._lock:
            child = self._busy.get(token)
            if child is not None:
                child.stopped = True
                child.end()

    def close(self) -> None:
        """Kill every child."""
        with self._lock:
            for child in [*self._idle, *self._busy.values()]:
                child.kill()
            self._idle.clear()


def _lost(task: ActivityTask, how: str) -> WorkerLostError:
    return WorkerLostError(
        f"the process of activity {task.activity_type.name} died: {how}; see the worker's log for "
        "what it said, mend it, and go on with `partita rerun`"
    )


class _DiedError(Exception):
    pass


class _Child:
    """One process, which runs one task at a time."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "partita.worker.child_process"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            start_new_session=True,  # a Ctrl-C in the terminal is the worker's to handle
        )
        self._buffer = b""
        self.stopped = False  # it was killed because its task is unwanted

    def end(self) -> None:
        """Kill the process; whoever reads from it sees it die."""
        self._process.kill()

    def is_alive(self) -> bool:
        return self._process.poll() is None

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            try:
                pipe.close()
            except OSError:  # what was not sent cannot be
                pass

    def run(self, job: Job, heartbeat: OnHeartbeat) -> ActivityAnswer | None:
        assert self._process.stdin is not None
        timeout = job.task.start_to_close
        deadline = None if timeout is None else time.monotonic() + timeout
        try:
            self._process.stdin.write(encode(job) + b"\n")
            self._process.stdin.flush()
        except OSError as error:
            raise _DiedError(self._status()) from error
        while True:
            line = self._read_line(deadline)
            if line is None:
                self.kill()
                return None
            message = _decode(line)
            if isinstance(message, Done):
                return message.answer
            if isinstance(message, Unfit):
                raise UnfitError(message.message)
            if heartbeat(message.details):
                self.kill()
                return ActivityAnswer(token=job.task.token, outcome="canceled")

    def _read_line(self, deadline: float | None) -> bytes | None:
        assert self._process.stdout is not None
        descriptor = self._process.stdout.fileno()
        while b"\n" not in self._buffer:
            left = None if deadline is None else deadline - time.monotonic()
            if left is not None and left <= 0:
                return None
            if not select.select([descriptor], [], [], left)[0]:
                continue
            chunk = os.read(descriptor, 1 << 16)
            if not chunk:
                raise _DiedError(self._status())
            self._buffer += chunk
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line

    def _status(self) -> str:
        code = self._process.wait()
        return f"killed by signal {-code}" if code < 0 else f"exit status {code}"
