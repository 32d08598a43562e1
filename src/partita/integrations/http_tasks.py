"""Call HTTP endpoints for `http:invoke`, of allowed hosts only.

A redirect is followed to allowed hosts only, too. What the task may not set is what AWS forbids.

Source: AWS Step Functions Developer Guide, "Call HTTPS APIs in Step Functions workflows".
"""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request
from collections.abc import Iterable, Mapping
from email.message import Message
from typing import Any
from urllib.parse import urljoin, urlsplit

import msgspec
from msgspec import Struct

from partita.errors import TaskFailedError
from partita.integrations.failures import RUNTIME
from partita.integrations.http_connections import additions_of, find_connection, oauth_request
from partita.integrations.http_encoding import encoded, form_pairs, query_pairs
from partita.integrations.json_texts import text_of

TIMEOUT = 60.0
"""Seconds that an endpoint may take to answer, as AWS has it."""

BODY_LIMIT = 262_144
"""Bytes of a response's body."""

REDIRECTS_LIMIT = 10

SOCKET = "States.Http.Socket"
FORM = "application/x-www-form-urlencoded"

_METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD")
_FORBIDDEN = frozenset(
    (
        "a-im",
        "accept-charset",
        "accept-datetime",
        "accept-encoding",
        "cache-control",
        "connection",
        "content-encoding",
        "content-md5",
        "date",
        "expect",
        "forwarded",
        "from",
        "host",
        "http2-settings",
        "if-match",
        "if-modified-since",
        "if-none-match",
        "if-range",
        "if-unmodified-since",
        "max-forwards",
        "origin",
        "pragma",
        "proxy-authorization",
        "referer",
        "server",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "via",
        "warning",
    )
)
_FORBIDDEN_PREFIXES = ("x-forwarded", "x-amz", "x-amzn")
_BINARY = ("image/", "audio/", "video/", "font/", "application/octet-stream", "application/zip")


class _Exchange(Struct, kw_only=True):
    """A request, as it is sent."""

    method: str
    url: str
    headers: dict[str, str]
    body: bytes | None


class _Answer(Struct, frozen=True, kw_only=True):
    status: int
    reason: str
    headers: Message
    body: bytes


class HttpTrace:
    """The last request and answer of an HTTP task, as the API's TestState shows them."""

    def __init__(self, *, has_secrets: bool) -> None:
        self.has_secrets = has_secrets  # whether what connections add is shown
        self.request: dict[str, str] = {}
        self.response: dict[str, str] = {}

    def note_request(self, exchange: _Exchange) -> None:
        """Keep a request."""
        self.request = {
            "protocol": urlsplit(exchange.url).scheme,
            "method": exchange.method,
            "url": exchange.url,
            "headers": _listed(exchange.headers.items()),
        }
        if exchange.body is not None:
            self.request["body"] = exchange.body.decode("utf-8", "replace")

    def note_answer(self, answer: _Answer) -> None:
        """Keep the answer to the request."""
        self.response = {
            "protocol": self.request["protocol"],
            "statusCode": str(answer.status),
            "statusMessage": answer.reason,
            "headers": _listed((name.lower(), value) for name, value in answer.headers.items()),
            "body": answer.body.decode("utf-8", "replace"),
        }


def _listed(headers: Iterable[tuple[str, str]]) -> str:
    return f"[{', '.join(f'{name}: {value}' for name, value in headers)}]"


