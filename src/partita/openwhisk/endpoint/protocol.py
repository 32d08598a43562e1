"""Answer OpenWhisk's REST API: namespaces, packages, actions and activations.

Source: Apache OpenWhisk, core/controller/src/main/resources/apiv1swagger.json.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import logging
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect
from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, Response

from partita.errors import PartitaError
from partita.history import WorkflowExecution, WorkflowType
from partita.openwhisk.endpoint import catalogue, records, triggers, web_actions
from partita.openwhisk.endpoint.activations import TASK_LIST, TYPE, Request, request_json
from partita.openwhisk.endpoint.catalogue import NOT_THERE
from partita.openwhisk.endpoint.entities import (
    COMPONENTS,
    ID_LENGTH,
    NAMESPACE,
    Action,
    Json,
    Package,
    RequestError,
    checked_id,
    checked_path,
)
from partita.openwhisk.endpoint.requests import (
    Query,
    body_of,
    data_of,
    flag,
    limit,
    milliseconds,
    moment,
    name_filter,
    object_of,
    paged,
    skip,
)
from partita.ports.capabilities import SupportsWaits, supports
from partita.ports.service import StartRequest
from partita.ports.session import Committed, Session, Transactional
from partita.telemetry.body_budget import BodyBudget, is_drained

T = TypeVar("T")

BLOCKING_SECONDS = 60.0
"""Seconds that a blocking invocation waits for its end."""

DRAINED_BYTES = 8 * 1024 * 1024
"""Bytes of a refused request's body that are read, so that its sender reads the answer."""

WAITING = 200
"""Invocations that are waited for at a time."""

log = logging.getLogger("partita.openwhisk")


