"""Name what can be asked of an execution, and what comes of it.

The closed set of inputs and the one output of `rules`. Data only. The requests of SWF's
API carry its names; `Release` and `Due` come from the engine itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from partita import history as h
from partita.ports.session import Command as Command
from partita.ports.state import AnyItem, Execution, ItemKey, Progress, Status


class Start(Command, frozen=True, kw_only=True):
    """Begin the execution; its state must be new."""

    input: str | None = None
    continued_execution_run_id: str | None = None
    original_run_id: str | None = None
    reused_markers: dict[str, str] = {}
    search_attributes: dict[str, Any] = {}
    first_decision_at: float | None = None  # not before then; None: at once


class Signal(Command, frozen=True, kw_only=True):
    """Record a signal, from outside or from another execution."""

    signal_name: str
    input: str | None = None
    source: h.WorkflowExecution | None = None
    source_initiated_event_id: int | None = None


class RequestCancel(Command, frozen=True, kw_only=True):
    """Ask the workflow to cancel itself; asking twice is asking once."""

    source: h.WorkflowExecution | None = None
    source_initiated_event_id: int | None = None
    cause: str | None = None


class Terminate(Command, frozen=True, kw_only=True):
    """End the execution at once."""

    reason: str | None = None
    details: str | None = None
    child_policy: h.ChildPolicy | None = None
    cause: str = "OPERATOR_INITIATED"


class StartDecisionTask(Command, frozen=True, kw_only=True):
    """Hand the decision task to a decider."""

    identity: str | None = None
    owner: str | None = None
    place: str | None = None  # file:line where the decider was found blocked


class Pause(Command, frozen=True, kw_only=True):
    """Begin nothing new until the execution is resumed."""

    items: Sequence[AnyItem]  # all that is open in it
    reason: str | None = None


class Resume(Command, frozen=True, kw_only=True):
    """Resume a paused execution."""

    items: Sequence[AnyItem]  # all that is open in it


class Park(Command, frozen=True, kw_only=True):
    """Keep an item that waits in a task list in another queue."""

    kind: str
    id: str
    queue: str


class Unpark(Command, frozen=True, kw_only=True):
    """Put an item that was parked in a queue back into its task list."""

    kind: str
    id: str
    queue: str


class Terms(Struct, frozen=True, kw_only=True, gc=False):
    """What the front that hands in decisions allows; None is no limit."""

    open_activities: int | None = None
    open_timers: int | None = None
    open_children: int | None = None
    open_lambdas: int | None = None
    lambdas: bool = False  # whether the front invokes Lambda functions
    inherits: bool = True  # whether a next run has what its decision leaves out from this one


class CompleteDecisionTask(Command, frozen=True, kw_only=True):
    """Apply what the decider decided; all of it or, if it contradicts itself, none."""

    started_event_id: int
    decisions: list[h.AnyDecision]
    execution_context: str | None = None
    task_list: str | None = None  # where decision tasks wait from now on
    task_list_schedule_to_start: float | None = None  # seconds until they go back
    refusals: dict[int, str] = {}  # causes, by place from 0, of decisions that the front refuses
    terms: Terms = Terms()


class FailDecisionTask(Command, frozen=True, kw_only=True):
    """Record that the decider could not answer, and try again later."""

    started_event_id: int  # 0 if the task was never marked as started
    cause: str
    message: str


class StartActivityTask(Command, frozen=True, kw_only=True):
    """Hand an activity to a worker."""

    activity_id: str
    identity: str | None = None
    owner: str | None = None
    lane: str | None = None
    held: bool = False  # take it though it does not wait in a queue


class CompleteActivityTask(Command, frozen=True, kw_only=True):
    """Record an activity's result."""

    activity_id: str
    started_event_id: int
    result: str | None = None


class FailActivityTask(Command, frozen=True, kw_only=True):
    """Record an activity's error, and try again if its policy says so."""

    activity_id: str
    started_event_id: int
    reason: str | None = None  # the exception's type
    details: str | None = None  # JSON of the failure
    retryable: bool = True


class CancelActivityTask(Command, frozen=True, kw_only=True):
    """Record that an activity obeyed a cancel request."""

    activity_id: str
    started_event_id: int
    details: str | None = None


class StartLambdaFunction(Command, frozen=True, kw_only=True):
    """Hand a Lambda function to whoever invokes it; with `failure`, say why that cannot be."""

    id: str
    failure: str | None = None


class CompleteLambdaFunction(Command, frozen=True, kw_only=True):
    """Record what a Lambda function returned."""

    id: str
    started_event_id: int
    result: str | None = None


