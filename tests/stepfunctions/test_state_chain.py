"""Machines tested state by state."""

from __future__ import annotations

import pytest

from partita.errors import InvalidInputError
from partita.testing import StateChain
from tests.stepfunctions.endpoint import Endpoint

COUNTER = {
    "StartAt": "Begin",
    "States": {
        "Begin": {"Type": "Pass", "Assign": {"n": 0}, "Next": "Count"},
        "Count": {"Type": "Pass", "Assign": {"n.$": "States.MathAdd($n, 1)"}, "Next": "Enough"},
        "Enough": {
            "Type": "Choice",
            "Choices": [{"Variable": "$n", "NumericEquals": 3, "Next": "Done"}],
            "Default": "Count",
        },
        "Done": {"Type": "Pass", "Parameters": {"n.$": "$n"}, "End": True},
    },
}


def test_variables_go_from_state_to_state(sfn: Endpoint) -> None:
    visits = StateChain(sfn.client, COUNTER).run()
    assert [one.state for one in visits] == ["Begin", *["Count", "Enough"] * 3, "Done"]
    assert (visits[-1].status, visits[-1].output) == ("SUCCEEDED", {"n": 3})


def test_a_loop_is_found(sfn: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("partita.testing.state_chain.LONGEST", 10)
    endless = {
        **COUNTER,
        "States": {
            **COUNTER["States"],  # type: ignore[dict-item]
            "Begin": {"Type": "Pass", "Assign": {"n": 9}, "Next": "Count"},
        },
    }
    with pytest.raises(InvalidInputError, match="loop"):
        StateChain(sfn.client, endless).run()
