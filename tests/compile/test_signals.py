"""Send signals to compiled workflows: early, late, in order, and of the wrong type."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from partita.stepfunctions.compiled import compiled
from partita.testing import Environment
from tests.compile import prelude
from tests.compile.corpus import load

SOURCE = """
@dataclass
class Decision:
    ok: bool
    by: str

APPROVE = Signal("approve", Decision)

def first_of(name: str) -> str:
    return wait_signal(name, str)

@workflow
def main(n: int) -> str:
    decision = wait_signal(APPROVE)
    if not decision.ok:
        return f"refused by {decision.by}"
    one, two = wait_signal("number", int), wait_signal("number", int)
    return f"{decision.by} {one - two + n}"
"""


@pytest.fixture
def machine(tmp_path: Path) -> Any:
    head = "from dataclasses import dataclass\nfrom partita import Signal\n"
    workflow = load("signalled", head + SOURCE, tmp_path)
    return compiled(workflow, "signals.py")


@pytest.fixture
def env(machine: Any) -> Iterator[Environment]:
    with Environment(modules=[prelude], workflows=[machine]) as env:
        yield env


def test_early_signals_are_kept_in_order(machine: Any, env: Environment) -> None:
    handle = env.start(machine, 5)
    handle.signal("number", 10)
    handle.signal("number", 3)
    handle.signal("approve", {"ok": True, "by": "me"})
    assert handle.result() == "me 12"


def test_a_signal_of_another_type_is_skipped(machine: Any, env: Environment) -> None:
    handle = env.start(machine, 5)
    handle.signal("approve", "yes")
    handle.signal("approve", {"ok": False, "by": "you"})
    assert handle.result() == "refused by you"
