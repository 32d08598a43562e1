"""Functions that raise errors of many kinds."""

from __future__ import annotations

import asyncio
import binascii
import dataclasses
import datetime
import decimal
import enum
import fractions
import json
import pathlib
import sqlite3
import subprocess
import sys
import threading
import urllib.error
import uuid
import zoneinfo
from contextlib import closing
from typing import Any, NamedTuple

import msgspec
import pydantic
from pydantic_core import PydanticCustomError

from partita import activity, python
from tests.values import far_errors, raised_builtins  # noqa: F401 - for its effect
from tests.values.raising import KINDS, kind
from tests.values.told import raised, told

# -- constructors that differ from their arguments -------------------------------------------


class Declined(Exception):
    def __init__(self, code: int) -> None:
        super().__init__(f"declined with code {code}")
        self.code = code


class Keyworded(Exception):
    def __init__(self, *, account: str, amount: decimal.Decimal) -> None:
        super().__init__(f"{account} lacks {amount}")
        self.account = account
        self.amount = amount


class Silent(ValueError):
    def __init__(self, one: int, two: int) -> None:
        self.total = one + two

    def __str__(self) -> str:
        return f"total {self.total}"


class Slotted(LookupError):
    __slots__ = ("slot",)

    def __init__(self, slot: int | None) -> None:
        super().__init__("slotted")
        self.slot = slot


class Counting(Exception):
    calls = 0

    def __init__(self, text: str) -> None:
        type(self).calls += 1
        super().__init__(f"[{text}]")


class MadeByNew(Exception):
    def __new__(cls, one: int, two: int) -> MadeByNew:
        made = super().__new__(cls, one, two)
        made.product = one * two  # type: ignore[attr-defined]
        return made

    def __init__(self, one: int, two: int) -> None:
        super().__init__(one, two, "more")


class Strict(Exception):
    """Refuse to be changed by ordinary means, and to be copied."""

    def __init__(self, limit: int) -> None:
        super().__init__("too much")
        self.__dict__["limit"] = limit

    def __setattr__(self, name: str, value: Any) -> None:
        raise TypeError("it does not change")

    def __reduce__(self) -> Any:
        raise TypeError("it is not copied")


class NotHashable(Exception):
    def __eq__(self, other: object) -> bool:
        raise RuntimeError("not to be compared")

    __hash__ = None  # type: ignore[assignment]


@dataclasses.dataclass
class AsData(Exception):
    code: int
    tags: list[str] = dataclasses.field(default_factory=list)


@dataclasses.dataclass(frozen=True)
class FrozenData(Exception):
    code: int
    reason: str = "none"


@kind
def declined() -> None:
    raise Declined(51)


@kind
def keyword_only() -> None:
    raise Keyworded(account="a7", amount=decimal.Decimal("0.10"))


@kind
def no_arguments_kept() -> None:
    raise Silent(1, 2)


@kind
def slots() -> None:
    raise Slotted(7)


@kind
def an_empty_slot() -> None:
    raise Slotted(None)


@kind
def counting() -> None:
    raise Counting("x")


@kind
def made_by_new() -> None:
    raise MadeByNew(6, 7)


@kind
def strict() -> None:
    raise Strict(9)


@kind
def not_hashable() -> None:
    raise NotHashable("x")


@kind
def a_dataclass() -> None:
    raise AsData(3, ["x"])


@kind
def a_frozen_dataclass() -> None:
    raise FrozenData(3)


# -- arguments and attributes of other types -------------------------------------------------


class Colour(enum.Enum):
    RED = "r"


class Level(enum.IntEnum):
    HIGH = 3


class Rights(enum.Flag):
    READ = 1
    WRITE = 2


@dataclasses.dataclass(frozen=True, slots=True)
class Card:
    number: str
    until: datetime.date

    def __post_init__(self) -> None:
        object.__setattr__(self, "number", self.number + "!")


class Place(NamedTuple):
    x: int
    y: float


