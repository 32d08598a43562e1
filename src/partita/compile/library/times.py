"""Lower `sleep` and `now`, also those of asyncio."""

from __future__ import annotations

from typing import Any

from partita.compile.context import Context
from partita.compile.texts.representations import text_form
from partita.compile.tree import Sleep, Value
from partita.compile.types import MOMENT, NONE
from partita.compile.values.moments import EXACT, is_time, millis
from partita.errors import InvalidOptionError

_LONGEST_SECONDS = 36500 * 86400


def lower_sleep(node: Any, context: Context) -> Value:
    """Lower `sleep(...)`."""
    argument = node.args[0] if node.args else None
    names = [one.arg for one in node.keywords]
    if argument is None and names == ["duration"]:
        argument, names = node.keywords[0].value, []
    if argument is None or len(node.args) != 1 or names:
        raise context.refuse(node, "sleep", "it takes a time", "give one argument")
    seconds = context.read(argument)
    if is_time(seconds):
        context.block.append(Sleep(node.lineno, _end(node, seconds, context)))
        return Value("null", NONE)
    if not seconds.type.is_number:
        raise context.refuse(
            node,
            "sleep",
            "its argument is no time",
            "give seconds as int or float, a timedelta or a datetime",
        )
    seconds = context.simple(node, seconds)
    if not seconds.is_constant or not 0 <= seconds.constant <= _LONGEST_SECONDS:
        shown = text_form(node, seconds, context) or context.text("...")
        told = f'"sleep(" & {shown.atom} & "): give a time from 0 s to 100 years"'
        test = f"{seconds.atom} >= 0 and {seconds.atom} <= {_LONGEST_SECONDS}"
        message = Value(told, shown.type, False)
        context.check(node, test, InvalidOptionError, message, seconds)
    context.block.append(Sleep(node.lineno, seconds))
    return Value("null", NONE)


def lower_async_sleep(node: Any, context: Context) -> Value:
    """Lower `asyncio.sleep(seconds)`, for which a negative time is none."""
    seconds = context.read(node.args[0]) if len(node.args) == 1 and not node.keywords else None
    if seconds is None or not seconds.type.is_number:
        raise context.refuse(node, "asyncio.sleep", "it takes seconds", "give one int or float")
    if not seconds.is_constant or seconds.constant < 0:
        seconds = context.simple(node, seconds)
        seconds = Value(f"({seconds.atom} > 0 ? {seconds.atom} : 0)", seconds.type)
    context.block.append(Sleep(node.lineno, seconds))
    return Value("null", NONE)


def _end(node: Any, time: Value, context: Context) -> Value:
    """Return the milliseconds since 1970 of the end of a wait."""
    end = millis(node, time, context)
    if time.type.kind == "timedelta":
        return Value(f"$toMillis($states.context.State.EnteredTime) + {end.atom}", MOMENT)
    return Value(end.text, MOMENT, is_guarded=end.is_guarded)


def lower_now(node: Any, context: Context) -> Value:
    """Lower `now()`."""
    return context.let(node, "now", Value("$now()", EXACT))
