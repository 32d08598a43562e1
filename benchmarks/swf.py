"""Tasks per second through our SWF endpoint, and through moto's server; the backend's growth."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import boto3
from botocore.config import Config

from benchmarks.report import Report
from benchmarks.workflows import sequential, step
from partita.client import Client
from partita.connect import connect
from partita.worker import Worker

DOMAIN = "bench"
TYPE = {"name": "flow", "version": "1"}
CLIENTS = 4
KEYS = {"aws_access_key_id": "bench", "aws_secret_access_key": "bench"}


@contextmanager
def served(*command: str) -> Iterator[str]:
    """Run a server as a process; yield where it listens. `PORT` stands for its port."""
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as free:
        port = str(free.getsockname()[1])
    words = [sys.executable, "-m", *(port if word == "PORT" else word for word in command)]
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 30
        while True:
            try:
                socket.create_connection(("127.0.0.1", int(port)), 1).close()
                break
            except OSError:
                assert time.monotonic() < deadline, f"{words} does not listen"
                time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(30)


def ours(folder: Path) -> Any:
    """Serve our endpoint on a new SQLite file."""
    url = f"sqlite:///{folder / 'swf'}.db"
    return served("partita", "serve", "--insecure-local", "--port", "PORT", "--backend", url)


def motos() -> Any:
    """Serve moto's."""
    return served("moto.server", "-H", "127.0.0.1", "-p", "PORT")


def swf(url: str) -> Any:
    """Return a boto3 client."""
    config = Config(retries={"max_attempts": 1}, parameter_validation=False)
    return boto3.client("swf", "us-east-1", endpoint_url=url, config=config, **KEYS)


def task_rates(url: str, count: int = 400) -> tuple[float, float]:
    """Decision tasks and activity tasks per second: so many executions of one activity each.

    First all are started; then deciders answer the first decision task of each, and then
    workers the activity of each; four boto3 clients at a time.
    """
    clients = [swf(url) for _ in range(CLIENTS)]
    _register(clients[0])
    for number in range(count):
        clients[number % CLIENTS].start_workflow_execution(
            domain=DOMAIN, workflowId=f"{number}", workflowType=TYPE
        )
    decisions = _rate(clients, count, _decide)
    activities = _rate(clients, count, _act)
    return decisions, activities


def _register(client: Any) -> None:
    client.register_domain(name=DOMAIN, workflowExecutionRetentionPeriodInDays="1")
    times = {
        "defaultTaskStartToCloseTimeout": "60",
        "defaultTaskList": {"name": "main"},
    }
    client.register_workflow_type(
        domain=DOMAIN,
        **TYPE,
        **times,
        defaultExecutionStartToCloseTimeout="3600",
        defaultChildPolicy="TERMINATE",
    )
    client.register_activity_type(
        domain=DOMAIN,
        **TYPE,
        **times,
        defaultTaskScheduleToStartTimeout="60",
        defaultTaskScheduleToCloseTimeout="60",
        defaultTaskHeartbeatTimeout="60",
    )


def _rate(clients: list[Any], count: int, one: Callable[[Any], None]) -> float:
    left = iter(range(count))
    lock = threading.Lock()

    def run(client: Any) -> None:
        while True:
            with lock:
                if next(left, None) is None:
                    return
            while not _done(client, one):
                pass

    threads = [threading.Thread(target=run, args=[client]) for client in clients]
    begun = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return count / (time.perf_counter() - begun)


def _done(client: Any, one: Callable[[Any], None]) -> bool:
    """Do one task; False if it was not ours: moto gives a task to two who poll at once."""
    try:
        one(client)
    except client.exceptions.UnknownResourceFault:
        return False
    return True


def _decide(client: Any) -> None:
    task = client.poll_for_decision_task(domain=DOMAIN, taskList={"name": "main"})
    attributes = {"activityType": TYPE, "activityId": "a", "input": "1"}
    client.respond_decision_task_completed(
        taskToken=task["taskToken"],
        decisions=[
            {
                "decisionType": "ScheduleActivityTask",
                "scheduleActivityTaskDecisionAttributes": attributes,
            }
        ],
    )


def _act(client: Any) -> None:
    task = client.poll_for_activity_task(domain=DOMAIN, taskList={"name": "main"})
    client.respond_activity_task_completed(taskToken=task["taskToken"], result="2")


def seconds_by_length(url: str, lengths: tuple[int, ...]) -> dict[int, float]:
    """Seconds that one workflow of so many activities in sequence takes on the swf:// backend."""
    os.environ.update(AWS_ACCESS_KEY_ID="bench", AWS_SECRET_ACCESS_KEY="bench")
    domain = uuid.uuid4().hex
    service = connect(f"swf://us-east-1/{domain}?{urlencode({'endpoint': url})}")
    found = {}
    with (
        Client(service, domain=domain) as client,
        Worker(service, workflows=[sequential], activities=[step]),
    ):
        client.start(sequential, 20).result(timeout=60)
        for length in lengths:
            begun = time.perf_counter()
            assert client.start(sequential, length).result(timeout=600) == length
            found[length] = time.perf_counter() - begun
    return found


def add_swf(report: Report, folder: Path) -> None:
    """Measure the endpoint beside moto, and how a workflow's time grows with its length."""
    with motos() as url:
        their_decisions, their_activities = task_rates(url)
    report.add("moto: decision tasks", their_decisions, "/s")
    report.add("moto: activity tasks", their_activities, "/s")
    with ours(folder) as url:
        decisions, activities = task_rates(url)
        report.add("SWF endpoint: decision tasks", decisions, "/s")
        report.add("SWF endpoint: decision tasks, x moto", decisions / their_decisions, "x", ">= 5")
        report.add("SWF endpoint: activity tasks", activities, "/s")
        report.add(
            "SWF endpoint: activity tasks, x moto", activities / their_activities, "x", ">= 5"
        )
        lengths = (100, 200, 400, 800, 1600)
        for length, seconds in seconds_by_length(url, lengths).items():
            report.add(f"swf://: {length:,} activities in sequence", seconds, "s")
