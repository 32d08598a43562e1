"""Run the cases recorded from AWS through the endpoint, and compare what comes back."""

from __future__ import annotations

import json
import uuid
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.asl.corpus import Case, Matcher
from tests.asl.stand_ins import installed, mocks_of
from tests.stepfunctions.endpoint import Endpoint

_TOO_FAR = "base/wait::test_timestamp_too_far_in_future_boundary["

ROLE = "arn:aws:iam::111111111111:role/sfn_role_arn"


@dataclass
class Ran:
    """An execution as the API describes it, and its events."""

    found: dict[str, Any]
    events: list[dict[str, Any]]


class Runner:
    """Makes each machine once, and starts its executions."""

    def __init__(self, sfn: Endpoint) -> None:
        self.sfn = sfn
        self._machines: dict[str, str] = {}

    def run(self, case: Case) -> Ran:
        """Run a case to its end."""
        data = case.data
        arn = self.machine(data)
        if case.area == "activities":
            return self._run_with_worker(case, arn)
        mocks = mocks_of(case)
        if mocks is not None:
            arn += "#recorded"
            self._write_mocks(arn.split(":")[-1].partition("#")[0], dict(mocks))
        given = {} if data.get("input_absent") else {"input": json.dumps(self._input(case))}
        with installed(case, self.sfn.engine.clock.advance):
            if data["type"] == "EXPRESS":
                return Ran(self.sfn.client.start_sync_execution(stateMachineArn=arn, **given), [])
            execution = self.sfn.client.start_execution(stateMachineArn=arn, **given)
            return self._finished(case, execution["executionArn"])

    def _input(self, case: Case) -> Any:
        """Return a case's input; a time that was replaced is as far ahead as the name says."""
        if not case.name.startswith(_TOO_FAR):
            return case.data["input"]
        days = timedelta(days=int(case.name[len(_TOO_FAR) : -1]))
        moment = datetime.fromtimestamp(self.sfn.clock(), UTC) + days
        return {"start_at": moment.strftime("%Y-%m-%dT%H:%M:%SZ")}

    def _run_with_worker(self, case: Case, arn: str) -> Ran:
        """Run a case whose activity a worker polls for, and does what the recorded one did."""
        client = self.sfn.client
        activity = client.create_activity(name="activity_arn")["activityArn"]
        text = json.dumps(case.data["input"])
        execution = client.start_execution(stateMachineArn=arn, input=text)["executionArn"]
        details = {one["type"]: one.get("details") or {} for one in case.events}
        name = details.get("ActivityStarted", {}).get("workerName")
        task = client.get_activity_task(
            activityArn=activity, **({} if name is None else {"workerName": name})
        )
        token = task["taskToken"]
        if "heartbeat" in case.name:
            client.send_task_heartbeat(taskToken=token)
        if "ActivitySucceeded" in details:
            client.send_task_success(
                taskToken=token, output=_text(details["ActivitySucceeded"]["output"])
            )
        elif "ActivityFailed" in details:
            found = details["ActivityFailed"]
            client.send_task_failure(
                taskToken=token, error=found["error"], cause=_text(found["cause"])
            )
        return self._finished(case, execution)

    def _finished(self, case: Case, arn: str) -> Ran:
        if case.name.startswith(_TOO_FAR) and case.expect["status"] is None:
            return self._waiting(arn)
        if case.expect["status"] == "ABORTED":
            self.sfn.client.stop_execution(executionArn=arn)
        found = self.sfn.wait(arn)
        events = []
        if case.events:
            events = self.sfn.client.get_execution_history(executionArn=arn, maxResults=1000)[
                "events"
            ]
        return Ran(found, events)

    def _waiting(self, arn: str) -> Ran:
        """Stop an execution once it waits; return it as it was."""
        client = self.sfn.client
        events: list[dict[str, Any]] = []
        while len(events) < 2:
            events = client.get_execution_history(executionArn=arn)["events"]
        client.stop_execution(executionArn=arn)
        return Ran({"status": "SUCCEEDED"}, events)

    def machine(self, data: dict[str, Any]) -> str:
        """Return the ARN of the case's machine."""
        text = json.dumps(data["definition"])
        key = f"{data['type']} {text}"
        if key not in self._machines:
            made = self.sfn.client.create_state_machine(
                name=f"case-{uuid.uuid4().hex}",
                definition=text,
                roleArn=ROLE,
                type=data["type"],
            )
            self._machines[key] = made["stateMachineArn"]
        return self._machines[key]

    def _write_mocks(self, machine: str, mocks: dict[str, Any]) -> None:
        config = {
            "StateMachines": {machine: {"TestCases": {"recorded": {one: one for one in mocks}}}},
            "MockedResponses": {
                state: {str(number): response for number, response in enumerate(responses)}
                for state, responses in mocks.items()
            },
        }
        assert self.sfn.front.mocks is not None
        with open(self.sfn.front.mocks, "w") as file:
            json.dump(config, file)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def outcome_difference(case: Case, found: dict[str, Any]) -> str:
    """Return how a result differs from the recorded one; nothing if it does not."""
    expect, matcher = case.expect, Matcher(case)
    if expect["status"] is None:  # AWS's execution was not waited for
        return "" if found["status"] == "SUCCEEDED" else f"failed: {found}"
    if expect["status"] != found["status"]:
        return f"status: expected {expect['status']}, found {found}"
    output = found.get("output")
    if not matcher.matches(expect.get("output"), None if output is None else json.loads(output)):
        return matcher.difference
    for name in ("error", "cause"):
        if not matcher.matches(expect.get(name), found.get(name), name):
            return matcher.difference
    return ""


