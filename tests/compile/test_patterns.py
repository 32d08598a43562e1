"""Compare machines with those written by hand for AWS's patterns: states and transitions.

Calls at the same time have an outcome each here: a branch has a state for its failure, and the
first error is raised when all have ended. Machines by hand stop the other branches instead.
"""

from __future__ import annotations

import pytest

from tests.compile.aws_patterns import patterns
from tests.compile.sfnx_programs import Pair, states

MORE_STATES = {"nested": 3, "handoff": 3}


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> list[Pair]:
    return list(patterns(tmp_path_factory.mktemp("patterns")))


def test_machines_are_no_larger_than_those_by_hand(compiled: list[Pair]) -> None:
    assert len(compiled) == 7
    for pair in compiled:
        most = states(pair.theirs) + MORE_STATES.get(pair.name, 0)
        assert states(pair.ours) <= most, pair.name


def test_machines_take_no_more_transitions_than_those_by_hand(compiled: list[Pair]) -> None:
    for pair in compiled:
        for given in pair.inputs:
            ours, theirs = (pair.run(one, given) for one in (pair.ours, pair.theirs))
            assert ours.error == theirs.error, (pair.name, given)
            if ours.error is None:
                assert ours.output == theirs.output, (pair.name, given)
            assert len(ours.states) <= len(theirs.states), (pair.name, given)
