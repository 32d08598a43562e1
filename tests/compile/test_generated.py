"""Run random programs as plain Python and compiled: they must agree, whatever they do."""

from __future__ import annotations

from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from partita.compile import CompileError
from partita.stepfunctions.compiled import compiled
from tests.compile import prelude
from tests.compile.corpus import Case, Outcome, is_guarded, load, outcome
from tests.compile.coverage import ROWS, counts, possible
from tests.compile.generator import Generator
from tests.compile.test_equivalence import comparable
from tests.soak import scaled

PROGRAMS = scaled(200, 2_000)
INPUTS_PER_PROGRAM = scaled(1, 3)
_numbers = count()


class FailingCalls(list[Any]):
    """Records calls; one of them fails."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self._number = number

    def append(self, call: Any) -> None:
        super().append(call)
        if len(self) == self._number:
            raise prelude.Trouble(f"call {self._number} fails")


@settings(
    max_examples=PROGRAMS,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(seed=st.integers(0, 2**32))
def test_random_programs_agree(seed: int, tmp_path: Path) -> None:
    made, case, workflow, machine = _compiled(seed, tmp_path)
    for _ in range(INPUTS_PER_PROGRAM):
        inputs = made.inputs()
        plain = _agree(case, workflow, machine, inputs)
    if plain is None or case.is_concurrent or seed % scaled(8, 1):
        return
    for number in range(1, len(plain.calls) + 1):  # a failure at each call
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(prelude, "calls", FailingCalls(number))
            _agree(case, workflow, machine, inputs)


def _compiled(seed: int, folder: Path) -> tuple[Generator, Case, Any, Any]:
    made = Generator(seed)
    source = made.program()
    workflow = load(f"generated_{next(_numbers)}", source, folder)
    try:
        machine = compiled(workflow, "generated.py")
    except CompileError as error:
        pytest.fail(f"{error}\n{source}")
    case = Case("generated", source, [], is_concurrent=made.is_concurrent(source))
    return made, case, workflow, machine


def _agree(case: Case, workflow: Any, machine: Any, inputs: str) -> Outcome | None:
    """Compare a run with plain Python; return what that comes to, None if a guard ended it."""
    plain = outcome(case, workflow, workflow, inputs)
    found = outcome(case, machine, workflow, inputs)
    if is_guarded(found):
        return None
    assert found.calls == plain.calls, (case.source, inputs)
    assert comparable(found.result) == comparable(plain.result), (case.source, inputs)
    return plain


def test_every_row_and_pair_is_generated() -> None:
    """The rows are those of docs/compiling.md; in 2,000 programs each pair is there 20 times."""
    rows, pairs = counts(PROGRAMS)
    few = PROGRAMS // 100
    assert {row: rows[row] for row in ROWS if rows[row] < few} == {}
    if PROGRAMS >= 2_000:
        assert {pair: pairs[pair] for pair in possible() if pairs[pair] < few} == {}
