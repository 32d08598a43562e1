"""Executions end, and have the histories, that AWS recorded of them."""

from __future__ import annotations

import pytest

from tests.asl.corpus import areas, executions
from tests.asl.deviations import DEVIATIONS
from tests.stepfunctions.corpus import Runner, history_difference, outcome_difference
from tests.stepfunctions.deviations import HISTORIES
from tests.stepfunctions.endpoint import Endpoint

EVERY = {case.name: case for area in areas() for case in executions(area)}


@pytest.fixture(scope="module")
def runner(sfn: Endpoint) -> Runner:
    return Runner(sfn)


@pytest.mark.parametrize("name", EVERY)
def test_an_execution_is_as_aws_recorded(name: str, runner: Runner) -> None:
    case = EVERY[name]
    ran = runner.run(case)
    outcome = outcome_difference(case, ran.found)
    if name in DEVIATIONS:
        assert outcome, f"this passes now; take it out of the table of deviations ({name})"
        return
    assert not outcome
    if case.events:
        history = history_difference(case, ran.events)
        if name in HISTORIES:
            assert history, f"this passes now; take it out of the table of deviations ({name})"
        else:
            assert not history


def test_the_table_names_cases_that_exist() -> None:
    assert HISTORIES.keys() <= EVERY.keys()
