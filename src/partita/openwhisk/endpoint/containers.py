"""Run actions in warm processes: one per action at a time, reused, and capped in number.

A process has a folder and an environment of its own, and is killed with all that it has started.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from typing import Any, NamedTuple

from partita.openwhisk.endpoint.container import Container, DiedError, Spec
from partita.openwhisk.endpoint.launching import RESULT_BYTES, remove_leftovers

MOST = 16
"""Processes at a time."""

START_SECONDS = 60.0
"""Seconds in which a process must be ready."""

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

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._idle: list[Container] = []  # the longest idle first
        self._busy: set[Container] = set()
        self._changed = threading.Condition()
        remove_leftovers()
        self._is_closed = False

    def run(
        self, spec: Spec, params: Any, env: Mapping[str, str], *, timeout: int, log_bytes: int
    ) -> Outcome:
        """Run an action once; `timeout` is in milliseconds."""
        container = self._taken(spec)
        begun = time.monotonic()
        if container is None:
            try:
                container = self._started(spec)
            except OSError as error:
                text = f"The action's runtime {spec.kind} cannot be started here: {error}"
                return Outcome(3, {"error": text}, [], None)
            problem = self._loaded(container, log_bytes)
            if problem is not None:
                logs = container.logs()
                self._drop(container)
                return Outcome(2, {"error": problem}, logs, None)
            init_time = round((time.monotonic() - begun) * 1000)
        else:
            init_time = None
            container.begin_logs(log_bytes)
        try:
            answer = container.run(params, env, timeout / 1000)
        except DiedError as death:
            self._drop(container)
            text = "The action did not produce a valid response and exited unexpectedly."
            if death.is_late:
                text = LATE.format(timeout) + "."
            return Outcome(2, {"error": text}, container.logs(), init_time)
        logs = container.logs()
        self._release(container)
        return _judged(answer, logs, init_time)

    def close(self) -> None:
        """End all processes."""
        with self._changed:
            self._is_closed = True
            mine, self._idle = [*self._idle, *self._busy], []
        for one in mine:
            one.kill()

    def _loaded(self, container: Container, log_bytes: int) -> str | None:
        """Load the code of an action; return what went wrong, or None."""
        container.begin_logs(log_bytes)
        try:
            return container.start(START_SECONDS)
        except DiedError as death:
            if death.is_late:
                return LATE.format(round(START_SECONDS * 1000)) + " during initialization."
            return "The action did not initialize and exited unexpectedly."

    def _taken(self, spec: Spec) -> Container | None:
        """Return a warm process; None after making room for a new one."""
        with self._changed:
            while True:
                self._idle = [one for one in self._idle if one.is_alive()]
                for one in reversed(self._idle):
                    if one.spec == spec:
                        self._idle.remove(one)
                        self._busy.add(one)
                        return one
                if len(self._idle) + len(self._busy) < self._most:
                    return None
                if self._idle:
                    self._idle.pop(0).kill()
                    return None
                self._changed.wait()

    def _started(self, spec: Spec) -> Container:
        made = Container(spec)
        with self._changed:
            self._busy.add(made)
        return made

    def _release(self, container: Container) -> None:
        with self._changed:
            self._busy.discard(container)
            self._idle.append(container)
            self._changed.notify()
        if self._is_closed:
            container.kill()

    def _drop(self, container: Container) -> None:
        container.kill()
        with self._changed:
            self._busy.discard(container)
            self._changed.notify()


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
