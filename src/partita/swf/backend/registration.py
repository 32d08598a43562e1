"""Register domains and types once, and check those that others have registered.

Our types are registered with defaults that say nothing: every decision of ours says what it
means. So a type that has other defaults was registered by somebody else, who means something
by it, and a decision that leaves a timeout out would get theirs.
"""

from __future__ import annotations

import threading
from typing import Any

from partita.errors import (
    ExecutionNotFoundError,
    OperationRefusedError,
    PartitaError,
    UnknownTypeError,
)
from partita.history import ActivityType, WorkflowType
from partita.ports.state import DEFAULT_TASK_LIST
from partita.swf.backend.calls import Call
from partita.swf.backend.ids import escaped

EXECUTION_LIMIT = str(365 * 24 * 3600)
"""Seconds that an execution may last: SWF's own limit."""

DECISION_TIMEOUT = "60"
"""Seconds after which the decision task of a dead decider is given to another."""

WORKFLOW_DEFAULTS: dict[str, Any] = {
    "defaultTaskStartToCloseTimeout": DECISION_TIMEOUT,
    "defaultExecutionStartToCloseTimeout": EXECUTION_LIMIT,
    "defaultTaskList": {"name": DEFAULT_TASK_LIST},
    "defaultChildPolicy": "TERMINATE",
}

ACTIVITY_DEFAULTS: dict[str, Any] = {
    "defaultTaskStartToCloseTimeout": "NONE",
    "defaultTaskHeartbeatTimeout": "NONE",
    "defaultTaskScheduleToStartTimeout": "NONE",
    "defaultTaskScheduleToCloseTimeout": "NONE",
    "defaultTaskList": {"name": DEFAULT_TASK_LIST},
}

_ALREADY = ("AlreadyExistsFault", "already exists")


class Registration:
    """Registers domains and types, and remembers which. Safe to use from many threads."""

    def __init__(self, call: Call, retention: int) -> None:
        self._call = call
        self._retention = retention
        self._done: set[tuple[str, ...]] = set()
        self._lock = threading.Lock()

    def domain(self, domain: str) -> None:
        """Register a domain, if it is not there."""
        with self._lock:
            if (domain,) in self._done:
                return
        try:
            self._call("describe_domain", name=domain)
        except ExecutionNotFoundError:
            _once(
                lambda: self._call(
                    "register_domain",
                    name=domain,
                    workflowExecutionRetentionPeriodInDays=str(self._retention),
                )
            )
        self._note(domain)

    def workflow(self, domain: str, kind: WorkflowType) -> None:
        """Register a workflow type; see `_type`."""
        self._type(domain, "workflow", kind, WORKFLOW_DEFAULTS)

    def activity(self, domain: str, kind: ActivityType) -> None:
        """Register an activity type; see `_type`."""
        self._type(domain, "activity", kind, ACTIVITY_DEFAULTS)

    def decided(self, domain: str, kind: ActivityType | WorkflowType) -> None:
        """Register a type that a decider asks for, unless it is registered.

        So an activity waits for its worker, as it does elsewhere, rather than be refused. What
        others have registered is theirs to define.
        """
        what = "activity" if isinstance(kind, ActivityType) else "workflow"
        with self._lock:
            if {(domain, what, kind.key), (domain, "decided", what, kind.key)} & self._done:
                return
        try:
            self._described(domain, what, escaped(kind.name), escaped(kind.version))
        except UnknownTypeError:
            defaults = ACTIVITY_DEFAULTS if what == "activity" else WORKFLOW_DEFAULTS
            self._type(domain, what, kind, defaults)
        self._note(domain, "decided", what, kind.key)

    def _type(
        self, domain: str, what: str, kind: ActivityType | WorkflowType, defaults: dict[str, Any]
    ) -> None:
        """Register a type, if it is not there.

        Raises:
            OperationRefusedError: it is there with other defaults, or is deprecated.
        """
        with self._lock:
            if (domain, what, kind.key) in self._done:
                return
        self.domain(domain)
        name, version = escaped(kind.name), escaped(kind.version)
        try:
            found = self._described(domain, what, name, version)
        except UnknownTypeError:
            _once(
                lambda: self._call(
                    f"register_{what}_type", domain=domain, name=name, version=version, **defaults
                )
            )
        else:
            self._check(what, kind, found, defaults)
        self._note(domain, what, kind.key)

    def _described(self, domain: str, what: str, name: str, version: str) -> dict[str, Any]:
        return self._call(
            f"describe_{what}_type",
            domain=domain,
            **{f"{what}Type": {"name": name, "version": version}},
        )

    def _check(
        self,
        what: str,
        kind: ActivityType | WorkflowType,
        found: dict[str, Any],
        defaults: dict[str, Any],
    ) -> None:
        if found["typeInfo"]["status"] == "DEPRECATED":
            raise OperationRefusedError(
                f"{what} type {kind.key} is deprecated; give it a new version, "
                f"or: partita swf deprecate --undo {what} {kind.name} {kind.version}"
            )
        check_defaults(f"{what} type {kind.key}", found["configuration"], defaults)

    def _note(self, *key: str) -> None:
        with self._lock:
            self._done.add(key)


def _once(register: Any) -> None:
    """Register something; that another process has done so is fine."""
    try:
        register()
    except PartitaError as error:
        if not any(text in str(error) for text in _ALREADY):
            raise


def check_defaults(what: str, found: dict[str, Any], wanted: dict[str, Any]) -> None:
    """Check that a registered type has the defaults that are wanted; others do not matter.

    Raises:
        OperationRefusedError: it has not.
    """
    other = {name: found.get(name) for name in wanted if found.get(name) != wanted[name]}
    if not other:
        return
    shown = ", ".join(
        f"{name} is {_shown(value)}, not {_shown(wanted[name])}" for name, value in other.items()
    )
    raise OperationRefusedError(
        f"{what} is registered with other defaults: {shown}; "
        "a registered type cannot be changed, so give yours a new version"
    )


def _shown(value: Any) -> str:
    return str(value["name"] if isinstance(value, dict) else value)
