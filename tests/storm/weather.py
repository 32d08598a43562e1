"""Say what goes wrong, and when: how bad a seed is, and whether it is over.

Knows dice, threads that sleep and the errors of stores; knows nothing of those who ask. A
process has one weather, `SKY`, because activities are functions of a module. Threads take
turns at the dice as they come, so a seed repeats the weather, and not each stroke of it.
"""

from __future__ import annotations

import random
import threading
import time
from collections import Counter

from partita.engine.timing import Timing
from partita.errors import ConflictError, StoreError, StoreFullError, StoreUnavailableError

TAG = "the storm's doing"
"""What every error that is made here says, so that it is told from a real one."""

ANY: tuple[type[StoreError], ...] = (StoreFullError, StoreUnavailableError, ConflictError)
"""What may go wrong with a transaction."""

AWAY: tuple[type[StoreError], ...] = (StoreUnavailableError,)
"""What may go wrong with a read."""


class Weather:
    """How bad it is. Safe to ask from any thread."""

    def __init__(self) -> None:
        self.calm = threading.Event()  # nothing goes wrong any more, and bad code is mended
        self.counts: Counter[str] = Counter()  # what was exercised
        self._lock = threading.Lock()
        self.begin(0)

    def begin(self, seed: int) -> None:
        """Have the weather of a seed from now on."""
        dice = self.dice = random.Random(seed)
        self.faults = dice.choice([0, 0.005, 0.02, 0.05, 0.12])
        self.naps = dice.choice([0, 0.01, 0.05, 0.1])
        self.freezes = dice.choice([0, 0.0005, 0.003])
        self.lease = dice.choice([0.6, 1.0, 2.0])  # seconds
        self.watchdog = dice.choice(  # limit and interval
            [(0.5, 0.1), (0.5, 0.1), (0.5, 0.1), (0.02, 0.005), (0.1, 0.02), (0.001, 0.001)]
        )
        self.timing = Timing(
            lease=self.lease,
            watchdog_limit=self.watchdog[0],
            watchdog_interval=self.watchdog[1],
            in_doubt_interval=dice.choice([1.0, 1.0, 0.05]),
        )
        self.engines = dice.choice([2, 3, 3])
        self.users, self.rest = dice.choice([(5, 0.05), (12, 0.02), (3, 0.2)])

    def __str__(self) -> str:
        return (
            f"{self.engines} engines, {self.users} users, lease {self.lease}, "
            f"faults {self.faults}, naps {self.naps}, freezes {self.freezes}, "
            f"watchdog {self.watchdog}"
        )

    def count(self, what: str, number: int = 1) -> None:
        """Note that something was exercised."""
        with self._lock:
            self.counts[what] += number

    def strikes(self, chance: float) -> bool:
        """Whether something goes wrong now that does so with this probability."""
        return not self.calm.is_set() and self.dice.random() < chance

    def nap(self, where: str, weight: float = 1.0) -> None:
        """Sleep, perhaps, for up to 0.4 s."""
        if self.strikes(self.naps * weight):
            self.count(f"nap {where}")
            time.sleep(self.dice.random() ** 3 * 0.4)

    def freeze(self, where: str) -> None:
        """Sleep, perhaps, for longer than a lease."""
        if self.strikes(self.freezes):
            self.count(f"freeze {where}")
            time.sleep(self.lease * self.dice.uniform(1.1, 2.2))

    def fault(self, where: str, kinds: tuple[type[StoreError], ...], weight: float = 1.0) -> None:
        """Raise, perhaps, one of these errors."""
        if self.strikes(self.faults * weight):
            kind = self.dice.choice(kinds)
            self.count(f"fault {where} {kind.__name__}")
            raise kind(f"{TAG}: {kind.__name__} {where}")


SKY = Weather()
"""The weather of this process."""
