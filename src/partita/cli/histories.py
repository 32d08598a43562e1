"""Find the history that a command looks at: a run's on a backend, or an exported one in a file."""

from __future__ import annotations

import sys
from pathlib import Path

from partita.cli.options import Backend
from partita.errors import PartitaError
from partita.history.document import FORMAT, ExportedHistory, read
from partita.views.failures import printable

_BEGINNING = 200
"""Characters in which a history's document says what it is."""


def is_history_file(target: str) -> bool:
    """Return whether a target is the file of an exported history."""
    path = Path(target)
    if not (target.endswith(".json") and path.is_file()):
        return False
    with path.open(encoding="utf-8", errors="replace") as file:
        return FORMAT in file.read(_BEGINNING)


def history_of(target: str, run_id: str, backend: Backend) -> ExportedHistory:
    """Return the history of a run, given its id or the file of its exported history.

    Raises:
        ExecutionNotFoundError: there is no such execution.
        InvalidInputError: the file holds something else.
    """
    if is_history_file(target):
        return read(Path(target))
    with backend.look() as client:
        return client.export_history(target, run_id=run_id)


def note(text: str | PartitaError) -> None:
    """Tell on stderr what a command does not do as it was asked, and goes on."""
    print(f"partita: {printable(str(text))}", file=sys.stderr)
