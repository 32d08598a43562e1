"""Domains, types and executions of Amazon SWF as Python objects, listed a page at a time.

    swf = connect("swf://eu-west-1/orders")
    for one in swf.workflow_types.filter(status="DEPRECATED"):
        print(one.name, one.version)

A list is read while it is gone through; `get` asks for one, and `get_or_create` registers it
where it is not there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from msgspec import Struct

from partita.aws.names import moment
from partita.errors import ExecutionNotFoundError, InvalidOptionError, UnknownTypeError
from partita.history import ActivityType, AnyEvent, WorkflowExecution, WorkflowType
from partita.ports.service import ExecutionDetail, ExecutionInfo
from partita.ports.state import ExecutionFilter, Status
from partita.swf.backend.calls import Call, DomainNotFoundError
from partita.swf.backend.ids import escaped, unescaped
from partita.swf.backend.registration import Registration, check_defaults

REGISTERED = "REGISTERED"
DEPRECATED = "DEPRECATED"


class SwfDomain(Struct, frozen=True, kw_only=True):
    """A domain."""

    name: str
    status: str  # REGISTERED or DEPRECATED
    description: str = ""
    retention: str | None = None  # days that closed executions are kept; None in lists
    arn: str = ""


class SwfType(Struct, frozen=True, kw_only=True):
    """A workflow type or an activity type."""

    kind: str  # workflow or activity
    name: str
    version: str
    status: str  # REGISTERED or DEPRECATED
    description: str = ""
    created_at: float = 0.0  # seconds since the epoch, UTC
    deprecated_at: float | None = None
    defaults: dict[str, Any] = {}  # SWF's names; empty in lists


class Domains:
    """The domains of a region."""

    def __init__(self, call: Call, registration: Registration) -> None:
        self._call = call
        self._registration = registration

    def all(self) -> Iterator[SwfDomain]:
        """Yield every domain, those in use first."""
        yield from self.filter(status=REGISTERED)
        yield from self.filter(status=DEPRECATED)

    def filter(self, *, status: str = REGISTERED) -> Iterator[SwfDomain]:
        """Yield the domains of a status, by name."""
        status = _status(status)
        for page in self._call.pages("list_domains", "domainInfos", registrationStatus=status):
            yield from map(_domain, page)

    def get(self, name: str) -> SwfDomain:
        """Return a domain. Raises ExecutionNotFoundError if there is none of that name."""
        raw = self._call("describe_domain", name=escaped(name))
        days = raw["configuration"]["workflowExecutionRetentionPeriodInDays"]
        return _domain(raw["domainInfo"], days)

    def get_or_create(self, name: str) -> SwfDomain:
        """Return a domain; register it, with the URL's retention, if it is not there."""
        self._registration.domain(escaped(name))
        return self.get(name)

    def deprecate(self, name: str, *, undo: bool = False) -> None:
        """Deprecate a domain: nothing new begins in it, open executions go on."""
        self._call(f"{'un' if undo else ''}deprecate_domain", name=escaped(name))


class Types:
    """The workflow types, or the activity types, of a domain."""

    def __init__(self, call: Call, registration: Registration, domain: str, kind: str) -> None:
        self._call = call
        self._registration = registration
        self._domain = domain
        self._kind = kind

    def all(self) -> Iterator[SwfType]:
        """Yield every type, those in use first."""
        yield from self.filter(status=REGISTERED)
        yield from self.filter(status=DEPRECATED)

    def filter(self, *, status: str = REGISTERED, name: str | None = None) -> Iterator[SwfType]:
        """Yield the types of a status, and of a name if one is given."""
        members = {
            "domain": self._domain,
            "registrationStatus": _status(status),
            "name": None if name is None else escaped(name),
        }
        for page in self._call.pages(f"list_{self._kind}_types", "typeInfos", **members):
            yield from (_type(self._kind, raw) for raw in page)

    def get(self, name: str, version: str = "1") -> SwfType:
        """Return a type with its defaults. Raises UnknownTypeError if there is none."""
        raw = self._call(f"describe_{self._kind}_type", **self._members(name, version))
        return _type(self._kind, raw["typeInfo"], raw["configuration"])

    def get_or_create(self, name: str, version: str = "1", **defaults: Any) -> SwfType:
        """Return a type; register it if it is not there.

        `defaults` are SWF's members, such as `defaultTaskStartToCloseTimeout="30"`. Without
        any, it gets those of Partita's own types. If it is there, it must have them.

        Raises:
            OperationRefusedError: it is there with other defaults.
        """
        if not defaults:
            if self._kind == "workflow":
                self._registration.workflow(self._domain, WorkflowType(name, version))
            else:
                self._registration.activity(self._domain, ActivityType(name, version))
            return self.get(name, version)
        try:
            found = self.get(name, version)
        except (UnknownTypeError, DomainNotFoundError):
            self._registration.domain(self._domain)
            self._call(
                f"register_{self._kind}_type",
                domain=self._domain,
                name=escaped(name),
                version=escaped(version),
                **defaults,
            )
            return self.get(name, version)
        check_defaults(f"{self._kind} type {name}@{version}", found.defaults, defaults)
        return found

    def deprecate(self, name: str, version: str = "1", *, undo: bool = False) -> None:
        """Deprecate a type: nothing new of it begins, what is open goes on."""
        operation = f"{'un' if undo else ''}deprecate_{self._kind}_type"
        self._call(operation, **self._members(name, version))

    def _members(self, name: str, version: str) -> dict[str, Any]:
        wanted = {"name": escaped(name), "version": escaped(version)}
        return {"domain": self._domain, f"{self._kind}Type": wanted}


