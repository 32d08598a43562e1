"""Tell which execution a log record comes from, and drop the records of replayed code."""

from __future__ import annotations

import logging
from collections.abc import MutableMapping
from contextlib import suppress
from typing import Any

from partita.authoring.context import context
from partita.authoring.runtime import WorkflowInfo, current


def whereabouts() -> dict[str, Any]:
    """Return the activity or the workflow to which the calling code belongs.

    The keys are `domain`, `workflow_id` and `run_id`; in an activity also `activity_id`,
    `activity_type` and `attempt`, in a workflow's own code `workflow_type`. Empty elsewhere.
    """
    activity = context.get()
    if activity is not None:
        info = activity.info
        return {
            "domain": info.domain,
            "workflow_id": info.workflow_id,
            "run_id": info.run_id,
            "activity_id": info.activity_id,
            "activity_type": info.name,
            "attempt": info.attempt,
        }
    workflow = _workflow()
    if workflow is None:
        return {}
    return {
        "domain": workflow.domain,
        "workflow_id": workflow.workflow_id,
        "run_id": workflow.run_id,
        "workflow_type": workflow.name,
    }


def is_replaying() -> bool:
    """Return whether workflow code runs here that only repeats what its history has recorded.

    For logs, metrics and the like: what a workflow decides must not depend on it. False in plain
    Python and outside workflows.
    """
    workflow = _workflow()
    return workflow is not None and workflow.is_replaying


def _workflow() -> WorkflowInfo | None:
    where = current.get()
    with suppress(Exception):  # a log record must not break a runtime that has not begun
        return None if where is None else where.info()
    return None


class WorkflowLogger(logging.LoggerAdapter[logging.Logger]):
    """A logger that is silent while a workflow's code is replayed."""

    def isEnabledFor(self, level: int) -> bool:  # noqa: N802
        return self.logger.isEnabledFor(level) and not is_replaying()

    def process(
        self, msg: Any, kwargs: MutableMapping[str, Any]
    ) -> tuple[Any, MutableMapping[str, Any]]:
        return msg, kwargs


def get_logger(name: str | None = None) -> WorkflowLogger:
    """Return a logger for workflow code, which logs nothing again in a replay.

    log = partita.get_logger(__name__)
    """
    return WorkflowLogger(logging.getLogger(name), {})
