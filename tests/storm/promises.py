"""Remember what the product has promised: what was acknowledged, and what must come of it.

Knows no engine and asks nobody; what is kept here is judged at the end, elsewhere.
"""

from __future__ import annotations

import itertools
import threading
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from partita.history.document import ExportedHistory


@dataclass(frozen=True)
class Answers:
    """It ends with this result."""

    value: Any


@dataclass(frozen=True)
class Relays:
    """It signals a box with a value, and returns that; the box may have gone."""

    box: str
    value: str


@dataclass(frozen=True)
class IsCanceled:
    """It ends as cancelled, after its clean-up."""


@dataclass(frozen=True)
class IsTerminated:
    """It ends as terminated."""


@dataclass(frozen=True)
class Fails:
    """It ends well, or fails as its code that is not mended does."""


@dataclass(frozen=True)
class Passes:
    """It leaves its mark; it may have been pruned since."""


@dataclass(frozen=True)
class Open:
    """It was begun, and is soon promised something else."""


Promise = Answers | Relays | IsCanceled | IsTerminated | Fails | Passes | Open


class Promises:
    """All that was promised. Each key belongs to the thread that has made it."""

    def __init__(self) -> None:
        self.executions: dict[str, Promise] = {}  # by workflow id
        self.boxes: list[str] = []  # workflow ids of those that collect values
        self.sent: dict[str, list[str]] = defaultdict(list)  # values acknowledged, by box
        self.in_doubt: dict[str, list[str]] = defaultdict(list)  # values that may have come in
        self.refused: dict[str, list[str]] = defaultdict(list)  # values that must not have
        self.imported: dict[tuple[str, str], ExportedHistory] = {}  # by workflow id and run id
        self.broken: list[str] = []  # promises that were seen to be broken
        self._numbers = itertools.count()
        self._lock = threading.Lock()

    def name(self, kind: str) -> str:
        """Return a name that nobody has had."""
        with self._lock:
            return f"{kind}-{next(self._numbers)}"

    def of_kind(self, kind: str) -> list[str]:
        """Return the workflow ids of one kind that something was promised of."""
        return [id for id in list(self.executions) if id.startswith(f"{kind}-")]
