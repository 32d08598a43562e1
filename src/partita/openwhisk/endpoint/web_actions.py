"""Answer requests to web actions: what they are given, and what their results mean as HTTP.

Source: Apache OpenWhisk, docs/webactions.md.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import secrets
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

from starlette.responses import JSONResponse, Response

from partita.openwhisk.endpoint.catalogue import NOT_THERE
from partita.openwhisk.endpoint.entities import Action, Json, RequestError, is_truthy, value_of
from partita.openwhisk.endpoint.requests import json_of

_TYPES = {"html": "text/html", "svg": "image/svg+xml", "text": "text/plain"}
EXTENSIONS = ("json", "http", *_TYPES)
NOT_ALLOWED = "Request defines parameters that are not allowed (e.g., reserved properties)."
_STATUSES = {one.value for one in HTTPStatus if one >= 200}
_OWN_HEADERS = ("content-type", "content-length", "transfer-encoding", "connection")
_HEADER, _VALUE = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"), re.compile(r"[\t\x20-\x7e\xa0-\xff]*")
_OTHER_TYPE = "Response type in header did not match generated content type."
_NOT_ACCEPTABLE = "Response is not valid 'message/http'."


class Called(NamedTuple):
    """A request to a web action."""

    path: str  # of the action
    extension: str
    rest: str  # of the path


def called(parts: list[str]) -> Called:
    """Return what a path names: `[namespace, package, action.extension, ...]`.

    Raises:
        RequestError: it names nothing.
    """
    if len(parts) < 3:
        raise RequestError(404, NOT_THERE)
    _, package, name, *rest = parts
    stem, dot, extension = name.rpartition(".")
    if dot and extension not in EXTENSIONS:
        known = ", ".join(f".{one}" for one in EXTENSIONS)
        raise RequestError(406, f"Extension must be specified and one of [{known}].")
    action = stem if dot else name
    path = action if package == "default" else f"{package}/{action}"
    return Called(path, extension if dot else "http", "".join(f"/{one}" for one in rest))


def check(action: Action | None, headers: Mapping[str, str]) -> Action:
    """Return an action that is exported to the web, to who may call it.

    Raises:
        RequestError: it is not.
    """
    if action is None or not is_truthy(action.annotations, "web-export"):
        raise RequestError(404, NOT_THERE)
    wanted = value_of(action.annotations, "require-whisk-auth")
    given = headers.get("x-require-whisk-auth", "")
    if (
        wanted
        and wanted is not True
        and not secrets.compare_digest(f"{wanted}".encode(), given.encode())
    ):
        raise RequestError(401, "The supplied authentication is invalid")
    return action


def params_of(
    action: Action, called: Called, method: str, headers: Mapping[str, str], query: str, body: bytes
) -> Json:
    """Return the parameters of an invocation: those of the query, then of the body.

    Raises:
        RequestError: they would replace those of the action, or are reserved.
    """
    own: Json = {
        "__ow_method": method.lower(),
        "__ow_headers": dict(headers),
        "__ow_path": called.rest,
    }
    if is_truthy(action.annotations, "raw-http"):
        kind = headers.get("content-type", "")
        is_text = kind.startswith(("text/", "application/json", "application/x-www-form"))
        text = body.decode("utf-8", "replace") if is_text else base64.b64encode(body).decode()
        return {**own, "__ow_query": query, "__ow_body": text}
    given = {**_form(query), **_body(headers.get("content-type", ""), body)}
    fixed = {one["key"] for one in action.parameters}
    if any(name in fixed or name.startswith("__ow_") for name in given):
        raise RequestError(400, NOT_ALLOWED)
    return {**given, **own}


def _body(kind: str, body: bytes) -> Json:
    if not body:
        return {}
    if kind.startswith("application/x-www-form-urlencoded"):
        return _form(body.decode("utf-8", "replace"))
    found = json_of(body)
    return found if isinstance(found, dict) else {"value": found}


def _form(text: str) -> Json:
    return dict(parse_qsl(text, keep_blank_values=True))


def response_of(record: Json, extension: str) -> Response:
    """Return the HTTP response of an activation."""
    result = record["response"]["result"]
    if record["statusCode"] == 1 and isinstance(result.get("error"), dict):
        result = result["error"]
    elif record["statusCode"]:
        status = 400 if record["statusCode"] == 1 else 502
        raise RequestError(status, str(result.get("error")))
    if extension == "http":
        return _http(result)
    if extension == "json":
        return JSONResponse(result)
    if extension not in result:
        raise RequestError(404, "Response does not include requested property.")
    value = result[extension]
    text = value if isinstance(value, str) else json.dumps(value)
    return Response(text, media_type=_TYPES[extension])


def _http(result: Json) -> Response:
    """Return the response that a result describes: `statusCode`, `headers` and `body`.

    Raises:
        RequestError: it describes none.
    """
    body = result.get("body")
    status = _status(result.get("statusCode", 204 if body in (None, "") else 200))
    headers = _headers(result.get("headers") or {})
    kind = next((value for name, value in headers if name == "content-type"), None)
    if body in (None, ""):
        made = Response(status_code=status)
    else:
        content, usual = _content(body, kind)
        made = Response(content, status, media_type=kind or usual)
    for name, value in headers:
        if name not in _OWN_HEADERS:
            made.headers.append(name, value)
    return made


def _status(given: Any) -> int:
    text = str(given)
    if isinstance(given, bool) or not (text.isascii() and text.isdecimal()):
        raise RequestError(400, _NOT_ACCEPTABLE)
    if int(text) not in _STATUSES:
        raise RequestError(400, _NOT_ACCEPTABLE)
    return int(text)


def _headers(given: Any) -> list[tuple[str, str]]:
    """Return headers by their names in lower case; a list of values makes several."""
    if not isinstance(given, dict):
        raise RequestError(400, _NOT_ACCEPTABLE)
    found = []
    for name, values in given.items():
        for value in values if isinstance(values, list) else [values]:
            text = value if isinstance(value, str) else json.dumps(value)
            is_plain = isinstance(value, str | bool | int | float) and _VALUE.fullmatch(text)
            if not (is_plain and _HEADER.fullmatch(name)):
                raise RequestError(400, _NOT_ACCEPTABLE)
            found.append((name.lower(), text))
    return found


def _content(body: Any, kind: str | None) -> tuple[bytes, str]:
    """Return the bytes of a body, and its usual type.

    Raises:
        RequestError: it is not of the type that the headers name.
    """
    named = (kind or "").partition(";")[0].strip().lower()
    is_json = named == "application/json" or named.endswith("+json")
    if not isinstance(body, str):
        if named and not is_json:
            raise RequestError(400, _OTHER_TYPE)
        return json.dumps(body).encode(), "application/json"
    if not named or is_json or named.startswith("text/") or named in _TYPES.values():
        return body.encode(), "text/html"
    try:
        return base64.b64decode(body, validate=True), named
    except binascii.Error:
        raise RequestError(400, _OTHER_TYPE) from None
