"""Deploy a program and stop what is no longer needed: a running activity, then a child.

    partita run examples/cancellation.py:deploy --input '["web1"]'
    python examples/cancellation.py

The slower mirror is cancelled while it sends: its `heartbeat` raises CancelledError, which
`partita history` shows as ActivityTaskCanceled. The child is cancelled while it watches the
server; had that come during the exchange, `shield` would have held it back until it was whole.
"""

import tempfile
import time
from dataclasses import dataclass

from partita import (
    CancelledError,
    Signal,
    activity,
    heartbeat,
    parent,
    shield,
    sleep,
    wait,
    wait_signal,
    workflow,
)

LIVE = Signal("live", str)
MIRRORS = {"near": 0.01, "far": 0.2}  # and seconds that each takes for a piece
PIECES = 5


@dataclass
class Report:
    """How it went."""

    loaded: str
    live: str
    was_stopped: bool


@activity(heartbeat=1)
def download(mirror: str) -> str:
    with tempfile.TemporaryFile() as file:  # gone in any case, also if CancelledError passes
        for piece in range(PIECES):
            heartbeat(piece)
            time.sleep(MIRRORS[mirror])
            file.write(b"piece")
        return f"{file.tell()} bytes from {mirror}"


@activity
def tell(server: str, what: str) -> str:
    return f"{server} {what}"


def fastest() -> str:
    """Ask every mirror, take the first that has all, cancel the others."""
    downloads = download.map(MIRRORS)
    first = wait(downloads, return_when="FIRST_COMPLETED").done.pop()
    for slower in set(downloads) - {first}:
        slower.cancel()
    wait(downloads)  # until the others have stopped
    return first.result()


@workflow
def rollout(server: str) -> None:
    """Exchange the program, then watch it until somebody is content."""
    try:
        with shield():  # both steps or none, also if a cancel request comes between them
            tell(server, "is drained")
            live = tell(server, "is live")
        owner = parent()
        if owner is not None:
            owner.signal(LIVE, live).result()
        sleep(3600)
    finally:  # a cancelled workflow may still call activities
        tell(server, "is no longer watched")


@workflow
def deploy(server: str) -> Report:
    loaded = fastest()
    watched = rollout.submit(server)
    live = wait_signal(LIVE)
    watched.cancel()
    try:
        watched.result()
    except CancelledError:
        return Report(loaded, live, was_stopped=True)
    return Report(loaded, live, was_stopped=False)


if __name__ == "__main__":
    print(deploy("web1"))
