"""Functions for other interpreters; apart, so that these need import nothing else."""

from __future__ import annotations

import enum
import os
import platform
import subprocess
import sys
import threading
from dataclasses import dataclass
from datetime import date, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import partita
from partita import PartitaError, Retry, activity, heartbeat, python, workflow
from partita.errors import CancelledError

SRC = str(Path(__file__).parents[2] / "src")
HERE = {"PYTHONPATH": SRC}  # so that the same interpreter finds the same partita


class OddError(Exception):
    class InnerError(Exception):
        pass


class OwnError(PartitaError):
    pass


class AwkwardError(Exception):
    def __init__(self, one: int, two: int) -> None:
        super().__init__(f"{one} and {two}")


class Colour(enum.Enum):
    RED = "red"


@dataclass
class Parcel:
    number: int
    sent: date
    colour: Colour
    raw: bytes


def has_partita() -> bool:
    return isinstance(getattr(partita, "__version__", None), str)


def version() -> str:
    return platform.python_version()


def arguments(one: Any, *rest: Any, key: Any = "default", **more: Any) -> list[Any]:
    heartbeat("goes nowhere")
    return [one, list(rest), key, more]


def parcel(number: int) -> Parcel:
    return Parcel(number, date(2024, 2, 29), Colour.RED, b"\0\xff")


def forms() -> list[Any]:
    return [Path("/x"), Decimal("1.10"), {1}, time(0)]


def echo(text: str) -> str:
    return text


def noisy(to: int) -> str:
    print("printed: é")
    os.write(1, b'\n{"result": "forged"}\n')
    subprocess.run(["echo", "said by a child"], check=True)
    sys.stdout.write("x" * to)
    return "real"


def fail(kind: str) -> None:
    kinds: dict[str, Any] = {
        "builtin": lambda: KeyError("k", 1),
        "own": lambda: OddError("odd", {"a": [1, None]}),
        "inner": lambda: OddError.InnerError("é\udc80"),
        "derived": lambda: OwnError("own"),
        "partita": lambda: CancelledError("enough"),
        "awkward": lambda: AwkwardError(1, 2),
        "foreign": lambda: __import__("email.errors").errors.MessageError("odd mail"),
        "no form": lambda: ValueError(object),
        "exit": lambda: SystemExit(3),
    }
    raise kinds[kind]()


def no_form() -> Any:
    return object()


def not_a_number() -> float:
    return float("nan")


def wrong() -> int:
    return "text"  # type: ignore[return-value]


def die(how: str) -> None:
    if how == "exit":
        os._exit(0)
    print("before it")
    os.kill(os.getpid(), 9)


def stuck(path: str) -> None:
    Path(path).write_text(str(os.getpid()))
    threading.Event().wait(600)


@activity(retry=Retry(max_attempts=2, initial_interval=0.01))
@python(sys.executable, env=HERE)
def decorated(x: int) -> int:
    if x < 0:
        raise OddError("negative", x)
    return os.getpid()


class Shop:
    @staticmethod
    def price(item: str) -> int:
        return len(item)


@workflow
def flow(x: int) -> str:
    try:
        return str(decorated(x))
    except OddError as error:
        return repr(error)
