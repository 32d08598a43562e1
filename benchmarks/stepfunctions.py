"""Calls per second through our Step Functions endpoint, and through moto's server."""

from __future__ import annotations

import json
import statistics
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from benchmarks.report import Report
from benchmarks.swf import CLIENTS, KEYS, motos, served

ROLE = "arn:aws:iam::123456789012:role/bench"
THREE = {
    "StartAt": "A",
    "States": {
        "A": {"Type": "Pass", "Result": 1, "ResultPath": "$.a", "Next": "B"},
        "B": {"Type": "Pass", "Result": 2, "ResultPath": "$.b", "Next": "C"},
        "C": {"Type": "Succeed"},
    },
}


def ours(folder: Path) -> Any:
    """Serve our endpoint on a new SQLite file."""
    url = f"sqlite:///{folder / 'machines'}.db"
    only = ("--protocol", "stepfunctions", "--insecure-local", "--port", "PORT")
    return served("partita", "serve", *only, "--backend", url)


def client_of(url: str) -> Any:
    """Return a boto3 client."""
    config = Config(
        retries={"max_attempts": 1}, parameter_validation=False, inject_host_prefix=False
    )
    return boto3.client("stepfunctions", "us-east-1", endpoint_url=url, config=config, **KEYS)


def machine(client: Any, definition: dict[str, Any], type: str = "STANDARD") -> str:
    """Make a machine; return its ARN."""
    made = client.create_state_machine(
        name=f"bench-{uuid.uuid4()}", definition=json.dumps(definition), roleArn=ROLE, type=type
    )
    return str(made["stateMachineArn"])


def together(url: str, count: int, work: Callable[[Any], None]) -> float:
    """Do some work so many times by several clients at once; return how often in a second."""

    def repeat() -> None:
        client = client_of(url)
        for _ in range(count // CLIENTS):
            work(client)

    threads = [threading.Thread(target=repeat) for _ in range(CLIENTS)]
    begun = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return count / (time.perf_counter() - begun)


def start_rate(url: str, count: int = 400) -> float:
    """StartExecution calls per second."""
    arn = machine(client_of(url), THREE)
    return together(url, count, lambda client: client.start_execution(stateMachineArn=arn))


def task_rate(url: str, count: int = 400) -> float:
    """GetActivityTask calls per second, for tasks that wait already."""
    client = client_of(url)
    activity = client.create_activity(name=f"bench-{uuid.uuid4()}")["activityArn"]
    state = {"Type": "Task", "Resource": activity, "End": True}
    arn = machine(client, {"StartAt": "A", "States": {"A": state}})
    for _ in range(count):
        client.start_execution(stateMachineArn=arn)
    return together(url, count, lambda client: client.get_activity_task(activityArn=activity))


def express_latency(url: str, count: int = 200) -> float:
    """Median milliseconds from a start to the result of an express machine of three states."""
    client = client_of(url)
    arn = machine(client, THREE, "EXPRESS")
    times = []
    for _ in range(count):
        begun = time.perf_counter()
        client.start_sync_execution(stateMachineArn=arn)
        times.append((time.perf_counter() - begun) * 1000)
    return statistics.median(times)


def add_stepfunctions(report: Report, folder: Path) -> None:
    """Measure our endpoint, and moto's server in the same run; moto has no GetActivityTask."""
    with ours(folder) as url:
        report.add("express machine of 3 states, p50", express_latency(url), "ms", "<= 5")
        report.add("StartExecution, 4 clients", start_rate(url), "calls/s", rate=True)
        report.add("GetActivityTask, 4 clients", task_rate(url), "calls/s", rate=True)
    with motos() as url:
        report.add("moto: StartExecution, 4 clients", start_rate(url), "calls/s")