class OpenWhiskProtocol:
    """OpenWhisk's API over a service; `keys` are KEY: SECRET, None accepts everybody."""

    path = "/api/v1/{rest:path}"
    methods: Sequence[str] = ("GET", "PUT", "POST", "DELETE", "PATCH", "HEAD", "OPTIONS")
    target: str | None = None

    def __init__(
        self,
        service: Transactional,
        *,
        keys: Mapping[str, str] | None = None,
        blocking_seconds: float = BLOCKING_SECONDS,
        bodies: BodyBudget | None = None,
    ) -> None:
        self._service = service
        self._bodies = bodies or BodyBudget()
        self._keys = keys
        self._blocking_seconds = blocking_seconds
        self._waiting = ThreadPoolExecutor(WAITING, "partita activations")

    def close(self) -> None:
        """End the threads that wait."""
        self._waiting.shutdown(wait=False, cancel_futures=True)

    async def answer(self, request: HttpRequest) -> Response:
        """Answer one request."""
        try:
            parts = [part for part in request.path_params["rest"].split("/") if part]
            if parts[:1] == ["web"]:
                return await self._web(request, parts[1:])
            self._check(request)
            body = await body_of(request, self._bodies)
            status, answer = await self._routed(request, parts, body)
            return Response(status_code=204) if status == 204 else JSONResponse(answer, status)
        except RequestError as error:
            refused = JSONResponse({**error.body, "code": secrets.token_hex(16)}, error.status)
            if not await is_drained(request, DRAINED_BYTES):
                refused.headers["connection"] = "close"  # the rest of the body is not read
            return refused
        except ClientDisconnect:
            return Response(status_code=400)  # which nobody reads
        except PartitaError as error:
            log.warning("%s %s: %s", request.method, request.url.path, error)
            return JSONResponse({"error": str(error), "code": secrets.token_hex(16)}, 503)
        except Exception:
            log.exception("%s %s", request.method, request.url.path)
            text = "There was an internal server error."
            return JSONResponse({"error": text, "code": secrets.token_hex(16)}, 500)

    def _check(self, request: HttpRequest) -> None:
        if self._keys is None:
            return
        kind, _, text = request.headers.get("authorization", "").partition(" ")
        try:
            given = base64.b64decode(text, validate=True).decode() if kind == "Basic" else ""
        except ValueError:  # it is not ASCII, not base64 or not UTF-8
            given = ""
        key, _, secret = given.partition(":")
        known = self._keys.get(key, "")
        if not (known and secrets.compare_digest(known.encode(), secret.encode())):
            raise RequestError(
                401,
                "The resource requires authentication, which was not supplied with the request"
                if not text
                else "The supplied authentication is invalid",
            )

    async def _routed(self, request: HttpRequest, parts: list[str], body: Any) -> tuple[int, Any]:
        if not parts:
            return 200, {
                "api_paths": ["/api/v1"],
                "description": "OpenWhisk",
                "limits": {"sequence_length": COMPONENTS},
            }
        if parts == ["namespaces"] and request.method == "GET":
            return 200, [NAMESPACE]
        if len(parts) < 3 or parts[0] != "namespaces":
            raise RequestError(404, NOT_THERE)
        if parts[1] not in ("_", NAMESPACE) and parts[1] != "whisk.system":
            raise RequestError(
                403, f"The supplied authentication is not authorized to access '{parts[1]}'."
            )
        route = _ROUTES.get(parts[2])
        if route is None:
            raise RequestError(404, NOT_THERE)
        rest = parts[3:]
        _check_method(request.method, parts[2], has_name=bool(rest))
        if parts[1] == "whisk.system":
            rest = [f"/{parts[1]}", *rest]
        return await route(self, request, rest, body)

    async def _transact(self, work: Callable[[Session], T]) -> T:
        return await asyncio.wrap_future(self._service.submit(work))

    # -- actions

    async def actions(self, request: HttpRequest, rest: list[str], body: Any) -> tuple[int, Any]:
        """Answer a request for actions."""
        query, method = request.query_params, request.method
        if not rest or request.url.path.endswith("/"):
            return 200, await run_in_threadpool(self._actions, rest, query)
        is_system = rest[0].startswith("/")
        path = "/".join(rest) if is_system else checked_path(rest)
        if method == "GET":
            found = await run_in_threadpool(catalogue.stored_action, self._service.committed, path)
            return 200, found.as_json(with_code=True) if flag(query, "code", True) else (
                found.as_json(with_code=False)
            )
        if method == "POST":
            return await self._invoke(path, object_of(body), query)
        if is_system:
            raise RequestError(
                403, "The supplied authentication is not authorized to access this resource."
            )
        if method == "PUT":
            given, overwrite = object_of(body), flag(query, "overwrite", False)
            made: Action = await self._transact(
                lambda session: catalogue.put_action(session, path, given, overwrite=overwrite)
            )
            return 200, made.as_json()
        text = await self._transact(
            lambda session: catalogue.delete(session, catalogue.ACTION, path)
        )
        return 200, msgspec.json.decode(text, type=Action).as_json()

    def _actions(self, rest: list[str], query: Query) -> Any:
        found = catalogue.actions(self._service.committed)
        if rest:
            found = [one for one in found if one.path.startswith(f"{rest[0]}/")]
        shown = [one.as_json(with_code=False) for one in found]
        return paged(shown, query, "actions")

    # -- packages

    async def packages(self, request: HttpRequest, rest: list[str], body: Any) -> tuple[int, Any]:
        """Answer a request for packages."""
        query = request.query_params
        if not rest:
            found = await run_in_threadpool(catalogue.packages, self._service.committed)
            return 200, paged([one.as_json() for one in found], query, "packages")
        name = checked_path(rest[:1])
        if request.method == "GET":
            package = catalogue.find_package(self._service.committed, name)
            if package is None:
                raise RequestError(404, NOT_THERE)
            inner = [
                {**one.as_json(with_code=False), "name": one.path.partition("/")[2]}
                for one in catalogue.actions(self._service.committed)
                if one.path.startswith(f"{name}/")
            ]
            return 200, {**package.as_json(), "actions": inner, "feeds": []}
        if request.method == "PUT":
            given, overwrite = object_of(body), flag(query, "overwrite", False)
            made: Package = await self._transact(
                lambda session: catalogue.put_package(session, name, given, overwrite=overwrite)
            )
            return 200, made.as_json()
        force = flag(query, "force", False)
        text = await self._transact(lambda session: _delete_package(session, name, force=force))
        return 200, msgspec.json.decode(text, type=Package).as_json()

    # -- web actions, which need no key

    async def _web(self, request: HttpRequest, parts: list[str]) -> Response:
        called = web_actions.called(parts)
        found = await run_in_threadpool(catalogue.find_action, self._service.committed, called.path)
        action = web_actions.check(found, request.headers)
        params = web_actions.params_of(
            action,
            called,
            request.method,
            request.headers,
            request.url.query,
            await data_of(request, self._bodies),
        )
        record = await self._waited(_start(called.path, params), self._blocking_seconds)
        if record is None:
            raise RequestError(202, "Response not yet ready.")
        return web_actions.response_of(record, called.extension)

    async def _waited(
        self, start: StartRequest, seconds: float, *, is_known: bool = False
    ) -> Json | None:
        """Start an activation, and return its record; None if it takes longer."""
        execution = await self._transact(lambda session: _begun(session, start, is_known=is_known))
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._waiting, self._ended, execution, seconds)

    # -- triggers and rules

    async def triggers(self, request: HttpRequest, rest: list[str], body: Any) -> tuple[int, Any]:
        """Answer a request for triggers."""
        if rest and request.method == "POST":
            return await self._fire(checked_path(rest[:1]), object_of(body))
        if rest and request.method == "PUT":
            name, given = checked_path(rest[:1]), object_of(body)
            overwrite = flag(request.query_params, "overwrite", False)
            made = await self._transact(
                lambda session: triggers.put_trigger(session, name, given, overwrite=overwrite)
            )
            return 200, made.as_json()
        return await self._listed(request, rest, triggers.TRIGGER, triggers.Trigger)

    async def rules(self, request: HttpRequest, rest: list[str], body: Any) -> tuple[int, Any]:
        """Answer a request for rules."""
        if rest and request.method in ("PUT", "POST"):
            name, given = checked_path(rest[:1]), object_of(body)
            if request.method == "POST":
                status = given.get("status")
                return 200, await self._transact(
                    lambda session: triggers.set_status(session, name, status)
                )
            overwrite = flag(request.query_params, "overwrite", False)
            made = await self._transact(
                lambda session: triggers.put_rule(session, name, given, overwrite=overwrite)
            )
            return 200, made.as_json()
        return await self._listed(request, rest, triggers.RULE, triggers.Rule)

    async def _listed(
        self, request: HttpRequest, rest: list[str], kind: str, type: Any
    ) -> tuple[int, Any]:
        if not rest:
            found = await run_in_threadpool(triggers.listed, self._service.committed, kind, type)
            rows = [one.as_json() for one in found]
            return 200, paged(rows, request.query_params, kind.rpartition(".")[2] + "s")
        name = checked_path(rest[:1])
        if request.method == "DELETE":
            text = await self._transact(lambda session: catalogue.delete(session, kind, name))
            return 200, msgspec.json.decode(text, type=type).as_json()
        one = await run_in_threadpool(triggers.found, self._service.committed, kind, name, type)
        return 200, one.as_json()

    async def _fire(self, name: str, params: Json) -> tuple[int, Any]:
        """Start the actions of a trigger's rules, and the trigger's own activation, all at once."""
        return await self._transact(lambda session: _fired(session, name, params))

    # -- activations

    async def _invoke(self, path: str, params: Json, query: Query) -> tuple[int, Any]:
        action = await run_in_threadpool(catalogue.find_action, self._service.committed, path)
        if action is None:
            raise RequestError(404, NOT_THERE)
        known = _id_of(query.get("requestId"), path, params)
        start = _start(path, params, id=known)
        id = start.workflow_id
        if not flag(query, "blocking", False):
            await self._transact(lambda session: _begun(session, start, is_known=known is not None))
            return 202, {"activationId": id}
        seconds = min(self._blocking_seconds, milliseconds(query) / 1000)
        record = await self._waited(start, seconds, is_known=known is not None)
        if record is None:
            return 202, {"activationId": id}
        shown = record["response"]["result"] if flag(query, "result", False) else record
        return (200 if record["statusCode"] == 0 else 502), shown

    def _ended(self, execution: WorkflowExecution, seconds: float) -> Json | None:
        """Return the record of an activation, or None if it takes longer."""
        service = self._service
        assert supports(service, SupportsWaits)
        if service.wait_closed(catalogue.DOMAIN, execution, seconds) is None:
            return None
        return records.record_of(self._service.committed, execution.workflow_id)

    async def activations(
        self,
        request: HttpRequest,
        rest: list[str],
        body: Any,  # noqa: ARG002
    ) -> tuple[int, Any]:
        """Answer a request for activations."""
        query, committed = request.query_params, self._service.committed
        if not rest:
            return 200, await run_in_threadpool(_activations, committed, query)
        id = checked_id(rest[0])
        record = await run_in_threadpool(records.record_of, committed, id)
        if rest[1:] == ["result"]:
            return 200, record["response"]
        if rest[1:] == ["logs"]:
            return 200, {"logs": record["logs"]}
        if rest[1:]:
            raise RequestError(404, NOT_THERE)
        return 200, record

    async def limits(self, *_: Any) -> tuple[int, Any]:
        """Answer a request for the limits of the namespace."""
        return 200, {
            "concurrentInvocations": 100,
            "firesPerMinute": 60,
            "invocationsPerMinute": 60,
        }


