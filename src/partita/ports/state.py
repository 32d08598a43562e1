"""Hold what an execution is between two requests: the row, and the open things below it.

Data only. `rules` says how it changes, a store keeps it, the engine carries it between the
two. An open activity *is* an `OpenActivity`, a pending timer *is* an `OpenTimer`: nothing
about them must be looked up in the history.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import Any, ClassVar

from msgspec import Struct

from partita import history as h
from partita.ports.matching import Match

DEFAULT_DOMAIN = "default"
DEFAULT_TASK_LIST = "default"

LAMBDA_TASK_LIST = "$lambda"
"""Where Lambda functions wait for whoever invokes them."""


PAUSED = "$paused"
"""Prefix of the queues in which what is paused waits instead of in its task list."""


class Status(enum.IntEnum):
    """How an execution stands: open, or closed in one of SWF's ways."""

    OPEN = 0
    COMPLETED = 1
    FAILED = 2
    CANCELED = 3
    TERMINATED = 4
    CONTINUED_AS_NEW = 5
    TIMED_OUT = 6


class Origin(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """The run whose recorded steps a run reuses, up to one of its events."""

    run: int  # the store's key
    run_id: str
    until: int  # results recorded by later events are not reused
    failures: bool = False  # whether failures are reused, too
    all_signals: bool = False  # whether signals after `until` are sent again, too
    results: dict[str, str] = {}  # other results, by activity id


class Execution(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """What does not change while a run lives."""

    domain: str
    workflow_id: str
    run_id: str
    workflow_type: h.WorkflowType
    task_list: str
    started_at: float  # seconds since the epoch, UTC
    task_priority: int = 0
    child_policy: h.ChildPolicy = h.ChildPolicy.TERMINATE
    task_start_to_close: float | None = None
    execution_start_to_close: float | None = None
    tag_list: tuple[str, ...] = ()
    lambda_role: str | None = None
    parent: h.WorkflowExecution | None = None
    parent_initiated_event_id: int = 0
    origin: Origin | None = None
    trace_context: str | None = None  # W3C traceparent of whoever started it
    first_run_id: str | None = None  # of the chain that it continues; None: it continues none


class Paused(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A pause: since when, and why."""

    since: float  # seconds since the epoch
    reason: str | None = None


class Progress(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """What changes: where the history stands, and what is open."""

    status: Status = Status.OPEN
    revision: int = 0  # one more at every change
    last_event_id: int = 0
    last_event_at: float = 0.0  # no event is earlier, whatever the clocks of engines say
    previous_started_event_id: int = 0  # DecisionTaskStarted of the last answered decision task
    decision_scheduled_event_id: int = 0  # of the open decision task; 0: none is open
    unseen: bool = False  # events came while a decider held the decision task
    next_decision_event_id: int = 0  # DecisionTaskScheduled of the task that shows them; 0: none
    cancel_requested: bool = False
    open_activities: int = 0
    open_timers: int = 0
    open_children: int = 0
    open_lambdas: int = 0
    latest_activity_at: float | None = None  # when the last activity was scheduled
    execution_context: str | None = None  # what the decider last said of itself
    decision_task_list: str | None = None  # where decision tasks wait, if not in the execution's
    decision_schedule_to_start: float | None = None  # seconds until they go back there
    closed_at: float | None = None
    search_attributes: dict[str, Any] = {}
    reused: int = 0  # the origin's events up to this one were handed on
    reused_signals: int = 0  # its signals up to this one were
    paused: Paused | None = None  # while it takes in what comes, and begins nothing


class OpenItem(Struct, frozen=True, kw_only=True, tag=True, omit_defaults=True, gc=False):
    """One open thing of an execution, with what a store must index.

    An item with a `queue` waits to be taken from that task list; `due` is when the rules
    must look at it again; `owner` is the worker that holds it.
    """

    kind: ClassVar[str]

    id: str  # unique among the open items of its kind in its execution
    name: str = ""  # the type's key, for takers that know some types only
    queue: str | None = None
    priority: int = 0
    since: float = 0.0  # when it began to wait in its queue
    due: float | None = None
    owner: str | None = None
    lane: str | None = None  # the limited task list in which it takes a place while it runs


class OpenDecision(OpenItem, frozen=True, kw_only=True):
    """The decision task of an execution; there is one at most."""

    kind = "decision"

    scheduled_event_id: int
    started_event_id: int = 0  # 0: not taken
    attempt: int = 1
    failure: str | None = None  # why the last attempt failed
    place: str | None = None  # file:line where the decider was found blocked


class OpenActivity(OpenItem, frozen=True, kw_only=True):
    """An activity that is neither done nor given up."""

    kind = "activity"

    activity_type: h.ActivityType
    scheduled_event_id: int
    scheduled_at: float
    started_event_id: int = 0  # 0: not taken
    started_at: float = 0.0
    heartbeat_at: float = 0.0
    attempt: int = 1
    input: str | None = None
    details: str | None = None  # of the last heartbeat
    cancel_requested_event_id: int = 0
    schedule_to_start: float | None = None
    start_to_close: float | None = None
    schedule_to_close: float | None = None
    heartbeat: float | None = None
    task_list: str = ""
    retry_policy: h.RetryPolicy | None = None
    losses: int = 0  # workers that were lost while they ran it
    reason: str | None = None  # of the last failed attempt
    failure: str | None = None


class OpenTimer(OpenItem, frozen=True, kw_only=True):
    """A timer that has not fired."""

    kind = "timer"

    started_event_id: int


class OpenChild(OpenItem, frozen=True, kw_only=True):
    """A child execution that has not closed."""

    kind = "child"

    execution: h.WorkflowExecution
    workflow_type: h.WorkflowType
    initiated_event_id: int
    started_event_id: int
    control: str | None = None
    reused: bool = False  # the origin's child, whose end is handed on


class OpenLambda(OpenItem, frozen=True, kw_only=True):
    """A Lambda function that has not returned."""

    kind = "lambda"

    scheduled_event_id: int
    started_event_id: int = 0  # 0: not invoked
    input: str | None = None
    start_to_close: float | None = None


class OpenExecution(OpenItem, frozen=True, kw_only=True):
    """The execution's own deadline, where it has one."""

    kind = "execution"


AnyItem = OpenDecision | OpenActivity | OpenTimer | OpenChild | OpenLambda | OpenExecution
ItemKey = tuple[str, str]
"""Kind and id."""


class Backlog(Struct, frozen=True, kw_only=True):
    """How much waits in a task list to be taken."""

    domain: str = DEFAULT_DOMAIN
    kind: str  # of the items: "activity", "decision" or "lambda"
    task_list: str
    count: int
    since: float  # when what waits longest began to, in seconds since the epoch


class ExecutionFilter(Struct, frozen=True, kw_only=True):
    """Which executions to list; newest first."""

    domain: str = DEFAULT_DOMAIN
    workflow_id: str | None = None
    type_name: str | None = None
    statuses: tuple[Status, ...] = ()  # empty: all
    tag: str | None = None
    attributes: tuple[tuple[str, Any], ...] = ()  # search attributes and their values
    started_after: float | None = None
    started_before: float | None = None
    matches: tuple[Match, ...] = ()  # all must fit
    before_run: int | None = None  # page on from here: the `next_page` of the answer before
    limit: int = 100


class State:
    """One execution as a request sees it, and what the request has changed so far.

    `find` asks the store for items that are not at hand; a store knows none for a new run.
    Belongs to one thread.
    """

    __slots__ = (
        "changed",
        "epoch",
        "execution",
        "find",
        "is_new",
        "items",
        "new_events",
        "progress",
        "reindex",
        "run",
        "stored",
        "tail",
        "whole",
    )

    def __init__(
        self,
        run: int,
        execution: Execution,
        progress: Progress,
        find: Callable[[int, str, str], list[AnyItem]],
        *,
        is_new: bool = False,
    ) -> None:
        self.run = run  # the store's key
        self.execution = execution
        self.progress = progress
        self.find = find
        self.is_new = is_new  # the store does not hold it yet
        self.whole = is_new  # `items` holds every open item
        self.reindex = False  # whether its search attributes have changed
        self.stored = progress.revision  # the revision that the store holds
        self.epoch = 0  # when it was last known to equal the store
        self.items: dict[ItemKey, AnyItem | None] = {}  # None: known to be absent
        self.changed: dict[ItemKey, bool] = {}  # what differs from the store; True: not in it
        self.new_events: list[h.AnyEvent] = []  # not yet in the store
        self.tail: list[h.AnyEvent] | None = None  # since the decider last answered; None: ask

    @property
    def is_closed(self) -> bool:
        """Whether the execution has ended; then it has no items."""
        return self.progress.status is not Status.OPEN

    def settle(self) -> None:
        """Mark this state as what the store holds."""
        self.stored = self.progress.revision
        self.is_new = False
        self.reindex = False
        self.new_events = []
        self.changed.clear()

    def get(self, kind: str, id: str) -> AnyItem | None:
        """Return the open item of that kind and id, if there is one."""
        key = (kind, id)
        if self.whole:
            return self.items.get(key)
        try:
            return self.items[key]
        except KeyError:
            found = self.find(self.run, kind, id)
            item = self.items[key] = found[0] if found else None
            return item

    def put(self, item: AnyItem) -> None:
        """Make `item` the open item of its kind and id."""
        key = (item.kind, item.id)
        if key not in self.changed:
            self.changed[key] = self.whole and key not in self.items
        self.items[key] = item

    def drop(self, key: ItemKey) -> None:
        """Close the item."""
        if self.whole:
            self.items.pop(key, None)
        else:
            self.items[key] = None
        if self.changed.get(key):
            del self.changed[key]
        else:
            self.changed[key] = False
