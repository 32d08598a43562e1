"""Write a workflow once, in ordinary Python; let any orchestrator play it."""

from partita.authoring.activity import Activity, AsyncActivity, activity
from partita.authoring.context import ActivityInfo, activity_info, heartbeat
from partita.authoring.determinism import now, random, side_effect, sleep, uuid4
from partita.authoring.future import Future, Futures, as_completed, wait
from partita.authoring.retry import Retry
from partita.authoring.workflow import Workflow, workflow
from partita.errors import (
    ActivityFailedError,
    ActivityTimedOutError,
    CancelledError,
    PartitaError,
    WaitTimeoutError,
)
from partita.history import ChildPolicy

__version__ = "0.1.0"

__all__ = [
    "Activity",
    "ActivityFailedError",
    "ActivityInfo",
    "ActivityTimedOutError",
    "AsyncActivity",
    "CancelledError",
    "ChildPolicy",
    "Future",
    "Futures",
    "PartitaError",
    "Retry",
    "WaitTimeoutError",
    "Workflow",
    "activity",
    "activity_info",
    "as_completed",
    "heartbeat",
    "now",
    "random",
    "side_effect",
    "sleep",
    "uuid4",
    "wait",
    "workflow",
]
