"""Define what can be said of an execution that is not done, or failed: the reasons and their codes.

Data only: `open_reasons` and `closed_reasons` find which of them holds.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

REASONS: Mapping[str, str] = {
    "READ_ONLY": "the database cannot be written",
    "FULL": "the disk of the database is full",
    "PAUSED": "the execution itself is paused",
    "TYPE_PAUSED": "its workflow type is paused",
    "TASK_LIST_PAUSED": "the task list of what it waits for is paused",
    "NO_WORKER": "no worker is alive",
    "NO_CODE": "workers are alive, but none has the code of the workflow or activity",
    "NOT_SERVED": "workers have the code, but none serves the task list",
    "NON_DETERMINISM": "the code does not fit the history that it has recorded",
    "DECISION_FAILS": "the workflow's code, or its decider, fails each time it decides",
    "DECISION_KILLS": "its worker dies each time it decides",
    "DECIDING": "the code is deciding, and has not returned",
    "DECISION_WAITS": "a decision waits for a worker that may take it",
    "LOST_LEASE": "the worker that holds a task is gone",
    "RETRIES": "an activity failed and is tried again",
    "RUNS": "an activity runs",
    "LIMITED": "a limit of the task list holds an activity back",
    "QUEUED": "an activity waits for a free worker",
    "SIGNAL": "the code waits for a signal",
    "SLEEPS": "the code sleeps",
    "CHILD": "the code waits for a child workflow",
    "WAITS": "the code waits for a message, and no worker or code is here that tells which",
    "SCHEDULE_PAUSED": "the schedule is paused",
    "SCHEDULE_WAITS": "the schedule waits for its next time",
    "MACHINE_RUNS": "a state machine runs, and its service does not tell more",
    "COMPLETED": "it is done",
    "FAILED": "its code raised an exception",
    "CHILD_FAILED": "a child workflow failed",
    "TIMED_OUT": "it was open for longer than it may be",
    "CANCELED": "it was cancelled",
    "TERMINATED": "it was terminated",
    "CONTINUED": "it continues as a new run",
}
"""What each code means. A code never changes; `docs/why.md` has a row for each."""

DONE = frozenset({"COMPLETED", "CONTINUED"})
"""Reasons of executions that are as they should be."""


PAUSES = frozenset({"PAUSED", "TYPE_PAUSED", "TASK_LIST_PAUSED"})
"""Reasons that are pauses."""


class Verdict(Struct, frozen=True, kw_only=True):
    """Why an execution is not done, or how it ended."""

    code: str  # of `REASONS`
    workflow_id: str
    run_id: str
    status: str  # of the execution
    reason: str  # what follows "because"; one line
    evidence: Mapping[str, Any] = {}  # what the reason rests on; moments are `..._at`
    next: str = ""  # the command to type; empty if there is nothing to do
    child: Verdict | None = None  # of the child that is waited for, or that failed
    others: tuple[str, ...] = ()  # what holds besides, a line each

    @property
    def sentence(self) -> str:
        """The verdict as one sentence."""
        return f"{self.workflow_id} {_HOW[self.status]} {self.reason}."

    @property
    def root(self) -> Verdict:
        """The verdict of the innermost child that is to blame, or this one."""
        return self if self.child is None else self.child.root


_HOW = {
    "OPEN": "is not done because",
    "COMPLETED": "is done:",
    "FAILED": "failed because",
    "TIMED_OUT": "timed out because",
    "CANCELED": "was cancelled:",
    "TERMINATED": "was terminated:",
    "CONTINUED_AS_NEW": "continues as a new run:",
}


def command(*words: str) -> str:
    """Return a command line of Partita's, with its words quoted as a shell needs it."""
    return shlex.join(["partita", *words])
