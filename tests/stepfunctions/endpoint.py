"""An endpoint with Step Functions' protocol in this process, over an engine that skips time."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import boto3
from botocore.config import Config

from partita.authoring.workflow import WorkflowDefinition
from partita.history import WorkflowExecution
from partita.server.process import in_background
from partita.server.routes import Router
from partita.stepfunctions.execution.worker import MachineWorker
from partita.stepfunctions.front.front import Front
from partita.stepfunctions.front.protocol import POLL_SECONDS, StepFunctionsProtocol
from partita.stores.memory import MemoryStore
from partita.testing.clock import Clock
from partita.testing.engine import SkippingEngine
from tests import aws_models  # noqa: F401 - for its effect
from tests.asl.corpus import ACCOUNT

START = 1_796_000_000.0

# Whoever signs needs keys; nobody here looks at them.
os.environ.setdefault("AWS_ACCESS_KEY_ID", "tests")
os.environ.setdefault("AWS_SECRET_ACCESS_KEY", "tests")

_CONFIG = Config(inject_host_prefix=False)


class Endpoint:
    """A client of the endpoint, and the engine behind it."""

    def __init__(self, engine: SkippingEngine, front: Front, clock: Clock, url: str) -> None:
        self.engine = engine
        self.front = front
        self.clock = clock
        self.url = url
        self.client: Any = boto3.client(
            "stepfunctions", region_name="us-east-1", endpoint_url=url, config=_CONFIG
        )

    def wait(self, execution_arn: str) -> dict[str, Any]:
        """Let time pass until an execution is closed; return its description."""
        workflow_id = execution_arn.split(":", 6)[6]
        self.engine.wait_closed("default", WorkflowExecution(workflow_id, ""), None)
        if ":express:" in execution_arn:
            return {}
        found: dict[str, Any] = self.client.describe_execution(executionArn=execution_arn)
        return found


@contextmanager
def endpoint(
    *,
    poll: float = POLL_SECONDS,
    workflows: Sequence[WorkflowDefinition[..., Any]] = (),
    **options: Any,
) -> Iterator[Endpoint]:
    """Serve for as long as the block lasts; `poll` is how many seconds GetActivityTask waits.

    `workflows` run beside the executions of the API.
    """
    clock = Clock(START)
    engine = SkippingEngine(MemoryStore(), clock=clock)
    front = Front(engine, account=ACCOUNT, clock=clock, **options)
    worker = MachineWorker(
        engine, front.token, workflows, clock=clock, on_decision_failed=engine.decision_failed
    )
    engine.stage = None
    protocol = StepFunctionsProtocol(front, poll=poll)
    try:
        with worker, in_background(Router([protocol], only_local=True)) as url:
            yield Endpoint(engine, front, clock, url)
    finally:
        protocol.close()
        engine.close()
