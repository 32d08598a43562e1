"""Probes are told how a worker stands, and nobody beyond this machine is told anything."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from partita import activity, workflow
from partita.engine import Engine
from partita.errors import InvalidOptionError, StoreUnavailableError
from partita.ports.capabilities import Standing
from partita.stores.memory import MemoryStore
from partita.telemetry import health
from partita.telemetry.bounded_call import BoundedCall
from partita.telemetry.health import (
    TOKEN_VARIABLE,
    Address,
    bind,
    checks_for,
    parse_address,
    serve_probes,
)
from partita.testing.conformance.arrange import started
from tests.cli.conftest import environment
from tests.conftest import Rig, until

LOOPBACK = Address("127.0.0.1", 0)
GATE = threading.Event()


def get(url: str, **headers: str) -> tuple[int, str]:
    request = urllib.request.Request(url, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def asked(url: str) -> tuple[int, dict[str, str]]:
    """Return the status of a probe and its checks."""
    status, body = get(url)
    said = json.loads(body)
    assert said["status"] == ("ok" if status == 200 else "failing")
    return status, said["checks"]


@activity
def hold(begun: str) -> None:
    Path(begun).touch()
    assert GATE.wait(20)


@workflow
def holding(begun: str) -> None:
    hold(begun)


def test_a_worker_is_ready_from_its_start_to_its_stop(rig: Rig, tmp_path: Path) -> None:
    GATE.clear()
    worker = rig.worker(holding, hold)
    rig.client.list()
    with serve_probes(LOOPBACK, *checks_for(rig.engine, worker)) as address:
        status, checks = asked(f"{address.url}/readyz")
        assert (status, checks["engine"]) == (503, "ok")
        assert checks["store"] == "this worker is not registered"
        assert checks["worker"] == "not attached to its service"
        assert asked(f"{address.url}/healthz") == (200, {"engine": "ok"})
        with worker:
            everything = {"engine": "ok", "store": "ok", "worker": "ok"}
            assert asked(f"{address.url}/readyz") == (200, everything)
            rig.client.start(holding, str(tmp_path / "begun"))
            until((tmp_path / "begun").exists)
            stopping = threading.Thread(target=worker.stop, args=[20])
            stopping.start()
            until(lambda: worker.is_stopping)
            status, checks = asked(f"{address.url}/readyz")
            assert status == 503
            assert checks["worker"] == "stopping; activities that still run: 1"
            assert asked(f"{address.url}/healthz")[0] == 200
            GATE.set()
            stopping.join()


class Watched:
    """A service that is as a test wants it."""

    def __init__(self, on_record: Callable[[], bool] = lambda: True, silent_for: float = 0.0):
        self._on_record = on_record
        self._silent_for = silent_for

    def standing(self) -> Standing:
        return Standing(silent_for=self._silent_for, is_serving=True)

    def is_on_record(self) -> bool:
        return self._on_record()

    def backlogs(self, domain: str) -> list[Any]:
        return []

    def on_commit(self, heard: Any) -> Callable[[], None]:
        return lambda: None


class Working:
    is_stopping = False
    running_activities = 0
    is_short_of_threads = False


def test_an_engine_that_is_stuck_is_not_alive() -> None:
    with serve_probes(LOOPBACK, *checks_for(Watched(silent_for=31.0), Working())) as address:
        said = (503, {"engine": "its thread made no turn for 31 s"})
        assert asked(f"{address.url}/healthz") == said


def test_a_store_out_of_reach_is_a_reason() -> None:
    def away() -> bool:
        raise StoreUnavailableError("the server is down")

    with serve_probes(LOOPBACK, *checks_for(Watched(away), Working())) as address:
        status, checks = asked(f"{address.url}/readyz")
        assert (status, checks["store"]) == (503, "the server is down")
        assert asked(f"{address.url}/healthz")[0] == 200


def test_a_store_that_hangs_is_given_up_and_asked_by_one_thread_only() -> None:
    gate, begun = threading.Event(), []

    def hangs() -> bool:
        begun.append(1)
        return gate.wait(20)

    ask = BoundedCall(hangs, timeout=0.05)
    for _ in range(3):
        with pytest.raises(TimeoutError, match=re.escape("no answer within 0.05 s")):
            ask()
    assert len(begun) == 1
    gate.set()
    until(lambda: answers(ask))


def answers(ask: BoundedCall[bool]) -> bool:
    try:
        return ask()
    except TimeoutError:
        return False


def test_a_service_elsewhere_has_no_engine_to_look_at() -> None:
    live, ready = checks_for(object(), Working())
    assert live == {}
    assert [check() for check in ready.values()] == [None]


def test_metrics_are_rendered_or_it_is_said_how_to_get_them() -> None:
    def render(accept: str) -> tuple[bytes, str]:
        return b"x 1\n", "text/plain; version=9"

    with serve_probes(LOOPBACK, {}, {}, render) as address:
        assert get(f"{address.url}/metrics") == (200, "x 1\n")
    with serve_probes(LOOPBACK, {}, {}) as address:
        assert get(f"{address.url}/metrics") == (501, health.NO_METRICS + "\n")
        assert get(f"{address.url}/other")[0] == 404


@pytest.mark.parametrize("path", ["healthz", "readyz", "metrics"])
def test_with_a_token_nobody_is_answered_without_it(
    path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(TOKEN_VARIABLE, "s3cret")
    render = lambda _: (b"", "text/plain")  # noqa: E731
    with serve_probes(Address("0.0.0.0", 0), {}, {}, render) as address:
        url = f"http://127.0.0.1:{address.port}/{path}"
        for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic s3cret"}):
            status, body = get(url, **headers)
            assert status == 401
            assert "s3cret" not in body
        assert get(url, Authorization="Bearer s3cret")[0] == 200


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.org", ""])
def test_beyond_loopback_it_does_not_listen_without_a_token(
    host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(TOKEN_VARIABLE, raising=False)
    with pytest.raises(InvalidOptionError, match=f"set {TOKEN_VARIABLE}, or listen on 127.0.0.1"):
        bind(Address(host, 0))


def test_a_port_that_is_taken_is_an_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(InvalidOptionError, match=f"{port} \\(Address already in use\\)"):
            bind(Address("127.0.0.1", port))


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("9090", ("127.0.0.1", 9090)),
        (":9090", ("127.0.0.1", 9090)),
        ("localhost:9090", ("127.0.0.1", 9090)),
        ("[::1]:9090", ("::1", 9090)),
        ("10.0.0.7:0", ("10.0.0.7", 0)),
    ],
)
def test_addresses(text: str, address: tuple[str, int]) -> None:
    assert parse_address(text) == address


@pytest.mark.parametrize("text", ["", "x", "127.0.0.1", "127.0.0.1:", "1:65536", "1:-1", "1:²"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(InvalidOptionError, match="names no port"):
        parse_address(text)


def test_loopback_is_told_from_the_rest() -> None:
    assert [Address(host, 1).url for host in ("127.0.0.1", "::1")] == [
        "http://127.0.0.1:1",
        "http://[::1]:1",
    ]
    assert Address("127.8.8.8", 1).is_loopback
    assert Address("::1", 1).is_loopback


FLOW = """
from partita import activity, workflow

