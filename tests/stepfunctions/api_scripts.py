"""Repeat recorded series of calls, and compare each answer with AWS's."""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError, ParamValidationError

from tests.asl.corpus import Case, Matcher
from tests.asl.stand_ins import data_sets
from tests.stepfunctions.endpoint import Endpoint

_OBJECTS = {"bucket_name": {"file.csv": "Name\nada\ngrace\n"}}
"""What the recorded calls have put into S3, of which only the number of rows is known."""

_TIMES = {"datetime", "creation-date", "start-date", "stop-date", "date", "timestamp"}
_LATER = ("encryptionConfiguration",)
"""Members that AWS has added since most answers were recorded."""

_OPERATION = re.compile(r"(?<!^)(?=[A-Z])")
_EXECUTION = re.compile(r"arn:aws:states:us-east-1:\d+:execution:[\w-]+:ExecArnPart_(\d+)idx")


class Script:
    """One series of calls. Resources are renamed, so that many can share an endpoint."""

    def __init__(self, sfn: Endpoint, case: Case, number: int) -> None:
        self._sfn = sfn
        self._case = case
        self._number = number
        self._steps = case.data["steps"]
        self._is_stopped = any(step["op"] == "StopExecution" for step in self._steps)
        self._executions: list[str] = []
        self._renamed: dict[str, str] = {
            "invalid_token_1025_chars": "x" * 1025
        }  # texts in parameters
        self._token: str | None = None
        for step in self._steps:
            if step["op"] == "CreateStateMachine" and not step.get("rejected"):
                name = step["params"]["name"]
                self._renamed[name] = f"{name}-{number}"
        self._names = {**case.data.get("placeholders", {})}
        for name, other in self._names.items():
            self._names[name] = self._renamed.get(other, other)

    def difference(self) -> str:
        """Make the calls; return how the first answer that differs does so."""
        with data_sets(_OBJECTS):
            return self._difference()

    def _difference(self) -> str:
        for number, step in enumerate(self._steps):
            answer = self._call(step)
            for key, expected in step.get("expect", {}).items():
                found = self._compare(expected, answer)
                if found:
                    return f"step {number} {step['op']} {key}: {found}"
        return ""

    def _call(self, step: dict[str, Any]) -> Any:
        operation = _OPERATION.sub("_", step["op"]).lower()
        params = self._params(step)
        try:
            answer = getattr(self._sfn.client, operation)(**params)
        except (ClientError, ParamValidationError) as error:
            return error
        self._remember(step["op"], answer)
        return answer

    def _params(self, step: dict[str, Any]) -> dict[str, Any]:
        params = dict(step["params"])
        if isinstance(params.get("definition"), dict):
            params["definition"] = json.dumps(params["definition"])
        if "nextToken" in params and not step.get("rejected"):
            params["nextToken"] = self._token
        found: dict[str, Any] = self._rename(params)
        return found

    def _rename(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {
                name: one if name in ("definition", "input") else self._rename(one)
                for name, one in value.items()
            }
        if isinstance(value, list):
            return [self._rename(one) for one in value]
        if not isinstance(value, str):
            return value
        value = _EXECUTION.sub(lambda found: self._execution(int(found[1]), found[0]), value)
        for name, other in self._renamed.items():
            value = re.sub(rf"(?<![\w-]){re.escape(name)}(?![\w-])", other, value)
        return value

    def _execution(self, number: int, text: str) -> str:
        return self._executions[number] if number < len(self._executions) else text

    def _remember(self, operation: str, answer: dict[str, Any]) -> None:
        self._token = answer.get("nextToken", self._token)
        if operation == "StartExecution":
            self._executions.append(answer["executionArn"])
            if not self._is_stopped:
                self._sfn.wait(answer["executionArn"])
        elif operation == "CreateActivity":
            self._renamed["activity_arn"] = answer["activityArn"].split(":")[-1]
        elif operation == "ListMapRuns" and answer["mapRuns"]:
            run = answer["mapRuns"][0]["mapRunArn"].partition("/")[2]
            label, _, id = run.partition(":")
            self._renamed |= {"MapRunArnPart0_0idx": label, "MapRunArnPart1_0idx": id}

    def _compare(self, expected: Any, answer: Any) -> str:
        if isinstance(answer, Exception):
            answer = as_recorded(expected, answer)
        elif isinstance(answer, dict):
            answer = {name: one for name, one in answer.items() if name != "ResponseMetadata"}
            if isinstance(expected, dict):
                answer = {k: v for k, v in answer.items() if k in expected or k not in _LATER}
        matcher = Matcher(self._case)
        matcher._names = self._names
        matcher._wild |= {"activity_arn"}
        if matcher.matches(_untimed(expected), _untimed(answer)):
            return ""
        return matcher.difference

    def close(self) -> None:
        """Delete what was made."""
        names = self._sfn.client.list_activities()["activities"]
        for one in names:
            self._sfn.client.delete_activity(activityArn=one["activityArn"])


def as_recorded(expected: Any, error: Exception) -> Any:
    """Return an error in the form in which the expected one was recorded."""
    if isinstance(expected, str):
        return str(error)
    if "exception_typename" in expected:
        name = type(error).__name__
        if isinstance(error, ClientError):
            name = error.response["Error"]["Code"]
        return {"exception_typename": name, "exception_value": str(error)}
    if isinstance(error, ClientError):
        found = error.response["Error"]
        text = {"Code": found["Code"], "Message": found["Message"]}
        return {"Error": text, "message": found["Message"]}
    return str(error)


def _untimed(value: Any) -> Any:
    """Return a value in which all moments are equal."""
    if isinstance(value, dict):
        return {name: _untimed(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_untimed(one) for one in value]
    if isinstance(value, datetime) or (isinstance(value, str) and value in _TIMES):
        return "datetime"
    return value
