"""Check the payload templates of JSONPath states: fields whose name ends in `.$`."""

from __future__ import annotations

import re
from typing import Any

from partita.asl.check.diagnostics import Report
from partita.asl.check.values import is_query

_DYNAMIC = re.compile(r"\$(\$?[.\[]|$)|States\.[A-Z]\w*\(")
_VARIABLE = re.compile(r"(?<![\w$])\$([^\W\d]\w*)")


def check_template(report: Report, value: Any, location: str) -> None:
    """Check the dynamic fields of a template, at any depth."""
    if isinstance(value, list):
        for number, item in enumerate(value):
            check_template(report, item, f"{location}[{number}]")
    if not isinstance(value, dict):
        return
    for name, member in value.items():
        if name.endswith(".$"):
            _check_dynamic(report, name, member, location)
        elif isinstance(member, str) and _DYNAMIC.match(member):
            report.warning(
                "NO_DOLLAR",
                f"The value of '{name}' looks like a JSONPath or intrinsic function. Use "
                f"'{name}.$' to evaluate it at runtime.",
                location,
            )
        check_template(report, member, f"{location}/{name}")


def _check_dynamic(report: Report, name: str, value: Any, location: str) -> None:
    if is_query(value):
        return
    report.schema(
        f"The value for the field '{name}' must be a valid JSONPath or a valid intrinsic "
        "function call",
        location,
    )


def looks_dynamic(value: Any) -> bool:
    """Return whether a text in a value looks like a path or an intrinsic function."""
    if isinstance(value, str):
        return bool(_DYNAMIC.match(value))
    members = value.values() if isinstance(value, dict) else value
    return isinstance(value, dict | list) and any(map(looks_dynamic, members))


def variables_of(value: Any, location: str) -> list[tuple[str, str]]:
    """Return the variables that the dynamic fields of a template read, with their locations."""
    if isinstance(value, list):
        return [
            found
            for number, item in enumerate(value)
            for found in variables_of(item, f"{location}[{number}]")
        ]
    if not isinstance(value, dict):
        return []
    found = []
    for name, member in value.items():
        place = f"{location}/{name}"
        if name.endswith(".$") and isinstance(member, str):
            found += variables_of_path(member, place)
        found += variables_of(member, place)
    return found


def variables_of_path(text: str, location: str) -> list[tuple[str, str]]:
    """Return the variables that a path or an intrinsic function reads, with its location."""
    return [(name, location) for name in _VARIABLE.findall(_without_strings(text))]


def _without_strings(text: str) -> str:
    return re.sub(r"'(?:[^'\\]|\\.)*'", "''", text)
