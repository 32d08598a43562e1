"""Test one state by itself: visit it once, and tell what became of its data on the way."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

from partita.asl.failures import StateFailure
from partita.asl.frame import Execution, Identity, Scope
from partita.asl.parser import compile_machine
from partita.asl.trail import Trail

SUCCEEDED, FAILED, RETRIABLE, CAUGHT = "SUCCEEDED", "FAILED", "RETRIABLE", "CAUGHT_ERROR"


class StateTest(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is tested, and with what."""

    definition: dict[str, Any]  # of the state
    language: str  # of the machine around it
    input: Any
    name: str = "StateName"
    role_arn: str | None = None
    identity: Identity
    variables: dict[str, Any] = {}
    context: dict[str, Any] = {}
    has_mock: bool = False
    result: Any = None  # mocked
    error: str | None = None  # mocked; with a cause alone, too, the work fails
    cause: str | None = None
    retries: int = 0  # that the retriers have made before
    failures: int | None = None  # iterations that fail, of a Map state
    iterations: int = 0
    item_data: str | None = None  # what an ItemReader reads
    has_secrets: bool = False  # whether what connections add to HTTP requests is shown


class TestOutcome(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How the visit has ended."""

    __test__ = False

    status: str
    has_output: bool = False
    output: Any = None
    error: str | None = None
    cause: str | None = None
    next_state: str | None = None
    notes: dict[str, Any] = {}
    details: dict[str, Any] = {}  # of a failure: which retrier, or which catcher
    variables: dict[str, Any] = {}  # after the visit


class _RetriedError(Exception):
    """A retrier would try again."""


class _Probe:
    """Notes what happens in the visit."""

    def __init__(self, test: StateTest) -> None:
        self._test = test
        self.has_result = test.has_mock
        self.retries = test.retries
        self.notes: dict[str, Any] = {}
        self.details: dict[str, Any] = {}
        self.failure: StateFailure | None = None

    def note(self, name: str, value: Any) -> None:
        self.notes[name] = value

    def result(self) -> Any:
        if self._test.error is not None or self._test.cause is not None:
            raise StateFailure(self._test.error, self._test.cause)
        return self._test.result

    @property
    def item_data(self) -> str | None:
        return self._test.item_data

    def is_over(self, limit: Callable[[int], float]) -> bool:
        failures = self._test.failures
        return failures is not None and failures > limit(self._test.iterations)

    def retried(self, number: int, delay: float, failure: StateFailure) -> None:
        self.failure = failure
        self.details = {"retryBackoffIntervalSeconds": int(delay), "retryIndex": number}
        raise _RetriedError

    def caught(self, number: int, failure: StateFailure) -> None:
        self.failure = failure
        self.details = {"catchIndex": number}


def run_test(test: StateTest) -> TestOutcome:
    """Return how one visit of a state ends."""
    state = _compiled(test)
    probe = _Probe(test)
    execution = Execution(test.identity, test.input, Trail())
    execution.probe = probe
    execution.given = _context(execution, test)
    scope = Scope()
    scope.assign(test.variables)
    try:
        output, next = state.visit(execution, scope, test.input, is_branch=False)
    except _RetriedError:
        return _failed(probe, RETRIABLE, probe.failure)
    except StateFailure as raised:
        return _failed(probe, FAILED, raised)
    failure = probe.failure
    return TestOutcome(
        status=SUCCEEDED if failure is None else CAUGHT,
        has_output=True,
        output=output,
        error=None if failure is None else failure.error,
        cause=None if failure is None else failure.cause,
        next_state=next,
        notes=probe.notes,
        details=probe.details,
        variables=scope.visible,
    )


def _failed(probe: _Probe, status: str, failure: StateFailure | None) -> TestOutcome:
    assert failure is not None
    return TestOutcome(
        status=status,
        error=failure.error,
        cause=failure.cause,
        notes=probe.notes,
        details=probe.details,
    )


def _compiled(test: StateTest) -> Any:
    """Return the state, in a machine in which the states that it leads to are there."""
    others = {name: {"Type": "Succeed"} for name in targets(test.definition)}
    machine = compile_machine(
        {
            "QueryLanguage": test.language,
            "StartAt": test.name,
            "States": {**others, test.name: test.definition},
        }
    )
    return machine.program.states[test.name]


def targets(state: Mapping[str, Any]) -> list[str]:
    """Return the names of the states that a state leads to."""
    entries = [*_entries(state, "Choices"), *_entries(state, "Catch")]
    found = [state.get("Next"), state.get("Default"), *(one.get("Next") for one in entries)]
    return [name for name in found if isinstance(name, str)]


def _entries(state: Mapping[str, Any], field: str) -> list[dict[str, Any]]:
    value = state.get(field)
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _context(execution: Execution, test: StateTest) -> dict[str, Any]:
    """Return the context object's members as AWS's TestState has them."""
    known = dict(execution.context()["Execution"])
    del known["RedriveCount"]
    known["RoleArn"] = test.role_arn
    return {"Execution": known, **test.context}
