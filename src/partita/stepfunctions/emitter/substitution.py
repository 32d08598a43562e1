"""Put the values of variables in their place in expressions of a machine."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from partita.compile.jsonata import text_of
from partita.stepfunctions.emitter.states import expression

LONGEST = 1_000  # characters of an expression after that
_DEEPEST = 16  # parentheses in it
_CHANGING = re.compile(r"\$(?:random|uuid|now|millis|shuffle)\(")  # never evaluated twice
_TEXT = re.compile(r'"(?:[^"\\]|\\.)*"')
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|\$[A-Za-z]\w*')
_BINDING = re.compile(r"\$(\w+) :=|function\(([^()]*)\)")


def evaluated_after(
    assigned: Mapping[str, Any], before: Mapping[str, Any], longest: int = LONGEST
) -> dict[str, Any] | None:
    """Return what is assigned after other assignments, by the values before both.

    None: they are too long.
    """
    found = {name: substituted(value, before, longest) for name, value in assigned.items()}
    missing = any(value is None and assigned[name] is not None for name, value in found.items())
    return None if missing else found


def substituted(value: Any, before: Mapping[str, Any], longest: int = LONGEST) -> Any:
    """Return a field's value with the values of variables in their place.

    None: it is too long, or binds a variable of the same name itself.
    """
    if isinstance(value, dict):
        return evaluated_after(value, before, longest)
    if not isinstance(value, str) or not value.startswith("{%"):
        return value if not isinstance(value, list) else _list(value, before)
    if not _bound(value).isdisjoint(before):
        return None
    is_long = False

    def replaced(token: re.Match[str]) -> str:
        nonlocal is_long
        name = token[0][1:]
        if token[0].startswith('"') or name not in before:
            return token[0]
        text = operand(before[name])
        is_long = is_long or text is None
        return text or ""

    text = _TOKEN.sub(replaced, inner(value))
    if is_long or len(text) > longest or _depth(text) > _DEEPEST:
        return None
    return expression(text)


def _bound(value: str) -> set[str]:
    """Return the names that an expression binds itself, as blocks and functions do."""
    found = _BINDING.findall(_TEXT.sub('""', value))
    return {
        one.strip().removeprefix("$") for pair in found for part in pair for one in part.split(",")
    }


def with_names(text: str, names: Mapping[str, str]) -> str:
    """Return an expression's text with other names of variables."""

    def named(token: re.Match[str]) -> str:
        name = names.get(token[0][1:])
        return token[0] if token[0].startswith('"') or name is None else f"${name}"

    return _TOKEN.sub(named, text)


def inner(value: str) -> str:
    """Return the text of an expression without its marks."""
    return value[2:-2].strip()


def reads(value: Any) -> set[str]:
    """Return the names of variables, and of functions, in the expressions of a field."""
    if isinstance(value, dict):
        return {name for one in value.values() for name in reads(one)}
    if isinstance(value, list):
        return {name for one in value for name in reads(one)}
    if not isinstance(value, str) or not value.startswith("{%"):
        return set()
    return {token[1:] for token in _TOKEN.findall(value) if token.startswith("$")}


def _list(value: list[Any], before: Mapping[str, Any]) -> Any:
    """Return a list as it is; one with expressions is not merged."""
    return value if "{%" not in json.dumps(value) else None


def operand(value: Any) -> str | None:
    """Return a field's value as an operand of an expression; None: it cannot be one."""
    if isinstance(value, str):
        is_expression = value.startswith("{%")
        if is_expression and _CHANGING.search(value):
            return None
        return enclosed(inner(value)) if is_expression else text_of(value)
    if value is None or isinstance(value, bool | int | float):
        return f"({json.dumps(value)})"
    return None


def enclosed(text: str) -> str:
    """Return an expression in parentheses, if it is not in one pair of them already."""
    is_sure = text.startswith("(") and text.endswith(")") and "/" not in text  # no expression
    if not is_sure:
        return f"({text})"
    depth = 0
    plain = _TEXT.sub("", text)
    for number, one in enumerate(plain):
        depth += (one == "(") - (one == ")")
        if depth == 0 and number < len(plain) - 1:
            return f"({text})"
    return text


def object_text(value: Any) -> str | None:
    """Return a field's value as an expression, also that of an object; None: it cannot be one."""
    if not isinstance(value, dict):
        return operand(value)
    members = {name: object_text(one) for name, one in value.items()}
    if any(one is None for one in members.values()):
        return None
    return "{" + ", ".join(f"{text_of(name)}: {one}" for name, one in members.items()) + "}"


def _depth(text: str) -> int:
    deepest = depth = 0
    for one in text:
        depth += (one in "([{") - (one in ")]}")
        deepest = max(deepest, depth)
    return deepest
