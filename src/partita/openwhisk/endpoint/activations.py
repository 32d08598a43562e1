"""Run activations: the workflow of all of them, whatever their action is.

Each activation is an execution whose id is the activation's, and whose result is its record.
Components of sequences and compositions, and runs of conductors, are children.

Source: Apache OpenWhisk, docs/conductors.md, docs/actions.md.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct

from partita.authoring.activity import activity
from partita.authoring.determinism import now, uuid4
from partita.authoring.retry import Retry
from partita.authoring.workflow import workflow
from partita.openwhisk.endpoint.entities import COMPONENTS, NAMESPACE, Json, resolved, shown_name
from partita.worker import child_setup

TYPE = "openwhisk.activation"
TASK_LIST = "openwhisk"
CONDUCTOR_LIST = "openwhisk.conductors"
RUN = "openwhisk.run"

LOST_ONLY = Retry(max_attempts=0, non_retryable=Exception)
"""Runs of an action: as many as servers are killed, but one if it fails, as on OpenWhisk."""

TOO_LONG = "Too many actions in the composition."
STATUSES = ("success", "application error", "action developer error", "whisk internal error")


class Request(Struct, frozen=True, kw_only=True):
    """What to invoke."""

    id: str
    path: str
    params: Any
    start: int = 0  # when it was asked for, in milliseconds
    cause: str | None = None
    is_run: bool = False  # of a conductor, which is then an action like any other
    fired: list[str] | None = None  # of a trigger: the lines of its log; it runs nothing itself
    components: int = 0  # that compositions around it have had
    conductors: int = 0  # runs of conductors that they have had


class Found(Struct, frozen=True, kw_only=True):
    """What an action is, and what came of it if it is no sequence and no composition."""

    kind: str = ""  # empty: there is no such action
    version: str = "0.0.1"
    limits: Json = {}
    params: Any = {}  # with those that are bound to the action
    components: list[str] = []
    is_conductor: bool = False
    status: int = 0
    result: Any = {}
    logs: list[str] = []
    init_time: int | None = None


class Done(Struct, frozen=True, kw_only=True):
    """How an activation ended, and what it has counted."""

    record: Json
    components: int = 0
    conductors: int = 0


class Response(Struct, frozen=True):
    """The response of an activation: a status, as an index of STATUSES, and a result."""

    status: int
    result: Any


@activity(name=RUN, retry=LOST_ONLY)
def run_action(request: Request) -> Found:
    """Look for an action, and run its code; a worker of the endpoint does that."""
    child_setup.need_worker("processes of actions")
    raise NotImplementedError(request.path)


_run_conductor = run_action.with_settings(task_list=CONDUCTOR_LIST)


@workflow(name=TYPE)
def activation(request: Request) -> Done:
    """Run one activation."""
    return _Activation(request).run()


class _Activation:
    """One activation, and what it has counted so far."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._logs: list[str] = []
        self._components = request.components
        self._conductors = request.conductors
        self._duration = 0
        self._state: Json | None = None

    def run(self) -> Done:
        if self._request.fired is not None:
            self._logs = self._request.fired
            return self._done(Found(kind="trigger"), Response(0, self._request.params))
        run = _run_conductor if self._request.is_run else run_action
        found = run(self._request)
        if not found.kind:
            return self._done(
                found, Response(1, {"error": "The requested resource does not exist."})
            )
        if found.components:
            return self._done(found, self._sequence(found))
        if found.is_conductor and not self._request.is_run:
            return self._done(found, self._conduct(found.params))
        self._logs = found.logs
        return self._done(found, Response(found.status, found.result))

    # -- sequences

    def _sequence(self, found: Found) -> Response:
        response = Response(0, found.params)
        for name in found.components:
            path = resolved(name)
            assert path is not None
            record = self._child(path, response.result)
            response = _response_of(record)
            if response.status:
                break
        return response

    # -- compositions

    def _conduct(self, params: Any) -> Response:
        """Run a conductor, and what it asks for, until it asks for nothing more."""
        while True:
            if self._conductors > 2 * COMPONENTS:
                return Response(1, {"error": TOO_LONG})
            given = {**params, **(self._state or {})}
            self._conductors += 1
            record = self._child(self._request.path, given, is_run=True)
            result = _response_of(record).result
            asked = _boxed(result.get("params"), "value") if "params" in result else None
            self._state = _boxed(result["state"], "state") if "state" in result else None
            if "action" not in result:
                return Response(_response_of(record).status, result if asked is None else asked)
            params = self._component(result["action"], asked or {})

    def _component(self, name: Any, params: Json) -> Json:
        """Return the result of a component, or an error object."""
        path = resolved(name)
        if path is None:
            shown = json.dumps(name, separators=(",", ":"))
            text = f"Failed to parse action name from json value {shown} during composition."
            return {"error": text}
        if self._components >= COMPONENTS:
            return {"error": TOO_LONG}
        record = self._child(path, params)
        if record.get("missing"):
            self._logs.pop()
            text = f"Failed to resolve action with name '{shown_name(path)}' during composition."
            return {"error": text}
        result: Json = record["response"]["result"]
        return result

    def _child(self, path: str, params: Any, *, is_run: bool = False) -> Json:
        id = uuid4().hex
        request = Request(
            id=id,
            path=path,
            params=params,
            start=_milliseconds(now()),
            cause=self._request.id,
            is_run=is_run,
            components=self._components,
            conductors=self._conductors,
        )
        done = activation.options(workflow_id=id, task_list=TASK_LIST).submit(request).result()
        self._logs.append(id)
        record = done.record
        is_composition = any(one["key"] == "conductor" for one in record["annotations"])
        self._conductors, self._components = done.conductors, done.components
        if not (is_run or is_composition or record.get("missing")):
            self._components += 1
        self._duration += record["duration"]
        return record

    # -- records

    def _done(self, found: Found, response: Response) -> Done:
        start, end = self._request.start, _milliseconds(now())
        is_plain = not (found.components or (found.is_conductor and not self._request.is_run))
        name = self._request.path.rpartition("/")[2]
        record: Json = {
            "activationId": self._request.id,
            "annotations": self._annotations(found, is_plain=is_plain),
            "duration": end - start if is_plain else self._duration,
            "end": end,
            "logs": self._logs,
            "name": name,
            "namespace": NAMESPACE,
            "publish": False,
            "response": {
                "result": response.result,
                "size": len(json.dumps(response.result)),
                "status": STATUSES[response.status],
                "success": response.status == 0,
            },
            "start": start,
            "statusCode": response.status,
            "subject": NAMESPACE,
            "version": found.version,
        }
        if self._request.cause is not None:
            record["cause"] = self._request.cause
        if not found.kind:
            record["missing"] = True
        return Done(record=record, components=self._components, conductors=self._conductors)

    def _annotations(self, found: Found, *, is_plain: bool) -> list[Json]:
        pairs: Json = {"path": shown_name(self._request.path)}
        pairs["kind"] = found.kind if is_plain else "sequence"
        if not is_plain:
            pairs["topmost"] = self._request.cause is None
        if found.is_conductor and not is_plain:
            pairs["conductor"] = True
        if self._request.cause is not None:
            pairs["causedBy"] = "sequence"
        if found.init_time is not None:
            pairs["initTime"] = found.init_time
        pairs |= {"waitTime": 0, "limits": found.limits}
        return [{"key": key, "value": value} for key, value in pairs.items()]


def _boxed(value: Any, name: str) -> Json:
    return value if isinstance(value, dict) else {name: value}


def _response_of(record: Json) -> Response:
    found = record["response"]["result"]
    return Response(record["statusCode"], found if isinstance(found, dict) else {"value": found})


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def request_json(request: Request) -> str:
    """Return the input of an execution."""
    return msgspec.json.encode([request]).decode()
