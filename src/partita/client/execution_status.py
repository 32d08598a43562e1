"""How an execution stands, as one value. Knows no service."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from partita.errors import ExecutionClosedError
from partita.ports.service import ExecutionDetail, ExecutionInfo
from partita.ports.state import Status
from partita.views.notebooks import execution_table


class ExecutionStatus(Struct, frozen=True, kw_only=True):
    """How an execution stands, and how it has ended, whatever its workflow type is."""

    detail: ExecutionDetail  # with what is open in it
    result: Any = None  # of one that has completed
    reason: str | None = None  # in one line: why it did not complete
    error: ExecutionClosedError | None = None  # what `Client.result` raises for it
    next_run_id: str | None = None  # of one that continued as new

    def _repr_html_(self) -> str:
        """Return it as a table, for a notebook."""
        opened = [
            f"{len(self.detail.activities)} activities" if self.detail.activities else "",
            f"{len(self.detail.timers)} timers" if self.detail.timers else "",
            f"{self.detail.open_children} children" if self.detail.open_children else "",
        ]
        return execution_table(
            self.info,
            ("open", ", ".join(filter(None, opened)) or None),
            ("result", repr(self.result) if self.status is Status.COMPLETED else None),
            ("reason", self.reason),
        )

    @property
    def info(self) -> ExecutionInfo:
        """Its ids, its type, its times, its tags."""
        return self.detail.info

    @property
    def status(self) -> Status:
        """Whether it is open, or how it has ended."""
        return self.info.status

    @property
    def is_open(self) -> bool:
        """Whether it has not ended."""
        return self.status is Status.OPEN
