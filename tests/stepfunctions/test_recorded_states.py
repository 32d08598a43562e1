"""Tests of single states end as AWS recorded it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError, ParamValidationError

from tests.asl.corpus import Case, Matcher
from tests.asl.stand_ins import installed
from tests.stepfunctions.api_scripts import as_recorded
from tests.stepfunctions.deviations import STATES
from tests.stepfunctions.endpoint import Endpoint
from tests.stepfunctions.test_recorded_calls import cases

EVERY = cases("test_state", "test_state")


def difference(case: Case, sfn: Endpoint) -> str:
    """Return how the answer differs from the recorded one."""
    data = case.data
    given: dict[str, Any] = {"definition": json.dumps(data["definition"]), **data["request"]}
    if "input" in data:
        given["input"] = json.dumps(data["input"])
    expected = case.expect["response"]
    try:
        with installed(case, lambda _: None):
            answer: Any = sfn.client.test_state(**given)
        del answer["ResponseMetadata"]
    except (ClientError, ParamValidationError) as error:
        answer = as_recorded(expected, error)
    matcher = Matcher(case)
    if matcher.matches(parsed(expected), parsed(answer)):
        return ""
    return matcher.difference


def parsed(value: Any) -> Any:
    """Return a value in which texts that are JSON are parsed."""
    if isinstance(value, dict):
        return {name: parsed(one) for name, one in value.items()}
    if isinstance(value, str) and value[:1] in ("[", "{"):
        try:
            return json.loads(value)
        except ValueError:
            pass
    return value


@pytest.mark.parametrize("name", EVERY)
def test_a_state_is_tested_as_aws_recorded(name: str, sfn: Endpoint) -> None:
    found = difference(EVERY[name], sfn)
    if name in STATES:
        assert found, f"this passes now; take it out of the table of deviations ({name})"
    else:
        assert not found, found
