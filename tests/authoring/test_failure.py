"""An exception crosses processes with its own type, and a name in the data imports nothing."""

from __future__ import annotations

import decimal
import json
import subprocess
import sys
import xml.etree.ElementTree
from typing import Any

import pytest

from partita.authoring.failure import Failure, classes, describe, rebuild
from partita.errors import ActivityFailedError, UnknownTypeError


class CarrierDown(Exception):
    class Partly(Exception):
        pass


class Parcel(Exception):
    """Say by `__reduce__` what it is made of, where its `args` do not."""

    def __init__(self, number: int, *, why: str = "lost") -> None:
        super().__init__(f"parcel {number} is {why}")
        self.number = number

    def __reduce__(self) -> tuple[Any, ...]:
        return Parcel, (self.number,)


class Broken(Exception):
    def __reduce__(self) -> tuple[Any, ...]:
        raise RuntimeError("not to be copied")


class Mute(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no message")


class Awkward(Exception):
    def __init__(self, one: int, two: int) -> None:
        super().__init__(f"{one} and {two}")


def foreign(name: str, base: type[Exception] = Exception) -> Any:
    """Return a class that no name leads to."""
    return type(name, (base,), {"__module__": "shipping"})


def across(error: Exception, *, forget: bool = False) -> Exception:
    """Raise, describe, send as text, and rebuild, as a process that has not raised it if told."""
    try:
        raise error
    except Exception as raised:
        failure = describe(raised)
    if forget:
        classes._seen.clear()
    return rebuild(Failure.load(failure.dump(), failure.reason), near=(across,))


@pytest.mark.parametrize(
    "error",
    [
        CarrierDown("ups", 3),
        CarrierDown.Partly("x"),
        ValueError("bad"),
        KeyError("k"),
        FileNotFoundError(2, "No such file"),
        FileNotFoundError(2, "No such file", "orders.csv"),
        decimal.InvalidOperation("bad"),  # of a module that this one has imported
        xml.etree.ElementTree.ParseError("bad"),  # of a module inside one
        json.JSONDecodeError("msg", "doc", 0),  # its `args` are not what it is made of
        Parcel(7),
        UnknownTypeError("no such workflow"),
        Awkward(1, 2),
        CarrierDown("x" * 100_000),
        Broken("x"),
        UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid"),
        subprocess.CalledProcessError(1, "false"),
    ],
)
def test_the_type_is_kept(error: Exception) -> None:
    back = across(error)
    assert type(back) is type(error)
    assert (str(back), back.args, vars(back)) == (str(error), error.args, vars(back) | vars(error))
    (note,) = back.__notes__
    assert note.startswith("Where it was raised:\n")
    assert "test_failure.py" in note
    assert "raise error" in note


@pytest.mark.parametrize(
    "error",
    [
        foreign("Awkward")("1 and 2"),
        foreign("CarrierDown", KeyError)("ups"),
    ],
)
def test_what_cannot_be_rebuilt_is_described(error: Exception) -> None:
    back = across(error, forget=True)
    assert isinstance(back, ActivityFailedError)
    assert isinstance(back, type(error).__bases__)
    assert back.type == type(error).__qualname__
    assert back.message == str(error)
    assert "Traceback" in back.traceback or "test_failure.py" in back.traceback


def test_a_class_of_the_same_name_is_not_the_class() -> None:
    failure = Failure(type="CarrierDown", module="shipping", message="m", args=["x"])
    assert type(rebuild(failure, near=(across,))) is ActivityFailedError
    of_a_script = Failure(type="CarrierDown", module="__main__", message="m", args=["x"])
    assert type(rebuild(of_a_script, near=(across,))) is CarrierDown


def test_an_exception_that_has_no_message_is_still_described() -> None:
    failure = describe(Mute("x"))
    assert (failure.type, failure.args) == ("Mute", ["x"])
    assert "RuntimeError" in failure.message


def test_text_that_is_not_unicode_is_still_described() -> None:
    failure = describe(ValueError("\ud800"))
    assert Failure.load(failure.dump(), failure.reason).message == "\\ud800"


def test_a_name_in_the_data_imports_nothing() -> None:
    sys.modules.pop("this", None)
    for module, name in (("this", "d"), ("os", "system"), ("builtins", "print")):
        failure = Failure(type=name, module=module, message="m", args=["x"])
        back = rebuild(failure)
        assert type(back) is ActivityFailedError
    assert "this" not in sys.modules


def test_text_of_another_origin_is_kept_as_it_is() -> None:
    back = rebuild(Failure.load("disk on fire", "Timeout"))
    assert str(back) == "Timeout: disk on fire"


def test_a_reason_fits_into_swf() -> None:
    long: Any = type("L" * 300, (Exception,), {})
    assert len(describe(long()).reason) == 256
