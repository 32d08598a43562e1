"""HTTP tasks; a server of this process answers."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from partita.errors import TaskFailedError
from partita.integrations.api_gateway import invoke_api
from partita.integrations.http_encoding import encoded, form_pairs
from partita.integrations.http_tasks import HttpTasks


class _Handler(BaseHTTPRequestHandler):
    """Answers with what it was asked, or as the path says."""

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(length).decode()
        parts = urlsplit(self.path)
        kind, _, rest = parts.path[1:].partition("/")
        if kind == "status":
            return self._answer(int(rest), f"status {rest}".encode(), "text/plain")
        if kind == "redirect":
            return self._answer(302, b"", "text/plain", Location=dict(parse_qsl(parts.query))["to"])
        if kind == "token":
            return self._answer(200, b'{"access_token": "secret"}', "application/json")
        if kind == "image":
            return self._answer(200, b"\x89PNG", "image/png")
        if kind == "large":
            return self._answer(200, b"x" * 300_000, "text/plain")
        if kind == "text":
            return self._answer(200, b"hello", "text/plain", **{"X-Own": "1"})
        asked = {
            "method": self.command,
            "path": parts.path,
            "query": parse_qsl(parts.query),
            "headers": {name.lower(): value for name, value in self.headers.items()},
            "body": body,
        }
        return self._answer(200, json.dumps(asked).encode(), "application/json")

    do_GET = do_PUT = do_DELETE = do_POST  # noqa: N815

    def _answer(self, status: int, body: bytes, kind: str, **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Be silent."""


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def tasks(url: str) -> HttpTasks:
    authorization = {
        "basic": {"BasicAuthParameters": {"Username": "ada", "Password": "pw"}},
        "key": {
            "ApiKeyAuthParameters": {"ApiKeyName": "X-Key", "ApiKeyValue": "k"},
            "InvocationHttpParameters": {
                "HeaderParameters": [{"Key": "X-More", "Value": "h"}],
                "QueryStringParameters": [{"Key": "q", "Value": "theirs"}],
                "BodyParameters": [{"Key": "b", "Value": "theirs"}],
            },
        },
        "oauth": {
            "OAuthParameters": {
                "AuthorizationEndpoint": f"{url}/token",
                "HttpMethod": "POST",
                "ClientParameters": {"ClientID": "id", "ClientSecret": "s"},
            }
        },
    }
    connections = {name: {"AuthParameters": one} for name, one in authorization.items()}
    return HttpTasks((url.removeprefix("http://"),), connections)


def arn(name: str) -> dict[str, str]:
    return {"ConnectionArn": f"arn:aws:events:us-east-1:123456789012:connection/{name}/81210c42"}


def failure(tasks: HttpTasks, arguments: Any) -> TaskFailedError:
    with pytest.raises(TaskFailedError) as raised:
        tasks.invoke(arguments)
    return raised.value


def test_an_answer_has_status_headers_and_body(tasks: HttpTasks, url: str) -> None:
    found = tasks.invoke({"ApiEndpoint": f"{url}/text", "Method": "GET"})
    assert found["StatusCode"] == 200
    assert found["StatusText"] == "OK"
    assert found["ResponseBody"] == "hello"
    assert found["Headers"]["x-own"] == ["1"]


def test_a_request_is_sent_as_it_is_described(tasks: HttpTasks, url: str) -> None:
    asked = tasks.invoke(
        {
            "ApiEndpoint": f"{url}/a?x=1",
            "Method": "PUT",
            "Headers": {"X-Own": "v", "X-Number": 7},
            "QueryParameters": {"q": ["1", "a b"], "n": 2},
            "RequestBody": {"a": [1, "ü"]},
        }
    )["ResponseBody"]
    assert (asked["method"], asked["path"]) == ("PUT", "/a")
    assert asked["query"] == [["x", "1"], ["q", "1"], ["q", "a b"], ["n", "2"]]
    assert asked["headers"]["x-own"] == "v"
    assert asked["headers"]["x-number"] == "7"
    assert asked["headers"]["content-type"] == "application/json"
    assert asked["headers"]["user-agent"].startswith("Amazon|StepFunctions|HttpInvoke|")
    assert json.loads(asked["body"]) == {"a": [1, "ü"]}


