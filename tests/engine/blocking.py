"""A workflow whose code blocks in the first process that decides for it."""

from __future__ import annotations

import threading
from pathlib import Path

from partita import activity, workflow
from partita.connect import connect
from partita.worker import Worker


@activity
def is_marked(folder: str) -> bool:
    return Path(folder, "mark").exists()


@activity
def mark(folder: str) -> None:
    Path(folder, "mark").touch()


@workflow
def blocks_once(folder: str) -> str:
    again = Path(folder, "blocked").exists()
    mark(folder)
    Path(folder, "blocked").touch()
    if not again:
        threading.Event().wait()
    return "second" if is_marked(folder) else "lost"


def work(url: str) -> None:
    """Be a worker, until killed."""
    Worker(connect(url), workflows=[blocks_once], activities=[mark, is_marked]).run()
