"""Offer the methods of compositions that their users call: lower, visit, compile."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from partita.openwhisk.deriving import lowered
from partita.openwhisk.portable_json import checked_dialect, compiled
from partita.openwhisk.tree import Tree


class Composition(Tree):
    """A combinator applied to its arguments, as the functions of `composer` return it."""

    @property
    def own_name(self) -> str | None:
        """The name under which it is deployed if no other is given."""
        return self.name if self.type == "composition" else None

    def lower(self, combinators: Sequence[str] = ()) -> Composition:
        """Return the composition in primitive combinators, and in those that are named."""
        return lowered(self, combinators)

    def compile(self, dialect: str = "python") -> dict[str, Any]:
        """Return the portable JSON: `composition`, `ast`, `version`, and `actions` if any.

        Raises:
            ComposerError: `dialect` is neither "python" nor "js".
        """
        return compiled(self, checked_dialect(dialect))