Route = Callable[[OpenWhiskProtocol, HttpRequest, list[str], Any], Awaitable[tuple[int, Any]]]
_ROUTES: dict[str, Route] = {
    "actions": OpenWhiskProtocol.actions,
    "packages": OpenWhiskProtocol.packages,
    "activations": OpenWhiskProtocol.activations,
    "limits": OpenWhiskProtocol.limits,
    "triggers": OpenWhiskProtocol.triggers,
    "rules": OpenWhiskProtocol.rules,
}


_METHODS = {"actions": ("DELETE", "GET", "POST", "PUT"), "packages": ("DELETE", "GET", "PUT")}
_METHODS |= {"triggers": _METHODS["actions"], "rules": _METHODS["actions"]}


def _check_method(method: str, collection: str, *, has_name: bool) -> None:
    """Check that a collection, or an entity in it, takes a method.

    Raises:
        RequestError: it does not.
    """
    known = _METHODS.get(collection, ("GET",)) if has_name else ("GET",)
    if method not in known:
        text = f"HTTP method not allowed, supported methods: {', '.join(known)}"
        raise RequestError(405, text)


def _start(path: str, params: Json, **more: Any) -> StartRequest:
    """Return the request that starts an activation."""
    id = more.pop("id", None) or secrets.token_hex(16)
    request = Request(id=id, path=path, params=params, start=int(time.time() * 1000), **more)
    return StartRequest(
        workflow_id=id,
        workflow_type=WorkflowType(TYPE),
        input=request_json(request),
        task_list=TASK_LIST,
    )


