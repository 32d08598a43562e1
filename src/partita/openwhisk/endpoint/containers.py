"""Run actions in warm processes: reused, and capped in number and in memory.

A process has a folder and an environment of its own, and is killed with all that it has started.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

from partita.openwhisk.endpoint.container import Container, DiedError, Spec
from partita.openwhisk.endpoint.launching import RESULT_BYTES, remove_leftovers

MOST = 16
"""Processes at a time."""

CONDUCTORS = 32
"""Processes of conductors, besides; they may wait for the other ones."""

MEMORY = 4096
"""Megabytes that the actions of all processes but conductors may take, by their limits."""

START_SECONDS = 60.0
"""Seconds in which a process must be ready."""

ABNORMAL_START = "The action did not initialize and exited unexpectedly."
ABNORMAL_RUN = "The action did not produce a valid response and exited unexpectedly."
EXHAUSTED = "The action exhausted its memory and was aborted."
LATE = "The action exceeded its time limits of {} milliseconds"
TOO_LARGE = (
    "The action produced a response that exceeded the allowed length: {} > {} bytes. "
    "The truncated response was: {}"
)


class Outcome(NamedTuple):
    """What a run came to."""

    status: int  # 0 success, 1 application error, 2 developer error, 3 internal error
    result: Any
    logs: list[str]
    init_time: int | None  # milliseconds; None: the process was warm


class Containers:
    """All processes of an endpoint."""

    def __init__(self, most: int = MOST, memory: int = MEMORY) -> None:
        self._most = most
        self._memory = memory
        self._idle: list[Container] = []  # the longest idle first
        self._busy: set[Container] = set()
        self._starting: list[Spec] = []
        self._changed = threading.Condition()
        self._is_closed = False
        remove_leftovers()

    def run(
        self, spec: Spec, params: Any, env: Mapping[str, str], *, timeout: int, log_bytes: int
    ) -> Outcome:
        """Run an action once; `timeout` is in milliseconds."""
        container, init_time = self._taken(spec), None
        if container is None:
            begun = time.monotonic()
            loaded = self._loaded(spec, log_bytes)
            if isinstance(loaded, Outcome):
                return loaded
            container, init_time = loaded, round((time.monotonic() - begun) * 1000)
        else:
            container.begin_logs(log_bytes)
        try:
            answer = container.run(params, env, timeout / 1000)
        except DiedError as death:
            self._drop(container)
            text = _told(death, timeout, ABNORMAL_RUN, ".")
            return Outcome(2, {"error": text}, container.logs(), init_time)
        logs = container.logs()
        self._release(container)
        return _judged(answer, logs, init_time)

    def close(self) -> None:
        """End all processes."""
        with self._changed:
            self._is_closed = True
            idle, self._idle = self._idle, []
            for one in self._busy:
                one.end()
        for one in idle:
            one.kill()

    def _loaded(self, spec: Spec, log_bytes: int) -> Outcome | Container:
        """Return a new process with the code of an action, or what went wrong."""
        try:
            container = self._started(spec)
        except OSError as error:
            text = f"The action's runtime {spec.kind} cannot be started here: {error}"
            return Outcome(3, {"error": text}, [], None)
        container.begin_logs(log_bytes)
        try:
            problem = container.start(START_SECONDS)
        except DiedError as death:
            milliseconds = round(START_SECONDS * 1000)
            problem = _told(death, milliseconds, ABNORMAL_START, " during initialization.")
        if problem is None:
            return container
        logs = container.logs()
        self._drop(container)
        return Outcome(2, {"error": problem}, logs, None)

    def _taken(self, spec: Spec) -> Container | None:
        """Return a warm process; None once there is room for a new one, which is then starting."""
        removed: list[Container] = []
        try:
            with self._changed:
                while True:
                    self._idle = [one for one in self._idle if one.is_alive()]
                    for one in reversed(self._idle):
                        if one.spec == spec:
                            self._idle.remove(one)
                            self._busy.add(one)
                            return one
                    removed += self._make_room(spec)
                    if self._has_room(spec):
                        self._starting.append(spec)
                        return None
                    self._changed.wait()
        finally:
            for one in removed:
                one.kill()

    def _make_room(self, spec: Spec) -> list[Container]:
        """Return idle processes that must end for a new one, the longest idle first."""
        removed: list[Container] = []
        for one in tuple(self._idle):
            if one.spec.is_conductor == spec.is_conductor and not self._has_room(spec):
                self._idle.remove(one)
                removed.append(one)
        return removed

    def _has_room(self, spec: Spec) -> bool:
        """Return whether one more process of its sort may be there; one alone may always."""
        every = [one.spec for one in (*self._idle, *self._busy)] + self._starting
        there = [one for one in every if one.is_conductor == spec.is_conductor]
        if spec.is_conductor:
            return len(there) < CONDUCTORS
        taken = sum(one.memory for one in there)
        return not there or (len(there) < self._most and taken + spec.memory <= self._memory)

    def _started(self, spec: Spec) -> Container:
        made: list[Container] = []
        try:
            made.append(Container(spec))
        finally:
            with self._changing():
                self._starting.remove(spec)
                self._busy.update(made)
        return made[0]

    def _release(self, container: Container) -> None:
        """Keep a process for later runs."""
        container.rest()
        with self._changing():
            self._busy.discard(container)
            is_kept = not self._is_closed
            if is_kept:
                self._idle.append(container)
        if not is_kept:
            container.kill()

    def _drop(self, container: Container) -> None:
        container.kill()
        with self._changing():
            self._busy.discard(container)

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """Change what others may wait for."""
        with self._changed:
            yield
            self._changed.notify_all()


def _told(death: DiedError, milliseconds: int, exited: str, when: str) -> str:
    """Return OpenWhisk's words for the end of a process."""
    if death.is_late:
        return f"{LATE.format(milliseconds)}{when}"
    return EXHAUSTED if death.is_exhausted else exited


def _judged(answer: dict[str, Any], logs: list[str], init_time: int | None) -> Outcome:
    """Return the outcome of a run that has given an answer."""
    result, failed = answer.get("result"), answer.get("failed")
    if "bytes" in answer:
        failed = TOO_LARGE.format(answer["bytes"], RESULT_BYTES, answer.get("begin"))
    elif not isinstance(result, dict):
        failed = failed or "The action did not return a dictionary."
    elif "error" in result:
        return Outcome(1, {"error": result["error"]}, logs, init_time)
    else:
        return Outcome(0, result, logs, init_time)
    return Outcome(2, {"error": failed}, logs, init_time)
