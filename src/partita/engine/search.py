"""Find the decision that breaks the transaction that it is made in.

Some answers no database can keep (half a character in a name), and a rule of ours may have a
fault. What breaks a transaction undoes all that is in it, and would do so again and again. So
after such a failure decisions are made one by one, and not together with requests, until the one
that cannot be kept is found; that one fails, as if its code had raised an error.
"""

from __future__ import annotations

import logging

from partita.errors import DecisionRefusedError, PartitaError, StoreError, UsageError

log = logging.getLogger("partita.engine")


class Search:
    """What is known of who breaks transactions. Belongs to the engine's thread."""

    def __init__(self) -> None:
        self.is_on = False
        self._made: list[str] = []  # tokens of the decisions in this transaction
        self._found: dict[str, PartitaError] = {}  # token -> why its answer cannot be kept

    @property
    def has_made_any(self) -> bool:
        """Whether a decision was made in this transaction."""
        return bool(self._made)

    def begin(self) -> None:
        """Hear that a transaction begins."""
        self._made = []

    def note(self, token: str) -> PartitaError | None:
        """Hear that a decision is made; return why it must fail, if it is the one."""
        self._made.append(token)
        return self._found.get(token)

    def failed(self, error: BaseException) -> bool:
        """Hear what broke the transaction; return whether to do it again, and find out more."""
        made, self._made = self._made, []
        is_known = all(token in self._found for token in made)  # while it is off, there are many
        if not made or is_known or isinstance(error, StoreError):
            return False
        if self.is_on:
            if not isinstance(error, UnicodeError | UsageError):  # a fault of ours, then
                log.error("a decision broke the engine", exc_info=error)
            why = f"what it decides cannot be kept: {type(error).__name__}: {error}"
            self._found[made[-1]] = DecisionRefusedError(why)
        self.is_on = True
        return True

    def committed(self, *, is_last: bool) -> None:
        """Hear that the transaction stands; `is_last` if no decision is left to be made."""
        found = [self._found.pop(token) for token in self._made if token in self._found]
        self._made = []
        if found or is_last:
            self.is_on = False
