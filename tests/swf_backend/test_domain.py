"""Domains, types and executions: registered once, listed lazily; and what may go wrong."""

from __future__ import annotations

import http.server
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from partita import errors, wait_signal, workflow
from partita.client import Client
from partita.engine import Engine
from partita.history import ActivityType, WorkflowExecution, WorkflowType
from partita.ports.service import TaskListLimits
from partita.ports.state import ExecutionFilter, Status
from partita.stores.sqlite.store import SqliteStore
from partita.swf.backend.service import SwfService
from tests.swf_backend.conftest import Connect, worker
from tests.swf_backend.endpoint import Endpoint


@workflow
def idle() -> None:
    wait_signal("go")


def test_registering_is_idempotent_and_asks_once(connect: Connect, calls: Counter[str]) -> None:
    first, second = connect(), connect()
    for service in (first, first, second):
        service.register_workflow_type("default", WorkflowType("w"))
        service.register_activity_type("default", ActivityType("a:b", "2"))
    assert calls["register_domain"] == 1
    assert calls["register_workflow_type"] == calls["register_activity_type"] == 1
    assert first.activity_types.get("a:b", "2").name == "a:b"


def test_a_changed_default_is_an_error_that_says_which(connect: Connect) -> None:
    service = connect()
    service.activity_types.get_or_create("a", defaultTaskStartToCloseTimeout="30")
    with pytest.raises(
        errors.OperationRefusedError, match="defaultTaskStartToCloseTimeout is 30, not NO"
    ):
        connect().register_activity_type("default", ActivityType("a"))
    service.activity_types.deprecate("a")
    with pytest.raises(errors.OperationRefusedError, match="a@1 is deprecated"):
        connect().register_activity_type("default", ActivityType("a"))
    service.activity_types.deprecate("a", undo=True)
    assert service.activity_types.get("a").status == "REGISTERED"


def test_objects_are_listed_filtered_and_found(service: SwfService) -> None:
    for version in "123":
        service.workflow_types.get_or_create("w", version)
    service.workflow_types.get_or_create("v")
    service.workflow_types.deprecate("w", "1")
    assert [one.version for one in service.workflow_types.filter(name="w")] == ["2", "3"]
    assert len(list(service.workflow_types.all())) == 4
    deprecated = next(service.workflow_types.filter(status="deprecated"))
    assert (deprecated.name, deprecated.version) == ("w", "1")
    assert deprecated.deprecated_at is not None
    assert service.workflow_types.get("v").defaults["defaultChildPolicy"] == "TERMINATE"
    assert [one.name for one in service.domains.all()] == ["tests"]
    assert service.domains.get("tests").retention == "30"
    with pytest.raises(errors.UnknownTypeError):
        service.workflow_types.get("none")
    with pytest.raises(errors.ExecutionNotFoundError):
        service.domains.get("none")
    with pytest.raises(errors.InvalidOptionError, match="REGISTERED or DEPRECATED"):
        next(service.domains.filter(status="old"))


def test_executions_are_found_open_or_closed(service: SwfService, calls: Counter[str]) -> None:
    client = Client(service)
    for number in range(5):
        client.start_with(idle, workflow_id=f"i:{number}", tags=["odd"] if number % 2 else [])
    client.terminate("i:1")
    found = service.executions
    assert {one.info.workflow_id for one in found.all()} == {f"i:{n}" for n in range(5)}
    assert [one.info.workflow_id for one in found.filter(status="TERMINATED")] == ["i:1"]
    assert sorted(one.info.workflow_id for one in found.filter(tag="odd")) == ["i:1", "i:3"]
    assert len(list(found.filter(type_name="idle", status=Status.OPEN))) == 4
    assert list(found.filter(started_before=1.0)) == []
    closed = found.get("i:1")
    assert closed.describe().info.status is Status.TERMINATED
    assert closed.history()[-1].event_type == "WorkflowExecutionTerminated"
    with pytest.raises(errors.ExecutionNotFoundError):
        found.get("none")
    calls.clear()
    next(found.all())
    assert calls["list_open_workflow_executions"] == calls["list_closed_workflow_executions"] == 1


def test_pages_of_a_list_leave_nothing_out(service: SwfService) -> None:
    client = Client(service)
    for number in range(7):
        client.start_with(idle, workflow_id=f"i{number}")
    seen: list[str] = []
    place = None
    while True:
        page = service.list_executions(ExecutionFilter(limit=3, before_run=place))
        seen += [info.workflow_id for info in page.executions]
        place = page.next_page
        if place is None:
            break
    assert sorted(seen) == [f"i{number}" for number in range(7)]
    assert service.count_executions(ExecutionFilter()) == 7
    assert service.count_executions(ExecutionFilter(statuses=(Status.OPEN,), tag="x")) == 0


def test_what_swf_cannot_do_says_what_does_instead(service: SwfService) -> None:
    with pytest.raises(errors.UnsupportedError, match="--slots"):
        service.set_limits("default", "default", TaskListLimits(concurrency=1))
    with pytest.raises(errors.UnsupportedError, match="give them tags"):
        service.list_executions(ExecutionFilter(attributes=(("a", 1),)))
    handle = Client(service).start(idle)
    with pytest.raises(errors.NoWorkerError, match="start one here"):
        service.query_workflow(
            "default", WorkflowExecution(handle.workflow_id, ""), "state", None, 0.1
        )
    assert service.limits("default") == {}


def test_ids_that_swf_forbids_are_spelled(service: SwfService) -> None:
    client = Client(service)
    with worker(service, idle):
        handle = client.start_with(idle, workflow_id="a/b:c|d")
        with pytest.raises(errors.ExecutionAlreadyStartedError):
            client.start_with(idle, workflow_id="a/b:c|d", reuse_policy="reject")
        handle.signal("go")
        assert handle.result(timeout=20) is None
    assert client.list(workflow_id="a/b:c|d").executions[0].workflow_id == "a/b:c|d"


def test_the_endpoint_may_die_and_come_back(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "x.db")
    engine = Engine(store)
    endpoint = Endpoint(engine)
    service = SwfService(endpoint.url(sticky=0))
    client = Client(service)
    with worker(service, idle):
        handle = client.start_with(idle, workflow_id="i")
        port = int(endpoint.address.rpartition(":")[2])
        endpoint.close()
        with pytest.raises(errors.StoreUnavailableError, match="out of reach"):
            SwfService(f"swf://us-east-1/tests?endpoint={endpoint.address}").info(
                "default", WorkflowExecution("i", handle.run_id)
            )
        again = Endpoint(engine, port)
        handle.signal("go")
        assert handle.result(timeout=60) is None
    service.close()
    again.close()
    engine.close()


class _Throttled(http.server.BaseHTTPRequestHandler):
    """Answers as SWF does when it is asked too much, and at the third time as if it were not."""

    asked = 0

    def do_POST(self) -> None:
        type(self).asked += 1
        self.rfile.read(int(self.headers["Content-Length"]))
        body = b'{"__type":"ThrottlingException","message":"Rate exceeded"}'
        if self.asked > 2:
            body = b'{"domainInfos":[]}'
        self.send_response(200 if self.asked > 2 else 400)
        self.send_header("Content-Type", "application/x-amz-json-1.0")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def throttled() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Throttled)
    threading.Thread(target=server.serve_forever).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def test_throttling_is_tried_again(throttled: str) -> None:
    service = SwfService(f"swf://us-east-1/d?endpoint={throttled}")
    assert list(service.domains.filter()) == []
    assert _Throttled.asked == 3
    service.close()
