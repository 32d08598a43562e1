"""Say what stands behind a running workflow: plain Python, or a replayed history.

The seam between what authors call and who answers. `current` holds the runtime of the
workflow that runs here; it is a context variable, so that an activity on another thread
sees none and runs as the ordinary function it is.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from contextvars import ContextVar
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from partita.authoring.definition import Definition

if TYPE_CHECKING:
    from partita.authoring.future import Future


class Runtime(Protocol):
    """What a workflow can ask for."""

    def submit(
        self, definition: Definition, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Future[Any]:
        """Schedule an activity once the futures among its arguments are done. Never waits."""

    def call(self, definition: Definition, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Run an activity and wait for its result."""

    def cancel(self, future: Future[Any]) -> bool:
        """Ask for what the future stands for to be cancelled; False if it is done."""

    def wait(self, ready: Callable[[], bool], timeout: float | None) -> bool:
        """Wait until `ready()`; return whether it is, False after `timeout` seconds.

        `ready` must be cheap and depend on futures alone.
        """

    def sleep(self, seconds: float) -> None:
        """Wait for a time."""

    def now(self) -> datetime:
        """Return the time, in UTC, that a replay will see again."""

    def random(self) -> random.Random:
        """Return a source of random numbers that a replay will see again."""

    def side_effect(self, function: Callable[[], Any]) -> Any:
        """Call the function once and keep what it returns."""


current: ContextVar[Runtime | None] = ContextVar("partita_runtime", default=None)
