"""Keep what one visit of a state knows, and what all of an execution's states share.

A frame is the view of the state's expressions: its data, the context object and the variables
of its scope. Times and chance come from the workflow's own history.
"""

from __future__ import annotations

import random as random_module
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import count
from typing import Any, Protocol

from partita.asl.failures import DATA_LIMIT_EXCEEDED, EvaluationFault, StateFailure
from partita.asl.json_text import PAYLOAD_LIMIT, json_text
from partita.asl.opaque_values import OpaqueValues
from partita.asl.resumption import (
    KnownMapRun,
    MapRunRest,
    Part,
    Resumption,
    Unfinished,
    UnfinishedMapRun,
)
from partita.asl.trail import Chain, Trail
from partita.authoring.determinism import now, random


class Mocks(Protocol):
    """What answers tasks in place of those that do the work."""

    def has(self, state: str) -> bool:
        """Return whether the tasks of a state are mocked."""

    def submitted(self, state: str) -> Any:
        """Return what the service answers at once to the next request; None: it fails."""

    def answer(self, state: str) -> Any:
        """Return the next response to a state's task, or raise StateFailure."""


@dataclass(frozen=True)
class Identity:
    """The names by which an execution and its machine are known."""

    execution_arn: str
    execution_name: str
    machine_arn: str
    machine_name: str
    role_arn: str
    lambda_prefix: str  # of the ARNs of Lambda functions that are given by name only

    @property
    def region(self) -> str:
        """The region in the ARNs."""
        return self.machine_arn.split(":")[3]

    def child(self, name: str, label: str) -> Identity:
        """Return the names of an execution that the distributed Map state of that label starts."""
        return replace(
            self,
            execution_name=name,
            execution_arn=f"{self.execution_arn.rpartition(':')[0]}:{name}",
            machine_arn=f"{self.machine_arn}/{label}",
        )

    def map_run_arn(self, label: str, id: str) -> str:
        """Return the ARN of a run of a distributed Map state."""
        return f"{self.machine_arn.replace(':stateMachine:', ':mapRun:')}/{label}:{id}"


@dataclass(frozen=True)
class Serving:
    """What differs where an endpoint serves the tasks of an execution."""

    activities: str | None = None  # what the task lists of activities begin with
    seal: Callable[[str], str] | None = None  # makes a task token of what it says


class Probe(Protocol):
    """What watches the test of a single state, and may stand in for what the state does."""

    has_result: bool  # whether the state's work is not done
    retries: int  # that each retrier has made before

    @property
    def item_data(self) -> str | None:
        """What the state's ItemReader reads, as it is in its file."""

    def note(self, name: str, value: Any) -> None:
        """Keep an intermediate value, by the name that AWS has for it."""

    def result(self) -> Any:
        """Return what the state's work would return, or raise StateFailure."""

    def is_over(self, limit: Callable[[int], float]) -> bool:
        """Return whether more iterations fail than are tolerated, given what limits a number."""

    def retried(self, number: int, delay: float, failure: StateFailure) -> None:
        """Note that a retrier would try again after seconds; the visit ends with that."""

    def caught(self, number: int, failure: StateFailure) -> None:
        """Note that a catcher has caught a failure."""


StartPage = Callable[[Any, str], Any]
"""Starts a page of a distributed Map state's items, given a `PageTask` and the id of its workflow;
returns a `ChildFuture` of a `PageResult`."""


Function = Callable[[str, Any, float | None, float | None], Any]
"""Returns the result for a payload, given the seconds it may take, in all and between heartbeats.

The first argument is the state's name. It raises StateFailure."""


