"""Run tests of single states on an engine in memory: nothing of them is kept.

The tasks of a state that is not mocked are carried out as those of any execution.
"""

from __future__ import annotations

import threading
import uuid
from typing import Any

import msgspec
from msgspec.structs import replace

from partita.asl.failures import RUNTIME
from partita.asl.single_states import FAILED, StateTest, TestOutcome, run_test
from partita.asl.tasks.outside import traced
from partita.authoring.definition import WorkflowOptions
from partita.authoring.hooks import NO_HOOKS
from partita.authoring.workflow import WorkflowDefinition
from partita.engine import Engine
from partita.history import WorkflowExecution, WorkflowType
from partita.ports.service import StartRequest
from partita.ports.state import Status
from partita.stepfunctions.execution.beginning import TASK_LIST
from partita.stepfunctions.execution.records import result_in
from partita.stepfunctions.execution.worker import MachineWorker
from partita.stores.memory import MemoryStore

SECONDS = 300.0
"""Seconds that a test may take."""

TYPE = WorkflowType("states:test")


def _run(test: StateTest) -> Any:
    return msgspec.to_builtins(run_test(test))


TEST: WorkflowDefinition[..., Any] = WorkflowDefinition(
    _run, TYPE, WorkflowOptions(task_list=TASK_LIST), NO_HOOKS
)


class SingleStates:
    """Runs tests, many at a time, until it is closed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._engine: Engine | None = None
        self._worker: MachineWorker | None = None

    def run(self, test: StateTest) -> TestOutcome:
        """Return how a test ends."""
        engine = self._begun()
        text = msgspec.json.encode([test]).decode()
        request = StartRequest(
            workflow_id=str(uuid.uuid4()),
            workflow_type=TYPE,
            input=text,
            task_list=TASK_LIST,
            execution_start_to_close=SECONDS,
        )
        with traced(request.workflow_id, has_secrets=test.has_secrets) as trace:
            execution = engine.start_workflow_execution(request)
            outcome = self._outcome(engine, execution)
        if not trace.request:
            return outcome
        exchange = {"request": trace.request, "response": trace.response}
        return replace(outcome, notes=outcome.notes | exchange)

    def _outcome(self, engine: Engine, execution: WorkflowExecution) -> TestOutcome:
        info = engine.wait_closed("default", execution, None)
        result = result_in(engine.history("default", execution)[-1])
        if info is not None and info.status is Status.TIMED_OUT:
            return TestOutcome(status=FAILED, error="States.Timeout")
        if result.output is None:
            return TestOutcome(status=FAILED, error=result.error or RUNTIME, cause=result.cause)
        return msgspec.json.decode(result.output, type=TestOutcome)

    def _begun(self) -> Engine:
        with self._lock:
            if self._engine is None:
                self._engine = Engine(MemoryStore())
                self._worker = MachineWorker(self._engine, str, workflows=[TEST])
                self._worker.start()
            return self._engine

    def close(self) -> None:
        """End all that runs."""
        with self._lock:
            if self._worker is not None:
                self._worker.stop(0.0)
            if self._engine is not None:
                self._engine.close()