class HttpTasks:
    """HTTP tasks that may call these hosts, authorized by these connections."""

    def __init__(
        self, hosts: tuple[str, ...], connections: Mapping[str, dict[str, Any]] | None = None
    ) -> None:
        self._hosts = frozenset(host.lower() for host in hosts)
        self._connections = connections or {}

    def invoke(self, arguments: Any, trace: HttpTrace | None = None) -> dict[str, Any]:
        """Return status, headers and body of the endpoint's answer.

        Raises:
            TaskFailedError: a status other than 2xx, no answer, or a host that is not allowed.
        """
        if not isinstance(arguments, dict):
            raise TaskFailedError(RUNTIME, "The arguments of an HTTP task must be an object")
        headers = {str(name): text_of(value) for name, value in _part(arguments, "Headers").items()}
        _check_headers(headers)
        query = _part(arguments, "QueryParameters")
        body = arguments.get("RequestBody")
        own = exchange = _exchange(arguments, headers.copy(), query, body)
        connection = self._connection(arguments)
        if connection is not None:
            added = additions_of(connection)
            headers |= added.headers | self._token(connection)
            query = query | added.query
            exchange = _exchange(arguments, headers, query, _merged(body, added.body))
        if trace is not None:
            trace.note_request(exchange if trace.has_secrets else own)
        answer = self._send(exchange)
        if trace is not None:
            trace.note_answer(answer)
        return self._result(answer)

    def _connection(self, arguments: dict[str, Any]) -> dict[str, Any] | None:
        given = arguments.get("Authentication") or arguments.get("InvocationConfig") or {}
        arn = given.get("ConnectionArn") if isinstance(given, dict) else None
        return None if arn is None else find_connection(self._connections, str(arn))

    def _token(self, connection: dict[str, Any]) -> dict[str, str]:
        request = oauth_request(connection)
        if request is None:
            return {}
        found = self.invoke(request)["ResponseBody"]
        if not isinstance(found, dict) or "access_token" not in found:
            raise TaskFailedError(
                "Events.ConnectionResource.InvalidConnectionState",
                "The authorization endpoint gave no access_token",
            )
        return {"Authorization": f"Bearer {found['access_token']}"}

    def _send(self, exchange: _Exchange) -> _Answer:
        for _ in range(REDIRECTS_LIMIT):
            self._check_host(exchange.url)
            answer = _sent(exchange)
            target = answer.headers.get("Location")
            if answer.status not in (301, 302, 303, 307, 308) or not target:
                return answer
            _redirect(exchange, answer.status, urljoin(exchange.url, target))
        raise TaskFailedError(SOCKET, f"More than {REDIRECTS_LIMIT} redirects: {exchange.url}")

    def _check_host(self, url: str) -> None:
        try:
            parts = urlsplit(url)
            names = {(parts.hostname or "").lower(), parts.netloc.rpartition("@")[2].lower()}
        except ValueError as error:
            raise TaskFailedError(RUNTIME, f"{url!r} is no URL: {error}") from error
        if parts.scheme not in ("http", "https"):
            raise TaskFailedError(RUNTIME, f"{url!r} is no URL of an HTTPS endpoint")
        if not names & self._hosts:
            raise TaskFailedError(
                RUNTIME,
                f"http:invoke may not call {parts.netloc!r}; "
                "name the host in the configuration of this machine's services",
            )

    def _result(self, answer: _Answer) -> dict[str, Any]:
        text = answer.body.decode("utf-8", "replace")
        if not 200 <= answer.status < 300:
            raise TaskFailedError(f"States.Http.StatusCode.{answer.status}", text)
        if len(answer.body) > BODY_LIMIT:
            raise TaskFailedError(
                "States.DataLimitExceeded",
                f"The response body is over {BODY_LIMIT} bytes",
            )
        return {
            "Headers": _all_headers(answer.headers),
            "ResponseBody": _body_value(answer, text),
            "StatusCode": answer.status,
            "StatusText": answer.reason,
        }


def _part(arguments: dict[str, Any], name: str) -> dict[str, Any]:
    part = arguments.get(name) or {}
    if not isinstance(part, dict):
        raise TaskFailedError(RUNTIME, f"{name} of an HTTP task must be an object")
    return part


def _check_headers(headers: dict[str, str]) -> None:
    for name, value in headers.items():
        low = name.lower()
        if low in _FORBIDDEN or low.startswith(_FORBIDDEN_PREFIXES):
            raise TaskFailedError(RUNTIME, f"The header '{name}' may not be set by an HTTP task")
        if "\n" in name + value or "\r" in name + value:
            raise TaskFailedError(RUNTIME, f"The header '{name}' contains a line break")


