"""State what a worker offers to whoever brings it tasks, and what it can use of a service.

A service in the worker's own process may push tasks at the worker: it is `Attachable`, and the
worker is its `Host`. Any other service is polled, and may make polling cheaper by the
capabilities at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from partita.errors import PartitaError
from partita.history import ActivityType, AnyDecision, AnyEvent, WorkflowExecution, WorkflowType
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
        """Return whether activities of that type end with their function and set no heartbeat.

        A service without leases of its own may then lend them with a heartbeat timeout, and
        beat for as long as the process lives. False for types that this program does not know.
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
        """Note that `decide` raised; the task will be tried again later."""

    def forget(self, run_id: str) -> None:
        """Drop a live run: it closed, or saw events that were never committed."""

    def free_slots(self) -> int:
        """Return how many more activities `start_tasks` would take now."""

    def is_busy(self) -> bool:
        """Return whether an activity runs, or has ended and its report is not posted yet."""

    def holds(self, token: str) -> bool:
        """Return whether an activity that was started runs, or its answer is to be reported."""

    def given_back(self, activity_id: str) -> None:
        """Note that an activity is given back, which the service took for running here."""

    def start_tasks(self, tasks: Sequence[ActivityTask]) -> None:
        """Begin to run activities; they are committed as this worker's."""

    def short_call(
        self, tasks: Sequence[ActivityTask], *, is_alone: bool
    ) -> Callable[[], None] | None:
        """Return what runs activities on the calling thread, if they should be over at once.

        `is_alone`: it is one activity, and nothing waits for the thread. The service may call it on
        its loop thread, or hand the tasks to `start_tasks` instead.
        """

    def leave_runs(self) -> Callable[[], None]:
        """Keep no live run from now on: another thread calls this host after this.

        Returns what ends those that were kept, to be called on the thread that they belong to.
        """

    def detached(self) -> None:
        """Drop every live run: the service no longer serves this host."""

    def lost(self) -> None:
        """Note that the lease ran out: what runs now belongs to others."""


class ServesOneExecution(Protocol):
    """A host that takes the tasks of one execution and its descendants alone.

    A service that pushes tasks leaves all others where they are; one that is polled cannot.
    """

    only: str | None  # its workflow id; None: every execution is served


class Attachable(Protocol):
    """What pushes tasks at a host in its own process."""

    def attach(self, host: Host) -> None:
        """Serve `host` from now on; one at a time."""

    def detach(self) -> None:
        """Stop serving the host; what it holds and has not finished is given back."""

    def pause(self) -> None:
        """Hand out nothing new; results are still taken."""

    def unwanted(self, tokens: Collection[str]) -> set[str]:
        """Return those tasks that should end: they were cancelled, or are no longer theirs."""

    def report(self, answer: ActivityAnswer, failed: Callable[[PartitaError], None]) -> None:
        """Record how an activity ended, soon and without waiting.

        `failed` is called, on another thread, if it could not be recorded: after a
        `StoreError` the answer should be reported again.
        """

    def heartbeat_activity(self, token: str, details: str | None) -> bool:
        """Do what `Service.heartbeat_activity` does."""


class SupportsGiveBack(Protocol):
    """Take activities back. Without it, a task that a worker leaves ends by its timeouts."""

    def give_back(self, token: str) -> None:
        """Put an unfinished activity back into its task list at once, as the same attempt."""


class SupportsProbes(Protocol):
    """Tell whether an activity should end. Fallback: a heartbeat, of which listeners are told."""

    def is_unwanted(self, token: str) -> bool:
        """Return whether the activity should cancel itself. Raises TaskLostError."""


class RefusesWorkers(Protocol):
    """Run executions elsewhere, so that a worker would wait in vain. Default: workers do all."""

    def refuse_workers(self) -> None:
        """Refuse a worker.

        Raises:
            UnsupportedError: always.
        """


class SupportsActivityTypes(Protocol):
    """Require activity types to be registered. Without it, none need be."""

    def register_activity_type(self, domain: str, activity_type: ActivityType) -> None:
        """Make an activity type known; idempotent."""


class SupportsLongPolls(Protocol):
    """Polls that wait without a limit, and can be ended on demand.

    `wait` is then infinite. Without it, polls wait for a second, and so does a worker that stops.
    """

    def polling(self) -> AbstractContextManager[None]:
        """Return the block within which one thread polls; its polls are tried only once each."""

    def stop_polls(self) -> None:
        """End every poll now, and those that begin later at once.

        A task that a poll has taken already is still returned.
        """

    def resume_polls(self) -> None:
        """Allow polls to wait again after `stop_polls`."""


class DecisionChannel(Protocol):
    """How decision tasks come to one host. Safe to call from many threads."""

    task_lists: Collection[str]  # to poll; may hold one that is the host's alone

    def poll(self, task_list: str, wait: float) -> DecisionTask | None:
        """Take a task; its events may begin after what `Host.seen` says of its run."""

    def fit(self, task: DecisionTask, seen: int) -> DecisionTask | None:
        """Return the task with just the events for a host that has seen so much of its run.

        None if the task has too few events. Called on the host's thread; performs no I/O.
        """

    def whole(self, task: DecisionTask) -> DecisionTask:
        """Return a task with all events of its run."""

    def complete(self, task: DecisionTask, decisions: list[AnyDecision]) -> DecisionTask | None:
        """Record decisions; return what must be decided next in the same task, if anything.

        Raises:
            TaskLostError: the task is no longer the caller's.
            DecisionRefusedError: they contradict themselves; none was applied.
        """

    def fail(self, task: DecisionTask, error: PartitaError) -> None:
        """Give a task back because of an error; it is tried again later."""

    def forget(self, run_id: str) -> None:
        """Send the whole history next time: the host no longer keeps the run."""


class SupportsLiveRuns(Protocol):
    """Send a host that keeps a run alive only what is new. Fallback: whole histories."""

    def decision_channel(self, host: Host) -> DecisionChannel:
        """Return a channel for one host."""


class SupportsLocalQueries(Protocol):
    """Queries that the worker in this process answers."""

    def answer_queries(self, answer: QueryAnswer | None) -> None:
        """Pass queries to `answer` from now on; None: no worker is here."""


class QueryAnswer(Protocol):
    """The worker that answers queries."""

    def workflow_keys(self) -> Collection[str]:
        """Return the workflow types whose queries it answers."""

    def query(
        self,
        execution: WorkflowExecution,
        workflow_type: WorkflowType,
        history: Callable[[], list[AnyEvent]],
        name: str,
        input: str | None,
        timeout: float | None,
    ) -> str:
        """Return the answer's payload. Raises TimeoutError."""
