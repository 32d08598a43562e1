"""Kill workers that run state machines with SIGKILL at random moments; nothing may be lost."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from partita.client import Client
from partita.connect import connect
from partita.engine import Engine
from partita.history import ActivityTaskCompleted, ActivityTaskFailed
from partita.ports.state import Status
from tests.conftest import until
from tests.crash.machines import TOTAL, crashed
from tests.crash.test_kill import Fleet
from tests.soak import scaled

EXECUTIONS = scaled(60, soaking=1_000)
KILLS = scaled(8, soaking=120)
MACHINES = Path(__file__).parent / "machines.py"


@pytest.mark.timeout(300 * scaled(1, soaking=10))
def test_no_execution_of_a_machine_is_lost(tmp_path: Path) -> None:
    url, log = f"sqlite:///{tmp_path}/partita.db", tmp_path / "trace.log"
    client = Client(connect(url))
    ids = [f"run-{number}" for number in range(EXECUTIONS)]
    for one in ids:
        client.start_with(crashed, (one,), workflow_id=one)
    fleet = Fleet(url, log, seed=14, flow=MACHINES)
    fleet.start()
    while fleet.kills < KILLS:
        if not client.list(status=Status.OPEN, limit=1).executions:  # nobody is killed idle
            ids.append(f"run-{len(ids)}")
            client.start_with(crashed, (ids[-1],), workflow_id=ids[-1])
        fleet.kill_one()
    until(
        lambda: not client.list(status=Status.OPEN, limit=1).executions,
        60.0 * scaled(1, soaking=10),
    )
    fleet.stop()
    for one in ids:
        assert client.result(one, timeout=0, workflow=crashed) == TOTAL
        events = client.history(one)
        ends = Counter(type(event) for event in events)
        assert (ends[ActivityTaskCompleted], ends[ActivityTaskFailed]) == (5, 1)
    client.close()
    _check_traces(log, ids)
    service = connect(url)
    assert isinstance(service, Engine)
    assert service.store.check() == []
    service.close()


def _check_traces(log: Path, ids: list[str]) -> None:
    """Check that each task was called; twice or more only if its worker was killed meanwhile."""
    called = {tuple(line.split()) for line in log.read_text().splitlines()}
    steps = [(str(step), "0") for step in (1, 2, 3, 4, 5)] + [("3", "1")]
    assert called == {(one, step, retry) for one in ids for step, retry in steps}
