"""Threads that compute leave the engine's thread its turn."""

from __future__ import annotations

import sys
from contextlib import closing

from partita.engine import Engine
from partita.stores.memory import MemoryStore
from partita.worker import Worker


def test_threads_change_places_sooner_while_a_worker_runs() -> None:
    before, seen = sys.getswitchinterval(), []
    with closing(Engine(MemoryStore())) as engine:
        worker = Worker(engine, workflows=[], activities=[])
        worker.run(begun=lambda: seen.append(sys.getswitchinterval()), is_over=lambda: True)
    assert seen == [0.001]
    assert sys.getswitchinterval() == before
