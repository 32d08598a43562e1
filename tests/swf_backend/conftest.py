"""A domain on our own endpoint, over an engine on memory, and what is called there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from partita.authoring.definition import ActivityDefinition
from partita.authoring.workflow import WorkflowDefinition
from partita.client import Client
from partita.engine import Engine
from partita.stores.memory import MemoryStore
from partita.swf.backend.calls import Call
from partita.swf.backend.service import SwfService
from partita.swf.backend.timing import DEFAULT_TIMING, Timing
from partita.worker import Worker
from tests.swf_backend.endpoint import Endpoint

Connect = Callable[..., SwfService]


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    made = Endpoint(Engine(MemoryStore()))
    yield made
    made.close()
    made.engine.close()


@pytest.fixture
def connect(endpoint: Endpoint) -> Iterator[Connect]:
    """Return services of one domain, with options of the URL."""
    made: list[SwfService] = []

    def new(timing: Timing = DEFAULT_TIMING, **options: object) -> SwfService:
        made.append(SwfService(endpoint.url(**options), timing=timing))
        return made[-1]

    yield new
    for service in made:
        service.close()


@pytest.fixture
def service(connect: Connect) -> SwfService:
    return connect()


@pytest.fixture
def client(service: SwfService) -> Client:
    return Client(service)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Count SWF's operations, by name."""
    counted: Counter[str] = Counter()
    call = Call.__call__

    def count(self: Call, operation: str, **members: Any) -> dict[str, Any]:
        counted[operation] += 1
        return call(self, operation, **members)

    monkeypatch.setattr(Call, "__call__", count)
    return counted


def worker(service: SwfService, *definitions: Any, **options: Any) -> Worker:
    """Return a worker that knows just these; use it in a `with` block."""
    return Worker(
        service,
        workflows=[one for one in definitions if isinstance(one, WorkflowDefinition)],
        activities=[one for one in definitions if isinstance(one, ActivityDefinition)],
        **options,
    )
