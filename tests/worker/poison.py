"""What the fleets of these tests run: some of it kills whoever runs it."""

import os
import signal
import time
from pathlib import Path

from partita import Retry, WorkerLostError, activity, workflow


@activity
def add(total: int, number: int) -> int:
    return total + number


@activity(retry=Retry(max_attempts=2, initial_interval=0.01))
def poison(folder: str) -> None:
    (Path(folder) / f"drunk-{os.getpid()}").touch()
    os.kill(os.getpid(), signal.SIGKILL)


@activity
def linger(folder: str) -> str:
    """Run until the file `enough` is there."""
    (Path(folder) / f"lingers-{os.getpid()}").touch()
    while not (Path(folder) / "enough").exists():
        time.sleep(0.01)
    return "lingered"


@activity
def hoard(mebibytes: int) -> int:
    _hoarded.append(b"x" * (mebibytes << 20))
    return os.getpid()


_hoarded: list[bytes] = []


@workflow
def sums(count: int) -> int:
    total = 0
    for number in range(count):
        total = add(total, number)
    return total


@workflow
def drinks(folder: str) -> str:
    try:
        poison(folder)
    except WorkerLostError as error:
        return str(error)
    return "it was no poison"


@workflow
def drinks_unawares(folder: str) -> None:
    poison(folder)


@workflow
def lingers(folder: str) -> str:
    return linger(folder)


@workflow
def hoards(mebibytes: int) -> int:
    return hoard(mebibytes)


@workflow
def crashes(folder: str) -> str:
    """Kill whoever decides, until the code is mended."""
    if not (Path(folder) / "mended").exists():
        (Path(folder) / f"crashed-{os.getpid()}").touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return "sound"
