"""A small stand-in for OpenWhisk's REST API over HTTP: it runs Python actions and conductors."""

from __future__ import annotations

import base64
import http.server
import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock
from urllib.parse import parse_qs, urlsplit

AUTH = "user:password"
Params = dict[str, Any]


class OpenWhisk:
    """The actions and the records of a namespace."""

    def __init__(self) -> None:
        self.url = ""
        self.actions: dict[str, Params] = {}
        self.records: dict[str, Params] = {}
        self.refused: str | None = None  # an action that is too large
        self.hidden_looks = 0  # at records that are not there yet
        self.hidden_status = 404  # what these are answered
        self.requests: list[tuple[str, str]] = []

    def answer(self, method: str, target: str, auth: str, body: Any) -> tuple[int, Any]:
        """Return status and JSON for a request."""
        parts = urlsplit(target)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        self.requests.append((method, parts.path))
        if auth != f"Basic {base64.b64encode(AUTH.encode()).decode()}":
            return 401, {"error": "The supplied authentication is invalid"}
        kind, _, name = parts.path.removeprefix("/api/v1/namespaces/_/").partition("/")
        if kind == "activations":
            return self._record(name) if name else (200, list(reversed(self.records.values())))
        if kind == "actions" and not name:
            return 200, list(self.actions.values())
        if method == "PUT":
            return self._put(name, body, query)
        if name not in self.actions:
            return 404, {"error": "The requested resource does not exist."}
        if method == "DELETE":
            return 200, self.actions.pop(name)
        if method == "GET":
            return 200, self.actions[name]
        return self._invoke(name, body, query.get("blocking") == "true")

    def _record(self, id: str) -> tuple[int, Any]:
        if self.hidden_looks:
            self.hidden_looks -= 1
            return self.hidden_status, {"error": "The requested resource does not exist."}
        if id not in self.records:
            return 404, {"error": "The requested resource does not exist."}
        return 200, self.records[id]

    def _put(self, name: str, body: Params, query: dict[str, str]) -> tuple[int, Any]:
        if name == self.refused:
            return 413, {"error": "Request larger than allowed: 48 MB"}
        if name in self.actions and query.get("overwrite") != "true":
            return 409, {"error": "resource already exists"}
        self.actions[name] = {**self.actions.get(name, {}), **body, "name": name}
        return 200, self.actions[name]

    def _invoke(self, name: str, params: Params, is_blocking: bool) -> tuple[int, Any]:
        id = f"id{len(self.records)}"
        self.records[id] = {}
        result = self.run(name, params, id)
        record = {
            "activationId": id,
            "name": name,
            "start": 0,
            "response": {"result": result, "success": "error" not in result},
        }
        self.records[id] = record
        if not is_blocking:
            return 202, {"activationId": id}
        return (502 if "error" in result else 200), record

    def run(self, name: str, params: Params, id: str = "") -> Params:
        """Return the result of an action; a conductor goes on until it has one."""
        if name not in self.actions:
            return params if name.endswith("utils/echo") else {"error": f"no action {name}"}
        action = self.actions[name]
        names: Params = {}
        exec(compile(action["exec"]["code"], name, "exec"), names)
        result = self._activate(name, names, params, id)
        while "action" in result:
            called = result["action"].removeprefix("/_/").removeprefix("/")
            result = self._activate(
                name, names, {**self.run(called, result["params"]), **result["state"]}, id
            )
        is_conductor = any(one["key"] == "conductor" for one in action.get("annotations", ()))
        return result["params"] if is_conductor and "params" in result else result

    def _activate(self, name: str, names: Params, params: Params, id: str) -> Params:
        environment = {
            "__OW_ACTION_NAME": f"/_/{name}",
            "__OW_ACTIVATION_ID": id,
            "__OW_DEADLINE": "0",
            "__OW_API_HOST": self.url,
            "__OW_API_KEY": AUTH,
        }
        with mock.patch.dict(os.environ, environment):
            try:
                result: Params = names["main"](params)
            except Exception as error:  # as OpenWhisk's Python does
                return {"error": str(error)}
        return result


@contextmanager
def openwhisk() -> Iterator[OpenWhisk]:
    """Serve a stand-in on a port of its own."""
    made = OpenWhisk()

    class Handler(http.server.BaseHTTPRequestHandler):
        def _do(self) -> None:
            size = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(size) or b"null")
            auth = self.headers.get("Authorization", "")
            status, answer = made.answer(self.command, self.path, auth, body)
            data = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_PUT = do_POST = do_DELETE = _do  # noqa: N815

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
