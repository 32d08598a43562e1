"""Machines do on Partita what AWS recorded of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from partita.asl.machines import machine
from partita.authoring.workflow import WorkflowDefinition
from partita.errors import (
    MachineFailedError,
    WorkflowFailedError,
    WorkflowTerminatedError,
    WorkflowTimedOutError,
)
from partita.testing import Environment
from tests.asl.corpus import ACCOUNT, Case, Matcher, areas, executions
from tests.asl.deviations import DEVIATIONS, NOT_RUN
from tests.asl.stand_ins import installed, mocks_of

EVERY = {case.name: case for area in areas() for case in executions(area)}


@dataclass(frozen=True)
class Outcome:
    """How an execution ended."""

    status: str
    output: Any = None
    error: str | None = None
    cause: str | None = None


class Bench:
    """One engine with the machines of all cases, each compiled when it is first needed."""

    def __init__(self) -> None:
        self.machines: dict[str, WorkflowDefinition[[Any], Any]] = {}
        for number, (name, case) in enumerate(EVERY.items()):
            if name not in NOT_RUN:
                self.machines[name] = machine(
                    case.data["definition"],
                    f"case-{number}",
                    mocks=mocks_of(case),
                    is_express=case.data["type"] == "EXPRESS",
                    account=ACCOUNT,
                )
        self.env = Environment(workflows=list(self.machines.values()), activities=[])

    def run(self, case: Case) -> Outcome:
        with installed(case, self._sleep):
            handle = self.env.start(self.machines[case.name], case.data["input"])
            if any(one["op"] == "StopExecution" for one in case.data.get("actions") or ()):
                if case.expect["status"] == "ABORTED":
                    handle.terminate()
            try:
                return Outcome("SUCCEEDED", handle.result())
            except WorkflowFailedError as error:
                cause = error.__cause__
                assert isinstance(cause, MachineFailedError), cause
                return Outcome("FAILED", error=cause.error, cause=cause.cause)
            except WorkflowTimedOutError:
                return Outcome("TIMED_OUT")
            except WorkflowTerminatedError:
                return Outcome("ABORTED")

    def _sleep(self, seconds: float) -> None:
        self.env.advance(seconds)


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    made = Bench()
    with made.env:
        yield made


def difference(case: Case, outcome: Outcome) -> str:
    """Return how an outcome differs from the recorded one; nothing if it does not."""
    expect, matcher = case.expect, Matcher(case)
    if expect["status"] is None:  # AWS's execution was not waited for
        return "" if outcome.status == "SUCCEEDED" else f"failed: {outcome}"
    if expect["status"] != outcome.status:
        return f"status: expected {expect['status']}, found {outcome}"
    for name in ("output", "error", "cause"):
        expected = expect.get(name)
        if not matcher.matches(expected, getattr(outcome, name), name):
            return matcher.difference
    return ""


@pytest.mark.parametrize("name", [name for name in EVERY if name not in NOT_RUN])
def test_a_machine_does_what_aws_recorded(name: str, bench: Bench) -> None:
    found = difference(EVERY[name], bench.run(EVERY[name]))
    if name in DEVIATIONS:
        assert found, f"this passes now; take it out of the table of deviations ({name})"
    else:
        assert not found, found


def test_the_tables_name_cases_that_exist() -> None:
    assert {*DEVIATIONS, *NOT_RUN} <= EVERY.keys()
