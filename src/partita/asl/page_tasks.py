"""What passes between the workflow of a machine and those of its pages. Plain data."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from partita.asl.child_executions import Tally
from partita.asl.frame import Identity
from partita.asl.item_readers.data_sets import DataSet
from partita.asl.item_readers.pages import Position
from partita.asl.result_writers import Part, Writer


class PageBounds(Struct, frozen=True):
    """What a page keeps to; another one may follow as a signal."""

    concurrency: int = 1
    tolerated: float | None = None  # items that may fail; None: any number


class PageTask(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the workflow of a page is given."""

    location: str  # of the Map state in the definition
    identity: Identity
    started_at: str  # the execution, as AWS writes times
    execution_input: Any
    input: Any  # of the state
    entered_at: str
    entered_id: int
    retries: int | None
    variables: dict[str, Any]
    map_run_arn: str
    data_set: DataSet
    writer: Writer | None
    position: Position | None = None
    number: int = 0  # of the page
    bounds: PageBounds = PageBounds()
    redriven: list[str] = []  # ids of the workflows that ran the page before, the last one first


class PageResult(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How a page has ended."""

    next: Position | None = None
    executions: Tally = Tally()
    items: Tally = Tally()
    outputs: Any = None  # unless they are written
    part: Part | None = None
    error: str | None = None  # of the run, if too many have failed
    cause: str | None = None

    @property
    def is_done(self) -> bool:
        """Whether a redrive need not run it again."""
        return self.error is None and self.items.succeeded == self.items.total


def position_signal(map_run_arn: str, number: int) -> str:
    """Return the name of the signal that tells where the page after this one begins."""
    return f"page {number} of {map_run_arn}"


def page_signal(map_run_arn: str) -> str:
    """Return the name of the signals that change what a page keeps to."""
    return f"page of {map_run_arn}"