class Parcel(msgspec.Struct):
    weight: float
    to: Place


class Text(str):
    pass


@kind
def typed_arguments() -> None:
    raise Exception(
        (1, (2, 3)),
        datetime.date(2026, 1, 2),
        datetime.datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=datetime.UTC),
        datetime.datetime(2026, 10, 25, 2, 30, fold=1, tzinfo=zoneinfo.ZoneInfo("Europe/Berlin")),
        datetime.timedelta(days=-1, microseconds=7),
        datetime.time(1, 2),
        decimal.Decimal("0.10"),
        decimal.Decimal("sNaN123"),
        fractions.Fraction(1, 3),
        uuid.UUID(int=5),
        2**80,
        float("nan"),
        float("-inf"),
        1 + 2j,
        b"\x00\xff",
        bytearray(b"x"),
        {1, 2},
        frozenset({"a"}),
        range(1, 9, 2),
        pathlib.PurePosixPath("a/b"),
        zoneinfo.ZoneInfo("UTC"),
    )


@kind
def typed_dictionaries() -> None:
    raise KeyError({1: "a", (2, 3): None}, {"$date": "x"}, {"a": {"b": (1,)}}, {None: True})


@kind
def classes_as_values() -> None:
    raise TypeError(
        *(Colour.RED, Level.HIGH, Rights.READ | Rights.WRITE, Card("7", datetime.date(2030, 1, 1))),
        *(Place(1, 2.5), Parcel(1.5, Place(0, 0.0)), Text("x"), ValueError, Colour, Place),
    )


@kind
def attributes_set_later() -> None:
    error = RuntimeError("later")
    error.when = datetime.date(2026, 1, 2)  # type: ignore[attr-defined]
    error.pair = (1, decimal.Decimal(2))  # type: ignore[attr-defined]
    error.card = Card("8", datetime.date(2031, 1, 1))  # type: ignore[attr-defined]
    raise error


@kind
def notes() -> None:
    error = ValueError("noted")
    error.add_note("first")
    error.add_note("second\nline")
    raise error


@kind
def errors_as_values() -> None:
    inner = Declined(1)
    error = RuntimeError(inner, [inner, KeyError("k")])
    error.first = inner  # type: ignore[attr-defined]
    raise error


# -- causes and groups -----------------------------------------------------------------------


@kind
def a_cause() -> None:
    try:
        declined()
    except Declined as error:
        raise ValueError("outer") from error


@kind
def a_cause_of_its_own() -> None:
    raise ValueError("outer") from Declined(2)


@kind
def a_chain_of_causes() -> None:
    try:
        a_cause()
    except ValueError as error:
        raise Keyworded(account="b", amount=decimal.Decimal(3)) from error


@kind
def a_context() -> None:
    try:
        declined()
    except Declined:
        raise ValueError("while handling")  # noqa: B904


@kind
def no_context() -> None:
    try:
        declined()
    except Declined:
        raise ValueError("alone") from None


@kind
def a_circle() -> None:
    one, two = ValueError("one"), ValueError("two")
    one.__cause__, two.__cause__ = two, one
    raise one


class Several(ExceptionGroup[Exception]):
    def __new__(cls, errors: list[Exception], code: int) -> Several:
        made = super().__new__(cls, f"several of code {code}", errors)
        made.code = code
        return made

    code: int


@kind
def a_group() -> None:
    raise ExceptionGroup("some", [Declined(1), OSError(2, "x", "y"), KeyError("k")])


@kind
def a_group_in_a_group() -> None:
    inner = ExceptionGroup("inner", [ValueError(datetime.date(2026, 1, 1))])
    raise ExceptionGroup("outer", [inner, TypeError("t")])


@kind
def a_group_of_ones_own() -> None:
    raise Several([Declined(4), ValueError("v")], 7)


@kind
def a_group_with_a_cause() -> None:
    raise ExceptionGroup("caused", [a_caused()]) from KeyError("k")


