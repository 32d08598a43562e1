"""What is no request is answered by a 4xx, on every route, and logged without a traceback."""

from __future__ import annotations

import socket
import urllib.parse
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from partita.aws.signature import Keyring
from partita.connect import connect
from partita.server.process import in_background
from partita.server.protocols import PROTOCOLS, Setup, serving
from partita.server.routes import Router
from partita.telemetry.health import Address, serve_probes
from partita.telemetry.metrics import Metrics

PROBES = ("/healthz", "/readyz", "/metrics", "/nothing")
NAMESPACE = "/api/v1/namespaces/_"
COLLECTIONS = ("actions", "activations", "triggers", "rules", "packages", "limits")
ROUTES = (
    *("/", "/nothing", "/healthz", "/api/v1", "/api/v1/namespaces", "/api/v1/web/_/default/a.json"),
    *(f"{NAMESPACE}/{one}" for one in COLLECTIONS),
    *(f"{NAMESPACE}/{one}/a" for one in COLLECTIONS),
)
ACCEPT = (
    *(
        b"text/plain;version=x",
        b"text/plain; version==1",
        b"\xff\xfe\x80",
        b";;;,,,===",
        b"," * 5000,
    ),
    *(b"application/openmetrics-text;version=1..0", b"text/plain;version=\xc2\xb2", b"*/*;q=\xd9"),
    *(b"application/openmetrics-text;version=1!2.post3+x", b"text/plain;version=1.0.0;escaping=z"),
)
QUERIES = (
    *(b"limit=2" + b"0" * 30, b"limit=-1", b"limit=%ff", b"limit=\xff", b"limit=%D9%A1", b"docs=x"),
    *(b"skip=-1", b"skip=1e9", b"since=99999999999999999999", b"upto=-5", b"timeout=-1", b"=&&=;"),
    *(b"blocking=2", b"timeout=1e400", b"name=%00", b"name=" + b"a" * 3000),
)
BODIES = (
    *(b"{", b"[]", b"\xff", b'"x"', b"1e999", b'{"a":NaN}', b"[" * 100_000, b'{"a":"\\ud800"}'),
    *(b'{"\\u0000":1}', b'{"exec":{"kind":1}}', b'{"exec":{"kind":"nodejs:default","code":5}}'),
    *(
        b'{"domain":1}',
        b'{"domain":"\\ud800"}',
        b'{"maximumPageSize":1e30}',
        b'{"x":' + b"9" * 5000,
    ),
)
TARGETS = (
    *(b"SimpleWorkflowService.RegisterDomain", b"SimpleWorkflowService.PollForDecisionTask"),
    *(b"SimpleWorkflowService.ListOpenWorkflowExecutions", b"SimpleWorkflowService.__class__"),
    *(b"AWSStepFunctions.CreateStateMachine", b"AWSStepFunctions.", b".", b"\xff\xff", b""),
)
PATHS = (
    *(b"/%ff", b"//x", b"*", b"http://\xff/healthz", b"/" + b"a" * 9000, b"/api/v1/web/%ff/%00/x"),
    *(
        f"{NAMESPACE}/{one}".encode()
        for one in ("actions/%00", "rules/%ff", "activations/%ed%a0%80")
    ),
    *(b"/api/v1/namespaces/%2e%2e/actions", f"{NAMESPACE}/activations/a/logs/b".encode()),
)
AWS4 = (
    b"AWS4-HMAC-SHA256 Credential=\xe9/\xe9/\xe9/swf/aws4_request, "
    b"SignedHeaders=host;x-amz-date;x-amz-target, Signature=\xe9"
)
HEADERS = (
    *(b"Authorization: Basic \xff", b"Authorization: Basic w6k6w6k=", b"Authorization: Basic ="),
    *(b"Authorization: Bearer \xe9", b"Authorization: " + AWS4 + b"\r\nX-Amz-Date: \xe9"),
    *(b"Host: \xff", b"Content-Length: abc", b"Transfer-Encoding: chunked\r\n\r\nzz"),
    *(b"X-Forwarded-For: \xff, ,", b"Expect: 100-continue", b"Upgrade: websocket"),
)


def _request(first: bytes, *headers: bytes, body: bytes = b"") -> bytes:
    length = () if b"Transfer" in b"".join(headers) else (b"Content-Length: %d" % len(body),)
    lines = (first + b" HTTP/1.1", b"Host: localhost", b"Connection: close", *length, *headers)
    return b"\r\n".join((*lines, b"", body))


def _accepting(routes: tuple[str, ...]) -> Iterator[bytes]:
    for route in routes:
        for accept in ACCEPT:
            yield _request(f"GET {route}".encode(), b"Accept: " + accept)
        for method in ("HEAD", "OPTIONS", "PATCH", "QUERY", "POST", "get"):
            yield _request(f"{method} {route}".encode(), b"Accept: " + ACCEPT[0])


def _malformed() -> Iterator[bytes]:
    yield from _accepting(ROUTES)
    for route in map(str.encode, ROUTES):
        for query in QUERIES:
            yield _request(b"GET " + route + b"?" + query)
        for body in BODIES:
            yield _request(b"PUT " + route, body=body)
    for body in BODIES:
        for target in TARGETS:
            yield _request(b"POST /", b"X-Amz-Target: " + target, body=body)
    for path in PATHS:
        for header in HEADERS:
            yield _request(b"GET " + path, header)


def _status(port: int, raw: bytes) -> int:
    with socket.create_connection(("127.0.0.1", port), timeout=30) as wire:
        wire.sendall(raw)
        return int(wire.recv(4000).split(b" ")[1])


def _check_logs(caplog: pytest.LogCaptureFixture) -> None:
    assert not [one for one in caplog.records if one.exc_info]
    assert len(caplog.records) < 10


@pytest.mark.parametrize("is_signed", [False, True], ids=["unsigned", "signed"])
def test_no_request_breaks_a_protocol(
    is_signed: bool, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    keys = {"A": "b"} if is_signed else None
    setup = Setup(poll_seconds=0, openwhisk_keys=keys, keyring=Keyring(keys) if keys else None)
    with ExitStack() as stack:
        service = stack.enter_context(closing(connect(f"sqlite:///{tmp_path / 'x.db'}")))
        protocols = stack.enter_context(serving(PROTOCOLS, service, setup))
        url = stack.enter_context(in_background(Router(protocols)))
        port = urllib.parse.urlsplit(url).port or 0
        found = {raw[:200]: _status(port, raw) for raw in _malformed()}
    assert {raw: status for raw, status in found.items() if status >= 500} == {}
    _check_logs(caplog)


def test_no_request_breaks_a_probe(caplog: pytest.LogCaptureFixture) -> None:
    with serve_probes(Address("127.0.0.1", 0), {}, {}, Metrics().render) as address:
        requests = [*_accepting(PROBES), *(_request(b"GET /readyz", one) for one in HEADERS)]
        found = {raw[:200]: _status(address.port, raw) for raw in requests}
    assert {raw: status for raw, status in found.items() if status >= 500} == {}
    _check_logs(caplog)
