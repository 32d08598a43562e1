"""Calls are answered, and definitions are refused and validated, as AWS recorded it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.asl.corpus import CASES, Case, Matcher
from tests.stepfunctions.api_scripts import Script
from tests.stepfunctions.corpus import ROLE
from tests.stepfunctions.endpoint import Endpoint


def cases(area: str, kind: str) -> dict[str, Case]:
    data = json.loads((CASES / f"{area}.json").read_text())["cases"]
    return {Case(area, one).name: Case(area, one) for one in data if one["kind"] == kind}


SCRIPTS = cases("api", "api_script")
REFUSED = cases("validation", "create_rejected")
VALIDATED = cases("validation", "validate")


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_series_of_calls_is_answered_as_aws_recorded(name: str, sfn: Endpoint) -> None:
    script = Script(sfn, SCRIPTS[name], list(SCRIPTS).index(name))
    try:
        assert not script.difference()
    finally:
        script.close()


def text_of(case: Case) -> str:
    data = case.data
    return str(data.get("definition_text") or json.dumps(data["definition"]))


@pytest.mark.parametrize("name", REFUSED)
def test_a_definition_is_refused_as_aws_recorded(name: str, sfn: Endpoint) -> None:
    case = REFUSED[name]
    given: dict[str, Any] = {"definition": text_of(case), "roleArn": ROLE, **case.data["request"]}
    if case.data["operation"] == "UpdateStateMachine":
        call = sfn.client.update_state_machine
        given["stateMachineArn"] = "arn:aws:states:us-east-1:111111111111:stateMachine:none:2"
    else:
        call = sfn.client.create_state_machine
        given["name"] = "refused"
    with pytest.raises(ClientError) as refused:
        call(**given)
    found = refused.value.response["Error"]
    assert found["Code"] == case.expect["error"]
    matcher = Matcher(case)
    assert matcher.matches(case.expect["message"], found["Message"]), matcher.difference


@pytest.mark.parametrize("name", VALIDATED)
def test_a_definition_is_validated_as_aws_recorded(name: str, sfn: Endpoint) -> None:
    case = VALIDATED[name]
    answer = sfn.client.validate_state_machine_definition(
        definition=text_of(case), **case.data["request"]
    )
    del answer["ResponseMetadata"]
    matcher = Matcher(case)
    assert matcher.matches(case.expect["response"], answer), matcher.difference