def _merged(body: Any, added: dict[str, str]) -> Any:
    if not added:
        return body
    if body is not None and not isinstance(body, dict):
        raise TaskFailedError(RUNTIME, "A connection adds to the body, which is no object")
    return {**(body or {}), **added}


def _exchange(
    arguments: dict[str, Any], headers: dict[str, str], query: dict[str, Any], body: Any
) -> _Exchange:
    method = str(arguments.get("Method", "")).upper()
    if method not in _METHODS:
        raise TaskFailedError(RUNTIME, f"Method must be one of {', '.join(_METHODS)}")
    url = str(arguments.get("ApiEndpoint", ""))
    if query:
        url += ("&" if urlsplit(url).query else "?") + encoded(query_pairs(query))
    names = {name.lower() for name in headers}
    data, kind = _encoded_body(arguments, body)
    if data is not None and "content-type" not in names:
        headers["Content-Type"] = kind
    if "user-agent" not in names:
        headers["User-Agent"] = "Amazon|StepFunctions|HttpInvoke|partita"
    if "range" not in names:
        headers["Range"] = f"bytes=0-{BODY_LIMIT}"
    return _Exchange(method=method, url=url, headers=headers, body=data)


def _encoded_body(arguments: dict[str, Any], body: Any) -> tuple[bytes | None, str]:
    """Return the body as bytes, and its content type."""
    if body is None:
        return None, ""
    transform = _part(arguments, "Transform")
    if transform.get("RequestBodyEncoding", "NONE") == "NONE":
        return text_of(body).encode("utf-8", "surrogatepass"), "application/json"
    if not isinstance(body, dict):
        raise TaskFailedError(RUNTIME, "A body in URL encoding must be an object")
    options = _part(transform, "RequestEncodingOptions")
    pairs = form_pairs(body, options.get("ArrayFormat", "INDICES"))
    return encoded(pairs).encode(), FORM


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Leave redirects to us: their hosts are checked."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


_opener = urllib.request.build_opener(_NoRedirects)


def _sent(exchange: _Exchange) -> _Answer:
    try:
        request = urllib.request.Request(
            exchange.url, data=exchange.body, headers=exchange.headers, method=exchange.method
        )
        with _opener.open(request, timeout=TIMEOUT) as found:
            return _read(found)
    except urllib.error.HTTPError as error:
        with error:
            return _read(error)
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise TaskFailedError(SOCKET, f"{exchange.url} gave no answer: {error}") from error


def _read(found: Any) -> _Answer:
    try:
        body = found.read(BODY_LIMIT + 1)
    except (OSError, http.client.HTTPException) as error:
        raise TaskFailedError(SOCKET, f"the answer was cut off: {error}") from error
    return _Answer(status=found.status, reason=found.reason, headers=found.headers, body=body)


def _redirect(exchange: _Exchange, status: int, url: str) -> None:
    """Change a request to follow a redirect; credentials do not go to another host."""
    if urlsplit(url).netloc != urlsplit(exchange.url).netloc:
        exchange.headers = {
            name: value
            for name, value in exchange.headers.items()
            if name.lower() in ("content-type", "user-agent", "accept")
        }
    if status in (301, 302, 303) and exchange.method not in ("GET", "HEAD"):
        exchange.method, exchange.body = "GET", None
    exchange.url = url


def _all_headers(headers: Message) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in headers.items():
        found.setdefault(name.lower(), []).append(value)
    return found


def _body_value(answer: _Answer, text: str) -> Any:
    """Return a body as JSON if it is that, else as text."""
    kind = answer.headers.get_content_type() if "Content-Type" in answer.headers else ""
    if kind.startswith(_BINARY):
        raise TaskFailedError(RUNTIME, f"A response of the type {kind} is not supported")
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return text
