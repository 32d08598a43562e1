"""The clock of a machine is set by an hour, forward and back, while its workers run."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from tests.faults.fleet import Fleet, pause, set_shift
from tests.faults.load import Load, judged

HOUR = 3600.0


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("shifts", [(-HOUR, 0.0), (-HOUR, HOUR)], ids=str)
def test_the_clock_is_set(
    url: str, ledger: Path, chance: Random, tmp_path: Path, shifts: tuple[float, ...], scale: int
) -> None:
    """Timers are moments of the clock, so it ends no earlier than it was when they were set."""
    clock = tmp_path / "clock"
    set_shift(clock, 0.0)
    with (
        Fleet(url, ledger, clock=clock, lease=2.0) as fleet,
        Load(url) as load,
    ):
        for shift in [*shifts[:-1] * scale, shifts[-1]]:
            pause(chance.uniform(0.5, 1.5))
            set_shift(clock, shift)
            pause(chance.uniform(0.0, 0.5))
            fleet.replace(chance.randrange(2))  # what it held must be found soon, too
        load.finish()
    assert judged(url, ledger, load.told, one_clock=False) == []