@pytest.mark.parametrize("status", [400, 404, 429, 503])
def test_a_status_is_an_error_name(tasks: HttpTasks, url: str, status: int) -> None:
    found = failure(tasks, {"ApiEndpoint": f"{url}/status/{status}", "Method": "GET"})
    assert found.error == f"States.Http.StatusCode.{status}"
    assert found.cause == f"status {status}"


def test_no_answer_is_an_error_of_the_socket() -> None:
    tasks = HttpTasks(("127.0.0.1:9",))
    found = failure(tasks, {"ApiEndpoint": "http://127.0.0.1:9/", "Method": "GET"})
    assert found.error == "States.Http.Socket"


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://example.com/",
        "http://127.0.0.1:9/",
        "http://127.0.0.1@example.com/",
        "http://example.com/?http://127.0.0.1",
        "file:///etc/passwd",
        "//127.0.0.1/",
        "http://[broken/",
        "",
    ],
)
def test_only_allowed_hosts_are_called(tasks: HttpTasks, endpoint: str) -> None:
    found = failure(tasks, {"ApiEndpoint": endpoint, "Method": "GET"})
    assert found.error == "States.Runtime"


def test_no_host_is_allowed_without_configuration(url: str) -> None:
    found = failure(HttpTasks(()), {"ApiEndpoint": f"{url}/text", "Method": "GET"})
    assert "http:invoke may not call" in str(found.cause)


def test_redirects_stay_with_allowed_hosts(tasks: HttpTasks, url: str) -> None:
    there = f"{url}/redirect/?to={url}/echo"
    asked = tasks.invoke(
        {"ApiEndpoint": there, "Method": "POST", "Headers": {"X-Own": "1"}, "RequestBody": {"a": 1}}
    )["ResponseBody"]
    assert (asked["method"], asked["path"], asked["body"]) == ("GET", "/echo", "")
    assert asked["headers"]["x-own"] == "1"
    away = f"{url}/redirect/?to=http://example.com/"
    found = failure(tasks, {"ApiEndpoint": away, "Method": "GET"})
    assert "may not call 'example.com'" in str(found.cause)


def test_redirects_come_to_an_end(tasks: HttpTasks, url: str) -> None:
    loop = f"{url}/redirect/?to=/redirect/%3Fto=/redirect/"
    with pytest.raises(TaskFailedError):
        tasks.invoke({"ApiEndpoint": loop.replace("%3F", "%253F"), "Method": "GET"})


@pytest.mark.parametrize("name", ["Host", "Connection", "X-Amz-Date", "x-forwarded-for", "TE"])
def test_headers_that_are_forbidden(tasks: HttpTasks, url: str, name: str) -> None:
    arguments = {"ApiEndpoint": f"{url}/a", "Method": "GET", "Headers": {name: "x"}}
    assert failure(tasks, arguments).error == "States.Runtime"


@pytest.mark.parametrize(
    "change",
    [
        {"Method": "TRACE"},
        {"Method": None},
        {"Headers": {"X": "a\r\nHost: b"}},
        {"Headers": "X: 1"},
        {"RequestBody": "text", "Transform": {"RequestBodyEncoding": "URL_ENCODED"}},
    ],
)
def test_what_cannot_be_sent(tasks: HttpTasks, url: str, change: dict[str, Any]) -> None:
    found = failure(tasks, {"ApiEndpoint": f"{url}/a", "Method": "POST", **change})
    assert found.error == "States.Runtime"


def test_answers_that_are_no_text(tasks: HttpTasks, url: str) -> None:
    found = failure(tasks, {"ApiEndpoint": f"{url}/image", "Method": "GET"})
    assert found.error == "States.Runtime"
    found = failure(tasks, {"ApiEndpoint": f"{url}/large", "Method": "GET"})
    assert found.error == "States.DataLimitExceeded"


