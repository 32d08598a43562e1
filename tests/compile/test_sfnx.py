"""Compare machines with those that sfnx makes of the same programs: states and transitions.

Calls at the same time have an outcome each, so that a branch has a state for its failure, and one
that tells the first error comes after them; sfnx stops the others when one fails. A class that a
handler names is looked for among the bases of an unknown error, too, in a state of its own. A state
fails where the input is invalid.
"""

from __future__ import annotations

import pytest

from tests.compile.sfnx_programs import Pair, pairs, states

MORE_STATES = {"fanout": 5, "hello": 4, "coding": 2, "nightly": 1}
MORE_TRANSITIONS = {"fanout": 1, "hello": 2}


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> list[Pair]:
    return list(pairs(tmp_path_factory.mktemp("pairs")))


def test_machines_take_no_more_states_and_transitions_than_sfnx(compiled: list[Pair]) -> None:
    assert len(compiled) == 8
    for pair in compiled:
        assert states(pair.ours) <= states(pair.theirs) + MORE_STATES.get(pair.name, 0), pair.name
        for given in pair.inputs:
            ours, theirs = (pair.run(one, given) for one in (pair.ours, pair.theirs))
            assert ours.error == theirs.error, (pair.name, given)
            if ours.error is None and "reason" not in str(ours.output):
                assert ours.output == theirs.output, (pair.name, given)
            most = len(theirs.states) + MORE_TRANSITIONS.get(pair.name, 0)
            assert len(ours.states) <= most, (pair.name, given)
