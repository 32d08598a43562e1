"""Keep which classes of exceptions a program makes, and the types of their attributes.

Lowers nothing: `exceptions` does.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from partita.compile.types import Type, join


@dataclass
class ErrorClasses:
    """The classes of exceptions that one compilation has met."""

    by_name: dict[str, type] = field(default_factory=dict)
    _attributes: dict[tuple[Any, str], Type] = field(default_factory=dict)

    def note_attribute(self, kind: Any, name: str, type: Type) -> None:
        """Note a type that an attribute of a class of exceptions may have."""
        known = self._attributes.get((kind, name))
        self._attributes[kind, name] = type if known is None else join(known, type)

    def attribute_type(self, kind: Any, name: str) -> Type | None:
        """Return the type that an attribute of a class, or of one derived from it, has."""
        found = [
            type
            for (one, other), type in self._attributes.items()
            if other == name and issubclass(one, kind or Exception)
        ]
        result = found[0] if found else None
        for one in found[1:]:
            result = join(result, one) if result is not None else one
        return result
