"""Stand in for `partita` on AWS Lambda, where only activities run.

Names that a workflow's module imports are there; what only a workflow may call says so.
"""

from __future__ import annotations

from .authoring import (
    ActivityInfo,
    activity,
    activity_info,
    get_logger,
    heartbeat,
    workflow,
)
from .names import Absent, install

__all__ = [
    "Absent",
    "ActivityInfo",
    "activity",
    "activity_info",
    "get_logger",
    "heartbeat",
    "workflow",
]

__getattr__ = install()
