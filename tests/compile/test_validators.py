"""Have validators that others wrote accept every machine of the corpus."""

from __future__ import annotations

from typing import Any

import pytest

from partita.compile import compile_workflow
from partita.stepfunctions.emitter import emit, optimised
from tests.compile.corpus import cases, load
from tests.compile.validators import VALIDATORS
from tests.rotation import sample

SOME = sample(list(cases()), 16)
WRONG = {"StartAt": "a", "QueryLanguage": "JSONata", "States": {"a": {"Type": "Pass"}}}
SLEEPS = "it knows no expressions as Seconds or Timestamp"
LIMITS = "it knows no expressions as TimeoutSeconds"
SLEEPING = ("sleeping", "sleep_computed", "sleep_negative", "sleep_spans", "sleep_until")
DEVIATIONS = {
    **{("statelint", name): SLEEPS for name in (*SLEEPING, "deadline", "sleep_in_parallel")},
    ("statelint", "signal_that_never_comes"): LIMITS,
    ("cfn-lint", "signal_that_never_comes"): LIMITS,
}
"""What a validator gets wrong, by its name and the case's; one that passes fails."""


@pytest.fixture(scope="module")
def machines(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("validated")
    found = {}
    for case in SOME:
        program = compile_workflow(load(case.name, case.source, folder), "program.py")
        found[case.name] = emit(program)
        found[f"{case.name} optimised"] = optimised(found[case.name])
    return found


@pytest.mark.timeout(600)
@pytest.mark.parametrize("validator", VALIDATORS)
def test_every_machine_is_valid(validator: str, machines: dict[str, Any]) -> None:
    verdicts = VALIDATORS[validator]({**machines, "wrong": WRONG})
    assert verdicts.pop("wrong") != []
    refused = {name.removesuffix(" optimised"): said for name, said in verdicts.items() if said}
    known = {case for judge, case in DEVIATIONS if judge == validator}
    assert {name: said for name, said in refused.items() if name not in known} == {}
    assert known & set(verdicts) == set(refused), "a deviation passes: remove it"
