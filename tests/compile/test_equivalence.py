"""Run each program as plain Python, by replay, and compiled: all must agree."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from partita.asl.check import check_text
from partita.compile import compile_workflow
from partita.stepfunctions.compiled import compiled
from partita.stepfunctions.emitter import emit
from partita.testing import Environment
from tests.compile import prelude
from tests.compile.corpus import Case, cases, is_guarded, load, outcome

CASES = list(cases())
PYTHON_OWN = (
    "ZeroDivisionError",
    "IndexError",
    "ValueError",
    "AssertionError",
    "TypeError",
    "AttributeError",
    "JSONDecodeError",
    "Error",  # of binascii
)


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    folder = tmp_path_factory.mktemp("programs")
    return {case.name: load(case.name, case.source, folder) for case in CASES}


@pytest.fixture(scope="module")
def env(programs: dict[str, object]) -> Iterator[Environment]:
    called: list[object] = [prelude.child, prelude.async_child, prelude.grandchild]
    called.append(prelude.grouped_child)
    with Environment(modules=[prelude], workflows=[*programs.values(), *called]) as env:  # type: ignore[list-item]
        yield env


WAITING = [case for case in CASES if case.is_waiting]
AT_ONCE = [case for case in CASES if not case.is_waiting]


@pytest.mark.parametrize("case", AT_ONCE, ids=[case.name for case in AT_ONCE])
def test_plain_replayed_and_compiled_agree(
    case: Case, programs: dict[str, object], env: Environment
) -> None:
    workflow: object = programs[case.name]
    machine = compiled(workflow, "program.py")  # type: ignore[arg-type]
    for given in case.inputs:
        plain = outcome(case, workflow, workflow, given)  # type: ignore[arg-type]
        replayed = outcome(case, lambda *a, **k: env.run(workflow, *a, **k), workflow, given)  # type: ignore
        assert replayed == plain, given
        found = outcome(case, machine, workflow, given)
        if case.name.endswith("_guarded") and is_guarded(found):
            continue
        assert found.calls == plain.calls, given
        assert comparable(found.result) == comparable(plain.result), given


@pytest.mark.parametrize("case", WAITING, ids=[case.name for case in WAITING])
def test_replayed_and_compiled_agree(case: Case, programs: dict[str, object]) -> None:
    workflow: object = programs[case.name]
    machine = compiled(workflow, "program.py")  # type: ignore[arg-type]
    with Environment(modules=[prelude], workflows=[workflow, machine]) as env:  # type: ignore[list-item]
        for given in case.inputs:
            times = []
            found = []
            for one in (workflow, machine):
                before = env.now()
                found.append(outcome(case, lambda *a, o=one: env.run(o, *a), workflow, given))
                times.append((env.now() - before).total_seconds())
            assert found[0] == found[1], given
            assert abs(times[0] - times[1]) < 0.01, given


def comparable(result: object) -> object:
    """Return a result without the texts of Python's own errors."""
    is_error = isinstance(result, tuple) and result[0] in PYTHON_OWN
    own = is_error and not str(result[1]).startswith(("negative", "attempt", "v"))  # type: ignore[index]
    return result[0] if own else result  # type: ignore[index]


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_every_machine_passes_the_check(case: Case, programs: dict[str, object]) -> None:
    machine = emit(compile_workflow(programs[case.name]))  # type: ignore[arg-type]
    found = check_text(json.dumps(machine))
    assert [str(one) for one in found if one.severity == "ERROR"] == []
