"""What the programs of the corpus call. Each call is recorded."""

from __future__ import annotations

import asyncio
import base64
import copy
import functools
import hashlib
import itertools
import json
import math
import operator
import uuid
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NotRequired, TypedDict

from partita import (
    Activity,
    Retry,
    WaitTimeoutError,
    activity,
    chain,
    group,
    lambda_function,
    now,
    random,
    side_effect,
    signals,
    sleep,
    spawn,
    task,
    uuid4,
    wait,
    wait_signal,
    workflow,
)

__all__ = [
    "UTC",
    "Any",
    "Bank",
    "Counter",
    "Halve",
    "Line",
    "Order",
    "Person",
    "Reading",
    "Refused",
    "Retry",
    "Trouble",
    "WaitTimeoutError",
    "activity",
    "add",
    "async_child",
    "asyncio",
    "base64",
    "chain",
    "charge",
    "child",
    "copy",
    "counted",
    "dataclass",
    "datetime",
    "defaultdict",
    "double",
    "echo",
    "fail_if_negative",
    "flaky",
    "flaky_soon",
    "functools",
    "grandchild",
    "group",
    "grouped_child",
    "hashlib",
    "hexed",
    "itertools",
    "json",
    "lambda_square",
    "later",
    "later_by",
    "later_text",
    "math",
    "note",
    "now",
    "numbers",
    "operator",
    "pick_error",
    "raise_text",
    "random",
    "refuse",
    "side_effect",
    "signals",
    "sleep",
    "spawn",
    "task",
    "timedelta",
    "total_of",
    "untold_pair",
    "uuid4",
    "wait",
    "wait_signal",
    "when_text",
    "workflow",
]

calls: list[tuple[Any, ...]] = []


class Trouble(Exception):
    pass


class WorseTrouble(Trouble):
    pass


class Refused(Exception):
    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


@dataclass
class Reading:
    value: float


@dataclass
class Line:
    price: int
    count: int


@dataclass
class Order:
    card: str
    lines: list[Line]
    coupon: str | None


class Person(TypedDict):
    name: str
    age: NotRequired[int]


@activity
def double(n: int) -> int:
    calls.append(("double", n))
    return n * 2


@activity
def numbers(n: int) -> list[int]:
    calls.append(("numbers", n))
    return list(range(n))


@activity
async def later(n: int) -> int:
    calls.append(("later", n))
    if n < 0:
        raise ValueError(f"negative: {n}")
    return n * 10


@activity
def note(text: str) -> str:
    calls.append(("note", text))
    return text


@activity
def echo(value: Any) -> Any:
    calls.append(("echo", repr(value)))
    return value


@activity
def charge(card: str, cents: int) -> str:
    calls.append(("charge", card, cents))
    return f"{card}:{cents}"


@activity
def total_of(line: Line) -> int:
    calls.append(("total_of", line.price, line.count))
    return line.price * line.count


@activity
def fail_if_negative(n: int) -> int:
    calls.append(("fail_if_negative", n))
    if n < 0:
        raise ValueError(f"negative: {n}")
    return n


@activity
def refuse(code: int) -> None:
    calls.append(("refuse", code))
    raise Refused(f"refused with {code}", code)


@activity
def raise_text(text: str) -> None:
    calls.append(("raise_text", text))
    raise ValueError(text)


@activity
def pick_error(n: int) -> None:
    calls.append(("pick_error", n))
    errors = [None, KeyError("k"), IndexError("i"), ValueError("v"), Trouble("t"), WorseTrouble()]
    error = errors[n]
    if error is not None:
        raise error


@activity(retry=Retry(max_attempts=3, initial_interval=1, non_retryable=(KeyError,)))
def flaky(n: int) -> int:
    calls.append(("flaky", n))
    attempts = sum(1 for call in calls if call == ("flaky", n))
    if attempts <= n:
        raise ValueError(f"attempt {attempts}")
    return attempts


@activity(retry=Retry(max_attempts=4, initial_interval=0.25, max_interval=0.4))
def flaky_soon(n: int) -> int:
    calls.append(("flaky_soon", n))
    attempts = sum(1 for call in calls if call == ("flaky_soon", n))
    if attempts <= n:
        raise ValueError(f"attempt {attempts}")
    return attempts


@activity
def add(a: int, b: int = 100) -> int:
    calls.append(("add", a, b))
    return a + b


@activity
async def later_text(text: str) -> str:
    calls.append(("later_text", text))
    return text + "!"


class Bank:
    @staticmethod
    @activity(name="withdraw")
    def withdraw(n: int) -> int:
        calls.append(("withdraw", n))
        return -n


withdraw = Bank.withdraw


class Halve(Activity):
    retry = Retry(max_attempts=2, initial_interval=0)

    def execute(self, n: int) -> int:
        calls.append(("halve", n))
        if n % 2:
            raise ValueError(f"odd: {n}")
        return n // 2


@workflow
def child(n: int, text: str = "x") -> str:
    if n < 0:
        raise Refused(f"refused {n}", n)
    if n == 0:
        raise Trouble("none")
    if n > 5:
        fail_if_negative(-n)
    return f"{text}{double(n)}"


@workflow
async def async_child(n: int) -> int:
    return await later(n) + 1


@workflow
def grandchild(n: int) -> tuple[int, int]:
    try:
        text = child(n)
    except Refused as error:
        return error.code, len(str(error))
    return len(text), double(n)


def _square(value: Any) -> Any:
    calls.append(("square", value))
    if value < 0:
        raise ValueError(f"negative: {value}")
    return value * value


lambda_square = lambda_function("square", local=_square)


@activity
def untold_pair(n: int):  # type: ignore[no-untyped-def]
    return n, [n]


@activity
def counted(n: int) -> dict[str, int]:
    return Counter("a" * n)


@activity
def when_text(when: datetime) -> str:
    return when.isoformat()


@activity
def later_by(when: datetime, s: int) -> datetime:
    return when + timedelta(seconds=s)


@activity
def hexed(u: uuid.UUID) -> str:
    return u.hex


@workflow
def grouped_child(n: int) -> str:
    results = group(task(fail_if_negative, n), task(double, 1))()
    return f"{results}"
