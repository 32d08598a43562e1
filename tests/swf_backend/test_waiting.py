"""Whoever waits outlasts an outage of the endpoint, and hears at once of what does not pass."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.exceptions import UnauthorizedSSOTokenError

from partita import errors, update, wait_signal, workflow
from partita.cli import main
from partita.client import AsyncClient, Client
from partita.swf.backend.polls import Polls, _Raw, _text
from partita.swf.backend.service import SwfService
from partita.swf.backend.timing import DEFAULT_TIMING
from partita.swf.backend.timing import Timing as SwfTiming
from partita.worker import Timing
from tests.cli.conftest import environment
from tests.cli.test_outages import FLOW
from tests.conftest import until
from tests.swf.command import Served, served
from tests.swf_backend.conftest import Connect, worker

LOST = "Amazon SWF cannot be used, trying again: "
OFTEN = SwfTiming(watch=(0.02, 0.1), retry=(0.1, 0.5))


@workflow
def waits() -> str:
    @update
    def double(number: int) -> int:
        return 2 * number

    return wait_signal("go", str)


class Place:
    """Where an endpoint is that dies and comes back, with its database."""

    def __init__(self, folder: Path) -> None:
        self._database = f"sqlite:///{folder}/x.db"
        self.port = 0

    def up(self, database: str = "") -> Any:
        """Run the endpoint for as long as the block lasts; from the second time where it was."""
        return served(database or self._database, "--port", str(self.port))

    def url(self, endpoint: Served) -> str:
        """Return the backend's URL, and keep to the endpoint's port."""
        self.port = endpoint.port
        return f"swf://us-east-1/tests?sticky=0&endpoint={endpoint.url}"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKID")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    return Place(tmp_path)


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as made:
        yield made


@pytest.fixture
def looked(calls: Counter[str]) -> Callable[[], bool]:
    """Return whether somebody has looked at an execution more than once."""

    def more_than_once() -> bool:
        asked = ("describe_workflow_execution", "get_workflow_execution_history")
        return max(calls[one] for one in asked) > 8

    return more_than_once


async def _awaited(client: Client) -> Any:
    return await AsyncClient(client).result("w", timeout=100)


WAITS: dict[str, tuple[Callable[[Client], Any], Any]] = {
    "result": (lambda client: client.result("w", timeout=100), "went"),
    "a handle's": (lambda client: client.handle("w").result(timeout=100), "went"),
    "awaited": (lambda client: asyncio.run(_awaited(client)), "went"),
    "update": (lambda client: client.update("w", "double", [4], timeout=100), 8),
}


@pytest.mark.parametrize("way", WAITS)
def test_who_waits_outlasts_the_endpoint(
    way: str,
    place: Place,
    pool: ThreadPoolExecutor,
    looked: Callable[[], bool],
    caplog: pytest.LogCaptureFixture,
) -> None:
    wait, expected = WAITS[way]
    with place.up() as first:
        service = SwfService(place.url(first), timing=OFTEN)
        client = Client(service)
        client.start_with(waits, workflow_id="w")
        waiting = pool.submit(wait, client)
        until(looked)
        first.kill()
        until(lambda: LOST in caplog.text)
    with place.up(), worker(service, waits):
        if way != "update":
            client.signal("w", "go", "went")
        assert waiting.result(100) == expected
    client.close()
    assert [line.partition(", ")[0] for line in caplog.messages if "Amazon" in line] == [
        "Amazon SWF cannot be used",
        "Amazon SWF can be used again",
    ]


def test_a_wait_that_ends_while_the_endpoint_is_away_times_out(
    place: Place, pool: ThreadPoolExecutor, looked: Callable[[], bool]
) -> None:
    with place.up() as first:
        client = Client(SwfService(place.url(first), timing=OFTEN))
        client.start_with(waits, workflow_id="w")
        waiting = pool.submit(client.result, "w", timeout=3)
        until(looked)
        first.kill()
    error = waiting.exception(60)
    assert isinstance(error, errors.WaitTimeoutError)
    assert str(error).startswith("execution 'w' was not done within 3 s, as far as can be told: A")
    assert isinstance(error.__cause__, errors.StoreUnavailableError)
    at_once = client.service.call.at_once()  # type: ignore[attr-defined]
    with at_once, pytest.raises(errors.StoreUnavailableError, match="out of reach"):
        client.result("w")  # who begins to wait hears at once
    client.close()


def test_a_domain_that_is_gone_ends_the_waiting(
    place: Place, pool: ThreadPoolExecutor, looked: Callable[[], bool], tmp_path: Path
) -> None:
    with place.up() as first:
        client = Client(SwfService(place.url(first), timing=OFTEN))
        client.start_with(waits, workflow_id="w")
        waiting = pool.submit(client.result, "w", timeout=100)
        until(looked)
        first.kill()
    with place.up(f"sqlite:///{tmp_path}/another.db"):
        assert isinstance(waiting.exception(60), errors.ExecutionNotFoundError)
    client.close()


def test_a_service_that_is_closed_ends_the_waiting(
    connect: Connect, pool: ThreadPoolExecutor, looked: Callable[[], bool]
) -> None:
    client = Client(connect(OFTEN))
    client.start_with(waits, workflow_id="w")
    waiting = pool.submit(client.result, "w", timeout=100)
    until(looked)
    client.close()
    assert "is closed; connect another" in str(waiting.exception(60))


class Faults:
    """Answers instead of SWF, to those calls that are made once."""

    def __init__(self, service: SwfService) -> None:
        self.left: list[tuple[int, str]] = []  # statuses, and the names of faults
        service.call._brief.meta.events.register("before-send.swf", self._send)

    def _send(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse | None:
        if not self.left:
            return None
        status, fault = self.left.pop(0)
        body = f'{{"__type":"{fault}","message":"{fault}"}}'.encode() if fault else b""
        return AWSResponse(request.url, status, {"Content-Length": "528"}, _Raw(body))


CUT_OFF = (200, "")
PASSING = [
    (503, "ServiceUnavailable"),
    (400, "ThrottlingException"),
    (500, "InternalFailure"),
    CUT_OFF,
]
REFUSED = [(400, "AccessDeniedException"), (400, "UnrecognizedClientException")]


def waited(
    connect: Connect,
    pool: ThreadPoolExecutor,
    *faults: tuple[int, str],
    timing: SwfTiming = DEFAULT_TIMING,
) -> Future[Any]:
    """Wait for an execution, and have these faults met after the first look."""
    service = connect(timing)
    client = Client(service)
    client.start_with(waits, workflow_id="w")
    met = Faults(service)
    met.left = list(faults)
    waiting = pool.submit(client.result, "w", timeout=100)
    until(lambda: not met.left)
    return waiting


def test_faults_that_pass_are_waited_for(connect: Connect, pool: ThreadPoolExecutor) -> None:
    waiting = waited(connect, pool, *PASSING, timing=SwfTiming(retry=(0.01, 0.01)))
    service = connect()
    with worker(service, waits):
        Client(service).signal("w", "go", "went")
        assert waiting.result(60) == "went"


@pytest.mark.parametrize(("status", "fault"), REFUSED)
def test_what_is_refused_is_not_waited_for(
    status: int, fault: str, connect: Connect, pool: ThreadPoolExecutor
) -> None:
    waiting = waited(connect, pool, (503, "ServiceUnavailable"), (status, fault))
    error = waiting.exception(60)
    assert isinstance(error, errors.OperationRefusedError)
    assert fault in str(error)


def test_a_login_that_is_over_is_not_waited_for(
    connect: Connect, pool: ThreadPoolExecutor, looked: Callable[[], bool]
) -> None:
    def refuse(**_: Any) -> None:
        raise UnauthorizedSSOTokenError

    service = connect(OFTEN)
    client = Client(service)
    client.start_with(waits, workflow_id="w")
    waiting = pool.submit(client.result, "w", timeout=100)
    until(looked)
    service.call._brief.meta.events.register("before-send.swf", refuse)
    assert isinstance(waiting.exception(60), errors.InvalidOptionError)


def test_one_call_that_fails_is_no_outage(
    connect: Connect, pool: ThreadPoolExecutor, caplog: pytest.LogCaptureFixture
) -> None:
    waiting = waited(connect, pool, (400, "ThrottlingException"))
    Client(connect()).terminate("w")
    assert isinstance(waiting.exception(60), errors.PartitaError)
    assert "cannot be used" not in caplog.text


def test_the_command_result_outlasts_the_endpoint(
    place: Place,
    pool: ThreadPoolExecutor,
    looked: Callable[[], bool],
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with place.up() as first:
        url = place.url(first)
        service = SwfService(url, timing=OFTEN)
        client = Client(service)
        client.start_with(waits, workflow_id="w")
        waiting = pool.submit(main, ["--backend", url, "result", "w", "--timeout", "100"])
        until(looked)
        first.kill()
        until(lambda: LOST in caplog.text)
    with place.up(), worker(service, waits):
        client.signal("w", "go", "went")
        assert waiting.result(60) == 0
    client.close()
    assert capsys.readouterr().out == '"went"\n'


@pytest.mark.parametrize("command", ["run", "standalone"])
def test_a_command_that_does_the_work_outlasts_the_endpoint(
    command: str, place: Place, tmp_path: Path
) -> None:
    (tmp_path / "flow.py").write_text(FLOW)
    begun, said = tmp_path / "begun", tmp_path / "said"
    with place.up() as first, said.open("w") as stderr:
        words = ["partita", "--backend", place.url(first), command, "flow.py:waits"]
        process = subprocess.Popen(
            [sys.executable, "-m", *words],
            cwd=tmp_path,
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        )
        until(begun.exists)
        first.kill()
        (tmp_path / "gate").touch()  # so that its result finds nobody to take it
        until(lambda: LOST in said.read_text())
    with place.up():
        out, _ = process.communicate(timeout=100)
    assert (process.returncode, out) == (0, '"done"\n')
    assert begun.read_text() == "begun\n"


def test_a_worker_whose_polls_are_throttled_can_stop_at_any_time(
    service: SwfService, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[AWSPreparedRequest] = []
    slept: list[float] = []

    def throttle(self: Polls, request: AWSPreparedRequest) -> AWSResponse:
        asked.append(request)
        body = b'{"__type":"ThrottlingException","message":"Rate exceeded"}'
        return AWSResponse(request.url, 400, {}, _Raw(body))

    monkeypatch.setattr(Polls, "_exchange", throttle)
    monkeypatch.setattr("botocore.endpoint.time", SimpleNamespace(sleep=slept.append))
    with worker(service, waits, timing=Timing(poll_again=(0.01, 0.01))):
        until(lambda: len(asked) > 50)
    assert not slept  # a sleep of the SDK's cannot be ended


@pytest.mark.parametrize("policy", ["reject", "allow", "return_existing"])
@pytest.mark.parametrize("signal", [None, ("go", 1)])
def test_a_start_whose_answer_is_lost_is_known_again(
    service: SwfService, policy: str, signal: tuple[str, Any] | None
) -> None:
    lost: list[bytes] = []

    def lose(request: AWSPreparedRequest, **_: Any) -> AWSResponse | None:
        if lost:
            return None
        headers = {name: _text(value) for name, value in request.headers.items()}
        sent = urllib.request.Request(request.url, request.body, headers)
        with urllib.request.urlopen(sent) as answer:
            lost.append(answer.read())
        return AWSResponse(request.url, 500, {}, _Raw(b"{}"))

    client = Client(service)
    with worker(service, waits):  # what it needs is registered
        pass
    service.call._swf.meta.events.register("before-send.swf.StartWorkflowExecution", lose)
    handle = client.start_with(waits, workflow_id="w", reuse_policy=policy, signal=signal)
    assert lost == [b'{"runId":"%s"}' % handle.run_id.encode()]
    kinds = [event.event_type for event in handle.history()]
    assert kinds.count("WorkflowExecutionSignaled") == (signal is not None)
    with pytest.raises(errors.ExecutionAlreadyStartedError):
        client.start_with(waits, workflow_id="w", reuse_policy="reject")
