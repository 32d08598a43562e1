"""Who may ask, and from where: signatures, clocks, loopback."""

from __future__ import annotations

import datetime
import http.client
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock
from urllib.parse import urlsplit

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from partita.aws import faults
from partita.aws.faults import FaultError
from partita.aws.signature import NEWEST, OLDEST, Keyring, Request
from partita.server.routes import is_loopback
from tests.swf.conftest import Endpoint, serving
from tests.swf.test_operations import refused

NOW = 1_700_000_000.0
BODY = b'{"registrationStatus": "REGISTERED"}'
HEADERS = {
    "Host": "localhost",
    "Content-Type": "application/x-amz-json-1.0",
    "X-Amz-Target": "SimpleWorkflowService.ListDomains",
}


def signed(*, at: float = NOW, key: str = "ID", secret: str = "SECRET", query: str = "") -> Request:
    """Return a request that botocore has signed at some moment."""
    moment = datetime.datetime.fromtimestamp(at, datetime.UTC)
    url = f"http://localhost/{query}"
    request = AWSRequest("POST", url, headers=dict(HEADERS), data=BODY)
    with mock.patch("botocore.auth.get_current_datetime", return_value=moment.replace(tzinfo=None)):
        SigV4Auth(Credentials(key, secret), "swf", "eu-west-1").add_auth(request)
    headers = [(name.lower(), value) for name, value in request.headers.items()]
    return Request(method="POST", path="/", query=query[1:], headers=headers, body=BODY)


def keyring() -> Keyring:
    return Keyring({"ID": "SECRET", "OTHER": "x"}, clock=lambda: NOW)


def changed(request: Request, **headers: str | None) -> Request:
    """Return the request with other headers; None takes one away."""
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    kept = [(name, value) for name, value in request.headers if name not in names]
    more = [(name, value) for name, value in names.items() if value is not None]
    return Request(
        method=request.method, path="/", query="", headers=[*kept, *more], body=request.body
    )


def test_what_botocore_signs_is_taken() -> None:
    assert keyring().verify(signed()) == "ID"
    assert keyring().verify(signed(query="?b=2&a=1%20x&a=")) == "ID"


@pytest.mark.parametrize("age", [OLDEST - 1, 0, 1 - NEWEST])
def test_clocks_may_differ_a_little(age: float) -> None:
    keyring().verify(signed(at=NOW - age))


@pytest.mark.parametrize("age", [OLDEST + 1, -NEWEST - 1])
def test_clocks_may_not_differ_much(age: float) -> None:
    with pytest.raises(faults.InvalidSignatureFault, match="Signature"):
        keyring().verify(signed(at=NOW - age))


@pytest.mark.parametrize(
    ("request_", "fault"),
    [
        (signed(secret="WRONG"), faults.InvalidSignatureFault),
        (signed(key="OTHER"), faults.InvalidSignatureFault),
        (signed(key="NOBODY"), faults.UnrecognizedClientFault),
        (changed(signed(), authorization=None), faults.MissingAuthenticationFault),
        (changed(signed(), authorization="Basic x"), faults.IncompleteSignatureFault),
        (changed(signed(), authorization="AWS4-HMAC-SHA256 x"), faults.IncompleteSignatureFault),
        (changed(signed(), x_amz_date=None), faults.IncompleteSignatureFault),
        (changed(signed(), x_amz_target="X.RegisterDomain"), faults.InvalidSignatureFault),
        (changed(signed(), host="elsewhere"), faults.InvalidSignatureFault),
    ],
)
def test_what_is_not_signed_is_refused(request_: Request, fault: type[FaultError]) -> None:
    with pytest.raises(fault):
        keyring().verify(request_)


def test_another_body_is_refused() -> None:
    request = signed()
    other = Request(method="POST", path="/", query="", headers=request.headers, body=b"{}")
    with pytest.raises(faults.InvalidSignatureFault):
        keyring().verify(other)


@pytest.mark.parametrize("name", ["host", "x-amz-target", "x-amz-date"])
def test_what_says_what_is_meant_must_be_signed(name: str) -> None:
    request = signed()
    header = request.header("authorization") or ""
    less = changed(request, authorization=header.replace(f"{name};", "").replace(f";{name}", ""))
    with pytest.raises(faults.IncompleteSignatureFault, match=name):
        keyring().verify(less)


# -- over HTTP


def test_boto3_with_the_wrong_secret(endpoint: Endpoint) -> None:
    with refused("InvalidSignatureException"):
        endpoint.new_client(secret="wrong").list_domains(registrationStatus="REGISTERED")
    with refused("UnrecognizedClientException"):
        endpoint.new_client(id="nobody").list_domains(registrationStatus="REGISTERED")


def ask(
    endpoint: Endpoint, body: bytes = BODY, *, target: str | None = None, host: str = "127.0.0.1"
) -> tuple[int, Any]:
    """Send a request as it is; return the status and the answer."""
    connection = http.client.HTTPConnection(urlsplit(endpoint.url).netloc, timeout=60)
    given = {**HEADERS, "Host": host, "X-Amz-Target": target or HEADERS["X-Amz-Target"]}
    connection.request("POST", "/", body, given)
    answer = connection.getresponse()
    text = answer.read()
    connection.close()
    return answer.status, json.loads(text) if text else None


def test_unsigned_requests_are_refused(endpoint: Endpoint) -> None:
    status, answer = ask(endpoint)
    assert status == 403
    assert answer["__type"].endswith("#MissingAuthenticationTokenException")


@pytest.fixture
def unsigned(tmp_path: Path) -> Iterator[Endpoint]:
    with serving(tmp_path, keys=None) as made:
        yield made


def test_unsigned_requests_must_mean_this_machine(unsigned: Endpoint) -> None:
    assert ask(unsigned)[0] == 200
    assert ask(unsigned, host="localhost:80")[0] == 200
    assert ask(unsigned, host="[::1]:80")[0] == 200
    assert ask(unsigned, host="evil.example:80")[0] == 403
    unsigned.new_client(id="any", secret="thing").list_domains(registrationStatus="REGISTERED")


def test_bodies_are_not_endless(unsigned: Endpoint) -> None:
    status, answer = ask(unsigned, b" " * (1024 * 1024 + 1))
    assert status == 413
    assert answer["__type"].endswith("RequestEntityTooLargeException")


def test_other_services_are_not_here(unsigned: Endpoint) -> None:
    status, answer = ask(unsigned, target="DynamoDB_20120810.ListTables")
    assert (status, answer["__type"]) == (400, "UnknownOperationException")
    status, answer = ask(unsigned, target="SimpleWorkflowService.Nonsense")
    assert status == 400
    assert answer["__type"].endswith("#UnknownOperationException")


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "[::1]", "localhost"])
def test_what_is_loopback(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "localhost.evil.example", ""])
def test_what_is_not(host: str) -> None:
    assert not is_loopback(host)
