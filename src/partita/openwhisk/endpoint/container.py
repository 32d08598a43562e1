"""Run one action in a process of its own, with a folder and an environment of its own.

Whatever the process does, or answers, a run ends in time, and nothing of it is left.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import select
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import IO, Any, NamedTuple

from partita.codec.nesting import check_depth
from partita.errors import PayloadTooDeepError
from partita.openwhisk.endpoint.entities import DEPTH
from partita.openwhisk.endpoint.isolation import Pipes
from partita.openwhisk.endpoint.launching import (
    PREFIX,
    RESULT_BYTES,
    command,
    environment,
    remove_folder,
)
from partita.openwhisk.endpoint.supervisor import BUSY, IDLE

LOG_BYTES = 10 * 1024 * 1024
"""Bytes of logs that a run keeps, by default."""

END_SECONDS = 10.0
"""Seconds in which a supervisor has ended everything."""

CHUNK = 1 << 16
LONGEST_ANSWER = RESULT_BYTES + CHUNK
"""Bytes of an answer; the process says itself if its result is too large."""

END = b"XXX_THE_END_OF_A_WHISK_ACTIVATION_XXX"
TRUNCATED = "Logs were truncated because the total bytes size exceeds the limit of {} bytes."
TOO_DEEP = f"The action produced a response nested more than {DEPTH} levels deep."
NOT_LOADED = "The action failed to generate or locate a binary. See logs for details."


class Spec(NamedTuple):
    """What a process runs."""

    kind: str
    code: str
    main: str
    is_binary: bool
    memory: int  # megabytes
    is_conductor: bool = False  # may wait for other actions


class DiedError(Exception):
    """The process has ended, or was killed: its time was over, or it took too much memory."""

    def __init__(self, *, is_late: bool = False, is_exhausted: bool = False) -> None:
        super().__init__()
        self.is_late = is_late
        self.is_exhausted = is_exhausted


class Container:
    """One process with the code of one action."""

    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        self._folder = tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-")
        self._logs: list[str] = []
        self._log_bytes = 0
        self._limit = LOG_BYTES
        self._asked = 0
        self._ends = {"stdout": 0.0, "stderr": 0.0}  # runs whose logs have been read
        self._has_read = threading.Condition()
        self._answers, answers = os.pipe()
        lifeline, writes = os.pipe()
        self._lifeline = os.fdopen(writes, "wb", buffering=0)
        try:
            self._process = self._started(Pipes(answers, lifeline))
        except OSError:
            self._forget()
            raise
        finally:
            os.close(answers)
            os.close(lifeline)
        assert self._process.stdin is not None
        os.set_blocking(self._process.stdin.fileno(), False)
        for name in self._ends:
            threading.Thread(target=self._drain, args=[name], daemon=True).start()

    def _started(self, pipes: Pipes) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            command(self.spec.kind, self.spec.memory, pipes, self._folder),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=self._folder,
            env=environment(self._folder),
            pass_fds=pipes,
            start_new_session=True,
        )

    def start(self, seconds: float) -> str | None:
        """Load the code; return what went wrong, or None.

        Raises:
            DiedError: the process has ended, or takes too long.
        """
        spec = self.spec
        init = {"code": spec.code, "main": spec.main, "binary": spec.is_binary}
        answer = self._ask({"init": init}, seconds)
        return None if answer.get("ok") is True else str(answer.get("error") or NOT_LOADED)

    def run(self, params: Any, env: Mapping[str, str], seconds: float) -> dict[str, Any]:
        """Return the answer to a run: `result`, or what is wrong with it.

        Raises:
            DiedError: there is none.
        """
        return self._ask({"params": params, "env": dict(env)}, seconds)

    def begin_logs(self, limit: int) -> None:
        """Forget what was printed before."""
        self._logs, self._log_bytes, self._limit = [], 0, limit

    def logs(self) -> list[str]:
        """Return what was printed, once all of it is there or the process has ended."""
        with self._has_read:
            self._has_read.wait_for(lambda: min(self._ends.values()) >= self._asked, 1.0)
        found = list(self._logs)
        if self._log_bytes > self._limit:
            found.append(f"{_stamp()} stderr: {TRUNCATED.format(self._limit)}")
        return found

    def rest(self) -> None:
        """Stop the process until its next run."""
        with contextlib.suppress(OSError, ValueError):
            self._lifeline.write(IDLE)

    def is_alive(self) -> bool:
        """Return whether the process can be used; if not, nothing of it is left."""
        if self._process.poll() is None:
            return True
        self.kill()
        return False

    def end(self) -> None:
        """End the process; a run of it finds that it has died."""
        self._lifeline.close()

    def kill(self) -> None:
        """End the process and all that it has started; remove its folder. No run may be on."""
        self.end()
        try:
            self._process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(OSError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        self._forget()

    def _forget(self) -> None:
        self.end()
        os.close(self._answers)
        remove_folder(self._folder)

    def _ask(self, request: Any, seconds: float) -> dict[str, Any]:
        self._asked += 1
        until = time.monotonic() + seconds
        try:
            self._lifeline.write(BUSY)
            self._send(json.dumps(request).encode() + b"\n", until)
        except (OSError, ValueError):
            raise DiedError from None
        return _answer(self._line(until))

    def _send(self, data: bytes, until: float) -> None:
        """Write a request, which the process may read slowly."""
        assert self._process.stdin is not None
        descriptor = self._process.stdin.fileno()
        left = memoryview(data)
        while left:
            _wait(descriptor, select.POLLOUT, until)
            left = left[os.write(descriptor, left[:CHUNK]) :]

    def _line(self, until: float) -> bytes:
        """Return the line that the process answers."""
        data = b""
        read: list[bytes] = []
        left = LONGEST_ANSWER
        while b"\n" not in data:
            _wait(self._answers, select.POLLIN, until)
            data = os.read(self._answers, CHUNK)
            left -= len(data)
            if not data or left < 0:
                raise DiedError
            read.append(data)
        return b"".join(read).partition(b"\n")[0]

    def _drain(self, name: str) -> None:
        """Keep what is printed, up to the limit; the last line before the end may be ours."""
        stream: IO[bytes] = getattr(self._process, name)
        pending = b""
        for line in iter(lambda: stream.readline(1 << 16), b""):
            is_end = line.strip() == END
            if pending.strip() or (pending and not is_end):
                self._keep(name, pending)
            pending = b"" if is_end else line
            if is_end:
                self._end(name, 1)
        if pending.strip():
            self._keep(name, pending)
        stream.close()
        self._end(name, math.inf)

    def _end(self, name: str, runs: float) -> None:
        with self._has_read:
            self._ends[name] += runs
            self._has_read.notify_all()

    def _keep(self, name: str, line: bytes) -> None:
        self._log_bytes += len(line)
        if self._log_bytes <= self._limit:
            text = line.decode("utf-8", "replace").rstrip("\n")
            self._logs.append(f"{_stamp()} {name}: {text}")


def _wait(descriptor: int, event: int, until: float) -> None:
    """Wait until a pipe can be used.

    Raises:
        DiedError: that takes too long.
    """
    asked = select.poll()
    asked.register(descriptor, event)
    if not asked.poll(max(0, until - time.monotonic()) * 1000):
        raise DiedError(is_late=True)


def _answer(line: bytes) -> dict[str, Any]:
    """Return an answer, which the action may have written itself.

    Raises:
        DiedError: it is none.
    """
    try:
        check_depth(line, "the result", DEPTH)
        found = json.loads(line, parse_constant=_refuse)
        json.dumps(found, ensure_ascii=False).encode()
    except PayloadTooDeepError:
        return {"failed": TOO_DEEP}
    except (ValueError, RecursionError):
        raise DiedError from None
    if not isinstance(found, dict):
        raise DiedError
    if "exhausted" in found:
        raise DiedError(is_exhausted=True)
    return found


def _refuse(text: str) -> None:
    raise ValueError(f"{text} is not JSON")


def _stamp() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
