"""Tell more of an activity's error than Lambda does: after its text, its bases and attributes.

Lambda passes on nothing of a Python exception but the name of its class and its text.
"""

from __future__ import annotations

import json
from typing import Any

SEPARATOR = "\n\nPartita: "
"""What an error's text ends before, where more of it follows as JSON."""


def text_of_cause(cause: str | None) -> str | None:
    """Return the text alone of an error that a function told; any other cause as it is."""
    if cause is None or not cause.startswith("{") or '"errorType"' not in cause:
        return cause
    try:
        text: str = json.loads(cause)["errorMessage"]
    except (ValueError, KeyError):
        return cause
    return text.rpartition(SEPARATOR)[0] if SEPARATOR in text else cause


def named_error(name: str, text: str) -> Exception:
    """Return an exception whose class has a name, which is all that Lambda passes on of it."""
    made: Any = type(name, (Exception,), {})
    error: Exception = made(text)
    return error