def history_difference(case: Case, events: list[dict[str, Any]]) -> str:
    """Return how a history differs from the recorded one; nothing if it does not."""
    matcher = Matcher(case)
    matcher._wild.add("map_run_arn")
    found = [_plain(event) for event in events]
    expected = [_recorded(event) for event in case.events]
    if case.data.get("events_order_normalised") or not all(
        isinstance(one["id"], int) for one in case.events
    ):
        return _unordered_difference(matcher, expected, found)
    types = [one["type"] for one in expected], [one["type"] for one in found]
    if types[0] != types[1]:
        at = next((i for i, (a, b) in enumerate(zip(*types, strict=False)) if a != b), None)
        return f"types: at {at}: expected {types[0][at or 0 :]}, found {types[1][at or 0 :]}"
    for one, other in zip(expected, found, strict=True):
        if not matcher.matches(one, other, f"{one['id']} {one['type']}"):
            return matcher.difference
    return ""


def _unordered_difference(
    matcher: Matcher, expected: list[dict[str, Any]], found: list[dict[str, Any]]
) -> str:
    """Compare events whatever their order and numbers."""
    left = [{**one, "id": 0, "previousEventId": 0} for one in found]
    for one in expected:
        wanted = {**one, "id": 0, "previousEventId": 0}
        match = next((at for at, other in enumerate(left) if matcher.matches(wanted, other)), None)
        if match is None:
            return f"no event like {wanted}; {matcher.difference}"
        del left[match]
    is_whole = all(isinstance(one["id"], int) for one in expected)
    return f"too many: {left}" if left and is_whole else ""


def _recorded(event: dict[str, Any]) -> dict[str, Any]:
    """Return a recorded event with JSON texts parsed."""
    details = dict(event.get("details") or {})
    for name in ("input", "output", "parameters"):
        if isinstance(details.get(name), str):
            with suppress(ValueError):  # a placeholder
                details[name] = json.loads(details[name])
    shown = {name: value for name, value in event.items() if value is not None}
    return {**shown, "details": details} if event.get("details_key") else shown


def _plain(event: dict[str, Any]) -> dict[str, Any]:
    """Return an event of the API as the recorded ones are written."""
    shown = {name: event[name] for name in ("id", "type", "previousEventId")}
    key = next((name for name in event if name.endswith("EventDetails")), None)
    return shown if key is None else {**shown, "details_key": key, "details": _parsed(event[key])}


def _parsed(details: dict[str, Any]) -> dict[str, Any]:
    """Return details with JSON texts parsed, whose spaces the recorded ones have lost."""
    return {
        name: json.loads(value) if name in ("input", "output", "parameters") else value
        for name, value in details.items()
    }