class SwfExecution:
    """One run, with what can be asked of it."""

    def __init__(self, executions: Executions, info: ExecutionInfo) -> None:
        self.info = info
        self._executions = executions
        self._exact = WorkflowExecution(info.workflow_id, info.run_id)

    def describe(self) -> ExecutionDetail:
        """Return how it stands now."""
        return self._executions.describe(self._exact)

    def history(self) -> list[AnyEvent]:
        """Return its events so far."""
        return self._executions.history(self._exact)


class Executions:
    """The executions of a domain."""

    def __init__(
        self,
        every: Callable[[ExecutionFilter], Iterator[ExecutionInfo]],
        describe: Callable[[WorkflowExecution], ExecutionDetail],
        history: Callable[[WorkflowExecution], list[AnyEvent]],
    ) -> None:
        self._every = every
        self.describe = describe
        self.history = history

    def all(self) -> Iterator[SwfExecution]:
        """Yield every execution, newest first."""
        return self.filter()

    def filter(
        self,
        *,
        status: Status | str | None = None,
        type_name: str | None = None,
        workflow_id: str | None = None,
        tag: str | None = None,
        started_after: float | None = None,
        started_before: float | None = None,
    ) -> Iterator[SwfExecution]:
        """Yield the executions that are all of this, newest first; times are since the epoch."""
        one = Status[status] if isinstance(status, str) else status
        filter = ExecutionFilter(
            workflow_id=workflow_id,
            type_name=type_name,
            statuses=() if one is None else (one,),
            tag=tag,
            started_after=started_after,
            started_before=started_before,
        )
        for info in self._every(filter):
            yield SwfExecution(self, info)

    def get(self, workflow_id: str, run_id: str = "") -> SwfExecution:
        """Return a run, open or closed; the newest without a run id.

        Raises:
            ExecutionNotFoundError: there is none.
        """
        for one in self.filter(workflow_id=workflow_id):
            if run_id in ("", one.info.run_id):
                return one
        raise ExecutionNotFoundError(f"no execution {workflow_id!r} {run_id} on Amazon SWF")


def _status(text: str) -> str:
    if text.upper() not in (REGISTERED, DEPRECATED):
        raise InvalidOptionError(f"status={text!r}; give {REGISTERED} or {DEPRECATED}")
    return text.upper()


def _domain(raw: dict[str, Any], retention: str | None = None) -> SwfDomain:
    return SwfDomain(
        name=unescaped(raw["name"]),
        status=raw["status"],
        description=raw.get("description", ""),
        retention=retention,
        arn=raw.get("arn", ""),
    )


def _type(kind: str, raw: dict[str, Any], defaults: dict[str, Any] | None = None) -> SwfType:
    named, deprecated = raw[f"{kind}Type"], raw.get("deprecationDate")
    return SwfType(
        kind=kind,
        name=unescaped(named["name"]),
        version=unescaped(named["version"]),
        status=raw["status"],
        description=raw.get("description", ""),
        created_at=moment(raw["creationDate"]),
        deprecated_at=None if deprecated is None else moment(deprecated),
        defaults=defaults or {},
    )
