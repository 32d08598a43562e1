"""Invite a guest and remind them until an answer comes: timers, and deadlines for every wait.

    partita run examples/timers.py:invite --input '["Ada"]'
    python examples/timers.py

The guest, a child workflow, answers the second reminder and never names a dish. The times are
short so that you see them pass; make them days, and nothing has to run meanwhile.
"""

from dataclasses import dataclass
from datetime import timedelta

from partita import (
    Signal,
    WaitTimeoutError,
    activity,
    parent,
    signals,
    sleep,
    start_timer,
    timeout,
    wait,
    wait_signal,
    workflow,
)

LETTER = Signal("letter", str)
ANSWER = Signal("answer", str)
DISH = Signal("dish", str)


@dataclass
class Seat:
    """What the host knows in the end."""

    answer: str
    reminders: int
    dish: str


@activity
def write(kind: str, name: str) -> str:
    return f"{kind} for {name}"


@workflow
def guest(name: str) -> None:
    """Stand for a person: read three letters, think, answer the last one."""
    for _ in range(3):
        wait_signal(LETTER)
    sleep(0.05)
    host = parent()
    if host is not None:
        host.signal(ANSWER, f"{name} comes").result()


@workflow
def invite(name: str, pause: float = 0.4, patience: float = 30.0) -> Seat:
    person = guest.submit(name)
    person.signal(LETTER, write("invitation", name))
    answer = signals(ANSWER).submit()  # a future of the signal
    closing = start_timer(timedelta(seconds=patience))  # or a moment: start_timer(datetime)
    reminders = 0
    while not wait([answer, closing], timeout=pause, return_when="FIRST_COMPLETED").done:
        reminders += 1
        person.signal(LETTER, write("reminder", name))
    if not answer.done():
        person.cancel()
        return Seat("no answer", reminders, "none")
    closing.cancel()
    return Seat(answer.result(), reminders, dish_of(name))


def dish_of(name: str) -> str:
    """Ask for a dish; whatever waits within the block may take half a second altogether."""
    try:
        with timeout(0.5):
            write("question", name)
            return wait_signal(DISH)
    except WaitTimeoutError:
        return "soup"


if __name__ == "__main__":
    print(invite("Ada"))