def a_caused() -> Exception:
    error = raised(a_cause)
    assert isinstance(error, Exception)
    return error


@kind
def a_failed_task_group() -> None:
    async def one(error: Exception) -> None:
        raise error

    async def all_of_them() -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(one(Declined(5)))
            tasks.create_task(one(ValueError("no stock")))

    asyncio.run(all_of_them())


# -- classes of other modules ----------------------------------------------------------------


class Holder:
    class Inner(Exception):
        pass


@kind
def nested_class() -> None:
    raise Holder.Inner("inside")


@kind
def bad_json() -> None:
    json.loads("{")


@kind
def a_bad_url() -> None:
    raise urllib.error.URLError(OSError(111, "Connection refused"))


@kind
def a_failed_process() -> None:
    raise subprocess.CalledProcessError(3, ["false", "x"], b"out", b"err\xff")


@kind
def a_late_process() -> None:
    raise subprocess.TimeoutExpired(["sleep"], 1.5)


@kind
def a_database_error() -> None:
    with closing(sqlite3.connect(":memory:")) as database:
        database.execute("SELECT * FROM nothing")


class Order(pydantic.BaseModel):
    number: int
    items: list[int]
    note: str = pydantic.Field(default="", max_length=2)

    @pydantic.field_validator("number")
    @classmethod
    def _check(cls, number: int) -> int:
        if number < 0:
            raise PydanticCustomError("negative", "{number} is below 0", {"number": number})
        raise ValueError("none is good")


@kind
def a_bad_model() -> None:
    Order.model_validate({"number": "1", "items": ["x", 2], "note": "long"})


@kind
def a_model_with_an_error_of_its_own() -> None:
    Order.model_validate({"number": -1, "items": []})


class Secretive(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(hide_input_in_errors=True)
    pin: int


@kind
def a_model_that_hides_its_input() -> None:
    Secretive.model_validate({"pin": "not to be seen"})


@pydantic.validate_call
def validated(one: int, *, two: int = 2) -> int:
    return one + two


@kind
def a_call_that_does_not_fit() -> None:
    validated(two="x")  # type: ignore[call-arg, arg-type]


@kind
def a_model_that_cannot_be_written() -> None:
    Order.model_construct(note=object()).model_dump_json()


@kind
def an_error_of_pydantic_itself() -> None:
    raise PydanticCustomError("taken", "{name} is taken", {"name": "one"})


@kind
def an_error_of_c() -> None:
    binascii.a2b_base64("abc")


@kind
def two_modules_down() -> None:
    far_errors.down()


def _dynamic() -> type[Exception]:
    return type("Dynamic", (LookupError,), {"retry_after": lambda self: self.args[0] * 2})


DYNAMIC = _dynamic()


@kind
def a_class_with_another_name() -> None:
    raise DYNAMIC(4)


def local_class() -> type[Exception]:
    class Local(ArithmeticError):
        def twice(self) -> Any:
            return self.args[0] * 2

    return Local


@kind
def a_class_in_a_function() -> None:
    raise local_class()(21)


# -- what cannot be kept ---------------------------------------------------------------------


class Unstorable(Exception):
    def __init__(self) -> None:
        super().__init__("held up", threading.Lock())
        self.lock = threading.Lock()
        self.pair = (1, threading.Lock())
        self.code = 7


def unstorable() -> None:
    raise Unstorable


# -- for the tests -----------------------------------------------------------------------------

EXPECTED = {name: told(raised(function)) for name, function in KINDS.items()}


@activity
def act(name: str) -> None:
    KINDS[name]()


@activity(process=True)
def act_in_a_process(name: str) -> None:
    """Be here, since another process imports the whole module."""
    KINDS[name]()


@python(sys.executable)
def act_elsewhere(names: list[str]) -> None:
    """Raise the error of the only name, or those of many in a group."""
    if len(names) == 1:
        KINDS[names[0]]()
    raise ExceptionGroup("all", [raised(KINDS[name]) for name in names])  # type: ignore[type-var]