@activity
def double(x: int) -> int:
    return 2 * x

@workflow
def quadruple(x: int) -> int:
    return double(double(x))
"""


def test_partita_worker_listens(tmp_path: Path) -> None:
    (tmp_path / "flow.py").write_text(FLOW)
    command = [sys.executable, "-m", "partita"]
    options = {"cwd": tmp_path, "env": environment(), "text": True, "stderr": subprocess.PIPE}
    with subprocess.Popen([*command, "worker", "flow.py", "--listen", "0"], **options) as worker:  # type: ignore[call-overload]
        try:
            found = re.search(r"listening on (http://127.0.0.1:\d+)", worker.stderr.readline())
            assert found is not None
            until(lambda: asked(f"{found[1]}/readyz")[0] == 200)
            subprocess.run(
                [*command, "start", "flow.py:quadruple", "--input", "[3]", "--id", "q"],
                cwd=tmp_path,
                env=environment(),
                check=True,
                timeout=60,
            )
            closed = 'executions_closed_total{status="completed",workflow_type="quadruple"} 1.0'
            until(lambda: closed in get(f"{found[1]}/metrics")[1])
        finally:
            worker.send_signal(signal.SIGTERM)
        worker.communicate(timeout=30)
        assert worker.returncode == 0


def two_ports() -> int:
    """Return a free port whose next one is free, too."""
    while True:
        with socket.create_server(("127.0.0.1", 0)) as first:
            port = int(first.getsockname()[1])
            try:
                socket.create_server(("127.0.0.1", port + 1)).close()
            except OSError:
                continue
            return port


def test_supervised_workers_listen_on_ports_in_a_row(tmp_path: Path) -> None:
    (tmp_path / "flow.py").write_text(FLOW)
    port = two_ports()
    options = ["worker", "flow.py", "--processes", "2", "--listen", str(port)]
    with subprocess.Popen(
        [sys.executable, "-m", "partita", *options], cwd=tmp_path, env=environment()
    ) as supervisor:
        try:
            for one in (port, port + 1):
                until(lambda one=one: is_ready(f"http://127.0.0.1:{one}"), 60)  # type: ignore[misc]
        finally:
            supervisor.terminate()
        assert supervisor.wait(60) == 0


def is_ready(url: str) -> bool:
    try:
        return asked(f"{url}/readyz")[0] == 200
    except OSError:  # it does not listen yet
        return False


def test_a_port_may_be_shared_by_those_who_agree() -> None:
    first, _ = bind(LOOPBACK, shared=True)
    with first:
        address = Address("127.0.0.1", first.getsockname()[1])
        bind(address, shared=True)[0].close()
        with pytest.raises(InvalidOptionError, match="in use"):
            bind(address)


def test_ports_in_a_row_end_somewhere() -> None:
    assert Address("::1", 9090).after(2) == ("::1", 9092)
    assert LOOPBACK.after(3) == LOOPBACK
    with pytest.raises(InvalidOptionError, match="names no port"):
        Address("127.0.0.1", 65535).after(1)


class NoThread(threading.Thread):
    """A thread that the system does not give."""

    def start(self) -> None:
        raise RuntimeError("can't start new thread")


def test_a_call_for_which_there_was_no_thread_is_made_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    call = BoundedCall(lambda: 7, timeout=30)
    with monkeypatch.context() as without:
        without.setattr("partita.telemetry.bounded_call.threading.Thread", NoThread)
        with pytest.raises(TimeoutError, match="no thread can be started"):
            call()
    assert call() == 7


def test_listeners_are_told_later_if_there_was_no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    with closing(Engine(MemoryStore())) as engine:
        started(engine, workflow_id="before")  # the engine's own threads run
        engine.listen(lambda notice: told.append(notice.execution.workflow_id))
        with monkeypatch.context() as without:
            without.setattr("partita.engine.notifier.threading.Thread", NoThread)
            started(engine, workflow_id="first")
        assert told == []
        started(engine, workflow_id="second")
        until(lambda: {"first", "second"} <= set(told))
