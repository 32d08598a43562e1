"""Merge states of machines: they mean the same, and take fewer transitions."""

from __future__ import annotations

import json
import re
import time
from itertools import count
from pathlib import Path

import pytest
from sfnx import testing as sfnx

from partita.asl.check import check_text
from partita.compile import compile_workflow
from partita.stepfunctions.compiled import compiled
from partita.stepfunctions.emitter import emit, optimised
from partita.stepfunctions.emitter.transitions import MOST, transitions, typical_input
from tests.compile.corpus import Case, is_guarded, load, outcome
from tests.compile.generator import Generator
from tests.compile.test_commands import SHOP_FILE, Command, partita  # noqa: F401
from tests.compile.test_equivalence import AT_ONCE, comparable, programs  # noqa: F401
from tests.rotation import sample
from tests.soak import scaled

_numbers = count()
SOME = sample(AT_ONCE, 6)


@pytest.mark.parametrize("case", SOME, ids=[case.name for case in SOME])
def test_optimised_machines_mean_the_same(
    case: Case,
    programs: dict[str, object],  # noqa: F811
) -> None:
    workflow: object = programs[case.name]
    machine = compiled(workflow, "program.py", is_optimised=True)  # type: ignore[arg-type]
    for given in case.inputs[: scaled(1, 99)]:
        plain = outcome(case, workflow, workflow, given)  # type: ignore[arg-type]
        found = outcome(case, machine, workflow, given)
        if case.name.endswith("_guarded") and is_guarded(found):
            continue
        assert found.calls == plain.calls, given
        assert comparable(found.result) == comparable(plain.result), given
    definition = optimised(emit(compile_workflow(workflow)))  # type: ignore[arg-type]
    errors = [one for one in check_text(json.dumps(definition)) if one.severity == "ERROR"]
    assert errors == []


def test_random_programs_mean_the_same(tmp_path: Path) -> None:
    for seed in range(scaled(10, 500)):
        made = Generator(seed)
        source = made.program()
        workflow = load(f"optimised_{next(_numbers)}", source, tmp_path)
        machine = compiled(workflow, "generated.py", is_optimised=True)
        case = Case("generated", source, [], is_concurrent=made.is_concurrent(source))
        given = made.inputs()
        plain, found = (outcome(case, one, workflow, given) for one in (workflow, machine))
        if not is_guarded(found):
            assert found.calls == plain.calls, (source, given)
            assert comparable(found.result) == comparable(plain.result), (source, given)


def test_transitions_are_saved(tmp_path: Path) -> None:
    source = (
        "@workflow\ndef main(xs: list[int]) -> int:\n    total = 0\n    for x in xs:\n"
        "        y = double(x)\n        if y > 2:\n            total += y\n    return total\n"
    )
    workflow = load("saved", source, tmp_path)
    program = compile_workflow(workflow)
    before = emit(program)
    after = optimised(before)
    given = typical_input(workflow)
    assert given == {"xs": [3, 3, 3]}
    assert transitions(before, program, given) == 19
    assert transitions(after, program, given) == 11
    assert set(after["States"]) - {"fail"} < set(before["States"])


def test_counting_ends(tmp_path: Path) -> None:
    source = "@workflow\ndef main(n: int) -> int:\n    while n:\n        note('x')\n    return n\n"
    program = compile_workflow(load("endless", source, tmp_path))
    assert transitions(emit(program), program, {"n": 1}) == MOST


def test_the_command_reports_what_is_saved(partita: Command) -> None:  # noqa: F811
    assert partita("compile", f"{SHOP_FILE}:total", "--optimise", "-o", "machine.json") == 0
    last = partita.err.splitlines()[-1]
    found = re.fullmatch(
        r"optimised: (\d+) states before, (\d+) after; (\d+) transitions before, (\d+) after, "
        r'for the typical input {"xs": \[3, 3, 3\], "start": 3}',
        last,
    )
    assert found is not None, last
    numbers = [int(one) for one in found.groups()]
    assert numbers[1] < numbers[0]
    assert numbers[3] < numbers[2]


@pytest.mark.parametrize("given", [{}, {"m": 1}, {"n": 1, "m": 1}, [1], "n", None])
def test_invalid_input_fails_before_the_call_that_checks_it(given: object, tmp_path: Path) -> None:
    source = (
        "@workflow\ndef main(n: int) -> int:\n    try:\n        return flaky(n)\n"
        "    except Exception:\n        return -1\n"
    )
    definition = optimised(emit(compile_workflow(load("invalid", source, tmp_path))))
    assert definition["StartAt"] == "flaky (line 7)"
    found = sfnx.run(definition, given)
    assert (found.error, found.calls) == ("Partita.InvalidInput", ())
    assert found.cause == 'The input must be an object with the members ["n"].'


def test_large_machines_are_merged_in_time(tmp_path: Path) -> None:
    block = (
        "    d = echo(d['a{0}'])\n    if d['b{0}'] > {0}:\n        raise Trouble('{0}')\n"
        "    for x in d['c{0}']:\n        n += double(x)\n"
    )
    blocks = "".join(block.format(number) for number in range(120))
    source = f"@workflow\ndef main(n: int, d: Any) -> int:\n{blocks}    return n\n"
    machine = emit(compile_workflow(load("large", source, tmp_path)))
    begun = time.process_time()
    merged = optimised(machine)
    assert time.process_time() - begun < 20  # it takes less than one
    assert len(merged["States"]) < len(machine["States"]) / 2
