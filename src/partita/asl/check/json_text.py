"""Read the JSON text of a definition; tell what is wrong in it as AWS's reader does."""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec

from partita.asl.check.diagnostics import Report
from partita.codec.nesting import check_depth
from partita.errors import PayloadTooDeepError

TOO_DEEP = "The definition is nested too deeply"

_SHOWN = 500  # characters of the text in a message
_TOKEN = re.compile(r"[^\s,:{}\[\]\"]+")
_LITERALS = "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')"
_EXPECTED = {
    "Expecting property name enclosed in double quotes": "double-quote to start field name",
    "Illegal trailing comma before end of object": "double-quote to start field name",
    "Expecting ':' delimiter": "a colon to separate field name and value",
    "Expecting ',' delimiter": "comma to separate entries",
}


def read(report: Report, text: str) -> Any:
    """Return the value of a text; report it and return None if it is not JSON."""
    if not text.strip():
        return None
    try:
        check_depth(text)
        value = json.loads(text, parse_constant=_refuse, object_pairs_hook=_with_repeated(report))
        problem = unreadable(text)
        if problem is None:
            return value
        report.error("INVALID_JSON_DESCRIPTION", problem, None)
    except json.JSONDecodeError as error:
        _report(report, text, error.msg, error.pos)
    except (PayloadTooDeepError, RecursionError):
        report.error("TOO_DEEPLY_NESTED", TOO_DEEP, None)
    except ValueError as error:
        _report(report, text, "Expecting value", max(0, text.find(str(error))))
    return None


def unreadable(text: str) -> str | None:
    """Return why JSON text that Python reads cannot be kept; None if it can."""
    try:
        check_depth(text)
        msgspec.json.decode(text)
    except PayloadTooDeepError:
        return "The JSON text is nested too deeply"
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
        return "The JSON text has a number that is out of range, or half of a surrogate pair"
    return None


def _refuse(text: str) -> Any:
    raise ValueError(text)


def _with_repeated(report: Report) -> Any:
    """Return a hook that reports names of states that an object has twice."""

    def build(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        members = dict(pairs)
        if len(members) < len(pairs):
            seen: set[str] = set()
            for name, member in pairs:
                if name in seen and isinstance(member, dict) and "Type" in member:
                    message = f"Duplicate State name: {name}"
                    report.error("DUPLICATE_STATE_NAME", message, f"/States/{name}")
                seen.add(name)
        return members

    return build


def _report(report: Report, text: str, problem: str, position: int) -> None:
    message, position = _message(text, problem, position)
    place = f'[Source: (String)"{_shown(text)}"; {_line_and_column(text, position)}]'
    report.error("INVALID_JSON_DESCRIPTION", f"{message}\n at {place}", place)


def _message(text: str, problem: str, position: int) -> tuple[str, int]:
    """Return the message for a problem, and the position that AWS's reader is at."""
    rest = text[position:]
    if not rest.strip():
        return "Unexpected end-of-input", len(text)
    token = _TOKEN.match(rest)
    if problem in ("Expecting value", "Extra data") and token:
        end = position + token.end()
        return f"Unrecognized token '{token.group()}': was expecting {_LITERALS}", end
    expected = _EXPECTED.get(problem, "a valid value")
    code = f"('{text[position]}' (code {ord(text[position])}))"
    return f"Unexpected character {code}: was expecting {expected}", position + 1


def _shown(text: str) -> str:
    if len(text) <= _SHOWN:
        return text
    return f'{text[:_SHOWN]}"[truncated {len(text) - _SHOWN} chars]'


def _line_and_column(text: str, position: int) -> str:
    line = text.count("\n", 0, position) + 1
    column = position - (text.rfind("\n", 0, position) + 1) + 1
    return f"line: {line}, column: {column}"
