"""Define the Runtime port: what the code of a workflow can ask for.

Implemented by plain Python (`local`) and by the replay of a history. `current` holds the runtime
of the workflow that runs here; it is a context variable, so an activity on another thread sees
none and runs as an ordinary function.

Values are validated before they come here: times are numbers of seconds from 0 on.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from contextvars import ContextVar
from typing import Any, NoReturn, Protocol, TypeVar

from msgspec import Struct

from partita.authoring.definition import Submittable
from partita.authoring.future import Future, FutureRuntime
from partita.authoring.unawaited import Unawaited
from partita.history import ChildPolicy, WorkflowExecution

T = TypeVar("T")


class WorkflowInfo(Struct, frozen=True, kw_only=True):
    """The execution that a workflow's code runs as."""

    workflow_id: str
    run_id: str
    name: str
    version: str
    task_list: str
    tags: tuple[str, ...] = ()
    parent: WorkflowExecution | None = None
    continued_from: str | None = None  # the run id before `continue_as_new`
    history_length: int = 0  # events so far; 0 outside an engine
    is_replaying: bool = False
    domain: str = "default"

    @property
    def continue_as_new_suggested(self) -> bool:
        """Whether the history is so long that the run should continue as new."""
        return self.history_length >= LONG_HISTORY


LONG_HISTORY = 20_000
"""Events after which a run should continue as new; Amazon SWF ends a run at 25,000."""


class Continuation(Struct, frozen=True, kw_only=True):
    """The arguments and options of `continue_as_new`; None keeps an option of the run."""

    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = {}
    version: str | None = None
    task_list: str | None = None
    tags: tuple[str, ...] | None = None
    child_policy: ChildPolicy | None = None


class Runtime(FutureRuntime, Protocol):
    """What the code of a workflow can ask for."""

    unawaited: Unawaited
    """The coroutines of its code that have not begun."""

    def info(self) -> WorkflowInfo:
        """Return which execution this is."""

    def is_async(self) -> bool:
        """Return whether the code that runs here can await."""

    # -- work

    def next_key(self) -> str:
        """Return a key for a part of this run, the same in every replay."""

    def submit(
        self,
        definition: Submittable,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        key: str | None = None,
    ) -> Future[Any]:
        """Begin an activity, a child or a Lambda function once its arguments are done; never waits.

        `key` is its place in the run, by default the next in order.
        """

    def call(self, definition: Submittable, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Submit it and return its result; cancel it if the wait is cancelled."""

    def spawn(self, function: Callable[[], Any], label: str) -> Future[Any]:
        """Run a part of the workflow's own code concurrently."""

    def promise(self, label: str) -> Future[Any]:
        """Return a future that the workflow's own code settles, by `settle`."""

    # -- time

    def start_timer(self, seconds: float) -> Future[None]:
        """Return a future that is done after a time."""

    def sleep(self, seconds: float) -> None:
        """Wait for a time."""

    def deadline(self, seconds: float) -> AbstractContextManager[None]:
        """Return a context whose waits raise WaitTimeoutError once the time is up."""

    def shield(self) -> AbstractContextManager[None]:
        """Return a context that defers cancel requests."""

    def pause_if_long(self, seconds: float) -> None:
        """Yield to other executions if this one has been decided for so long without a wait."""

    def bounded(self, function: Callable[[float], T], seconds: float, limit: float) -> T:
        """Call a function with the seconds it may take; see `determinism.bounded`."""

    # -- chance and change

    def random(self) -> random.Random:
        """Return a source of random numbers, the same in every replay."""

    def side_effect(self, function: Callable[[], Any]) -> Any:
        """Call the function once and record its result."""

    def patched(self, id: str) -> bool:
        """Return whether this run takes the new branch of a change of its code."""

    def record_marker(self, name: str, value: Any) -> None:
        """Record a marker in the history."""

    def continue_as_new(self, continuation: Continuation) -> NoReturn:
        """End this run and begin the next one of the same workflow id."""

    # -- messages

    def receive(self, name: str, decode: Callable[[str], Any]) -> Future[Any]:
        """Return a future of the next signal of that name that is not received elsewhere."""

    def request_cancel(self, execution: WorkflowExecution) -> Future[None]:
        """Request that an execution is cancelled; the future fails if none is open."""

    def on_query(self, name: str, function: Callable[..., Any]) -> None:
        """Answer queries of that name by calling the function, which must change nothing."""

    def on_update(self, name: str, function: Callable[..., Any]) -> None:
        """Answer updates of that name by calling the function, which may wait."""

    def upsert_search_attributes(self, attributes: Mapping[str, Any]) -> None:
        """Set attributes by which the execution can be found."""


current: ContextVar[Runtime | None] = ContextVar("partita_runtime", default=None)

SELF_CANCELLED = "the workflow was asked to cancel itself"
PART_CANCELLED = "this part of the workflow was cancelled"


def block_timed_out(seconds: float) -> str:
    """Return the message of a `timeout` block whose time is up."""
    return f"a block was not done within its {seconds} s"


def not_open(workflow_id: str) -> str:
    """Return the message of a signal or cancel request to an execution that is not open."""
    return f"no execution {workflow_id!r} is open to hear this"


def id_is_taken(label: str, workflow_id: str) -> str:
    """Return the message of a child whose workflow id is taken."""
    return f"{label} was not started: workflow id {workflow_id!r} is open already"
