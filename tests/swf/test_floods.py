"""What whoever connects may cost before a signature is there: connections, bytes and time."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import socket
import ssl
import time
import urllib.parse
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from msgspec.structs import replace
from starlette.requests import Request as Incoming
from starlette.responses import PlainTextResponse, Response

from partita.aws import faults
from partita.aws.signature import Keyring
from partita.connect import connect
from partita.server.connections import self_signed
from partita.server.process import in_background
from partita.server.protocols import PROTOCOLS, Setup
from partita.server.protocols import serving as protocols_over
from partita.server.routes import Router
from partita.telemetry.body_budget import BodyBudget
from partita.telemetry.connection_guard import (
    ConnectionGuard,
    is_bounded,
    most_connections,
)
from tests.swf.conftest import Endpoint, serving
from tests.swf.test_signature import NOW, changed, signed

HALF = (
    b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n"
    b"X-Amz-Target: SimpleWorkflowService.ListDomains\r\n\r\n"
)


class Held:
    """A protocol whose requests are answered when the test says so; its path is its own."""

    path = "/held"
    methods = ("GET", "POST")
    target = None

    def __init__(self) -> None:
        self.begun = 0
        self.may_end = False

    async def answer(self, request: Incoming) -> Response:
        self.begun += 1
        await request.body()
        while not self.may_end:
            await asyncio.sleep(0.01)
        return PlainTextResponse("done")

    def close(self) -> None:
        self.may_end = True


@contextlib.contextmanager
def guarded(guard: ConnectionGuard) -> Iterator[tuple[Held, int]]:
    held = Held()
    with in_background(Router([held]), guard=guard) as url:
        yield held, urllib.parse.urlsplit(url).port or 0


def connected(port: int, sent: bytes = b"") -> socket.socket:
    made = socket.create_connection(("127.0.0.1", port), timeout=30)
    made.sendall(sent)
    return made


def is_closed(wire: socket.socket) -> bool:
    """Wait until the other side has closed a connection without an answer."""
    try:
        return wire.recv(1) == b""
    except ConnectionResetError:
        return True


def healthy(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", "/healthz")
    found = connection.getresponse().read() == b"ok\n"
    connection.close()
    return found


SLOW = {
    "nothing": b"",
    "a part of the first line": b"GET /hea",
    "headers without an end": b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: ",
    "a body that stays away": b"POST /held HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n",
    "half a body": b"POST /held HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n1234",
}


@pytest.mark.parametrize("sent", SLOW.values(), ids=SLOW)
def test_what_does_not_come_is_not_waited_for(sent: bytes) -> None:
    guard = ConnectionGuard(header_seconds=0.1, body_seconds=0.1)
    with guarded(guard) as (_, port), connected(port, sent) as wire:
        assert is_closed(wire)
        assert healthy(port)


def test_slow_headers_of_a_second_request_are_not_waited_for() -> None:
    asking = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
    guard = ConnectionGuard(header_seconds=0.1)
    with guarded(guard) as (_, port), connected(port, asking) as wire:
        answer = b""
        while not answer.endswith(b"ok\n"):
            answer += wire.recv(1000)
        wire.sendall(b"GET /hea")
        assert is_closed(wire)


def test_a_request_that_is_being_answered_is_never_cut_off() -> None:
    guard = ConnectionGuard(most=8, header_seconds=0.05, body_seconds=0.05)
    with guarded(guard) as (held, port):
        poll = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        poll.request("POST", "/held", b"body")
        while not held.begun:
            time.sleep(0.01)
        idle = [connected(port) for _ in range(40)]
        assert all(map(is_closed, idle))  # both deadlines are over then
        held.may_end = True
        assert poll.getresponse().read() == b"done"
        poll.close()
        for one in idle:
            one.close()


def test_idle_connections_lock_nobody_out() -> None:
    guard = ConnectionGuard(most=10)
    with guarded(guard) as (_, port):
        idle = [connected(port) for _ in range(60)]
        assert healthy(port)
        assert len(guard) <= 10
        assert sum(map(is_closed, idle[:50])) == 50
        for one in idle:
            one.close()


def test_when_all_are_busy_a_new_one_is_closed(caplog: pytest.LogCaptureFixture) -> None:
    guard = ConnectionGuard(most=3)
    with guarded(guard) as (held, port):
        request = b"GET /held HTTP/1.1\r\nHost: x\r\n\r\n"
        busy = [connected(port, request) for _ in range(3)]
        while held.begun < 3:
            time.sleep(0.01)
        with connected(port) as late:
            assert is_closed(late)
        assert not [one for one in caplog.records if one.levelname == "ERROR"]
        held.may_end = True
        assert all(b"200 OK" in one.recv(100) for one in busy)
        for one in busy:
            one.close()


def test_one_address_does_not_have_all_connections() -> None:
    guard = ConnectionGuard(most=100, most_of_address=5, is_bounded=lambda _: True)
    with guarded(guard) as (_, port):
        idle = [connected(port) for _ in range(20)]
        assert healthy(port)
        assert len(guard) <= 5
        assert sum(map(is_closed, idle[:15])) == 15
        for one in idle:
            one.close()


def test_only_addresses_of_other_machines_have_a_bound_of_their_own() -> None:
    assert all(map(is_bounded, ("192.0.2.1", "10.0.0.1", "2001:db8::1", "fe80::1%eth0")))
    assert not any(map(is_bounded, ("127.0.0.1", "127.9.9.9", "::1", "", "/a/unix/socket")))


def test_headers_without_an_end_are_not_kept() -> None:
    with guarded(ConnectionGuard()) as (_, port), connected(port) as wire:
        with contextlib.suppress(OSError):  # it ends while we send
            wire.sendall(b"GET / HTTP/1.1\r\n" + b"x: y\r\n" * 100_000)
        with contextlib.suppress(OSError):
            while wire.recv(10_000):
                pass
        assert healthy(port)


@contextlib.contextmanager
def guarded_with_tls(guard: ConnectionGuard, folder: Path) -> Iterator[int]:
    connections = self_signed(folder)
    with in_background(Router([Held()]), guard=guard, connections=connections) as url:
        yield urllib.parse.urlsplit(url).port or 0


def healthy_with_tls(port: int) -> bool:
    context = ssl._create_unverified_context()
    with closing(
        http.client.HTTPSConnection("127.0.0.1", port, timeout=30, context=context)
    ) as connection:
        connection.request("GET", "/healthz")
        return connection.getresponse().read() == b"ok\n"


@pytest.mark.parametrize("sent", [b"", b"\x16\x03\x01"], ids=["nothing", "half a hello"])
def test_a_handshake_that_does_not_end_is_not_waited_for(tmp_path: Path, sent: bytes) -> None:
    with guarded_with_tls(ConnectionGuard(header_seconds=0.1), tmp_path / "tls") as port:
        with connected(port, sent) as wire:
            assert is_closed(wire)
        assert healthy_with_tls(port)


def test_handshakes_that_do_not_end_lock_nobody_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with guarded_with_tls(ConnectionGuard(most=10), tmp_path / "tls") as port:
        idle = [connected(port) for _ in range(60)]
        assert healthy_with_tls(port)
        assert sum(map(is_closed, idle[:45])) == 45
        for one in idle:
            one.close()
    assert len([one for one in caplog.records if one.name.startswith(("partita", "uvicorn"))]) == 1


def test_half_requests_lock_nobody_out() -> None:
    guard = ConnectionGuard(most=5)
    with guarded(guard) as (held, port):
        half = [connected(port, SLOW["half a body"]) for _ in range(5)]
        while held.begun < 5:
            time.sleep(0.01)
        assert healthy(port)
        assert is_closed(half[0])
        for one in half:
            one.close()


def test_the_log_says_it_once(caplog: pytest.LogCaptureFixture) -> None:
    with guarded(ConnectionGuard(most=2)) as (_, port):
        idle = [connected(port) for _ in range(30)]
        assert all(map(is_closed, idle[:28]))
        for one in idle:
            one.close()
    assert len([one for one in caplog.records if one.name == "partita.server"]) == 1


def test_there_are_always_descriptors_left() -> None:
    import resource

    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert soft < 0 or 8 <= most_connections() <= max(8, soft - 64)


# -- signatures before bodies


@pytest.fixture
def endpoint(tmp_path: Path) -> Iterator[Endpoint]:
    with serving(tmp_path) as made:
        yield made


def test_the_header_is_judged_before_the_body_has_come(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("partita.telemetry.body_budget.DRAIN_SECONDS", 0.05)
    port = urllib.parse.urlsplit(endpoint.url).port or 0
    stale = b"Authorization: AWS4-HMAC-SHA256 Credential=NOBODY/20200101/us-east-1/swf/aws4_request"
    for more in (b"", b"Authorization: Basic x\r\n", stale + b"\r\n"):
        with connected(port, HALF[:-2] + more + b"\r\n" + b"x" * 1000) as wire:
            answer = b""
            while data := wire.recv(10_000):
                answer += data
            assert b" 403 " in answer.partition(b"\r\n")[0]
            assert b"connection: close" in answer.lower()


def test_a_body_that_says_that_it_is_too_large_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("partita.telemetry.body_budget.DRAIN_SECONDS", 0.05)
    with serving(tmp_path, keys=None) as made:
        port = urllib.parse.urlsplit(made.url).port or 0
        for length in (b"1048577", b"9" * 18):
            with connected(port, HALF.replace(b"1000000", length)) as wire:
                assert b" 413 " in wire.recv(10_000)


def test_bodies_in_flight_are_bounded() -> None:
    budget = BodyBudget(100, 70)
    with budget.reading("127.0.0.1") as one, budget.reading("127.0.0.1") as other:
        assert one(60)
        assert other(40)
        assert not other(1)
    with budget.reading("::1") as again:
        assert again(100)


def test_no_address_beyond_this_machine_has_all_the_room_for_bodies() -> None:
    budget = BodyBudget(100, 70)
    with budget.reading("192.0.2.1") as one, budget.reading("192.0.2.1") as other:
        assert one(60)
        assert not other(11)
        assert other(10)
        with budget.reading("2001:db8::1") as neighbour:
            assert neighbour(30)
            assert not neighbour(1)
    with budget.reading("192.0.2.1") as again:
        assert again(70)


def test_every_protocol_refuses_bodies_for_which_there_is_no_room(tmp_path: Path) -> None:
    bodies = BodyBudget(1_000)
    setup = Setup(bodies=bodies, poll_seconds=1)
    with (
        closing(connect(f"sqlite:///{tmp_path / 'x.db'}")) as service,
        protocols_over(PROTOCOLS, service, setup) as protocols,
        in_background(Router(protocols)) as url,
        bodies.reading("127.0.0.1") as has_room,
    ):
        assert has_room(995)
        port = urllib.parse.urlsplit(url).port or 0
        for target, path in (
            ("SimpleWorkflowService.ListDomains", "/"),
            ("AWSStepFunctions.ListStateMachines", "/"),
            ("", "/api/v1/namespaces/_/actions/a"),
        ):
            with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
                headers = {"x-amz-target": target}
                connection.request("PUT" if path != "/" else "POST", path, b"x" * 9, headers)
                answer = connection.getresponse()
                assert (answer.status, b"try again" in answer.read()) == (503, True)


# -- scopes and dates


def test_a_signature_for_another_region_or_service_is_refused() -> None:
    keys = {"ID": "SECRET"}
    request = signed()  # for swf in eu-west-1
    assert Keyring(keys, lambda: NOW, region="eu-west-1").verify(request, "swf") == "ID"
    for region, service in (("us-east-1", "swf"), ("eu-west-1", "states"), ("eu-west", "swf")):
        ring = Keyring(keys, lambda: NOW, region=region)
        for check in (ring.admit, ring.verify):
            with pytest.raises(faults.InvalidSignatureFault, match="should be scoped to the"):
                check(request, service)


@pytest.mark.parametrize(
    "date",
    ["20231114", "20231114T2213 0Z", "20231114T22132Z", "20231114T221320", "20231114T221320Zjunk",
     "2023111\uff14T221320Z", "20231115T221320Z", "20231114T996199Z"],
)  # fmt: skip
def test_a_malformed_date_is_refused(date: str) -> None:
    ring = Keyring({"ID": "SECRET"}, lambda: NOW)
    request = signed()
    assert ring.verify(replace(request)) == "ID"
    for check in (ring.admit, ring.verify):
        with pytest.raises(faults.IncompleteSignatureFault):
            check(changed(request, x_amz_date=date))