class TestConnections:
    def test_basic(self, tasks: HttpTasks, url: str) -> None:
        arguments = {"ApiEndpoint": f"{url}/a", "Method": "GET", "Authentication": arn("basic")}
        headers = tasks.invoke(arguments)["ResponseBody"]["headers"]
        assert headers["authorization"] == "Basic " + base64.b64encode(b"ada:pw").decode()

    def test_an_api_key_and_what_else_the_connection_adds(self, tasks: HttpTasks, url: str) -> None:
        arguments = {
            "ApiEndpoint": f"{url}/a",
            "Method": "POST",
            "Authentication": arn("key"),
            "QueryParameters": {"q": "mine", "own": "1"},
            "RequestBody": {"b": "mine", "own": 1},
        }
        asked = tasks.invoke(arguments)["ResponseBody"]
        assert asked["headers"]["x-key"] == "k"
        assert asked["headers"]["x-more"] == "h"
        assert asked["query"] == [["q", "theirs"], ["own", "1"]]
        assert json.loads(asked["body"]) == {"b": "theirs", "own": 1}

    def test_oauth(self, tasks: HttpTasks, url: str) -> None:
        arguments = {"ApiEndpoint": f"{url}/a", "Method": "GET", "InvocationConfig": arn("oauth")}
        headers = tasks.invoke(arguments)["ResponseBody"]["headers"]
        assert headers["authorization"] == "Bearer secret"

    def test_a_connection_that_there_is_not(self, tasks: HttpTasks, url: str) -> None:
        arguments = {"ApiEndpoint": f"{url}/a", "Method": "GET", "Authentication": arn("none")}
        assert failure(tasks, arguments).error == "Events.ConnectionResource.NotFound"


@pytest.mark.parametrize(
    ("array_format", "expected"),
    [
        ("INDICES", "a[0]=1&a[1]=b+c&d[e]=x&f="),
        ("BRACKETS", "a[]=1&a[]=b+c&d[e]=x&f="),
        ("REPEAT", "a=1&a=b+c&d[e]=x&f="),
        ("COMMAS", "a=1,b+c&d[e]=x&f="),
        ("NONE", 'a=[1,"b+c"]&d[e]=x&f='),
    ],
)
def test_forms(array_format: str, expected: str) -> None:
    body = {"a": [1, "b c"], "d": {"e": "x"}, "f": None}
    found = encoded(form_pairs(body, array_format))
    for plain, code in (("[", "%5B"), ("]", "%5D"), (",", "%2C"), ('"', "%22")):
        found = found.replace(code, plain)
    assert found == expected


class TestApiGateway:
    def test_an_api_is_called(self, tasks: HttpTasks, url: str) -> None:
        found = invoke_api(
            tasks,
            {
                "ApiEndpoint": url,
                "Method": "POST",
                "Stage": "prod",
                "Path": "/a b/c",
                "Headers": {"X-Own": ["1", "2"]},
                "QueryParameters": {"q": ["1", "2"]},
                "RequestBody": {"a": 1},
            },
        )
        asked = found["ResponseBody"]
        assert asked["path"] == "/prod/a%20b/c"
        assert asked["query"] == [["q", "1"], ["q", "2"]]
        assert asked["headers"]["x-own"] == "1,2"
        assert json.loads(asked["body"]) == {"a": 1}

    def test_its_errors_have_the_services_name(self, tasks: HttpTasks, url: str) -> None:
        with pytest.raises(TaskFailedError) as raised:
            invoke_api(tasks, {"ApiEndpoint": url, "Method": "GET", "Path": "status/422"})
        assert (raised.value.error, raised.value.cause) == ("ApiGateway.422", "status 422")

    @pytest.mark.parametrize(
        "arguments",
        [
            {"ApiEndpoint": "example.com", "Method": "GET"},
            {"Method": "GET"},
            {"ApiEndpoint": "example.com", "Method": "GET", "AuthType": "IAM_ROLE"},
            "text",
        ],
    )
    def test_what_cannot_be_called(self, tasks: HttpTasks, arguments: Any) -> None:
        with pytest.raises(TaskFailedError) as raised:
            invoke_api(tasks, arguments)
        assert raised.value.error == "States.Runtime"
