"""An exception crosses processes with its own type, and a name in the data imports nothing."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest

from partita.authoring.failure import Failure
from partita.errors import ActivityFailedError


class CarrierDown(Exception):
    class Partly(Exception):
        pass


class Awkward(Exception):
    def __init__(self, one: int, two: int) -> None:
        super().__init__(f"{one} and {two}")


def across(error: Exception) -> Exception:
    """Raise, describe, send as text, and rebuild with this module's names."""
    try:
        raise error
    except Exception as raised:
        failure = Failure.of(raised)
    received = Failure.load(failure.dump(), failure.reason)
    return received.rebuild(globals(), ActivityFailedError)


@pytest.mark.parametrize(
    "error",
    [
        CarrierDown("ups", 3),
        CarrierDown.Partly("x"),
        ValueError("bad"),
        KeyError("k"),
        FileNotFoundError(2, "No such file"),
        json.JSONDecodeError("msg", "doc", 0),
    ],
)
def test_the_type_is_kept(error: Exception) -> None:
    back = across(error)
    if isinstance(error, json.JSONDecodeError):  # its arguments are not those it was made of
        assert type(back) is ActivityFailedError
    else:
        assert type(back) is type(error)
        assert back.args == error.args
    assert any("test_failure.py" in note for note in back.__notes__)


@pytest.mark.parametrize("error", [Awkward(1, 2), CarrierDown(object())])
def test_what_cannot_be_rebuilt_is_described(error: Exception) -> None:
    back = across(error)
    assert isinstance(back, ActivityFailedError)
    assert back.type == type(error).__qualname__
    assert back.message == str(error)
    assert "Traceback" in back.traceback or "test_failure.py" in back.traceback


def test_the_file_of_an_os_error_is_kept() -> None:
    back = across(FileNotFoundError(2, "No such file", "orders.csv"))
    assert isinstance(back, FileNotFoundError)
    assert str(back) == "[Errno 2] No such file: 'orders.csv'"


def test_a_name_in_the_data_imports_nothing() -> None:
    sys.modules.pop("this", None)
    for module, name in (("this", "d"), ("os", "system"), ("builtins", "print")):
        failure = Failure(type=name, module=module, message="m", args=["x"])
        back = failure.rebuild({"__name__": "user"}, ActivityFailedError)
        assert type(back) is ActivityFailedError
    assert "this" not in sys.modules


def test_text_of_another_origin_is_kept_as_it_is() -> None:
    back = Failure.load("disk on fire", "Timeout").rebuild({}, ActivityFailedError)
    assert str(back) == "Timeout: disk on fire"


def test_a_reason_fits_into_swf() -> None:
    long: Any = type("L" * 300, (Exception,), {})
    assert len(Failure.of(long()).reason) == 256