class Execution:
    """What the states of one execution share."""

    def __init__(
        self,
        identity: Identity,
        input: Any,
        trail: Trail,
        mocks: Mocks | None = None,
        serving: Serving | None = None,
        numbers: Iterator[int] | None = None,
        *,
        started_at: str | None = None,
    ) -> None:
        self.identity = identity
        self.probe: Probe | None = None  # of a test of a single state
        self.given: Mapping[str, Any] = {}  # members of the context object that a test gives
        self.start_page: StartPage | None = None  # as a child workflow; see `page_runs`
        self.functions: Mapping[str, Function] = {}  # Lambda functions that are activities
        self.delays: Mapping[str, Callable[[int], float]] = {}  # exact ones of retries, by state
        self.machines: Mapping[str, Function] = {}  # state machines that are child workflows
        self.waits: Mapping[str, Function] = {}  # Lambda functions that wait for a token's answer
        self.opaque: OpaqueValues | None = None  # what a compiled workflow's JSON does not hold
        self.trail = trail
        self.mocks = mocks
        self.serving = serving or Serving()
        self.stored = 0  # bytes of JSON text of all variables
        self.numbers = numbers or count(1)  # of task tokens, shared with child executions
        self._constant: dict[str, dict[str, Any]] = {
            "Execution": {
                "Id": identity.execution_arn,
                "Input": input,
                "StartTime": started_at or timestamp(now()),
                "Name": identity.execution_name,
                "RoleArn": identity.role_arn,
                "RedriveCount": 0,
            },
            "StateMachine": {"Id": identity.machine_arn, "Name": identity.machine_name},
        }

    def child(self, identity: Identity, input: Any, trail: Trail) -> Execution:
        """Return an execution that a distributed Map state starts."""
        child = Execution(identity, input, trail, self.mocks, self.serving, self.numbers)
        child.functions, child.machines = self.functions, self.machines
        child.waits, child.start_page = self.waits, self.start_page
        child.opaque = self.opaque
        return child

    def redriven(self, count: int, started_at: str) -> None:
        """Record a redrive in the context object."""
        known = self._constant["Execution"]
        known |= {"RedriveCount": count, "StartTime": started_at}
        known["RedriveTime"] = timestamp(now())

    def context(self) -> dict[str, Any]:
        """Return the parts of the context object that are the same in every state."""
        return self._constant.copy()


def timestamp(moment: datetime) -> str:
    """Return a moment as AWS writes it, with milliseconds."""
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03}Z"


VARIABLES_LIMIT = 10 * 1024 * 1024
"""Bytes of JSON text that the variables of an execution may have together."""

_TOO_LARGE = "The variables {} have a size exceeding the maximum number of bytes service limit."


class Scope:
    """The variables of a machine, a branch or an iteration; outer ones can only be read."""

    __slots__ = ("at", "chain", "map_run", "parts", "resumption", "sizes", "visible")

    def __init__(self, outer: Scope | None = None, chain: Chain | None = None) -> None:
        self.chain = chain or Chain()
        self.visible: dict[str, Any] = {} if outer is None else outer.visible
        self.sizes: dict[str, int] = {}  # bytes of JSON text of this scope's own variables
        self.at: tuple[str, Any] | None = None  # the state entered last, and its input
        self.parts: list[Part | Unfinished | None] = []  # that state's branches or iterations
        self.map_run: UnfinishedMapRun | None = None  # of that state
        self.resumption: Resumption | None = None  # where to begin; None: with the first state

    def enter(self, state: str, input: Any) -> Resumption | None:
        """Note that a state is entered; return how far it was before a redrive."""
        resumption, self.resumption = self.resumption, None
        self.at, self.parts, self.map_run = (state, input), [], None
        if resumption is not None:  # until the state's first attempt goes on with that
            self.parts = list(resumption.parts)
            if resumption.map_run is not None:
                self.map_run = KnownMapRun(resumption.map_run)
        return resumption

    def progress(self) -> Resumption | None:
        """Return where another run would go on; None if no state was entered."""
        if self.at is None:
            return self.resumption
        own = {name: self.visible[name] for name in self.sizes}
        parts = [one if isinstance(one, Part) or one is None else one.part() for one in self.parts]
        run = None if self.map_run is None else self.map_run.rest()
        return Resumption(*self.at, own, parts, run)

    def part(self) -> Part | None:
        """Return how far the branch or iteration of this scope is."""
        rest = self.progress()
        return None if rest is None else Part(rest=rest)

    def assign(self, values: Mapping[str, Any]) -> int:
        """Set variables of this scope; return by how many bytes they have grown.

        Raises:
            StateFailure: they are too large for one state.
        """
        sizes = {name: len(json_text(value).encode()) for name, value in values.items()}
        if sum(sizes.values()) > PAYLOAD_LIMIT:
            raise StateFailure(DATA_LIMIT_EXCEEDED, _TOO_LARGE.format("assigned by one state"))
        growth = sum(size - self.sizes.get(name, 0) for name, size in sizes.items())
        self.sizes.update(sizes)
        self.visible = {**self.visible, **values}
        return growth


