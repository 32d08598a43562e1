"""Map Runs of random shapes that fail, are changed, stopped and redriven until they succeed."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

from partita.asl.tasks.lambdas import forget_lambda, register_lambda
from partita.asl.tasks.outside import item_pages
from tests.asl.stand_ins import data_sets
from tests.soak import scaled
from tests.stepfunctions.endpoint import Endpoint
from tests.stepfunctions.test_executions import made

FUNCTION = "arn:aws:lambda:us-east-1:111111111111:function:flaky"


class Flaky:
    """A function that fails at random, less and less often."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.share = chance.choice([0, 0.05, 0.3])

    def __call__(self, event: Any) -> Any:
        if self.chance.random() < self.share:
            raise ValueError
        return event["n"] if isinstance(event, dict) else event


@pytest.fixture(params=range(scaled(6, 200)))
def chance(request: pytest.FixtureRequest) -> Iterator[random.Random]:
    yield random.Random(request.param)
    forget_lambda("flaky")


def machine(chance: random.Random, *, is_read: bool) -> dict[str, Any]:
    states = {
        "Wait": {"Type": "Wait", "Seconds": 1, "Next": "Call"},
        "Call": {"Type": "Task", "Resource": FUNCTION, "End": True},
    }
    config = {"Mode": "DISTRIBUTED", "ExecutionType": chance.choice(["STANDARD", "EXPRESS"])}
    state = {
        "Type": "Map",
        "Label": "each",
        "MaxConcurrency": chance.choice([0, 1, 2, 7, 50]),
        "ToleratedFailureCount": chance.choice([0, 1, 3, 100]),
        "ItemProcessor": {"ProcessorConfig": config, "StartAt": "Wait", "States": states},
        "End": True,
    }
    if is_read:
        state["ItemReader"] = {
            "Resource": "arn:aws:states:::s3:getObject",
            "ReaderConfig": {"InputType": "JSONL"},
            "Parameters": {"Bucket": "data", "Key": "items"},
        }
    return {"StartAt": "Each", "States": {"Each": state}}


def disturb(sfn: Endpoint, execution: str, chance: random.Random) -> None:
    """Change the run, stop the execution, or do neither."""
    runs = sfn.client.list_map_runs(executionArn=execution)["mapRuns"]
    if runs and chance.random() < 0.5:
        most = chance.choice([0, 1, 5, 100])
        with suppress(sfn.client.exceptions.ValidationException):  # it has ended
            sfn.client.update_map_run(mapRunArn=runs[0]["mapRunArn"], maxConcurrency=most)
    if chance.random() < 0.3:
        sfn.client.stop_execution(executionArn=execution)


def run_to_success(sfn: Endpoint, execution: str, chance: random.Random, flaky: Flaky) -> Any:
    """Redrive an execution until it has succeeded; return its output."""
    for attempt in range(30):
        if chance.random() < 0.5 and attempt < 20:
            disturb(sfn, execution, chance)
        found = sfn.wait(execution)
        if found["status"] == "SUCCEEDED":
            return json.loads(found["output"])
        flaky.share = 0 if attempt > 15 else flaky.share * 0.6
        sfn.client.redrive_execution(executionArn=execution)
    raise AssertionError(found)


def test_every_item_is_done_in_the_end(chance: random.Random, sfn: Endpoint) -> None:
    flaky, count, is_read = Flaky(chance), chance.randrange(1, 40), chance.random() < 0.6
    register_lambda("flaky", flaky)
    items = "".join(json.dumps({"n": number}) + "\n" for number in range(count))
    with data_sets({"data": {"items": items}}):
        item_pages()._page_items = chance.choice([1, 3, 5])
        arn = made(sfn, f"storm-{chance.random()}", machine(chance, is_read=is_read))
        text = "{}" if is_read else json.dumps(list(range(count)))
        started = sfn.client.start_execution(stateMachineArn=arn, input=text)
        execution = started["executionArn"]
        output = run_to_success(sfn, execution, chance, flaky)
    failed = [number for number, one in enumerate(output) if isinstance(one, dict)]
    assert all(one == number for number, one in enumerate(output) if number not in failed)
    assert len(output) == count
    (run,) = sfn.client.list_map_runs(executionArn=execution)["mapRuns"]
    counts = sfn.client.describe_map_run(mapRunArn=run["mapRunArn"])["itemCounts"]
    assert (counts["total"], counts["failed"]) == (count, len(failed))
    assert counts["succeeded"] == count - len(failed)
    assert_listed(sfn, run["mapRunArn"], counts)


def assert_listed(sfn: Endpoint, run: str, counts: dict[str, int]) -> None:
    """Check that the child executions are listed once each, with what they have come to."""
    pages = sfn.client.get_paginator("list_executions").paginate(
        mapRunArn=run, PaginationConfig={"PageSize": 7}
    )
    listed = [one for page in pages for one in page["executions"]]
    assert len({one["name"] for one in listed}) == len(listed) == counts["total"]
    found = Counter(one["status"] for one in listed)
    assert (found["SUCCEEDED"], found["FAILED"]) == (counts["succeeded"], counts["failed"])
