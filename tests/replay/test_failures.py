"""An exception keeps its type on its way from an activity to the workflow and to the client."""

from __future__ import annotations

import json
import threading
import traceback

import pytest

from partita import (
    ActivityFailedError,
    ActivityTimedOutError,
    activity,
    workflow,
)
from partita.errors import WorkflowFailedError
from partita.history import ActivityTaskFailed
from tests.conftest import Rig
from tests.replay.conftest import MakeWorker


class CardDeclinedError(Exception):
    """An exception of the user's own."""


class NeedsTwoError(Exception):
    """One whose arguments are not those of its constructor."""

    def __init__(self, first: int, second: int) -> None:
        super().__init__(f"{first} and {second}")


class Holder:
    class InnerError(ValueError):
        """One that lives inside a class."""


@activity
def charge(how: str) -> str:
    match how:
        case "own":
            raise CardDeclinedError("card 7", 7)
        case "inner":
            raise Holder.InnerError("inside")
        case "builtin":
            raise FileNotFoundError(2, "No such file", "x.txt")
        case "foreign":
            raise json.JSONDecodeError("bad", "doc", 0)
        case "arguments":
            raise NeedsTwoError(1, 2)
        case "unserializable":
            raise CardDeclinedError(object())
    return "paid"


def catch(how: str) -> list[str]:
    try:
        charge(how)
    except Exception as error:
        notes = "\n".join(getattr(error, "__notes__", []))
        return [type(error).__qualname__, str(error), notes]
    return []


@workflow
def catches(how: str) -> list[str]:
    return catch(how)


@pytest.mark.parametrize(
    ("how", "kind", "text"),
    [
        ("own", "CardDeclinedError", "('card 7', 7)"),
        ("inner", "Holder.InnerError", "inside"),
        ("builtin", "FileNotFoundError", "[Errno 2] No such file"),
        ("foreign", "JSONDecodeError", "bad: line 1"),
        ("arguments", "NeedsTwoError", "1 and 2"),
        ("unserializable", "CardDeclinedError", "<object object"),
    ],
)
def test_type_message_and_remote_traceback(
    memory_rig: Rig, make_worker: MakeWorker, how: str, kind: str, text: str
) -> None:
    with make_worker(catches, charge):
        said = memory_rig.client.start(catches, how).result(timeout=20)
    assert said[0] == kind
    assert said[1].startswith(text)
    assert __file__ in said[2]
    assert "in charge" in said[2]


@workflow
def raises() -> str:
    return charge("own")


def test_the_client_sees_the_cause(memory_rig: Rig, make_worker: MakeWorker) -> None:
    with make_worker(raises, charge):
        handle = memory_rig.client.start(raises)
        with pytest.raises(WorkflowFailedError) as caught:
            handle.result(timeout=20)
    cause = caught.value.__cause__
    assert isinstance(cause, CardDeclinedError)
    assert cause.args == ("card 7", 7)
    assert caught.value.type == "CardDeclinedError"
    assert "in charge" in "".join(traceback.format_exception(cause))
    failed = next(event for event in handle.history() if isinstance(event, ActivityTaskFailed))
    assert failed.reason == f"{__name__}.CardDeclinedError"


@activity(start_to_close=0.05)
def slow() -> None:
    threading.Event().wait(0.3)


@workflow
def times_out() -> str:
    try:
        slow()
    except TimeoutError as error:
        return error.timeout_type if isinstance(error, ActivityTimedOutError) else repr(error)
    return "in time"


def test_timeout_is_a_timeout_error(memory_rig: Rig, make_worker: MakeWorker) -> None:
    with make_worker(times_out, slow):
        assert memory_rig.client.start(times_out).result(timeout=20) == "START_TO_CLOSE"


@workflow
def wrong_call() -> str:
    return charge()  # type: ignore[call-arg]


def test_wrong_call_is_a_type_error(memory_rig: Rig, make_worker: MakeWorker) -> None:
    with make_worker(wrong_call, charge):
        handle = memory_rig.client.start(wrong_call)
        with pytest.raises(WorkflowFailedError) as caught:
            handle.result(timeout=20)
    assert isinstance(caught.value.__cause__, TypeError)


def test_activity_failed_error_has_type_message_and_traceback() -> None:
    error = ActivityFailedError("shop.Gone", "sold out", "Traceback")
    assert (error.type, error.message, error.traceback) == ("shop.Gone", "sold out", "Traceback")
    assert str(error) == "shop.Gone: sold out"
