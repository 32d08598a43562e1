"""Read spans of time and moments as people write them."""

from __future__ import annotations

from datetime import datetime, timedelta

from partita.errors import InvalidOptionError

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}


def read_span(text: str) -> timedelta:
    """Return the span of time that `90s`, `15m`, `12h`, `30d` or `2w` means.

    Raises:
        InvalidOptionError: it means none.
    """
    number, unit = text[:-1], text[-1:]
    try:
        if unit not in UNITS or not number.isascii() or not number.replace(".", "", 1).isdecimal():
            raise ValueError
        return timedelta(seconds=float(number) * UNITS[unit])
    except (ValueError, OverflowError):
        raise InvalidOptionError(
            f"{text!r} is no span of time; write a number and a unit, such as 30d, 12h, 15m or 90s"
        ) from None


def moment_of(text: str, now: float) -> float:
    """Return the moment that a date, or a span of time before `now`, means.

    Raises:
        ValueError: it means none, or one that no clock shows.
    """
    try:
        if text[-1:] in UNITS:
            return max(0.0, now - read_span(text).total_seconds())
        return max(0.0, datetime.fromisoformat(text).timestamp())
    except (InvalidOptionError, OverflowError, OSError) as error:
        raise ValueError(f"{text!r} is no moment") from error
