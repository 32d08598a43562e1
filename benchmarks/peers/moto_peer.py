"""Run a loop of 1,000 iterations, Choice and Pass, in moto's interpreter; print transitions/s.

Started by `benchmarks.peers` in the peers' own environment, so it imports nothing of ours.
"""

from __future__ import annotations

import json
import logging
import statistics
import time
from typing import Any

import boto3
from moto import mock_aws

COUNT = 1000
ROUNDS = 3

LOOP = {
    "StartAt": "Check",
    "States": {
        "Check": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.n", "NumericLessThan": COUNT, "Next": "Body"}],
            "Default": "Done",
        },
        "Body": {
            "Type": "Pass",
            "Parameters": {"n.$": "States.MathAdd($.n, 1)"},
            "Next": "Check",
        },
        "Done": {"Type": "Succeed"},
    },
}


def main() -> None:
    """Measure, and print the median as JSON."""
    logging.disable(logging.CRITICAL)
    with mock_aws(config={"stepfunctions": {"execute_state_machine": True}}):
        client = boto3.client("stepfunctions", region_name="us-east-1")
        machine = client.create_state_machine(
            name="loop",
            definition=json.dumps(LOOP),
            roleArn="arn:aws:iam::123456789012:role/peer",
        )
        seconds = [
            _seconds(client, machine["stateMachineArn"], f"round-{number}")
            for number in range(ROUNDS)
        ]
    print(json.dumps({"transitions": 2 * COUNT / statistics.median(seconds)}))


def _seconds(client: Any, arn: str, name: str) -> float:
    begun = time.perf_counter()
    started = client.start_execution(stateMachineArn=arn, name=name, input='{"n": 0}')
    while True:
        found = client.describe_execution(executionArn=started["executionArn"])
        if found["status"] != "RUNNING":
            break
        time.sleep(0.002)
    taken = time.perf_counter() - begun
    assert json.loads(found["output"]) == {"n": COUNT}, found
    return taken


if __name__ == "__main__":
    main()
