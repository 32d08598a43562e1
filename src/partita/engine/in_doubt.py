"""Release activities claimed by a commit whose outcome is unknown.

When the connection to a database breaks during a commit, activities that the commit claimed for
the worker here are not started, because the commit may have failed. If it succeeded, every other
process takes them for running, for as long as this worker lives. So the engine looks for them
once the database answers again, and for some time after that: the old session may commit late.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable

from partita.engine.task_tokens import parse_token
from partita.engine.timing import Timing
from partita.engine.transaction import EngineTransaction
from partita.ports.service import ActivityTask
from partita.ports.state import OpenActivity
from partita.rules.commands import give_back

log = logging.getLogger("partita.engine")


class InDoubt:
    """Activities that may be claimed without running here. Belongs to the engine's thread."""

    def __init__(self, timing: Timing) -> None:
        self._timing = timing
        self._tasks: dict[str, tuple[str, float]] = {}  # token -> owner, until when
        self._next = 0.0

    def add(self, owner: str, tasks: Iterable[ActivityTask]) -> None:
        """Note activities, not started, that `owner` may hold."""
        until = time.monotonic() + self._timing.in_doubt_period
        self._tasks |= {task.token: (owner, until) for task in tasks}
        self._next = 0.0

    def dispel(self, tasks: Iterable[ActivityTask]) -> None:
        """Forget activities that another commit has claimed and that are started."""
        for task in tasks if self._tasks else ():
            self._tasks.pop(task.token, None)

    def pause(self) -> float | None:
        """Return the seconds until the next look; None: there is nothing to look for."""
        return max(0.0, self._next - time.monotonic()) if self._tasks else None

    def settle(self, tx: EngineTransaction) -> None:
        """Release what turns out to be claimed, if it is time to look."""
        now = time.monotonic()
        if now < self._next or not self._tasks:
            return
        self._next = now + self._timing.in_doubt_interval
        self._tasks = {token: doubt for token, doubt in self._tasks.items() if doubt[1] > now}
        for token, (owner, _) in self._tasks.items():
            self._settle(tx, token, owner)

    def _settle(self, tx: EngineTransaction, token: str, owner: str) -> None:
        run, _, started, id = parse_token(token)
        state = tx.load(run)
        item = None if state is None or state.is_closed else state.get("activity", id)
        if state is None or not isinstance(item, OpenActivity):
            return
        if (item.owner, item.started_event_id) == (owner, started):
            log.warning("activity %s was given to us by a commit without an answer", id)
            tx.do(state, give_back("activity", id, started))