def _id_of(request: str | None, path: str, params: Json) -> str | None:
    """Return the id of the activation of a request that may be repeated, such as for a branch.

    Conductors make it anew when a server was killed while they ran.
    """
    if request is None:
        return None
    text = json.dumps([request, path, params], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:ID_LENGTH]


def _begun(session: Session, start: StartRequest, *, is_known: bool) -> WorkflowExecution:
    """Start an activation, unless the same request has done that; else its id is new."""
    found = session.find(catalogue.DOMAIN, start.workflow_id) if is_known else None
    if found is None:
        return session.start(start)
    return WorkflowExecution(found.execution.workflow_id, found.execution.run_id)


def _fired(session: Session, name: str, params: Json) -> tuple[int, Any]:
    trigger = triggers.found(session, triggers.TRIGGER, name, triggers.Trigger)
    rules = triggers.rules_of(session, name)
    if not rules:
        return 204, None
    given = {**{one["key"]: one.get("value") for one in trigger.parameters}, **params}
    id = secrets.token_hex(16)
    starts = [_start(rule.action, given, cause=id) for rule in rules]
    lines = [
        triggers.log_line(rule, start.workflow_id)
        for rule, start in zip(rules, starts, strict=True)
    ]
    for start in (_start(name, given, id=id, fired=lines), *starts):
        session.start(start)
    return 202, {"activationId": id}


def _activations(committed: Committed, query: Query) -> Any:
    is_count, with_docs = flag(query, "count", False), flag(query, "docs", False)
    if is_count and with_docs:
        raise RequestError(400, "The parameter 'docs' is not permitted with 'count'.")
    collection = "activations"
    found = records.listed(
        committed,
        name=name_filter(query),
        skip=skip(query, collection),
        limit=None if is_count else limit(query, collection),
        since=moment(query, "since"),
        upto=moment(query, "upto"),
        with_docs=with_docs,
    )
    return {collection: len(found)} if is_count else found


def _delete_package(session: Session, name: str, *, force: bool) -> str:
    """Remove a package; return what it was.

    Raises:
        RequestError: there is none, or it has actions which are not removed by force.
    """
    inner = [one.path for one in catalogue.actions(session) if one.path.startswith(f"{name}/")]
    if inner and not force:
        count = f"{len(inner)} {'entity' if len(inner) == 1 else 'entities'}"
        raise RequestError(
            409,
            f"Package not empty (contains {count}). Set force param or delete package contents.",
        )
    for path in inner:
        catalogue.delete(session, catalogue.ACTION, path)
    return catalogue.delete(session, catalogue.PACKAGE, name)
