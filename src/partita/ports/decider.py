"""State what a decider does: `decide(history) -> decisions`, for some types of workflows.

Replayed Python, a `decide()` written by hand and whatever else can turn a history into
decisions are deciders alike; a worker takes any of them, and every service can run them. Knows
tasks and decisions; threads, caches and where tasks come from it does not.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Protocol

from partita.errors import UnknownTypeError
from partita.history import AnyDecision, AnyEvent, WorkflowExecution, WorkflowType
from partita.ports.service import DecisionTask


class Decider(Protocol):
    """Turn decision tasks into decisions. Called from one thread at a time.

    A class that keeps nothing between two tasks inherits from this one and defines `keys` and
    `decide`. One that keeps something of a run must tell by `seen` how far it has read, and is
    then given only the events after that; it must also obey `forget`. One that keeps what can be
    used on one thread alone defines `leave_all`.
    """

    keys: Collection[str]  # the types that this decides for, as `name@version`; never changes

    def decide(self, task: DecisionTask) -> list[AnyDecision]:
        """Return what to do next; an empty list means to wait for more events.

        A pure function of the history: the same events must lead to the same decisions, in any
        process, because a task may be given out again. It performs no I/O, reads no clock and
        returns quickly, since one thread decides for all executions. `task.events` is the whole
        history, or what came after `seen`. What this raises fails the task, not the workflow;
        the task is tried again later.
        """

    def seen(self, run_id: str) -> int:  # noqa: ARG002
        """Return `started_event_id` of the last task of a run that is kept; 0 if none is."""
        return 0

    def forget(self, run_id: str) -> None:  # noqa: ARG002
        """Drop what is kept of a run: it closed, or its last decisions were not recorded."""
        return

    def forget_all(self) -> None:
        """Drop what is kept of every run: the worker stops."""
        return

    def leave_all(self) -> Callable[[], None]:
        """Drop what is kept of every run: another thread decides from now on.

        Returns what frees it, to be called on the thread that has decided so far.
        """
        self.forget_all()
        return lambda: None

    @property
    def live_runs(self) -> int:
        """Return how many runs are kept in a form that can be resumed."""
        return 0

    def awaits(self, run_id: str) -> str | None:  # noqa: ARG002
        """Return where a kept run waits, for people; None if nothing is known of it."""
        return None

    def query(
        self,
        execution: WorkflowExecution,  # noqa: ARG002
        workflow_type: WorkflowType,
        history: Callable[[], list[AnyEvent]],  # noqa: ARG002
        name: str,
        input: str | None,  # noqa: ARG002
    ) -> str:
        """Answer a query from what is kept of the run, or from `history()`; change nothing.

        Raises:
            UnknownTypeError: the workflow answers no query of that name.
            QueryFailedError: the code that answers it raised.
        """
        raise UnknownTypeError(f"workflow {workflow_type.key} answers no query {name}")
