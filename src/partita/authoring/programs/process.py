"""Run a program with heartbeats, and end it with the processes that it started.

A program has a session of its own, so that one signal reaches it and its children. It is ended
when the activity is cancelled, its time is up, or this process ends: SIGTERM, then, after
`GRACE` seconds, SIGKILL. Processes that left its process group are not reached.
"""

from __future__ import annotations

import atexit
import errno
import os
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import IO, TYPE_CHECKING

from partita.authoring.context import heartbeat
from partita.errors import InvalidInputError, ProgramFailedError, ProgramTimedOutError

if TYPE_CHECKING:
    from subprocess import Popen

HEARTBEAT_INTERVAL = 0.5
"""Seconds between two heartbeats; a worker passes on one a second."""

GRACE = 5.0
"""Seconds between SIGTERM and SIGKILL."""

_ADVICE = {
    errno.ENOENT: "install it, or give its path",
    errno.EACCES: "give the path of a program, and make it executable",
    errno.ENOEXEC: "begin it with a line such as #!/bin/sh",
    errno.E2BIG: "pass the name of a file instead",
}

_MAX_COMMAND = 4_000
_MAX_STDERR = 6_000
"""Characters that an error shows: as JSON, they are below the limit of `Failure`."""

_running: set[Popen[bytes]] = set()
_beginning: set[object] = set()
_begun = threading.Condition()  # guards `_beginning`


def run(
    command: list[str],
    *,
    data: bytes | None = None,
    env: Mapping[str, str],
    cwd: str | os.PathLike[str] | None = None,
    timeout: float | None = None,
) -> tuple[int, bytes, bytes]:
    """Run a program with `data` as its stdin; return its status, stdout and stderr.

    Raises:
        ProgramFailedError: it cannot be started.
        ProgramTimedOutError: it took more than `timeout` seconds.
        InvalidInputError: an argument cannot be passed to any program.
        CancelledError: somebody wants the activity to end.
    """
    import subprocess  # 10 ms that most programs need not pay at `import partita`

    process = _begin(command, data is not None, env, cwd)
    try:
        out, err = _communicate(process, data, timeout)
    except subprocess.TimeoutExpired:
        err = _end(process)
        raise ProgramTimedOutError(shortened(command), timeout or 0.0, tail(err)) from None
    except BaseException:
        _end(process)
        raise
    finally:
        _running.discard(process)
    return process.returncode, out, err


def _begin(
    command: list[str], has_input: bool, env: Mapping[str, str], cwd: str | os.PathLike[str] | None
) -> Popen[bytes]:
    """Start a program that ends with this process, even if that exits meanwhile."""
    me = object()
    with _begun:
        _beginning.add(me)
    try:
        process = _start(command, has_input, env, cwd)
        _running.add(process)
    finally:
        with _begun:
            _beginning.discard(me)
            _begun.notify_all()
    return process


def _start(
    command: list[str], has_input: bool, env: Mapping[str, str], cwd: str | os.PathLike[str] | None
) -> Popen[bytes]:
    from subprocess import DEVNULL, PIPE, Popen

    stdin = PIPE if has_input else DEVNULL
    try:
        return Popen(
            command,
            stdin=stdin,
            stdout=PIPE,
            stderr=PIPE,
            env=env,
            cwd=cwd,
            start_new_session=True,
        )
    except OSError as error:
        if cwd is not None and not os.path.isdir(cwd):
            reason = f"there is no folder {os.fspath(cwd)!r} to run it in; make it, or mend cwd="
        else:
            reason = f"{error.strerror}; {_ADVICE.get(error.errno or 0, 'try again')}"
        raise ProgramFailedError(shortened(command), None, reason) from error
    except ValueError as error:  # a NUL, or what is no character
        raise InvalidInputError(
            f"an argument cannot be passed to {command[0]}: {error}; take it out"
        ) from error


def _communicate(
    process: Popen[bytes], data: bytes | None, timeout: float | None
) -> tuple[bytes, bytes]:
    """Return stdout and stderr; raise subprocess.TimeoutExpired when the time is up."""
    from subprocess import TimeoutExpired

    if data is not None:  # Popen.communicate() would send nothing more after its first timeout
        pipe, process.stdin = process.stdin, None
        threading.Thread(target=_send, args=[pipe, data], daemon=True).start()
    deadline = float("inf") if timeout is None else time.monotonic() + timeout
    while True:
        left = max(deadline - time.monotonic(), 0.0)
        try:
            return process.communicate(timeout=min(HEARTBEAT_INTERVAL, left))
        except TimeoutExpired:
            if time.monotonic() >= deadline:
                raise
        heartbeat()


def _send(pipe: IO[bytes], data: bytes) -> None:
    with suppress(OSError), pipe:  # a program need not read all its input
        pipe.write(data)


def _end(process: Popen[bytes]) -> bytes:
    """End the process and its group; return its stderr."""
    from signal import SIGKILL, SIGTERM
    from subprocess import TimeoutExpired

    _signal(process, SIGTERM)
    err: bytes | None = None
    try:
        err = process.communicate(timeout=GRACE)[1]
    except TimeoutExpired as late:
        err = late.stderr
    finally:
        _signal(process, SIGKILL)  # the rest of its group
        process.wait()
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe is not None:
                with suppress(OSError):  # unsent input is lost
                    pipe.close()
    return err or b""


def _signal(process: Popen[bytes], number: int) -> None:
    with suppress(ProcessLookupError, PermissionError):  # all gone, or only zombies
        os.killpg(process.pid, number)


@atexit.register
def _end_all() -> None:
    """End the programs that still run when this process exits."""
    from signal import SIGTERM

    with _begun:
        _begun.wait_for(lambda: not _beginning, timeout=GRACE)
    for process in list(_running):
        _signal(process, SIGTERM)


def shortened(command: list[str]) -> list[str]:
    """Return a command as an error shows it: cut if it is very long."""
    left = _MAX_COMMAND
    kept: list[str] = []
    for word in command:
        if left < len(word):
            return [*kept, word[: max(left, 0)] + "..."]
        kept.append(word)
        left -= len(word) + 3  # and as much around it in JSON
    return kept


def tail(err: bytes) -> str:
    """Return the end of a program's stderr, as an error shows it."""
    return err[-4 * _MAX_STDERR :].decode("utf-8", "replace")[-_MAX_STDERR:].strip()
