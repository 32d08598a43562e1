"""Say where a log record comes from, and keep replays from logging everything again.

Knows which execution or activity runs here; formats nothing and configures nothing.
"""

from __future__ import annotations

import logging
from collections.abc import MutableMapping
from contextlib import suppress
from typing import Any

from partita.authoring.context import context
from partita.authoring.runtime import WorkflowInfo, current


def whereabouts() -> dict[str, Any]:
    """Return which activity, or which workflow, the code that calls this belongs to.

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


def is_repeated() -> bool:
    """Return whether workflow code runs here that has run before: it is being replayed."""
    workflow = _workflow()
    return workflow is not None and workflow.is_replaying


def _workflow() -> WorkflowInfo | None:
    where = current.get()
    with suppress(Exception):  # it may not know yet what it is; a log record must not break it
        return None if where is None else where.info()
    return None


class WorkflowLogger(logging.LoggerAdapter[logging.Logger]):
    """A logger that is silent while a workflow's code is replayed, and elsewhere like others."""

    def isEnabledFor(self, level: int) -> bool:  # noqa: N802
        """Return whether a record of this level would be made now."""
        return self.logger.isEnabledFor(level) and not is_repeated()

    def process(
        self, msg: Any, kwargs: MutableMapping[str, Any]
    ) -> tuple[Any, MutableMapping[str, Any]]:
        """Leave `extra` as it is."""
        return msg, kwargs


def get_logger(name: str | None = None) -> WorkflowLogger:
    """Return the logger of that name, for workflow code: what is replayed is not logged again.

    log = partita.get_logger(__name__)
    """
    return WorkflowLogger(logging.getLogger(name), {})
