"""Run random programs as plain Python and compiled: they must agree, whatever they do."""

from __future__ import annotations

from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from partita.compile import CompileError
from partita.stepfunctions.compiled import compiled
from tests.compile.corpus import Case, is_guarded, load, outcome
from tests.compile.generator import Generator
from tests.compile.test_equivalence import comparable
from tests.soak import scaled

INPUTS_PER_PROGRAM = 3
_numbers = count()


@settings(
    max_examples=scaled(60, 2000),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(seed=st.integers(0, 2**32))
def test_random_programs_agree(seed: int, tmp_path: Path) -> None:
    made = Generator(seed)
    source = made.program()
    workflow = load(f"generated_{next(_numbers)}", source, tmp_path)
    try:
        machine = compiled(workflow, "generated.py")
    except CompileError as error:
        pytest.fail(f"{error}\n{source}")
    case = Case("generated", source, [], is_concurrent=".map(" in source)
    for _ in range(INPUTS_PER_PROGRAM):
        inputs = made.inputs()
        plain = outcome(case, workflow, workflow, inputs)
        found = outcome(case, machine, workflow, inputs)
        if is_guarded(found):
            continue
        assert found.calls == plain.calls, (source, inputs)
        assert comparable(found.result) == comparable(plain.result), (source, inputs)
