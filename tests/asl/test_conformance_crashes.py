"""Recorded machines end the same wherever their worker dies: a sample of them, all in soak."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest

from partita.asl import machine
from partita.asl.tasks import lambdas
from partita.testing import crash_at_every_step
from tests.asl.corpus import ACCOUNT, Case, areas, executions
from tests.asl.deviations import NOT_RUN
from tests.asl.stand_ins import installed, mocks_of
from tests.soak import SOAKING

SAMPLE = 12
"""Machines that are crashed in `make test`."""

LEAST_STATES = 3


def states_in(value: Any) -> int:
    """Return how many states a definition has, those of branches and processors included."""
    if isinstance(value, list):
        return sum(map(states_in, value))
    if not isinstance(value, dict):
        return 0
    return ("Type" in value) + sum(map(states_in, value.values()))


def is_fit(case: Case) -> bool:
    """Return whether a case can be run again and again: its outcome does not depend on the run."""
    text = json.dumps(case.data["definition"])
    varies = ("waitForTaskToken", "UUID", "uuid", "Random", "random", "$$", "context", "activity")
    return (
        case.name not in NOT_RUN
        and not case.data.get("actions")
        and not case.data.get("s3")
        and "sleep_then_echo" not in json.dumps(case.data.get("lambdas"))
        and not any(word in text for word in varies)
        and states_in(case.data["definition"]) >= LEAST_STATES
    )


def distinct() -> dict[str, Case]:
    """Return one case for each machine."""
    found: dict[str, Case] = {}
    for area in areas():
        for case in executions(area):
            if is_fit(case):
                found.setdefault(json.dumps(case.data["definition"], sort_keys=True), case)
    return {case.name: case for case in found.values()}


MACHINES = distinct()
CHOSEN = sorted(MACHINES) if SOAKING else sorted(MACHINES)[:: max(1, len(MACHINES) // SAMPLE)]


@pytest.fixture(autouse=True)
def same_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let Lambda answer with the same request id and time whenever it is asked."""
    monkeypatch.setattr(lambdas, "uuid", SimpleNamespace(uuid4=lambda: UUID(int=0)))
    monkeypatch.setattr(lambdas, "format_datetime", lambda moment, usegmt: "now")


@pytest.mark.parametrize("name", CHOSEN)
def test_a_crash_changes_nothing(name: str) -> None:
    case = MACHINES[name]
    made = machine(case.data["definition"], "crashed", mocks=mocks_of(case), account=ACCOUNT)
    with installed(case, lambda seconds: None):
        crash_at_every_step(made, case.data["input"], workflows=[made], activities=[])
