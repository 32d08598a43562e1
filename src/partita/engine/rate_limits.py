"""Apply the rate limits of task lists: how many activities run, how many start per second.

An activity that is started in a limited task list takes a place there until it ends or goes back
to its queue; the item's `lane` says so. Rates are token buckets. Both are counted in the store, so
that they hold for all workers together.
"""

from __future__ import annotations

import math

from msgspec.structs import replace

from partita.engine import catalogue
from partita.ports.catalogue import TYPE_LIMIT, LimitRecord
from partita.ports.state import PAUSED, State
from partita.ports.store import Transaction
from partita.rules.commands import Change

CLOCK_SKEW = 30.0
"""Seconds by which the clocks of engines may differ."""


class RateLimits:
    """The limits as one transaction sees and uses them up."""

    def __init__(
        self, transaction: Transaction, limits: dict[str, dict[str, LimitRecord]], now: float
    ) -> None:
        """Use up `limits`, by domain and task list: what is known of them, shared with others."""
        self._transaction = transaction
        self._limits = limits
        self._now = now
        self._taken: dict[tuple[str, str], int] = {}
        self._left: dict[tuple[str, str], int] = {}
        self._running: dict[tuple[str, str], int] = {}
        self._entries: dict[tuple[str, str], str] = {}  # of the limits that are locked
        self._verified: set[tuple[str, str]] = set()  # pauses of types that are locked
        self.next_token: float | None = None  # when a task list without tokens has one again

    def is_limited(self, domain: str) -> bool:
        """Return whether any task list of a domain has limits."""
        return bool(self._of(domain))

    def _of(self, domain: str) -> dict[str, LimitRecord]:
        if domain not in self._limits:
            self._limits[domain] = catalogue.limits(self._transaction, domain)
        return self._limits[domain]

    def is_paused(self, domain: str, task_list: str | None) -> bool:
        """Return whether a task list is paused."""
        record = self._of(domain).get(task_list or "")
        return record is not None and record.paused is not None

    def parks(self, domain: str, type_name: str) -> bool:
        """Return whether a workflow type is paused, so that its items are to be parked.

        It stays so until this transaction ends: who resumes the type waits, and then finds what
        was parked.
        """
        key = pause_key(type_name)
        known = self._of(domain).get(key)
        if known is None or known.resuming or (domain, key) in self._verified:
            return known is not None and not known.resuming
        found = catalogue.lock_limit(self._transaction, domain, key)
        if found is None or found[0].paused is None or found[0].resuming:
            self._limits.pop(domain, None)  # it is out of date
            return False
        self._verified.add((domain, key))
        return True

    def room(self, domain: str, task_list: str) -> float:
        """Return how many more activities may begin in a task list now."""
        key = (domain, task_list)
        limit = self._limit(key)
        if limit is None:
            return math.inf
        room = math.inf
        taken = self._taken.get(key, 0)
        more = taken - self._left.get(key, 0)
        if limit.concurrency is not None:
            room = limit.concurrency - self._running[key] - more
        if limit.per_second is not None:
            tokens = filled(limit, self._now) - taken
            room = min(room, math.floor(tokens + 1e-9))
            if tokens < 1:
                self._wake_at(self._now + (1 - tokens) / limit.per_second)
        return max(0, room)

    def _limit(self, key: tuple[str, str]) -> LimitRecord | None:
        """Lock and return a limit: other engines use it up, too."""
        domain, task_list = key
        known = self._of(domain)
        if task_list in known and key not in self._running:
            locked = catalogue.lock_limit(self._transaction, domain, task_list)
            self._running[key] = self._transaction.count_running(domain, task_list)
            if locked is None:
                del known[task_list]
            else:
                known[task_list], self._entries[key] = locked
        return known.get(task_list)

    def _wake_at(self, moment: float) -> None:
        if self.next_token is None or moment < self.next_token:
            self.next_token = moment

    def take(self, domain: str, task_list: str) -> str | None:
        """Take a place; return the item's `lane`, None if the task list has no limits."""
        if task_list not in self._of(domain):
            return None
        key = (domain, task_list)
        self._taken[key] = self._taken.get(key, 0) + 1
        return task_list

    def release(self, state: State, change: Change) -> bool:
        """Free the places that a change, not yet applied, gives up; return whether it does."""
        keys = list(state.items) if change.closes else [*change.drop]
        keys += [(item.kind, item.id) for item in change.put if item.lane is None]
        freed = False
        for key in keys:
            before = state.items.get(key)
            if before is not None and before.lane is not None:
                place = (state.execution.domain, before.lane)
                self._left[place] = self._left.get(place, 0) + 1
                freed = True
        return freed

    def write(self) -> None:
        """Store the tokens that were used up."""
        for (domain, task_list), taken in self._taken.items():
            limit = self._limits[domain][task_list]
            if limit.per_second is not None:
                tokens = filled(limit, self._now) - taken
                limit = replace(limit, tokens=tokens, filled_at=self._now)
                self._limits[domain][task_list] = limit
                catalogue.use_limit(self._transaction, limit, self._entries[domain, task_list])


def pause_key(type_name: str) -> str:
    """Return the key under which the pause of a workflow type is kept."""
    return TYPE_LIMIT + type_name


def parking_queue(type_name: str) -> str:
    """Return the queue in which items of a paused workflow type are parked."""
    return f"{PAUSED} {type_name}"


def filled(limit: LimitRecord, now: float) -> float:
    """Return the tokens in a bucket. One that was filled in the future is full.

    Else nothing would begin, after the clock was set back, until it is what it was.
    """
    if limit.filled_at > now + CLOCK_SKEW:
        return limit.burst
    passed = max(0.0, now - limit.filled_at)
    return min(limit.burst, limit.tokens + passed * (limit.per_second or 0.0))
