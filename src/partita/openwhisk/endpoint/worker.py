"""Do the work behind an endpoint: decide activations, and run the code of actions."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from typing import Any

from msgspec.structs import replace

from partita.authoring.definition import ActivityDefinition, ActivityOptions
from partita.history import ActivityType
from partita.openwhisk.endpoint.activations import (
    CONDUCTOR_LIST,
    RUN,
    TASK_LIST,
    Found,
    Request,
    activation,
)
from partita.openwhisk.endpoint.catalogue import DOMAIN, ECHO, find_action
from partita.openwhisk.endpoint.container import Spec
from partita.openwhisk.endpoint.containers import CONDUCTORS, Containers
from partita.openwhisk.endpoint.entities import Action, Json, is_truthy, shown_name
from partita.ports.capabilities import SupportsLimits, supports
from partita.ports.service import ActivityTask, Service, TaskListLimits
from partita.ports.session import Transactional
from partita.worker import Worker

SLOTS = 64 + CONDUCTORS
"""Actions that may run, or wait for a process, at a time; conductors leave room for others."""


class Host:
    """What the code of actions is told of the endpoint that runs it."""

    def __init__(self, service: Transactional, containers: Containers, key: str, url: str) -> None:
        self.service = service
        self.containers = containers
        self.key = key
        self.url = url

    def run(self, request: Request) -> Found:
        """Look for an action, and run its code if it is no sequence and no composition."""
        action = find_action(self.service.committed, request.path)
        if action is None:
            return Found()
        found = Found(
            kind=action.exec["kind"],
            version=action.version,
            limits=action.limits,
            params=_params(action, request),
            components=action.exec.get("components", []),
            is_conductor=action.is_conductor,
        )
        if found.components or (found.is_conductor and not request.is_run):
            return found
        return self._run(action, found, request)

    def _run(self, action: Action, found: Found, request: Request) -> Found:
        if action is ECHO:
            return replace(found, status=0, result=found.params)
        timeout = action.limits["timeout"]
        spec = Spec(
            kind=action.exec["kind"],
            code=action.exec["code"],
            main=str(action.exec.get("main") or ""),
            is_binary=_is_archive(action.exec),
            memory=action.limits["memory"],
            is_conductor=request.is_run,
        )
        outcome = self.containers.run(
            spec,
            found.params,
            self._environment(action, request, timeout),
            timeout=timeout,
            log_bytes=action.limits["logs"] * 1024 * 1024,
        )
        return replace(found, **outcome._asdict())

    def _environment(self, action: Action, request: Request, timeout: int) -> Mapping[str, str]:
        made = {
            "__OW_ACTION_NAME": f"/{shown_name(action.path)}",
            "__OW_ACTION_VERSION": action.version,
            "__OW_ACTIVATION_ID": request.id,
            "__OW_API_HOST": self.url,
            "__OW_DEADLINE": str(round(time.time() * 1000) + timeout),
            "__OW_NAMESPACE": shown_name(action.path).partition("/")[0],
            "__OW_TRANSACTION_ID": request.id,
            "__OW_API_KEY": "",
        }
        if is_truthy(action.annotations, "provide-api-key"):
            made["__OW_API_KEY"] = self.key
        if self.url.startswith("https:"):  # this server, whose certificate may be its own
            made["__OW_IGNORE_CERTS"] = "1"
        return made


def _params(action: Action, request: Request) -> Any:
    if request.is_run:  # they were bound when the composition began
        return request.params
    bound = {one["key"]: one.get("value") for one in action.parameters}
    return {**bound, **(request.params or {})}


def _is_archive(exec_: Json) -> bool:
    """Return whether code is an archive in base64."""
    return bool(exec_.get("binary")) or str(exec_["code"])[:4] == "UEsD"


class EndpointWorker(Worker):
    """A worker for activations, which runs the code of actions."""

    def __init__(self, service: Service, host: Host, **options: Any) -> None:
        limit_conductors(host.service)
        self._run = ActivityDefinition(host.run, ActivityType(RUN), ActivityOptions())
        super().__init__(
            service,
            workflows=[activation],
            activities=(),
            acts=False,  # `activity_keys` says what it does instead
            task_lists=[TASK_LIST, CONDUCTOR_LIST],
            slots=SLOTS,
            **options,
        )

    def activity_keys(self) -> Collection[str]:
        """Return the activity that runs actions."""
        return [self._run.key]

    def definition_of_task(self, task: ActivityTask) -> ActivityDefinition:  # noqa: ARG002
        """Return what runs a task."""
        return self._run


def limit_conductors(service: Transactional) -> None:
    """Limit the conductors that run at a time, so that what they wait for runs, too."""
    assert supports(service, SupportsLimits)
    if CONDUCTOR_LIST not in service.limits(DOMAIN):
        service.set_limits(DOMAIN, CONDUCTOR_LIST, TaskListLimits(concurrency=CONDUCTORS))
