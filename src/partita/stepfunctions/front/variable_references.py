"""Find the variables that the states of a definition refer to."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from partita.asl.expressions import is_expression
from partita.asl.jsonata import JsonataError, compile_expression

_NAME = re.compile(r"(?<!\$)\$([A-Za-z_]\w*)")
_QUOTED = re.compile(r"'(?:[^'\\]|\\.)*'")
_PARTS = ("Branches", "ItemProcessor", "Iterator", "Processor")
"""Members with states of their own."""


def variable_references(definition: str) -> dict[str, list[str]]:
    """Return the names of variables by the states that refer to them."""
    found: dict[str, list[str]] = {}
    for name, state in states_in(json.loads(definition)):
        own = {key: value for key, value in state.items() if key not in _PARTS}
        names = sorted({one for text in _texts(own, "") for one in _names(*text)})
        if names:
            found[name] = names
    return found


def states_in(machine: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the states of a machine by name, those within others, too."""
    for name, state in machine.get("States", {}).items():
        yield name, state
        for part in (*state.get("Branches", ()), *(state.get(one) for one in _PARTS[1:])):
            if isinstance(part, dict):
                yield from states_in(part)


def _texts(value: Any, key: str) -> Iterator[tuple[str, str]]:
    """Yield the texts below a value, each with the member that holds it."""
    if isinstance(value, dict):
        for name, one in value.items():
            yield from _texts(one, name)
    elif isinstance(value, list):
        for one in value:
            yield from _texts(one, key)
    elif isinstance(value, str):
        yield key, value


def _names(key: str, text: str) -> set[str]:
    if is_expression(text):
        return _free_names(text[2:-2].strip())
    if key.endswith(("Path", ".$")) or key == "Variable":
        return set(_NAME.findall(_QUOTED.sub("''", text)))
    return set()


def _free_names(text: str) -> set[str]:
    try:
        return set(compile_expression(text).names) - {"states", "", "$"}
    except JsonataError:
        return set()
