"""Replace Choices whose ways all lead to one state by conditional outputs and assignments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from partita.stepfunctions.emitter.shared_ends import named
from partita.stepfunctions.emitter.states import expression
from partita.stepfunctions.emitter.substitution import inner, object_text
from partita.stepfunctions.emitter.ways import State, ways_to


def select(scope: State) -> bool:
    """Skip Choices that lead to one state alone; return whether any could be skipped."""
    states, changed = scope["States"], False
    for name, choice in list(states.items()):
        if choice["Type"] != "Choice" or name == scope["StartAt"]:
            continue
        found = _selected(choice)
        if found is not None and found[0] != name:
            for way in ways_to(name, states):
                changed |= _skip(way.holder, way.field, *found)
    return changed


def _selected(choice: State) -> tuple[str, State] | None:
    """Return the one target of a Choice, and its fields on the way there; None: it has more."""
    ends = [*choice["Choices"], choice]
    target = choice.get("Default")
    if target is None or any(one.get("Next", target) != target for one in choice["Choices"]):
        return None
    if any(_kinds(one) != _kinds(ends[0]) for one in ends):
        return None
    fields: State = {}
    if "Output" in choice:
        fields["Output"] = _chosen(choice, [one["Output"] for one in ends])
    if "Assign" in choice:
        fields["Assign"] = {
            name: _chosen(choice, [one["Assign"][name] for one in ends])
            for name in choice["Assign"]
        }
    values = [fields.get("Output", ""), *fields.get("Assign", {}).values()]
    is_local = any("$states." in str(one) or "$error(" in str(one) for one in values)
    return None if None in values or is_local else (target, fields)


def _kinds(end: State) -> tuple[bool, frozenset[str]]:
    return "Output" in end, frozenset(end.get("Assign", {}))


def _chosen(choice: State, values: list[Any]) -> str | None:
    """Return the value of the first rule whose condition holds, or the last one."""
    texts = [object_text(one) for one in values]
    if any(one is None for one in texts):
        return None
    text = str(texts[-1])
    for rule, one in reversed(list(zip(choice["Choices"], texts[:-1], strict=True))):
        text = f"({inner(rule['Condition'])}) ? {one} : {text}"
    return expression(text)


def _skip(holder: State, field: str, target: str, fields: Mapping[str, Any]) -> bool:
    """Lead a way to where a Choice leads; return whether that is possible."""
    before = holder.get("Assign", {})
    made: State = {}
    if "Output" in fields:
        made["Output"] = named(fields["Output"], before)
    assigned = {name: named(one, before) for name, one in fields.get("Assign", {}).items()}
    if None in made.values() or None in assigned.values():
        return False
    if {**before, **assigned}:
        made["Assign"] = {**before, **assigned}
    holder.update(made)
    holder[field] = target
    return True
