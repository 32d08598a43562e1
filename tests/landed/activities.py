"""Define the activities of the landed executions: some of them block while the data is written.

`LANDED_STAGE` names the part of the writing that a worker takes part in, `first` or `second`; it
is empty in tests. `LANDED_CALLS` names the file in which every call is recorded.
"""

from __future__ import annotations

import asyncio
import enum
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from partita import (
    Activity,
    Middleware,
    Retry,
    activity,
    activity_info,
    heartbeat,
    lambda_function,
)
from partita.deciders import Completed, Failed, Result

STAGE = os.environ.get("LANDED_STAGE", "")
CALLS = "LANDED_CALLS"


class PoorError(Exception):
    """There is not enough money."""


class Colour(enum.Enum):
    """An enumeration as a value."""

    RED = "red"
    BLUE = "blue"


@dataclass
class Parcel:
    """A dataclass with fields of many types."""

    name: str
    colour: Colour
    price: Decimal
    sent: datetime
    id: UUID
    content: bytes
    labels: dict[str, list[int]]


def record_call(name: str, key: str, attempt: int) -> None:
    """Append a call to the file that `LANDED_CALLS` names."""
    path = os.environ.get(CALLS)
    if path:
        with open(path, "a", encoding="utf-8") as file:
            file.write(json.dumps([name, key, attempt]) + "\n")


def called() -> None:
    """Record the activity that runs here."""
    info = activity_info()
    record_call(info.name, f"{info.workflow_id} {info.idempotency_key}", info.attempt)


def block() -> None:
    """Never return while the data is written; return at once in tests."""
    while STAGE:
        time.sleep(0.05)


@activity
def step(name: str) -> str:
    """Return a name in capitals."""
    called()
    return name.upper()


@activity
def hold(name: str) -> str:
    """Block while the data is written."""
    called()
    block()
    return f"held {name}"


@activity
async def fetch(page: int) -> int:
    """Return a number from an event loop."""
    called()
    return page * 100


@activity
async def dream(page: int) -> int:
    """Block an asyncio task while the data is written."""
    called()
    while STAGE:
        await asyncio.sleep(0.05)
    return page * 100


@activity(process=True)
def apart(name: str) -> str:
    """Block a process of its own while the data is written."""
    called()
    block()
    return f"apart {name}"


@activity
def stumble(times: int) -> str:
    """Fail the first attempts."""
    called()
    attempt = activity_info().attempt
    if attempt <= times:
        raise ConnectionError(f"attempt {attempt} failed")
    return f"attempt {attempt}"


@activity
def break_down(name: str) -> str:
    """Fail while the data is written."""
    called()
    if STAGE:
        raise ValueError(f"{name} is broken")
    return f"{name} is mended"


@activity
def lack(cents: int) -> int:
    """Fail in every version."""
    called()
    raise PoorError(f"{cents} cents are too much")


@activity(heartbeat=3600, retry=Retry(max_attempts=5, initial_interval=0.01))
def count_up(last: int) -> list[int]:
    """Return the numbers that were left to count, with a heartbeat after each."""
    called()
    begun = activity_info().last_heartbeat or 0
    if STAGE:
        while True:
            heartbeat(3)
            time.sleep(0.1)
    for number in range(begun + 1, last + 1):
        heartbeat(number)
    return list(range(begun + 1, last + 1))


@activity(start_to_close=0.2)
def oversleep() -> str:
    """Take longer than allowed."""
    called()
    time.sleep(0.5)
    return "late"


@activity(task_list="nobody", schedule_to_start=0.2)
def wait_in_vain() -> str:
    """Wait in a task list that no worker serves."""
    return "never begun"


@activity(heartbeat=0.2)
def fall_silent() -> str:
    """Send no heartbeat."""
    called()
    time.sleep(0.6)
    return "silent"


@activity(idempotent=True)
def once(name: str) -> str:
    """Run once for all equal calls of a run."""
    called()
    return f"{name} once"


@activity(auto_complete=False)
def approve(document: str) -> str:
    """Leave the end to whoever has the token."""
    called()
    record_call("token", activity_info().task_token, 0)
    return document


@activity
def weigh(parcel: Parcel) -> Parcel:
    """Return a parcel with one more label."""
    called()
    parcel.labels["weighed"] = [len(parcel.content)]
    return parcel


@contextmanager
def around(call: Any) -> Iterator[None]:
    """Record that a call is surrounded."""
    record_call("around", call.info.idempotency_key, call.info.attempt)
    yield


@activity(middleware=[Middleware(around=around)])
def surrounded(name: str) -> str:
    """Run with middleware around it."""
    called()
    return f"{name} surrounded"


class Charge(Activity):
    """An activity in class form that reads its arguments as cents."""

    category = "default"
    start_to_close = 30
    retry = Retry(max_attempts=2, initial_interval=0.01)

    def execute(self, card: str, cents: int) -> Result:
        """Return a receipt, or the reason why there is none."""
        called()
        self.heartbeat("asking the bank")
        if cents > 100_000:
            return Failed("DECLINED", f"{cents} cents are too much")
        return Completed(f"receipt for {cents} from {card}")


def shout_here(text: str) -> str:
    """Stand in for the Lambda function."""
    called()
    return text.upper()


def whisper_here(text: str) -> str:
    """Stand in for a Lambda function that blocks while the data is written."""
    called()
    block()
    return text.lower()


SHOUT = lambda_function("shout", local=shout_here)
WHISPER = lambda_function("whisper", local=whisper_here)
