"""A moment that has come is no mistake: its timer fires at once, on every backend."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from partita import (
    WaitTimeoutError,
    activity,
    as_completed,
    now,
    signals,
    sleep,
    start_timer,
    timeout,
    wait,
    wait_signal,
    wait_until,
    workflow,
)
from partita.errors import InvalidOptionError
from partita.history import TimerStarted
from tests.language.conftest import Stage

INDIA = timezone(timedelta(hours=5, minutes=30))


@activity
def quick(x: int) -> int:
    return x


def timed_out(wait: Callable[[], Any]) -> str:
    """Return what comes of a wait whose time is up."""
    try:
        wait()
    except WaitTimeoutError:
        return "timed out"
    return "done"


@workflow
def fires(what: str) -> str:
    """Set a timer for a moment that has come."""
    moments: dict[str, Any] = {
        "now": now,
        "a second ago": lambda: now() - timedelta(seconds=1),
        "a microsecond ago": lambda: now() - timedelta(microseconds=1),
        "nine years ago": lambda: now() - timedelta(days=9 * 365),
        "without a zone": lambda: now().replace(tzinfo=None),
        "in India": lambda: (now() - timedelta(minutes=1)).astimezone(INDIA),
        "no time": timedelta,
        "a deadline that is over": lambda: (now() - timedelta(seconds=5)) - now(),
        "0": lambda: 0,
        "-0.0": lambda: -0.0,
    }
    moment = moments[what]
    start_timer(moment()).result()
    sleep(moment())
    with timeout(moment()):
        assert start_timer(0)
    return "fired"


MOMENTS = ["now", "a second ago", "a microsecond ago", "nine years ago", "without a zone"]
MOMENTS += ["in India", "no time", "a deadline that is over", "0", "-0.0"]


@pytest.mark.parametrize("what", MOMENTS)
def test_a_timer_for_a_moment_that_has_come_fires_at_once(what: str, stage: Stage) -> None:
    handle = stage.start(fires, what)
    assert handle.result(timeout=20) == fires(what) == "fired"
    assert {event.start_to_fire for event in stage.find(handle, TimerStarted)} == {0.0}


@workflow
def waits(what: str) -> str:
    """Wait, with a time limit that is over, for what does not come."""
    over, never = now() - timedelta(seconds=1), signals("never")
    attempts: dict[str, Callable[[], Any]] = {
        "result": lambda: never.submit().result(timeout=over),
        "exception": lambda: never.submit().exception(timeout=over - now()),
        "signal": lambda: wait_signal("never", timeout=over),
        "as_completed": lambda: list(as_completed([never.submit()], timeout=over)),
        "wait_until": lambda: wait_until(lambda: False, timeout=over),
        "map": lambda: quick.map([never.submit(), 1]).result(timeout=over - now()),
        "block": lambda: blocked(over),
        "wait": lambda: wait([never.submit()], timeout=over).done or timed(),
    }
    return timed_out(attempts[what])


def blocked(over: datetime) -> None:
    with timeout(over):
        sleep(60)


def timed() -> str:
    raise WaitTimeoutError("wait() does not raise")


WAITS = ["result", "exception", "signal", "as_completed", "wait_until", "map", "block", "wait"]


@pytest.mark.parametrize("what", WAITS)
def test_a_wait_whose_time_is_over_times_out_at_once(what: str, stage: Stage) -> None:
    assert stage.run(waits, what) == waits(what) == "timed out"


@workflow
def refused(what: str) -> str:
    """Give a time that cannot be meant."""
    old = datetime(2001, 1, 1, tzinfo=UTC)
    times: dict[str, Any] = {
        "2001": old,
        "the first day": datetime.min.replace(tzinfo=UTC),
        "epoch": datetime.fromtimestamp(0, UTC),
        "eleven years": timedelta(days=-11 * 366),
        "negative": -0.001,
        "nan": float("nan"),
        "infinite": float("inf"),
        "minus infinite": float("-inf"),
        "two centuries": timedelta(days=200 * 365),
        "the last day": datetime.max.replace(tzinfo=UTC),
        "text": "1",
        "truth": True,
    }
    for attempt in (start_timer, sleep, timeout, signals("s").submit().result):
        with suppress(InvalidOptionError):
            attempt(times[what])
            return f"{attempt} took it"
    return "refused"


REFUSED = ["2001", "the first day", "epoch", "eleven years", "negative", "nan", "infinite"]
REFUSED += ["minus infinite", "two centuries", "the last day", "text", "truth"]


@pytest.mark.parametrize("what", REFUSED)
def test_a_time_that_cannot_be_meant_is_refused(what: str, stage: Stage) -> None:
    handle = stage.start(refused, what)
    assert handle.result(timeout=20) == refused(what) == "refused"
    assert stage.find(handle, TimerStarted) == []


@workflow
async def async_moments() -> list[str]:
    """Let asyncio's own time limits be over."""
    loop, found = asyncio.get_running_loop(), []
    for seconds in (0, -1, -1e9):
        await asyncio.sleep(seconds)
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await asyncio.Event().wait()
            found.append("not over")
        with suppress(TimeoutError):
            async with asyncio.timeout_at(loop.time() + seconds):
                await asyncio.Event().wait()
            found.append("not over")
        with suppress(TimeoutError):
            await asyncio.wait_for(asyncio.Event().wait(), seconds)
            found.append("not over")
        done, left = await asyncio.wait([asyncio.ensure_future(asyncio.sleep(9))], timeout=seconds)
        found.append(f"{len(done)} {len(left)}")
    await start_timer(now())
    return found


def test_asyncio_ends_such_waits_at_once(stage: Stage) -> None:
    assert stage.run(async_moments) == asyncio.run(async_moments()) == ["0 1"] * 3


@workflow
async def async_refused(seconds: str) -> str:
    try:
        await asyncio.sleep(float(seconds))
    except InvalidOptionError as error:
        return error.code
    except ValueError as error:  # Python 3.13 refuses it by itself
        return "INVALID_OPTION" if sys.version_info >= (3, 13) and "NaN" in str(error) else "?"
    return "slept"


@pytest.mark.parametrize("seconds", ["inf", "nan", "1e15"])
def test_asyncio_sleep_refuses_a_time_that_no_timer_can_be_set_for(
    seconds: str, stage: Stage
) -> None:
    assert stage.run(async_refused, seconds) == "INVALID_OPTION"
