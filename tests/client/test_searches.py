"""Terms that ask how executions stand, of real workers."""

from __future__ import annotations

import time

import pytest

from partita import activity, sleep, wait_signal, workflow
from partita.client.filter_terms import parse
from partita.client.search import Search, count, every, find, plan
from partita.errors import InvalidOptionError
from partita.ports.service import Service
from partita.ports.state import ExecutionFilter
from tests.conftest import Rig, until


class CarrierDown(ConnectionError):
    """No carrier comes."""


@activity
def ship(order: str) -> str:
    raise CarrierDown(order)


@workflow
def checkout(order: str) -> str:
    try:
        return ship(order)
    except CarrierDown as error:
        raise RuntimeError("no checkout") from error


@workflow
def approval() -> str:
    return wait_signal("approve", str)


@workflow
def nap() -> None:
    sleep(3600)


def ids(service: Service, text: str) -> list[str]:
    search = Search(filter=ExecutionFilter(limit=50))
    found = find(service, plan(service, search, parse(text), time.time()))
    return sorted(info.workflow_id for info in found)


def test_errors_and_waits(rig: Rig) -> None:
    with rig.worker(checkout, approval, nap, ship):
        rig.client.start_with(checkout, ["a"], workflow_id="failed")
        rig.client.start_with(approval, workflow_id="asks")
        rig.client.start_with(nap, workflow_id="naps")
        until(lambda: ids(rig.engine, "status:failed") == ["failed"])
        until(lambda: ids(rig.engine, "waiting:timer") == ["naps"])
        until(lambda: ids(rig.engine, "waiting:signal") == ["asks"])
        for text in ("CarrierDown", "ConnectionError", "OSError", "Runtime*", "*.CarrierDown"):
            assert ids(rig.engine, f"error:{text}") == ["failed"], text
        assert ids(rig.engine, "error:KeyError") == []
        assert ids(rig.engine, "-error:CarrierDown") == ["asks", "naps"]
        assert ids(rig.engine, "waiting:signal,timer") == ["asks", "naps"]
        assert ids(rig.engine, "-waiting:signal status:open") == ["naps"]
        assert ids(rig.engine, '"FAIL"') == ["failed"]


def test_what_contradicts_itself_finds_nothing(rig: Rig) -> None:
    rig.client.start_with(nap, workflow_id="naps")
    for text in (
        "status:open status:failed",
        "waiting:timer status:failed",
        "closed:<1h status:open",
    ):
        assert ids(rig.engine, text) == []
        search = plan(rig.engine, Search(filter=ExecutionFilter()), parse(text), time.time())
        assert count(rig.engine, search) == 0
        assert list(every(rig.engine, search)) == []


def test_a_limit_of_what_is_filtered_here(rig: Rig) -> None:
    for number in range(5):
        rig.client.start_with(nap, workflow_id=f"nap-{number}")
    terms = parse('"nap-"')
    three = plan(rig.engine, Search(filter=ExecutionFilter(limit=3)), terms, time.time())
    assert [info.workflow_id for info in find(rig.engine, three)] == ["nap-4", "nap-3", "nap-2"]
    assert count(rig.engine, three) == 5
    huge = plan(rig.engine, Search(filter=ExecutionFilter(limit=2**70)), terms, time.time())
    with pytest.raises(InvalidOptionError, match="limit="):
        find(rig.engine, huge)
