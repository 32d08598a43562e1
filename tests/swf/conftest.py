"""An endpoint on a thread, and boto3 clients pointed at it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from partita.aws.lambda_functions import Handler, LambdaFunctions
from partita.aws.signature import Keyring
from partita.engine import Engine
from partita.server.process import in_background
from partita.server.routes import Router
from partita.swf.front.front import Front, Limits
from partita.swf.front.lambdas import Lambdas
from partita.swf.front.protocol import SwfProtocol
from tests import aws_models  # noqa: F401 - for its effect
from tests.conftest import new_store

KEYS = {"AKID": "secret"}

DOMAIN = "d"
WORKFLOW = {"name": "flow", "version": "1"}
ACTIVITY = {"name": "work", "version": "1"}
LIST = {"name": "list"}

WORKFLOW_DEFAULTS = {
    "defaultTaskList": LIST,
    "defaultChildPolicy": "TERMINATE",
    "defaultExecutionStartToCloseTimeout": "1000",
    "defaultTaskStartToCloseTimeout": "100",
}
ACTIVITY_DEFAULTS = {
    "defaultTaskList": LIST,
    "defaultTaskHeartbeatTimeout": "NONE",
    "defaultTaskScheduleToStartTimeout": "NONE",
    "defaultTaskScheduleToCloseTimeout": "NONE",
    "defaultTaskStartToCloseTimeout": "NONE",
}


class Endpoint:
    """A running endpoint: its URL, its engine, and a client that has signed requests."""

    def __init__(self, url: str, engine: Engine, protocol: SwfProtocol) -> None:
        self.url = url
        self.engine = engine
        self.protocol = protocol
        self.called: set[str] = set()  # operations
        self.client = self.new_client()

    def new_client(self, id: str = "AKID", secret: str = "secret", **more: Any) -> Any:
        """Return a boto3 client that notes what it calls."""
        client = boto3.client(
            "swf",
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id=id,
            aws_secret_access_key=secret,
            config=Config(retries={"total_max_attempts": 1}, max_pool_connections=50, **more),
        )
        client.meta.events.register("before-call.swf", self._note)
        return client

    def _note(self, model: Any, **_: Any) -> None:
        self.called.add(model.name)


class Story:
    """A domain with a type of workflow and of activity, and shorthand for deciders."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self.client = endpoint.client
        self.client.register_domain(name=DOMAIN, workflowExecutionRetentionPeriodInDays="7")
        self.client.register_workflow_type(domain=DOMAIN, **WORKFLOW, **WORKFLOW_DEFAULTS)
        self.client.register_activity_type(domain=DOMAIN, **ACTIVITY, **ACTIVITY_DEFAULTS)

    def start(self, workflow_id: str = "w", **more: Any) -> str:
        """Start an execution; return its run id."""
        given = {"workflowType": WORKFLOW, **more}
        answer = self.client.start_workflow_execution(
            domain=DOMAIN, workflowId=workflow_id, **given
        )
        run_id: str = answer["runId"]
        return run_id

    def poll(self, task_list: str = "list", **more: Any) -> dict[str, Any]:
        """Poll for a decision task."""
        answer: dict[str, Any] = self.client.poll_for_decision_task(
            domain=DOMAIN, taskList={"name": task_list}, **more
        )
        return answer

    def poll_activity(self, task_list: str = "list", **more: Any) -> dict[str, Any]:
        """Poll for an activity task."""
        answer: dict[str, Any] = self.client.poll_for_activity_task(
            domain=DOMAIN, taskList={"name": task_list}, **more
        )
        return answer

    def decide(self, *decisions: dict[str, Any], task_list: str = "list", **more: Any) -> Any:
        """Take the next decision task and answer it; return the task."""
        task = self.poll(task_list)
        self.client.respond_decision_task_completed(
            taskToken=task["taskToken"], decisions=list(decisions), **more
        )
        return task

    def history(self, workflow_id: str = "w", run_id: str = "") -> list[dict[str, Any]]:
        """Return a whole history."""
        execution = {"workflowId": workflow_id, "runId": run_id or self.newest(workflow_id)}
        answer = self.client.get_workflow_execution_history(domain=DOMAIN, execution=execution)
        events: list[dict[str, Any]] = answer["events"]
        return events

    def newest(self, workflow_id: str) -> str:
        """Return the run id of the newest run."""
        record = self.endpoint.engine.store.find(DOMAIN, workflow_id, None)
        assert record is not None
        return record.execution.run_id

    def kinds(self, workflow_id: str = "w") -> list[str]:
        """Return the types of all events."""
        return [event["eventType"] for event in self.history(workflow_id)]

    def find(self, kind: str, workflow_id: str = "w") -> dict[str, Any]:
        """Return the attributes of the last event of a type."""
        return attributes([e for e in self.history(workflow_id) if e["eventType"] == kind][-1])


def attributes(event: dict[str, Any]) -> dict[str, Any]:
    """Return an event's attributes."""
    kind = event["eventType"]
    found: dict[str, Any] = event[f"{kind[0].lower()}{kind[1:]}EventAttributes"]
    return found


def decision(kind: str, **given: Any) -> dict[str, Any]:
    """Return a decision of SWF's."""
    return {"decisionType": kind, f"{kind[0].lower()}{kind[1:]}DecisionAttributes": given}


@contextmanager
def serving(
    folder: Path,
    *,
    store: str = "sqlite",
    poll: float = 5.0,
    keys: dict[str, str] | None = KEYS,
    limits: Limits | None = None,
    functions: dict[str, Handler] | None = None,
    lambda_url: str | None = None,
    clock: Callable[[], float] = time.time,
) -> Iterator[Endpoint]:
    """Serve a new database of a kind, for as long as the block lasts."""
    engine = Engine(new_store(store, folder), clock=clock)
    has_lambdas = functions is not None or lambda_url is not None
    front = Front(engine, limits=limits, lambdas=has_lambdas)
    protocol = SwfProtocol(front, keyring=Keyring(keys) if keys else None, poll=poll)
    with ExitStack() as stack:
        stack.callback(engine.close)
        if has_lambdas:
            stack.callback(Lambdas(front, LambdaFunctions(functions or {}, lambda_url)).close)
        router = Router([protocol], only_local=not keys)
        url = stack.enter_context(in_background(router))
        yield Endpoint(url, engine, protocol)


@pytest.fixture
def endpoint(tmp_path: Path) -> Iterator[Endpoint]:
    """An endpoint on SQLite."""
    with serving(tmp_path) as made:
        yield made


@pytest.fixture
def story(endpoint: Endpoint) -> Story:
    """A domain with types, on an endpoint on SQLite."""
    return Story(endpoint)


@pytest.fixture
def quiet(tmp_path: Path) -> Iterator[Story]:
    """The same, with polls that give up at once."""
    with serving(tmp_path, poll=0.0) as made:
        yield Story(made)