class FailLambdaFunction(Command, frozen=True, kw_only=True):
    """Record that a Lambda function failed."""

    id: str
    started_event_id: int
    reason: str | None = None
    details: str | None = None


class LetGoActivityTask(Command, frozen=True, kw_only=True):
    """Leave an activity open that its worker has finished; it is completed from elsewhere."""

    activity_id: str
    started_event_id: int


class Heartbeat(Command, frozen=True, kw_only=True):
    """Record that an activity is alive."""

    activity_id: str
    started_event_id: int
    details: str | None = None


class Release(Command, frozen=True, kw_only=True):
    """Put a held task back into its task list."""

    kind: str
    id: str
    cause: h.RescheduleCause
    started_event_id: int | None = None  # of the holder; None: whoever holds it


def give_back(kind: str, id: str, started_event_id: int) -> Release:
    """Return what puts a task back unfinished, as the same attempt, if it still is that one."""
    cause = h.RescheduleCause.GIVEN_BACK
    return Release(kind=kind, id=id, cause=cause, started_event_id=started_event_id)


class Due(Command, frozen=True, kw_only=True):
    """Apply what happens to an item at its `due` time."""

    kind: str
    id: str
    early: bool = False  # take its time as come


class Reused(Command, frozen=True, kw_only=True):
    """Note how far the origin's events were handed on."""

    event_id: int  # all up to this one were
    signal_id: int  # all signals up to this one were


class ChildStarted(Command, frozen=True, kw_only=True):
    """Tell the parent that its child runs."""

    execution: h.WorkflowExecution
    workflow_type: h.WorkflowType
    initiated_event_id: int
    control: str | None = None
    reused: bool = False


class ChildNotStarted(Command, frozen=True, kw_only=True):
    """Tell the parent that its child could not be started."""

    workflow_id: str
    workflow_type: h.WorkflowType
    initiated_event_id: int
    decision_task_completed_event_id: int
    cause: str
    control: str | None = None


class ChildClosed(Command, frozen=True, kw_only=True):
    """Tell the parent how its child ended."""

    execution: h.WorkflowExecution
    workflow_type: h.WorkflowType
    initiated_event_id: int
    status: Status
    result: str | None = None
    reason: str | None = None
    details: str | None = None


class ExternalAnswered(Command, frozen=True, kw_only=True):
    """Tell the sender whether its signal or cancel request arrived; `cause` says why not."""

    outgoing: SendSignal | SendCancel
    run_id: str | None = None
    cause: str | None = None


class SendSignal(Struct, frozen=True, kw_only=True, gc=False):
    """Signal another execution, then answer the sender."""

    workflow_id: str
    run_id: str | None
    initiated_event_id: int
    decision_task_completed_event_id: int
    signal_name: str
    input: str | None = None
    control: str | None = None


class SendCancel(Struct, frozen=True, kw_only=True, gc=False):
    """Ask another execution to cancel itself, then answer the sender."""

    workflow_id: str
    run_id: str | None
    initiated_event_id: int
    decision_task_completed_event_id: int
    control: str | None = None


class StartChild(Struct, frozen=True, kw_only=True, gc=False):
    """Start a child, then tell the parent; `execution.run_id` is still to be given."""

    execution: Execution
    input: str | None
    initiated_event_id: int
    decision_task_completed_event_id: int
    control: str | None = None


class ContinueRun(Struct, frozen=True, kw_only=True, gc=False):
    """Start the next run of the same workflow id."""

    execution: Execution
    input: str | None
    signals: tuple[h.SignalInput, ...] = ()
    cancel: bool = False
    search_attributes: dict[str, Any] = {}


class TellParent(Struct, frozen=True, kw_only=True, gc=False):
    """Tell the parent execution how this one ended."""

    parent: h.WorkflowExecution
    closed: ChildClosed


class ApplyChildPolicy(Struct, frozen=True, kw_only=True, gc=False):
    """Terminate, or ask to cancel, every open child."""

    policy: h.ChildPolicy


Outgoing = SendSignal | SendCancel | StartChild | ContinueRun | TellParent | ApplyChildPolicy
"""What a change asks of other executions, within the same transaction."""


class Change(Struct, frozen=True, gc=False):
    """What one command does to one execution."""

    progress: Progress
    events: list[h.AnyEvent]
    put: list[AnyItem]
    drop: list[ItemKey]
    outgoing: list[Outgoing]

    @property
    def closes(self) -> bool:
        """Whether the execution is closed now; then all its items are gone."""
        return self.progress.status is not Status.OPEN
