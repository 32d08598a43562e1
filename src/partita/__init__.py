"""Write a workflow once, in ordinary Python; let any orchestrator play it."""

from partita.authoring.activity import ActivityFunction, AsyncActivityFunction, activity
from partita.authoring.activity_classes import Activity
from partita.authoring.canvas import FuncGroup, chain, group, task
from partita.authoring.context import ActivityInfo, activity_info, heartbeat
from partita.authoring.determinism import (
    now,
    random,
    shield,
    side_effect,
    sleep,
    start_timer,
    timeout,
    uuid4,
)
from partita.authoring.execution import (
    continue_as_new,
    parent,
    patched,
    record_marker,
    spawn,
    upsert_search_attributes,
    wait_until,
    workflow_info,
)
from partita.authoring.future import ChildFuture, Future, Futures, as_completed, wait
from partita.authoring.hooks import Hooks, TaskFailure, Verdict
from partita.authoring.local.crossing import carry_values
from partita.authoring.logs import WorkflowLogger, get_logger, is_replaying
from partita.authoring.messages import (
    Channel,
    Signal,
    external,
    query,
    signals,
    update,
    wait_signal,
)
from partita.authoring.middleware import Middleware, use_middleware
from partita.authoring.programs.program import program, python
from partita.authoring.remote import child_workflow, lambda_function, remote_activity
from partita.authoring.retry import Retry
from partita.authoring.runtime import WorkflowInfo
from partita.authoring.steps import Steps
from partita.authoring.workflow import WorkflowDefinition, workflow
from partita.authoring.workflow_classes import Workflow
from partita.errors import (
    ActivityFailedError,
    ActivityTimedOutError,
    CancelledError,
    ExecutionClosedError,
    PartitaError,
    ProgramFailedError,
    ProgramTimedOutError,
    WaitTimeoutError,
    WorkerLostError,
    WorkflowFailedError,
)
from partita.history import ChildPolicy

__version__ = "0.1.0"

__all__ = [
    "Activity",
    "ActivityFailedError",
    "ActivityFunction",
    "ActivityInfo",
    "ActivityTimedOutError",
    "AsyncActivityFunction",
    "CancelledError",
    "Channel",
    "ChildFuture",
    "ChildPolicy",
    "ExecutionClosedError",
    "FuncGroup",
    "Future",
    "Futures",
    "Hooks",
    "Middleware",
    "PartitaError",
    "ProgramFailedError",
    "ProgramTimedOutError",
    "Retry",
    "Signal",
    "Steps",
    "TaskFailure",
    "Verdict",
    "WaitTimeoutError",
    "WorkerLostError",
    "Workflow",
    "WorkflowDefinition",
    "WorkflowFailedError",
    "WorkflowInfo",
    "WorkflowLogger",
    "activity",
    "activity_info",
    "as_completed",
    "carry_values",
    "chain",
    "child_workflow",
    "continue_as_new",
    "external",
    "get_logger",
    "group",
    "heartbeat",
    "is_replaying",
    "lambda_function",
    "now",
    "parent",
    "patched",
    "program",
    "python",
    "query",
    "random",
    "record_marker",
    "remote_activity",
    "shield",
    "side_effect",
    "signals",
    "sleep",
    "spawn",
    "start_timer",
    "task",
    "timeout",
    "update",
    "upsert_search_attributes",
    "use_middleware",
    "uuid4",
    "wait",
    "wait_signal",
    "wait_until",
    "workflow",
    "workflow_info",
]
