"""Read the names of actions: `/namespace/package/action`, of which parts may be missing."""

from __future__ import annotations

from typing import Any

from partita.errors import ComposerError

_DEFAULT = "/_/"


def qualified_name(name: Any) -> str:
    """Return a name with its namespace, `_` for the default one: `a/b` gives `/_/a/b`.

    Raises:
        ComposerError: it is no name of an action.
    """
    if not isinstance(name, str):
        raise ComposerError("Name must be a string", name)
    parts = name.strip().split("/")
    is_absolute = parts[0] == "" and len(parts) > 1
    given = parts[1:] if is_absolute else parts
    fewest, most = (2, 3) if is_absolute else (1, 3)
    if not fewest <= len(given) <= most or not all(part.strip() for part in given):
        raise ComposerError("Name is not valid", name)
    path = "/".join(given)
    return f"/{path}" if len(given) == 3 or is_absolute else f"{_DEFAULT}{path}"


def short_name(name: str) -> str:
    """Return a qualified name without the default namespace."""
    return name.removeprefix(_DEFAULT)
