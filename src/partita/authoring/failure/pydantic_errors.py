"""Keep the errors of pydantic's core, which have no state in Python and no `__new__` of Python's.

They are made by their constructors, which only assign.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

Read = Callable[[Any], Any]

_FINDING = ("type", "loc", "msg", "input", "ctx")

_CONSTRUCTED = {
    "PydanticCustomError": ("type", "message_template", "context"),
    "PydanticKnownError": ("type", "context"),
}
"""The arguments of the constructors of some errors, which are their attributes, too."""

_TEXTS = ("PydanticSerializationError", "PydanticSerializationUnexpectedValue")
"""Errors that have only a text."""

_KEPT = ("ValidationError", *_CONSTRUCTED, *_TEXTS)


def is_of_pydantic(kind: type) -> bool:
    """Return whether a class is one of these; imports nothing."""
    core = sys.modules.get("pydantic_core")
    return core is not None and any(kind is getattr(core, name, None) for name in _KEPT)


def pydantic_state(error: Any) -> dict[str, Any]:
    """Return what an error of pydantic's says, by names of its own."""
    name = type(error).__name__
    if name == "ValidationError":
        return _findings(error)
    if name in _TEXTS:
        return {"text": str(error)}
    return {field: getattr(error, field) for field in _CONSTRUCTED[name]}


def pydantic_error(kind: Any, fields: dict[str, Any], read: Read, text: str) -> Any:
    """Return an error that says the same, or only `text` if its findings were left out.

    Raises:
        Exception: this version of pydantic does not know such an error.
    """
    name = kind.__name__
    if name == "ValidationError":
        findings = read(fields.get("findings"))
        is_whole = isinstance(findings, list)
        details = [_detail(one) for one in findings] if is_whole else [_left_out(text)]
        hide = not is_whole or bool(fields.get("hides_input"))
        title = str(read(fields.get("title", "")))
        return kind.from_exception_data(title, details, hide_input=hide)
    names = ("text",) if name in _TEXTS else _CONSTRUCTED[name]
    return kind(*(read(fields[field]) for field in names))


def _findings(error: Any) -> dict[str, Any]:
    """Return the name of the model, each finding, and whether the text hides the input."""
    found = [{key: one[key] for key in _FINDING if key in one} for one in error.errors()]
    state = {"title": error.title, "findings": list(map(_with_plain_input, found))}
    return state if ", input_value=" in str(error) else {**state, "hides_input": True}


def _with_plain_input(finding: dict[str, Any]) -> dict[str, Any]:
    """Return a finding with the arguments of a validated call as a tuple and a dictionary."""
    call = finding.get("input")
    if not isinstance(call, sys.modules["pydantic_core"].ArgsKwargs):
        return finding
    return {**finding, "input": None, "call": (call.args, call.kwargs)}


def _detail(finding: dict[str, Any]) -> dict[str, Any]:
    core: Any = sys.modules["pydantic_core"]
    kind, context = finding["type"], finding.get("ctx")
    try:
        core.PydanticKnownError(kind, context)
    except (KeyError, TypeError):  # a type of the user's own
        kind = core.PydanticCustomError(kind, finding["msg"], context)
        context = None
    call = finding.get("call")
    given = finding["input"] if call is None else core.ArgsKwargs(*call)
    detail = {"type": kind, "loc": finding["loc"], "input": given}
    return detail if context is None else {**detail, "ctx": context}


def _left_out(text: str) -> dict[str, Any]:
    """Return a finding in place of those that were too long to be stored."""
    core: Any = sys.modules["pydantic_core"]
    kind = core.PydanticCustomError("left_out", "{text}", {"text": text})
    return {"type": kind, "loc": (), "input": None}
