"""Define which values a part of an execution may have, and test that; the same for every service.

A pattern is the texts between its wildcards: `("order-", "")` is all that begins with `order-`,
`("eu",)` is `eu` alone. Attributes are compared by their JSON.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from msgspec import Struct

Pattern = tuple[str, ...]

ATTRIBUTE = "attr."
"""What the name of a search attribute follows in a field."""

ITEMS = ("activity", "timer", "child", "decision", "lambda")
"""What an execution may wait for, as kinds of open items."""


FIELDS = frozenset({"id", "run", "type", "tag", "status", "waiting", ATTRIBUTE})
"""The fields by which stores filter that filter by matches at all."""


class Match(Struct, frozen=True, kw_only=True):
    """One of the values of a field must fit one of the patterns; with `negated`, none may."""

    field: str  # "id", "run", "type", "tag", "status", "waiting" or "attr.NAME"
    patterns: tuple[Pattern, ...]
    negated: bool = False

    @property
    def exact(self) -> str | None:
        """The only value that fits, if there is but one."""
        if self.negated or len(self.patterns) != 1 or len(self.patterns[0]) != 1:
            return None
        return self.patterns[0][0]

    @property
    def prefix(self) -> str | None:
        """What every value that fits begins with, if that is known."""
        if self.negated or len(self.patterns) != 1:
            return None
        return self.patterns[0][0] or None

    def fits(self, values: Collection[str]) -> bool:
        """Whether an execution with these values of the field passes."""
        found = any(_is_made_of(one, value) for one in self.patterns for value in values)
        return found is not self.negated


def _is_made_of(pattern: Pattern, value: str) -> bool:
    """Whether a value is these texts in their order, with any texts between them.

    Each text is looked for where it comes first, so that the time is that of reading the value.
    """
    if len(pattern) == 1:
        return value == pattern[0]
    first, *middle, last = pattern
    if not value.startswith(first) or not value.endswith(last):
        return False
    at, end = len(first), len(value) - len(last)
    for part in middle:
        found = value.find(part, at, max(at, end))
        if found < 0:
            return False
        at = found + len(part)
    return at <= end


def all_fit(matches: Iterable[Match], values: dict[str, Collection[str]]) -> bool:
    """Whether an execution with these values of each field passes all."""
    return all(one.fits(values.get(one.field, ())) for one in matches)
