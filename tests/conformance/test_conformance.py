"""Every service passes the conformance suite; what one is known not to do is said here."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from partita.engine import Engine
from partita.errors import PayloadTooLargeError
from partita.service import Service
from partita.testing import Clock
from partita.testing.conformance import CHECKS, charge, start, started
from tests.conftest import STORES, new_store

DEVIATIONS: dict[tuple[str, str], str] = {}
"""(service, check) -> why. A deviation that passes is a mistake in this table."""


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=STORES)
def service(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> Iterator[Service]:
    store = new_store(request.param, tmp_path)
    engine = Engine(store, clock=clock, payload_limit=10_000)
    yield engine
    assert store.check() == []
    engine.close()


@pytest.mark.parametrize("name", CHECKS)
def test_conformance(
    name: str, service: Service, clock: Clock, request: pytest.FixtureRequest
) -> None:
    which = request.node.callspec.params["service"]
    if (which, name) in DEVIATIONS:
        with pytest.raises(AssertionError):
            CHECKS[name](service, clock)
    else:
        CHECKS[name](service, clock)


def test_payloads_over_the_limit_are_refused_and_change_nothing(service: Service) -> None:
    with pytest.raises(PayloadTooLargeError):
        start(service, "big", input="x" * 10_001)
    execution = started(service, charge())
    with pytest.raises(PayloadTooLargeError):
        service.signal_workflow_execution("default", execution, "s", "x" * 10_001)
    task = service.poll_activity_task("default", "default")
    assert task is not None
    with pytest.raises(PayloadTooLargeError):
        service.complete_activity(task.token, "x" * 10_001)
    service.complete_activity(task.token, "1")
