"""Random requests to every route of a local OpenWhisk.

None is an internal error, and those that are refused, or only read, change nothing.
"""

from __future__ import annotations

import base64
import http.client
import json
import random
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest

from partita.connect import connect
from partita.openwhisk import conductor
from partita.openwhisk.endpoint import catalogue, triggers
from partita.ports.session import Transactional
from partita.ports.state import ExecutionFilter
from partita.server.local import openwhisk_endpoint
from tests.openwhisk.endpoint import defined, invoke
from tests.soak import scaled

METHODS = ["GET", "PUT", "POST", "DELETE"] * 3 + ["PATCH", "HEAD", "OPTIONS", "TRACE", "FOO"]
NAMES = ["good", "pkg", "echo", "..", "a b", "%2e%2e", "\u00e9", "x" * 300, "", "%00", "$composer"]
NAMES += ["good.json", "good.http", "good.", "result", "logs", "default", "\u202e", "0" * 32]
KINDS = ["actions"] * 4 + ["packages", "activations", "limits", "triggers", "rules", "x", "web"]
VALUES: list[Any] = [None, 1, -1, 1.5, "x", [], {}, True, [1], [{"key": "k"}], 10**30, "\u0000"]
VALUES += [{"kind": "python:3", "code": "def main(p): return p"}, {"timeout": "x"}, {"name": "pkg"}]
VALUES += [{"kind": "sequence", "components": ["/_/good"]}, {"kind": "sequence", "components": [1]}]
VALUES += [{"timeout": 100, "memory": 10**9, "logs": -1, "concurrency": 0}, "/_/good", "/_/event"]
VALUES += [[{"key": "web-export", "value": True}], [{"key": "conductor", "value": True}], "active"]
MEMBERS = ["exec", "annotations", "parameters", "limits", "version", "binding", "n", "error"]
MEMBERS += ["trigger", "action", "status", "publish", "name", "namespace"]
QUERY = ["blocking", "result", "limit", "skip", "since", "upto", "count", "overwrite", "timeout"]
QUERY += ["name", "docs", "code", "force"]
TEXTS = ["true", "false", "x", "1", "-1", "9" * 30, "", "\u0661", "1e3", "good", "_/good"]
HEADERS = [
    {},
    {"Authorization": "Basic !"},
    {"Authorization": "Basic " + base64.b64encode(b"\xff").decode()},
    {"Authorization": "Bearer x"},
    {"Content-Type": "application/x-www-form-urlencoded"},
    {"Content-Type": "text/plain; charset=nonsense"},
    {"Content-Length": "-5"},
    {"Transfer-Encoding": "chunked"},
    {"Host": "\u00e9"},
]
Asked = tuple[str, str, bytes | None, dict[str, str]]


@pytest.fixture(scope="module")
def service() -> Iterator[Transactional]:
    made: Any = connect("memory://")
    yield made
    made.close()


@pytest.fixture(scope="module")
def url(service: Any) -> Iterator[str]:
    with openwhisk_endpoint(service, blocking_seconds=5) as made:
        yield made


@pytest.fixture(scope="module")
def wsk(url: str) -> Any:
    client: Any = conductor.openwhisk({"apihost": url, "api_key": "key:secret"})
    prepare(client)
    return client


def prepare(wsk: Any) -> None:
    """Put an entity of each kind there."""
    exported = [{"key": "web-export", "value": True}]
    defined(wsk, "good", "def main(p):\n    return p\n", annotations=exported)
    for path, body in (
        ("packages/pkg", {}),
        ("triggers/event", {}),
        ("rules/rule", {"trigger": "/_/event", "action": "/_/good"}),
    ):
        wsk.request("PUT", f"namespaces/_/{path}?overwrite=true", body)


def random_request(chance: random.Random) -> Asked:
    """Return a request to any route, with any body."""
    parts = ["namespaces", chance.choice(["_", "_", "_", "guest", "other", "whisk.system"])]
    parts += [chance.choice(KINDS), *(chance.choice(NAMES) for _ in range(chance.randrange(4)))]
    if chance.random() < 0.2:
        parts = ["web", "guest", "default", *parts[3:]]
    parts = parts[: chance.choice([0, 1, 2, *[9] * 10])]
    asked = [f"{name}={quote(chance.choice(TEXTS))}" for name in chance.sample(QUERY, 2)]
    query = "&".join(asked[: chance.randrange(3)])
    path = quote("/".join(["/api/v1", *parts]), safe="/%") + chance.choice(["", "", "/", "//"])
    members = {one: chance.choice(VALUES) for one in chance.sample(MEMBERS, chance.randrange(4))}
    bodies = [None, b"{", b"\xff\xfe", b"[" * 100_000, json.dumps(chance.choice(VALUES)).encode()]
    body = chance.choice([*bodies, *[json.dumps(members).encode()] * 8])
    headers = chance.choice([*HEADERS, *[{}] * 20])
    return chance.choice(METHODS), f"{path}?{query}", body, headers


def answered(url: str, asked: Asked) -> int:
    """Return the status of an answer; 0 if there is none."""
    host = url.removeprefix("http://")
    connection = http.client.HTTPConnection(host, timeout=30)
    method, path, body, headers = asked
    try:
        is_chunked = "Transfer-Encoding" in headers
        body = b"" if is_chunked and body is None else body
        connection.request(method, path, body, headers, encode_chunked=is_chunked)
        with connection.getresponse() as answer:
            answer.read()
            return answer.status
    except (http.client.HTTPException, ConnectionError, UnicodeEncodeError):
        return 0
    finally:
        connection.close()


def stored(service: Any) -> Any:
    """Return what an endpoint has stored: its entities, and the newest activation."""
    kinds = (catalogue.ACTION, catalogue.PACKAGE, triggers.TRIGGER, triggers.RULE)
    committed = service.committed
    newest = [one.run for one in committed.executions(ExecutionFilter(limit=1))]
    return {kind: committed.entries(kind, catalogue.DOMAIN) for kind in kinds}, newest


def test_no_request_is_an_internal_error(url: str, wsk: Any, service: Any) -> None:
    chance = random.Random(19)
    statuses = set()
    for number in range(scaled(400, 20_000)):
        asked = random_request(chance)
        before = stored(service)
        status = answered(url, asked)
        statuses.add(status)
        assert status < 500 or status == 502, (number, asked)
        is_read = asked[0] in ("GET", "HEAD", "OPTIONS") and "/web/" not in asked[1]
        if is_read or (status >= 400 and status != 502):
            is_web = status in (400, 404) and "/web/" in asked[1]  # the action's own answer
            assert is_web or stored(service) == before, (number, asked, status)
    assert {200, 400, 404, 405} <= statuses
    prepare(wsk)
    assert invoke(wsk, "good", {"n": 1})["response"]["result"] == {"n": 1}
