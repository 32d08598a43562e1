"""As far as moto goes: its server is an implementation of Amazon SWF that we did not write."""

from __future__ import annotations

import pytest

from partita import Retry, activity, activity_info, signals, sleep, workflow
from partita.client import Client
from partita.errors import WorkflowFailedError
from partita.ports.state import Status
from partita.swf.backend.service import SwfService
from partita.testing import Clock
from partita.testing.conformance import CHECKS
from tests.swf_backend.conftest import worker
from tests.swf_backend.endpoint import moto_url
from tests.swf_backend.lacking import LACKING

TRIES: list[int] = []


@activity
def double(n: int) -> int:
    return 2 * n


@activity(retry=Retry(max_attempts=3, initial_interval=0))
def stubborn() -> str:
    TRIES.append(activity_info().attempt)
    if len(TRIES) < 3:
        raise ValueError("not yet")
    return "in the end"


@workflow
def everything(n: int) -> list[object]:
    one_by_one = [double(i) for i in range(n)]
    at_once = double.map(range(n)).result()
    sleep(1)
    return [one_by_one, at_once, stubborn(), signals("s").get()]


@workflow
def broken() -> None:
    raise KeyError("no such thing")


@pytest.fixture
def service() -> SwfService:
    return SwfService(moto_url())


def test_what_is_lacking_is_no_check_that_is_not_there() -> None:
    assert set(LACKING) <= set(CHECKS)


@pytest.mark.parametrize("name", sorted(set(CHECKS) - set(LACKING)))
def test_conformance(name: str, service: SwfService) -> None:
    service.domains.get_or_create(service.address.domain)
    CHECKS[name](service, Clock())
    service.close()


def test_a_workflow_runs(service: SwfService) -> None:
    TRIES.clear()
    client = Client(service)
    with worker(service, everything, broken, double, stubborn):
        handle = client.start(everything, 3)
        handle.signal("s", "heard")
        assert handle.result(timeout=60) == [[0, 2, 4], [0, 2, 4], "in the end", "heard"]
        failed = client.start_with(broken)
        with pytest.raises(WorkflowFailedError):
            failed.result(timeout=30)
    assert list(dict.fromkeys(TRIES)) == [1, 2, 3]  # moto may give a task to two polls at once
    assert failed.describe().info.status is Status.FAILED
    service.close()
