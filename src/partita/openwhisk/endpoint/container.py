"""Run one action in a process of its own, with a folder and an environment of its own.

Whatever the process does, or answers, a run ends in time, and nothing of it is left.
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

from partita.openwhisk.endpoint.launching import PREFIX, RESULT_BYTES, command, environment

LOG_BYTES = 10 * 1024 * 1024
"""Bytes of logs that a run keeps, by default."""

CHUNK = 1 << 16
LONGEST_ANSWER = RESULT_BYTES + CHUNK
"""Bytes of an answer; the process says itself if its result is too large."""

END = b"XXX_THE_END_OF_A_WHISK_ACTIVATION_XXX"
TRUNCATED = "Logs were truncated because the total bytes size exceeds the limit of {} bytes."
NOT_LOADED = "The action failed to generate or locate a binary. See logs for details."


class Spec(NamedTuple):
    """What a process runs."""

    kind: str
    code: str
    main: str
    is_binary: bool
    memory: int  # megabytes


class DiedError(Exception):
    """The process has ended, or was killed as its time was over."""

    def __init__(self, *, is_late: bool) -> None:
        super().__init__()
        self.is_late = is_late


class Container:
    """One process with the code of one action."""

    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        self._folder = tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-")
        self._logs: list[str] = []
        self._log_bytes = 0
        self._limit = LOG_BYTES
        self._ended = [threading.Event(), threading.Event()]
        reads, writes = os.pipe()
        self._answers = reads
        try:
            self._process = subprocess.Popen(
                command(spec.kind, spec.memory, writes, self._folder),
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
            raise DiedError(is_late=False) from None
        return _answer(self._line(until))

    def _line(self, until: float) -> bytes:
        """Return the line that the process answers."""
        data = b""
        read: list[bytes] = []
        left = LONGEST_ANSWER
        while b"\n" not in data:
            ready, _, _ = select.select([self._answers], [], [], max(0, until - time.monotonic()))
            if not ready:
                raise DiedError(is_late=True)
            data = os.read(self._answers, CHUNK)
            left -= len(data)
            if not data or left < 0:
                raise DiedError(is_late=False)
            read.append(data)
        return b"".join(read).partition(b"\n")[0]

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


def _answer(line: bytes) -> dict[str, Any]:
    """Return an answer, which the action may have written itself.

    Raises:
        DiedError: it is none.
    """
    try:
        found = json.loads(line, parse_constant=_refuse)
        json.dumps(found, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise DiedError(is_late=False) from None
    if not isinstance(found, dict):
        raise DiedError(is_late=False)
    return found


def _refuse(text: str) -> None:
    raise ValueError(f"{text} is not JSON")


def _stamp() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
