"""Activities that run in processes of their own; apart, so that a child imports nothing else."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from partita import Activity, Retry, activity, activity_info, heartbeat
from partita.deciders import Aborted, Canceled, Completed, Failed


class OddError(Exception):
    """An exception of the user's own."""


@activity(process=True)
def pid() -> int:
    return os.getpid()


@activity(process=True)
async def async_pid() -> int:
    return os.getpid()


@activity(process=True)
def talk() -> str:
    print("printed by an activity")
    os.write(1, b'{"type": "Done"}\n')
    return "said"


@activity(process=True)
def odd(x: int) -> int:
    raise OddError("odd", x)


@activity(process=True, start_to_close=0.3)
def stuck(path: str) -> None:
    Path(path).write_text(str(os.getpid()))
    threading.Event().wait(60)


@activity(process=True, retry=Retry(max_attempts=2, initial_interval=0))
def leave(how: str) -> int:
    """Die in the first attempt; in the second, say which it is."""
    if activity_info().attempt == 1:
        if how == "exit":
            os._exit(3)
        os.kill(os.getpid(), signal.SIGKILL)
    return activity_info().attempt


@activity(process=True)
def die() -> None:
    os._exit(4)


@activity(process=True, heartbeat=60, retry=Retry(max_attempts=2, initial_interval=0))
def resume() -> object:
    info = activity_info()
    if info.attempt == 1:
        heartbeat({"page": 7})
        raise OddError("again")
    return info.last_heartbeat


@activity(process=True, heartbeat=2)
def beat(path: str) -> None:
    Path(path).write_text(str(os.getpid()))
    while True:
        heartbeat()
        threading.Event().wait(0.01)


@contextmanager
def held() -> Iterator[None]:
    """Be a decorator, too; `contextlib` makes the function that it gives."""
    yield


@activity(process=True)
@held()
def wrapped(x: int) -> int:
    raise OddError("wrapped", x)


class Apart(Activity):
    """Tell from a process of its own how activities end."""

    process = True
    heartbeat_timeout = 60
    retry = Retry(max_attempts=2, initial_interval=0)

    def execute(self, how: str) -> Any:
        match how:
            case "beat":
                if self.info.attempt == 1:
                    self.heartbeat({"page": 3})
                    raise OddError("again")
                return self.info.last_heartbeat
            case "failed":
                return Failed("NO", f"attempt {self.info.attempt}")
            case "aborted":
                raise Aborted("NEVER", f"attempt {self.info.attempt}")
            case "canceled":
                return Canceled("as you like")
            case "completed":
                raise Completed([1, 2])
        return os.getpid()


COUNT: ContextVar[int] = ContextVar("count", default=0)


@activity(process=True)
def count_in_context() -> int:
    COUNT.set(COUNT.get() + 1)
    return COUNT.get()