class Frame:
    """One visit of one state."""

    __slots__ = (
        "assigned",
        "before",
        "data",
        "entered_at",
        "entered_id",
        "execution",
        "item",
        "map_run",
        "name",
        "parts",
        "raw",
        "retries",
        "scope",
        "signal",
        "token",
    )

    def __init__(self, execution: Execution, scope: Scope, name: str, raw: Any) -> None:
        self.execution = execution
        self.scope = scope
        self.name = name
        self.raw = raw  # the state's input
        self.data = raw  # what `$` stands for
        self.item: Mapping[str, Any] | None = None  # that a Map state's ItemSelector is for
        self.retries: int | None = None  # so far; None for states that are never retried
        self.assigned: Mapping[str, Any] | None = None  # variables that the visit has set
        self.token: str | None = None  # of the task that waits for a callback
        self.signal: str | None = None  # that the answer with that token comes as
        self.entered_at = now()
        self.entered_id = 0
        self.before = scope.chain.last  # the event before
        resumption = scope.enter(name, raw)
        self.parts: list[Part | None] = []  # that the first attempt need not run, or not wholly
        self.map_run: MapRunRest | None = None  # with which the first attempt goes on
        if resumption is not None:
            self.parts, self.map_run = resumption.parts, resumption.map_run

    @property
    def variables(self) -> Mapping[str, Any]:
        """The variables that the state can read."""
        return self.scope.visible

    @property
    def context(self) -> Mapping[str, Any]:
        """The context object."""
        context = self.execution.context()
        state: dict[str, Any] = {"Name": self.name, "EnteredTime": timestamp(self.entered_at)}
        if self.retries is not None:
            state["RetryCount"] = self.retries
        context["State"] = state
        if self.item is not None:
            context["Map"] = {"Item": self.item}
        if self.token is not None:
            context["Task"] = {"Token": self.token}
        context.update(self.execution.given)
        return context

    def random(self) -> random_module.Random:
        """Return the execution's source of random numbers."""
        return random()

    def with_data(self, data: Any) -> Frame:
        """Return the same visit with other data."""
        other = Frame.__new__(Frame)
        for name in Frame.__slots__:
            setattr(other, name, getattr(self, name))
        other.data = data
        return other

    def within(self, item: Mapping[str, Any]) -> Frame:
        """Return the same visit as one item of a Map state sees it."""
        other = self.with_data(self.data)
        other.item = item
        return other

    def emit(self, type: str, **details: Any) -> int:
        """Add an event to the trail; return its number."""
        return self.execution.trail.add(type, details, self.scope.chain)

    def _emit_fault(self, failure: EvaluationFault, cause: str) -> None:
        """Add an event that follows, in AWS's histories, the one before the state was entered."""
        chain, location = Chain(self.before), failure.location or None
        named = {"error": failure.error, "cause": cause, "location": location, "state": self.name}
        self.scope.chain.last = self.execution.trail.add("EvaluationFailed", named, chain)

    def note(self, name: str, value: Any) -> None:
        """Tell the probe, if there is one, of an intermediate value."""
        if self.execution.probe is not None:
            self.execution.probe.note(name, value)

    @property
    def stub(self) -> Probe | None:
        """The probe, if it stands in for the state's work."""
        probe = self.execution.probe
        return probe if probe is not None and probe.has_result else None

    def assign(self, values: Mapping[str, Any]) -> None:
        """Set variables of the state's scope.

        Raises:
            StateFailure: there is no room for them.
        """
        self.assigned = values
        self.execution.stored += self.scope.assign(values)
        if self.execution.stored > VARIABLES_LIMIT:
            raise StateFailure(DATA_LIMIT_EXCEEDED, _TOO_LARGE.format("of the execution"))

    def located(self, failure: StateFailure) -> StateFailure:
        """Return a failure whose cause names the state, and record it if AWS does."""
        if not isinstance(failure, EvaluationFault) or self.execution.probe is not None:
            return failure
        cause = (
            f"An error occurred while executing the state '{self.name}' (entered at the event id "
            f"#{self.entered_id}). {failure.cause}"
        )
        if failure.location is not None:
            self._emit_fault(failure, cause)
        return StateFailure(failure.error, cause)
