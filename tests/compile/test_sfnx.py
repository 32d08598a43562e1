"""Compare machines with those that sfnx makes of the same programs: states and transitions.

Ours begin with a state that checks the input. Calls at the same time have an outcome each, which is
checked when all of them have ended; sfnx stops the others when one fails. sfnx also knows that the
status has not changed where `lookup` fails.
"""

from __future__ import annotations

import pytest

from tests.compile.sfnx_programs import Pair, pairs

CHECKED_INPUT = 1  # transition
MORE = {"fanout": 2, "hello": 1, "coding": 1}  # transitions, for the reasons above


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> list[Pair]:
    return list(pairs(tmp_path_factory.mktemp("pairs")))


def test_machines_take_no_more_transitions_than_sfnx_but_for_checks(compiled: list[Pair]) -> None:
    assert len(compiled) == 8
    for pair in compiled:
        for given in pair.inputs:
            ours, theirs = (pair.run(one, given) for one in (pair.ours, pair.theirs))
            assert ours.error == theirs.error, (pair.name, given)
            if ours.error is None and "reason" not in str(ours.output):
                assert ours.output == theirs.output, (pair.name, given)
            most = len(theirs.states) + CHECKED_INPUT + MORE.get(pair.name, 0)
            assert len(ours.states) <= most, (pair.name, given)
