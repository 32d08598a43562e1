"""Validate options: times, names, ids, tags, priorities, policies."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any
from unicodedata import category

from partita.errors import InvalidOptionError
from partita.history import ChildPolicy
from partita.ports.texts import check_name

Seconds = float | timedelta

Deadline = float | timedelta | datetime
"""Seconds, a timedelta, or a moment. A moment or a timedelta that is past ends a wait at once."""

Route = Callable[..., str]
"""Returns the task list for a call's arguments."""

MAX_SECONDS = 100 * 365 * 86400.0
"""The longest time that a timer may run: a hundred years."""

MAX_PAST_SECONDS = 10 * 365.25 * 86400.0
"""How long a moment may be past; one that is older is a mistake, such as a missing date."""

_INVALID_IN_IDS = {"Cc": "control characters", "Cs": "halves of characters"}
"""Unicode categories that Amazon SWF refuses, or that no backend can store."""


def seconds(option: str, value: Seconds | None) -> float | None:
    """Return a time option in seconds.

    Raises:
        InvalidOptionError: it is not a positive number of at most a hundred years.
    """
    if value is None:
        return None
    number = value.total_seconds() if isinstance(value, timedelta) else value
    if isinstance(number, bool) or not isinstance(number, (int, float)):
        raise InvalidOptionError(f"{option}={value!r}; give seconds or a timedelta")
    if not (math.isfinite(number) and number > 0):
        raise InvalidOptionError(f"{option}={value!r}; give a positive number of seconds")
    if number > MAX_SECONDS:
        raise InvalidOptionError(
            f"{option}={value!r}; give at most 100 years, or None for no limit"
        )
    return float(number)


def duration(what: str, value: Deadline, now: Callable[[], datetime]) -> float:
    """Return the seconds from now on that a time or a moment stands for.

    It is 0 for a moment that is past, and for a negative timedelta, which is what a subtraction
    of moments gives.

    Raises:
        InvalidOptionError: it is a negative number, more than ten years past, too long, or not
            a time.
    """
    if isinstance(value, datetime):
        moment = value if value.tzinfo is not None else value.replace(tzinfo=UTC)
        seconds = _left(what, value.isoformat(), (moment - now()).total_seconds())
    elif isinstance(value, timedelta):
        seconds = _left(what, str(value), value.total_seconds())
    elif isinstance(value, bool) or not isinstance(value, (int, float)):
        raise InvalidOptionError(f"{what}: {value!r} is not a time; give seconds or a timedelta")
    else:
        seconds = float(value)
    if not math.isfinite(seconds) or not 0 <= seconds <= MAX_SECONDS:
        raise InvalidOptionError(f"{what}({value!r}): give a time from 0 s to 100 years")
    return seconds


def _left(what: str, shown: str, seconds: float) -> float:
    if seconds < -MAX_PAST_SECONDS:
        raise InvalidOptionError(
            f"{what}: {shown} is more than ten years past; give a time to come"
        )
    return max(0.0, seconds)


def tag_list(tags: Iterable[str]) -> tuple[str, ...]:
    """Return tags as histories record them.

    Raises:
        InvalidOptionError: they are not a list of strings.
    """
    is_list = isinstance(tags, Iterable) and not isinstance(tags, str)
    found = tuple(tags) if is_list else ()
    if not is_list or not all(isinstance(tag, str) for tag in found):
        raise InvalidOptionError(f"tags={tags!r}; give a list of strings, such as ['urgent']")
    return found


def checked_text(option: str, value: str | None) -> str | None:
    """Return a name, or None.

    Raises:
        InvalidOptionError: it is not a string, or empty.
    """
    if value is not None and not (isinstance(value, str) and value):
        raise InvalidOptionError(f"{option}={value!r}; give a name")
    return value


def policy_of(value: ChildPolicy | str) -> ChildPolicy:
    """Return a child policy.

    Raises:
        InvalidOptionError: there is none of that name.
    """
    try:
        return ChildPolicy(value.upper())
    except (ValueError, AttributeError):
        names = ", ".join(policy.value for policy in ChildPolicy)
        raise InvalidOptionError(f"child_policy={value!r}; give one of {names}") from None


def checked_priority(value: int | None) -> int | None:
    """Return a `task_priority`.

    Raises:
        InvalidOptionError: it is not an integer of 32 bits, as Amazon SWF requires.
    """
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    if value is not None and not (is_whole and -(2**31) <= value < 2**31):
        raise InvalidOptionError(
            f"task_priority={value!r}; give a whole number from -2147483648 to 2147483647"
        )
    return value


def routing(task_list: str | Route | None) -> dict[str, Any]:
    """Return the settings of an activity's `task_list` option.

    Raises:
        InvalidOptionError: it is neither a name nor a function.
    """
    if task_list is None:
        return {}
    if callable(task_list):
        return {"task_list": None, "route": task_list}
    return {"task_list": checked_text("task_list", task_list), "route": None}


def checked_id(workflow_id: str | None) -> str | None:
    """Return a workflow id, or None.

    Raises:
        InvalidOptionError: it is not a string, or has control characters: Amazon SWF refuses
            these, and they would steer the terminal of whoever lists the execution.
    """
    return needed_id(workflow_id) if workflow_id else None


def needed_id(workflow_id: str) -> str:
    """Return a workflow id.

    Raises:
        InvalidOptionError: as in `checked_id`, or it is empty.
    """
    if not isinstance(workflow_id, str):
        raise InvalidOptionError(f"workflow_id={workflow_id!r}; give text")
    if not workflow_id:
        raise InvalidOptionError("workflow_id=''; give the id of an execution")
    for character in workflow_id:
        if (what := _INVALID_IN_IDS.get(category(character))) is not None:
            raise InvalidOptionError(f"workflow_id={workflow_id!r} has {what}; leave them out")
    check_name("workflow_id", workflow_id)
    return workflow_id
