"""Ask what may hang, such as a database, without hanging.

Each question has a thread of its own, and at most one: a second asker waits for the answer
that the first has asked for. Knows nothing of what is asked.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")

PATIENCE = 2.0
"""Seconds to wait for an answer; those who probe us wait as short a time."""


class Patient(Generic[T]):
    """A question that is answered in time, or not at all. Safe to ask from many threads."""

    def __init__(self, ask: Callable[[], T], patience: float = PATIENCE) -> None:
        self._ask = ask
        self._patience = patience
        self._lock = threading.Lock()
        self._asked: _Asked[T] | None = None  # what has not been answered yet

    def __call__(self) -> T:
        """Return the answer; raise what asking raises.

        Raises:
            TimeoutError: there was none in time.
        """
        with self._lock:
            asked = self._asked
            if asked is None or asked.done.is_set():
                asked = self._asked = _Asked(self._ask)
                threading.Thread(target=asked.run, name="partita-asks", daemon=True).start()
        if not asked.done.wait(self._patience):
            raise TimeoutError(f"no answer within {self._patience:g} s")
        return asked.result()


class _Asked(Generic[T]):
    def __init__(self, ask: Callable[[], T]) -> None:
        self.done = threading.Event()
        self._ask = ask
        self._found: list[T] = []
        self._error: Exception | None = None

    def run(self) -> None:
        try:
            self._found.append(self._ask())
        except Exception as error:
            self._error = error
        self.done.set()

    def result(self) -> T:
        if self._error is not None:
            raise self._error
        return self._found[0]
