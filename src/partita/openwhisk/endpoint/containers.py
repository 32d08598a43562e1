"""Run actions in warm processes: one per action at a time, reused, and capped in number.

A process has a folder and an environment of its own, and is killed with all that it has started.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import IO, Any, NamedTuple

from partita.openwhisk.endpoint.launching import PREFIX, command, environment, remove_leftovers

MOST = 16
"""Processes at a time."""

LOG_BYTES = 10 * 1024 * 1024
"""Bytes of logs that a run keeps, by default."""

START_SECONDS = 60.0
"""Seconds in which a process must be ready."""

END = b"XXX_THE_END_OF_A_WHISK_ACTIVATION_XXX"
TRUNCATED = "Logs were truncated because the total bytes size exceeds the limit of {} bytes."


class Spec(NamedTuple):
    """What a process runs."""

    kind: str
    code: str
    main: str
    is_binary: bool
    memory: int  # megabytes


class Outcome(NamedTuple):
    """What a run came to."""

    status: int  # 0 success, 1 application error, 2 developer error, 3 internal error
    result: Any
    logs: list[str]
    init_time: int | None  # milliseconds; None: the process was warm


class _DiedError(Exception):
    """The process has ended, or was killed as its time was over."""

    def __init__(self, *, is_late: bool) -> None:
        super().__init__()
        self.is_late = is_late


class Container:
    """One process with the code of one action."""

    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        self._folder = tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-")
        self._buffer = b""
        self._logs: list[str] = []
        self._log_bytes = 0
        self._limit = LOG_BYTES
        self._ended = [threading.Event(), threading.Event()]
        reads, writes = os.pipe()
        self._answers = reads
        try:
            self._process = subprocess.Popen(
                command(spec.kind, spec.memory, writes),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd=self._folder,
                env=environment(self._folder),
                pass_fds=[writes],
                start_new_session=True,
            )
        finally:
            os.close(writes)
        for number, (name, stream) in enumerate(
            (("stdout", self._process.stdout), ("stderr", self._process.stderr))
        ):
            assert stream is not None
            threading.Thread(
                target=self._drain, args=(name, stream, self._ended[number]), daemon=True
            ).start()

    def start(self, seconds: float) -> bool:
        """Load the code; return whether that worked."""
        spec = self.spec
        init = {"code": spec.code, "main": spec.main, "binary": spec.is_binary}
        return bool(self._ask({"init": init}, seconds).get("ok"))

    def run(self, params: Any, env: Mapping[str, str], seconds: float) -> Any:
        """Return the result of a run.

        Raises:
            _DiedError: there is none.
        """
        return self._ask({"params": params, "env": dict(env)}, seconds).get("result")

    def begin_logs(self, limit: int) -> None:
        """Forget what was printed before."""
        self._logs, self._log_bytes, self._limit = [], 0, limit

    def logs(self) -> list[str]:
        """Return what was printed, once all of it is there or the process has ended."""
        for one in self._ended:
            one.wait(1.0)
        found = list(self._logs)
        if self._log_bytes > self._limit:
            found.append(f"{_stamp()} stderr: {TRUNCATED.format(self._limit)}")
        return found

    def is_alive(self) -> bool:
        """Return whether the process can be used; if not, nothing of it is left."""
        if self._process.poll() is None:
            return True
        self.kill()
        return False

    def kill(self) -> None:
        """End the process and all that it has started; remove its folder."""
        with contextlib.suppress(OSError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        for stream in (self._process.stdin,):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
        with contextlib.suppress(OSError):
            os.close(self._answers)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _ask(self, request: Any, seconds: float) -> dict[str, Any]:
        for one in self._ended:
            one.clear()
        until = time.monotonic() + seconds
        try:
            assert self._process.stdin is not None
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            self._process.stdin.flush()
        except OSError:
            raise _DiedError(is_late=False) from None
        while b"\n" not in self._buffer:
            ready, _, _ = select.select([self._answers], [], [], max(0, until - time.monotonic()))
            if not ready:
                raise _DiedError(is_late=True)
            data = os.read(self._answers, 1 << 16)
            if not data:
                raise _DiedError(is_late=False)
            self._buffer += data
        line, _, self._buffer = self._buffer.partition(b"\n")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _drain(self, name: str, stream: IO[bytes], ended: threading.Event) -> None:
        """Keep what is printed, up to the limit; the last line before the end may be ours."""
        pending = b""
        for line in iter(lambda: stream.readline(1 << 16), b""):
            if line.strip() == END:
                if pending.strip():
                    self._keep(name, pending)
                pending = b""
                ended.set()
                continue
            if pending:
                self._keep(name, pending)
            pending = line
        if pending.strip():
            self._keep(name, pending)
        stream.close()
        ended.set()

    def _keep(self, name: str, line: bytes) -> None:
        self._log_bytes += len(line)
        if self._log_bytes <= self._limit:
            text = line.decode("utf-8", "replace").rstrip("\n")
            self._logs.append(f"{_stamp()} {name}: {text}")


def _stamp() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


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
            init_time = self._loaded(container, begun, log_bytes)
            if init_time is None:
                logs = container.logs()
                self._drop(container)
                text = "The action did not initialize. See logs for details."
                return Outcome(2, {"error": text}, logs, None)
        else:
            init_time = None
            container.begin_logs(log_bytes)
        try:
            result = container.run(params, env, timeout / 1000)
        except _DiedError as death:
            self._drop(container)
            text = "The action did not produce a valid response and exited unexpectedly."
            if death.is_late:
                text = f"The action exceeded its time limits of {timeout} milliseconds."
            return Outcome(2, {"error": text}, container.logs(), init_time)
        logs = container.logs()
        self._release(container)
        return _judged(result, logs, init_time)

    def close(self) -> None:
        """End all processes."""
        with self._changed:
            self._is_closed = True
            mine, self._idle = [*self._idle, *self._busy], []
        for one in mine:
            one.kill()

    def _loaded(self, container: Container, begun: float, log_bytes: int) -> int | None:
        container.begin_logs(log_bytes)
        try:
            if not container.start(START_SECONDS):
                return None
        except _DiedError:
            return None
        return round((time.monotonic() - begun) * 1000)

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


def _judged(result: Any, logs: list[str], init_time: int | None) -> Outcome:
    """Return the outcome of a run that has given a result."""
    if not isinstance(result, dict):
        return Outcome(2, {"error": "The action did not return a dictionary."}, logs, init_time)
    return Outcome(1 if "error" in result else 0, result, logs, init_time)
