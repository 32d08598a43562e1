"""State what a service in our own process and a worker are to each other.

Instead of being polled it pushes tasks at the worker: it is `Attachable`, and the worker is its
`Host`. Knows the port's tasks and answers; who offers it, and how, it does not.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Protocol, runtime_checkable

from partita.errors import PartitaError
from partita.history import AnyDecision, AnyEvent, WorkflowExecution, WorkflowType
from partita.ports.service import ActivityAnswer, ActivityTask, DecisionTask


class Host(Protocol):
    """What a worker in this process offers to the service it is attached to.

    The service calls every method from its one loop thread and expects an answer at once:
    only `decide` runs user code.
    """

    domain: str
    identity: str
    task_lists: Collection[str]

    def workflow_keys(self) -> Collection[str]:
        """Return the types that `decide` can decide for, as `name@version`."""

    def activity_keys(self) -> Collection[str]:
        """Return the types that `start_tasks` can run, as `name@version`."""

    def is_lent(self, activity_key: str) -> bool:
        """Whether activities of that type, as this program knows it, end with their function.

        Where a service has no leases of its own, it may then ask their workers to say now and
        then that they are alive. Not so where a heartbeat timeout is set.
        """

    def seen(self, run_id: str) -> int:
        """Return the `started_event_id` that a live run was last decided for; 0 without one."""

    def decide(self, task: DecisionTask) -> list[AnyDecision]:
        """Answer a decision task. What it raises fails the task, not the workflow."""

    def query(
        self,
        execution: WorkflowExecution,
        workflow_type: WorkflowType,
        history: Callable[[], list[AnyEvent]],
        name: str,
        input: str | None,
    ) -> str:
        """Answer a query from a live run, or from `history`; return the answer's payload."""

    def decision_failed(self, task: DecisionTask, error: PartitaError) -> None:
        """Hear that `decide` raised; the task will be tried again later."""

    def forget(self, run_id: str) -> None:
        """Drop a live run: it closed, or saw events that were never committed."""

    def free_slots(self) -> int:
        """Return how many more activities `start_tasks` would take now."""

    def is_busy(self) -> bool:
        """Return whether an activity runs, or has ended and its report is not posted yet."""

    def start_tasks(self, tasks: Sequence[ActivityTask]) -> None:
        """Begin to run activities; they are committed as this worker's."""

    def detached(self) -> None:
        """Hear that the service no longer serves this host."""

    def lost(self) -> None:
        """Hear that the lease ran out: what runs now belongs to others."""


@runtime_checkable
class Attachable(Protocol):
    """A service in this process, which pushes tasks at a host."""

    def attach(self, host: Host) -> None:
        """Serve `host` from now on; one at a time."""

    def detach(self) -> None:
        """Stop serving the host; what it holds and has not finished is given back."""

    def pause(self) -> None:
        """Hand out nothing new; results are still taken."""

    def give_back(self, token: str) -> None:
        """Put an unfinished activity back into its task list at once, as the same attempt."""

    def unwanted(self, tokens: Collection[str]) -> set[str]:
        """Return those tasks that should end: they were cancelled, or are no longer theirs."""

    def report(self, answer: ActivityAnswer, failed: Callable[[PartitaError], None]) -> None:
        """Record how an activity ended, soon and without waiting.

        `failed` is called, on the service's thread, if it could not be recorded: after a
        `StoreError` the answer should be reported again.
        """
