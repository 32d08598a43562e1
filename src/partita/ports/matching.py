"""Say which values a part of an execution may have, and test that; the same for every service.

A pattern is the texts between its wildcards: `("order-", "")` is all that begins with `order-`,
`("eu",)` is `eu` alone. Attributes are compared by their JSON.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from functools import lru_cache

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
        found = any(_regex(one).fullmatch(value) for one in self.patterns for value in values)
        return found is not self.negated


@lru_cache(maxsize=256)
def _regex(pattern: Pattern) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, pattern)), re.DOTALL)


def all_fit(matches: Iterable[Match], values: dict[str, Collection[str]]) -> bool:
    """Whether an execution with these values of each field passes all."""
    return all(one.fits(values.get(one.field, ())) for one in matches)
