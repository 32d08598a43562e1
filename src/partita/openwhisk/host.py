"""Call OpenWhisk's REST API: create, update, delete, read and invoke actions.

Source: Apache OpenWhisk, docs/rest_api.md.
"""

from __future__ import annotations

import json
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

from partita.errors import OpenWhiskError
from partita.openwhisk.action_names import qualified_name
from partita.openwhisk.host_settings import HostSettings

POLL = 0.5
"""Seconds between two looks for the record of an activation."""

TIMEOUT = 90.0
"""Seconds to wait for an answer: longer than a blocking invocation may take."""


class Host:
    """An OpenWhisk host, with its `actions`."""

    def __init__(self, settings: HostSettings) -> None:
        self.settings = settings
        self.actions = Actions(self)

    def request(
        self, method: str, path: str, body: Any = None, query: Mapping[str, str] | None = None
    ) -> Any:
        """Return the JSON that answers a request.

        Raises:
            OpenWhiskError: the host refused it, or cannot be reached.
        """
        url = f"{self.settings.url}/{path}" + (f"?{urlencode(query)}" if query else "")
        headers = {
            "Authorization": self.settings.authorization,
            "Content-Type": "application/json",
        }
        data = None if body is None else json.dumps(body).encode()
        try:
            request = urllib.request.Request(url, data, headers, method=method)
            context = ssl._create_unverified_context() if self.settings.insecure else None
            with urllib.request.urlopen(request, timeout=TIMEOUT, context=context) as answer:
                return json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            raise _refusal(error, method, path) from error
        except (OSError, ValueError) as error:
            host = self.settings.apihost
            raise OpenWhiskError(
                f"OpenWhisk at {host} cannot be reached: {error}; check --apihost"
            ) from error

    def result_of(self, name: str, params: Mapping[str, Any]) -> Any:
        """Invoke an action and wait for its result, which may be an error object.

        Raises:
            OpenWhiskError: there is no such action, or the host cannot be reached.
        """
        try:
            record = self.actions.invoke({"name": name, "params": params, "blocking": True})
        except OpenWhiskError as error:
            record = error.error
            if not (isinstance(record, dict) and "response" in record):
                raise
        while "response" not in record:  # it takes longer than a request may
            time.sleep(POLL)
            record = self.record(record["activationId"]) or record
        return record["response"]["result"]

    def record(self, id: str) -> dict[str, Any] | None:
        """Return the record of an activation, or None while there is none."""
        try:
            path = f"namespaces/{self.settings.namespace}/activations/{quote(id)}"
            found: dict[str, Any] = self.request("GET", path)
        except OpenWhiskError as error:
            if error.status_code == 404:
                return None
            raise
        return found


class Actions:
    """The actions of a host. An action is named by its name, or by a dictionary with `name`."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def create(self, options: Mapping[str, Any], *, overwrite: bool = False) -> Any:
        """Create an action of `name` and `action`; with `overwrite`, update it in place."""
        query = {"overwrite": "true"} if overwrite else None
        return self._host.request("PUT", self._path(options), _body(options), query)

    def update(self, options: Mapping[str, Any]) -> Any:
        """Create an action, or update it in place."""
        return self.create(options, overwrite=True)

    def get(self, name: str | Mapping[str, Any]) -> Any:
        """Return an action."""
        return self._host.request("GET", self._path(name))

    def delete(self, name: str | Mapping[str, Any]) -> Any:
        """Delete an action."""
        return self._host.request("DELETE", self._path(name))

    def list(self) -> Any:
        """Return the actions of the namespace."""
        return self._host.request("GET", f"namespaces/{self._host.settings.namespace}/actions")

    def invoke(self, options: Mapping[str, Any]) -> Any:
        """Invoke the action of `name` with `params`; if `blocking`, return its record.

        With `result` besides, return the result alone.

        Raises:
            OpenWhiskError: the action failed, or there is none; `error` is its record.
        """
        query = {"blocking": "true"} if options.get("blocking") else None
        body = dict(options.get("params") or {})
        answer = self._host.request("POST", self._path(options), body, query)
        return answer["response"]["result"] if query and options.get("result") else answer

    def _path(self, given: str | Mapping[str, Any]) -> str:
        name = qualified_name(given if isinstance(given, str) else given.get("name"))
        _, namespace, *parts = name.split("/")
        if namespace == "_":
            namespace = self._host.settings.namespace
        return f"namespaces/{quote(namespace)}/actions/{'/'.join(map(quote, parts))}"


def _body(options: Mapping[str, Any]) -> dict[str, Any]:
    action = options["action"]
    if isinstance(action, Mapping):
        return dict(action)
    kept = {name: options[name] for name in ("limits", "annotations") if name in options}
    return {"exec": {"kind": options.get("kind", "python:default"), "code": action}, **kept}


def _refusal(error: urllib.error.HTTPError, method: str, path: str) -> OpenWhiskError:
    text = error.read().decode("utf-8", "replace")
    try:
        body = json.loads(text)
    except ValueError:
        body = {"error": text}
    said = body.get("error") if isinstance(body, dict) else None
    name = path.partition("/actions/")[2] or path
    advice = {
        401: "; check --auth",
        409: "; give --overwrite to update it",
        413: "; make it smaller",
    }.get(error.code, "")
    message = f"OpenWhisk answered {error.code} to {method} {name}: {said or 'no reason'}{advice}"
    return OpenWhiskError(message, error.code, body)
