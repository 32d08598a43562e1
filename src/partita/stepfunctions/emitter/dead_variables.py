"""Drop what is assigned to variables that nothing reads."""

from __future__ import annotations

import json
import re
from typing import Any

from partita.stepfunctions.emitter.ways import State, scopes

_NAME = re.compile(r"\$([A-Za-z]\w*)")


def variables_in(part: Any, without: State | None = None) -> set[str]:
    """Return the names that expressions within a part of a machine read, but for one state's."""
    if part is without and without is not None:
        return set()
    if isinstance(part, dict):
        return {name for one in part.values() for name in variables_in(one, without)}
    if isinstance(part, list):
        return {name for one in part for name in variables_in(one, without)}
    is_expression = isinstance(part, str) and part.startswith("{%")
    return set(_NAME.findall(part)) if is_expression else set()


def own_reads(state: State) -> set[str]:
    """Return the names that a state reads itself, without the states within it."""
    own = {name: one for name, one in state.items() if name not in ("Branches", "ItemProcessor")}
    return variables_in(own)


def drop_dead_variables(machine: State) -> bool:
    """Drop assignments that nothing reads, unless they may fail; return whether there were any."""
    read = variables_in(machine)
    changed = False
    for scope in scopes(machine):
        for state in scope["States"].values():
            for one in (state, *state.get("Choices", ()), *state.get("Catch", ())):
                changed |= _drop(one, read)
    return changed


def _drop(holder: State, read: set[str]) -> bool:
    assigned: dict[str, Any] = holder.get("Assign", {})
    kept = {
        name: value
        for name, value in assigned.items()
        if name in read or "$error(" in json.dumps(value)
    }
    if len(kept) == len(assigned):
        return False
    holder["Assign"] = kept
    if not kept:
        del holder["Assign"]
    return True
