"""Several protocols behind one address."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator

import pytest
from starlette.requests import Request
from starlette.responses import Response

from partita.server.process import in_background
from partita.server.routes import HEALTH_PATH, Router


class Named:
    """A protocol that answers with its name."""

    def __init__(self, name: str, path: str = "/", target: str | None = None) -> None:
        self.name = name
        self.path = path
        self.methods = ("GET",) if target is None else ("POST",)
        self.target = target
        self.is_closed = False

    async def answer(self, request: Request) -> Response:
        return Response(f"{self.name} {request.url.path}")

    def close(self) -> None:
        self.is_closed = True


PROTOCOLS = [Named("swf", target="Simple"), Named("sfn", target="AWSSteps"), Named("wsk", "/a/{_}")]


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with in_background(Router(PROTOCOLS, only_local=True)) as url:
        yield url.rpartition("/")[2]
    assert all(protocol.is_closed for protocol in PROTOCOLS)


def ask(address: str, method: str, path: str, **headers: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection(address, timeout=20)
    connection.request(method, path, headers=headers)
    found = connection.getresponse()
    status, text = found.status, found.read().decode()
    connection.close()
    return status, text


@pytest.mark.parametrize(("target", "name"), [("Simple.Do", "swf"), ("AWSSteps.Do", "sfn")])
def test_who_shares_a_path_is_told_by_the_target(address: str, target: str, name: str) -> None:
    assert ask(address, "POST", "/", **{"X-Amz-Target": target}) == (200, f"{name} /")


def test_who_has_a_path_of_its_own(address: str) -> None:
    assert ask(address, "GET", "/a/actions") == (200, "wsk /a/actions")


def test_what_nobody_answers(address: str) -> None:
    assert ask(address, "GET", "/b")[0] == 404
    assert ask(address, "GET", "/")[0] == 405
    status, text = ask(address, "POST", "/", **{"X-Amz-Target": "Other.Do"})
    assert (status, json.loads(text)["__type"]) == (400, "UnknownOperationException")
    assert "AWSSteps, Simple" in text


def test_health(address: str) -> None:
    assert ask(address, "GET", HEALTH_PATH) == (200, "ok\n")


@pytest.mark.parametrize("path", ["/a/actions", HEALTH_PATH])
def test_only_this_machine_is_answered(address: str, path: str) -> None:
    assert ask(address, "GET", path, Host="elsewhere.example")[0] == 403


@pytest.mark.parametrize(
    ("host", "status"), [("sync-localhost:8585", 200), ("sync-127.0.0.1", 200), ("sync-x.y", 403)]
)
def test_the_prefix_of_some_operations_hosts(address: str, host: str, status: int) -> None:
    connection = http.client.HTTPConnection(address)
    connection.request("GET", HEALTH_PATH, headers={"Host": host})
    assert connection.getresponse().status == status
    connection.close()


def test_it_answers_as_its_own_proxy(address: str) -> None:
    host = {"Host": "sync-localhost:80"}
    assert ask(address, "GET", f"http://sync-localhost:80{HEALTH_PATH}", **host) == (200, "ok\n")
    assert ask(address, "GET", "http://sync-localhost/a/actions", **host) == (200, "wsk /a/actions")
    elsewhere = {"Host": "elsewhere.example"}
    assert ask(address, "GET", f"http://elsewhere.example{HEALTH_PATH}", **elsewhere)[0] == 403
    assert ask(address, "GET", "http://", **host)[0] in (400, 405)
