"""A stand-in for a worker process: it says and does what the file `mode` in its folder says."""

import os
import signal
import socket
import sys
from pathlib import Path

folder = Path(sys.argv[1])
mode = (folder / "mode").read_text()
talk = socket.socket(fileno=int(os.environ["PARTITA_SUPERVISOR"]))
me = f"{os.getpid()}"


def note(what: str) -> None:
    """Append a line to the log; short appends are not torn."""
    with (folder / "log").open("a") as log:
        log.write(f"{what} {me}\n")


def end(*_: object) -> None:
    note("ended")
    os._exit(0)


def ask_for_another(*_: object) -> None:
    talk.sendall(b"replace it is old\n")


signal.signal(signal.SIGTERM, signal.SIG_IGN if mode == "deaf" else end)
signal.signal(signal.SIGUSR1, ask_for_another)
note("begun")
if mode == "broken":
    sys.exit(2)
note("ready")
talk.sendall(b"ready\n")
if mode == "falling":
    sys.exit(1)
if mode == "silent":
    talk.close()
while True:
    signal.pause()
