"""Keep the validation errors of pydantic, which have no state in Python and no `__new__`."""

from __future__ import annotations

import sys
from typing import Any

_KEPT = ("type", "loc", "msg", "input", "ctx")


def is_validation_error(kind: type) -> bool:
    """Return whether a class is pydantic's ValidationError; imports nothing."""
    core = sys.modules.get("pydantic_core")
    return core is not None and kind is core.ValidationError


def findings_of(error: Any) -> dict[str, Any]:
    """Return what a validation error says: the name of the model, and each finding."""
    found = [{key: one[key] for key in _KEPT if key in one} for one in error.errors()]
    return {"title": error.title, "findings": found}


def validation_error(title: Any, findings: Any) -> Any:
    """Return a validation error that says the same.

    Raises:
        Exception: this version of pydantic does not know such a finding.
    """
    core: Any = sys.modules["pydantic_core"]
    details = [_detail(core, one) for one in findings]
    return core.ValidationError.from_exception_data(title, details)


def _detail(core: Any, finding: dict[str, Any]) -> dict[str, Any]:
    kind, context = finding["type"], finding.get("ctx")
    try:
        core.PydanticKnownError(kind, context)
    except (KeyError, TypeError):  # a type of the user's own
        kind = core.PydanticCustomError(kind, finding["msg"], context)
        context = None
    detail = {"type": kind, "loc": finding["loc"], "input": finding["input"]}
    return detail if context is None else {**detail, "ctx": context}
