"""Describe what is wrong with a text that is not JSON, in the words of the parser that AWS uses.

Source: messages recorded from AWS; FasterXML's Jackson.
"""

from __future__ import annotations

import json
import re
from typing import Any

from partita.asl.check.json_text import unreadable

_WORD = re.compile(r"[A-Za-z_$][\w$]*")
_EXPECTED = "was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false')"


def json_problem(text: str) -> str | None:
    """Return what is wrong with a text; None if it is JSON."""
    try:
        json.loads(text, parse_constant=_refuse)
        return unreadable(text)
    except json.JSONDecodeError as error:
        return _described(error)
    except _UnknownConstantError as error:
        return f"Unrecognized token '{error}': {_EXPECTED}"
    except RecursionError:
        return "The JSON text is nested too deeply"
    except ValueError:  # Python's limit of digits
        return "The JSON text has a number of too many digits"


def parsed(text: str) -> Any:
    """Return the value of JSON text. Raises ValueError."""
    if unreadable(text) is not None:
        raise ValueError(text)
    return json.loads(text, parse_constant=_refuse)


class _UnknownConstantError(ValueError):
    """A word is none of JSON's: `NaN`, `Infinity`."""


def _refuse(name: str) -> None:
    raise _UnknownConstantError(name)


def _described(error: json.JSONDecodeError) -> str:
    text, position = error.doc, error.pos
    if position >= len(text):
        return "Unexpected end-of-input"
    found = text[position]
    word = _WORD.match(text, position)
    if "property name" in error.msg:
        return f"{_unexpected(found)}: was expecting double-quote to start field name"
    if "':' delimiter" in error.msg:
        return f"{_unexpected(found)}: was expecting a colon to separate field name and value"
    if "',' delimiter" in error.msg:
        return f"{_unexpected(found)}: was expecting comma to separate entries"
    if word is not None:
        return f"Unrecognized token '{word[0]}': {_EXPECTED}"
    return f"{_unexpected(found)}: expected a valid value"


def _unexpected(found: str) -> str:
    return f"Unexpected character ('{found}' (code {ord(found)}))"
