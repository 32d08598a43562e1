"""Read the options that people give, and refuse those that nobody can mean."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any

from partita.authoring.retry import Retry
from partita.errors import InvalidOptionError
from partita.history import ChildPolicy, RetryPolicy

Seconds = float | timedelta
Route = Callable[..., str]
"""Tells the task list from a call's arguments."""


def tag_list(tags: Iterable[str]) -> tuple[str, ...]:
    """Return tags as a history keeps them.

    Raises:
        InvalidOptionError: they are not a list of texts.
    """
    found = () if isinstance(tags, str) else tuple(tags)
    if isinstance(tags, str) or not all(isinstance(tag, str) for tag in found):
        raise InvalidOptionError(f"tags={tags!r}; give a list of texts, such as ['urgent']")
    return found


def checked_text(option: str, value: str | None) -> str | None:
    """Return an option that is a name.

    Raises:
        InvalidOptionError: it is neither text nor None, or it is empty.
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
        InvalidOptionError: it is no whole number of 32 bits, which is what SWF takes.
    """
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    if value is not None and not (is_whole and -(2**31) <= value < 2**31):
        raise InvalidOptionError(
            f"task_priority={value!r}; give a whole number from -2147483648 to 2147483647"
        )
    return value


def routing(task_list: str | Route | None) -> dict[str, Any]:
    """Return the settings that a `task_list` option of an activity stands for.

    Raises:
        InvalidOptionError: it is neither a name nor a function.
    """
    if task_list is None:
        return {}
    if callable(task_list):
        return {"task_list": None, "route": task_list}
    return {"task_list": checked_text("task_list", task_list), "route": None}


def retry_policy_of(retry: Retry | int | None) -> RetryPolicy | None:
    """Return a retry option as histories keep it; a number is one of attempts."""
    if retry is None:
        return None
    return (Retry(max_attempts=retry) if isinstance(retry, int) else retry).policy()


def seconds(option: str, value: Seconds | None) -> float | None:
    """Return a time option in seconds.

    Raises:
        InvalidOptionError: it is not a positive, finite number.
    """
    if value is None:
        return None
    number = value.total_seconds() if isinstance(value, timedelta) else value
    if isinstance(number, bool) or not isinstance(number, (int, float)):
        raise InvalidOptionError(f"{option}={value!r}; give seconds or a timedelta")
    if not (math.isfinite(number) and number > 0):
        raise InvalidOptionError(f"{option}={value!r}; give a positive number of seconds")
    return float(number)
