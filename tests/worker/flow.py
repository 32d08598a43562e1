"""What the worker processes of these tests run."""

import os
import signal
import time
from pathlib import Path

from partita import activity, workflow


@activity
def hold(folder: str, seconds: float) -> str:
    begun = Path(folder) / f"begun-{os.getpid()}"
    begun.touch()
    time.sleep(seconds)
    return "held"


@activity(process=True)
def hold_in_a_process(folder: str, seconds: float) -> str:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # as a badly behaved library may
    (Path(folder) / f"child-{os.getpid()}").touch()
    time.sleep(seconds)
    return "held"


@workflow
def holding(folder: str, seconds: float) -> str:
    return hold(folder, seconds)


@workflow
def holding_in_a_process(folder: str, seconds: float) -> str:
    return hold_in_a_process(folder, seconds)


@workflow
def looping() -> None:
    while True:
        pass


@workflow
def looping_slowly() -> None:
    while True:
        time.sleep(0.01)
