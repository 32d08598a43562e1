"""The events of an execution as a list that notebooks show as a table."""

from __future__ import annotations

from partita.history import AnyEvent
from partita.views.notebooks import history_table


class HistoryList(list[AnyEvent]):
    """A list of events, in order."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        """Return them as a table, for a notebook."""
        return history_table(self)
