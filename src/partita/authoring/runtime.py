"""Say what stands behind a running workflow: plain Python, or a replayed history.

The seam between what authors call and who answers. `current` holds the runtime of the
workflow that runs here; it is a context variable, so that an activity on another thread
sees none and runs as the ordinary function it is.

Values are checked before they come here: times are numbers of seconds from 0 on.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

from msgspec import Struct

from partita.errors import InvalidOptionError
from partita.history import ChildPolicy, WorkflowExecution

if TYPE_CHECKING:
    from partita.authoring.definition import Submittable
    from partita.authoring.future import Future


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
        """Whether the history is so long that the next good moment should be taken."""
        return self.history_length >= LONG_HISTORY


LONG_HISTORY = 20_000
"""Events from which on a run should continue as new; Amazon SWF ends a run at 25,000."""


class Continuation(Struct, frozen=True, kw_only=True):
    """What `continue_as_new` asks for; None keeps what the run has."""

    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = {}
    version: str | None = None
    task_list: str | None = None
    tags: tuple[str, ...] | None = None
    child_policy: ChildPolicy | None = None


class Runtime(Protocol):
    """What a workflow can ask for."""

    def info(self) -> WorkflowInfo:
        """Return which execution this is."""

    def is_async(self) -> bool:
        """Return whether the code that runs here can await: an event loop of this run drives it."""

    # -- work

    def next_key(self) -> str:
        """Return a name for a part of this run, the same in every replay."""

    def submit(
        self,
        definition: Submittable,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        key: str | None = None,
    ) -> Future[Any]:
        """Begin an activity, a child or a Lambda function; never waits.

        It begins once the futures among its arguments are done. `key` is its place in the
        run, for those who have one to give; otherwise it is the next in order.
        """

    def call(self, definition: Submittable, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Submit, wait for the result, and cancel what was submitted if the wait is cancelled."""

    def spawn(self, function: Callable[[], Any], label: str) -> Future[Any]:
        """Run a part of the workflow's own code beside the rest of it."""

    def promise(self, label: str) -> Future[Any]:
        """Return a future that the workflow's own code settles, by `settle`."""

    def settle(
        self, future: Future[Any], value: Any = None, error: BaseException | None = None
    ) -> None:
        """End a future of this runtime, and wake who waits for it."""

    def cancel(self, future: Future[Any]) -> bool:
        """Ask for what the future stands for to be cancelled; False if it is done."""

    # -- time

    def wait(self, ready: Callable[[], bool], timeout: float | None) -> bool:
        """Wait until `ready()`; return whether it is, False after `timeout` seconds.

        `ready` must be cheap and depend on futures alone.
        """

    def start_timer(self, seconds: float) -> Future[None]:
        """Return a future that is done after a time."""

    def sleep(self, seconds: float) -> None:
        """Wait for a time."""

    def deadline(self, seconds: float) -> AbstractContextManager[None]:
        """Return a block whose waits raise WaitTimeoutError once the time is up."""

    def shield(self) -> AbstractContextManager[None]:
        """Return a block in which a cancel request is not raised, but kept for later."""

    def now(self) -> datetime:
        """Return the time, in UTC, that a replay will see again."""

    # -- chance and change

    def random(self) -> random.Random:
        """Return a source of random numbers that a replay will see again."""

    def side_effect(self, function: Callable[[], Any]) -> Any:
        """Call the function once and keep what it returns."""

    def patched(self, id: str) -> bool:
        """Return whether this run goes the new way past a change of its code."""

    def record_marker(self, name: str, value: Any) -> None:
        """Leave a note in the history."""

    def continue_as_new(self, continuation: Continuation) -> NoReturn:
        """End this run and begin the next one of the same workflow id."""

    # -- messages

    def receive(self, name: str, decode: Callable[[str], Any]) -> Future[Any]:
        """Return a future of the next signal of that name that nobody else has received."""

    def signal(self, execution: WorkflowExecution, name: str, value: Any) -> Future[None]:
        """Signal an execution; the future fails if there is none open."""

    def request_cancel(self, execution: WorkflowExecution) -> Future[None]:
        """Ask an execution to cancel itself; the future fails if there is none open."""

    def on_query(self, name: str, function: Callable[..., Any]) -> None:
        """Answer queries of that name by calling the function, which must change nothing."""

    def on_update(self, name: str, function: Callable[..., Any]) -> None:
        """Answer updates of that name by calling the function, which may wait."""

    def upsert_search_attributes(self, attributes: Mapping[str, Any]) -> None:
        """Set attributes to find the execution by."""


current: ContextVar[Runtime | None] = ContextVar("partita_runtime", default=None)

SELF_CANCELLED = "the workflow was asked to cancel itself"
PART_CANCELLED = "this part of the workflow was cancelled"


def block_timed_out(seconds: float) -> str:
    """Say that a `timeout` block was not done in its time."""
    return f"a block was not done within its {seconds} s"


def nobody_hears(workflow_id: str) -> str:
    """Say that a message has no execution to go to."""
    return f"no execution {workflow_id!r} is open to hear this"


def id_is_taken(label: str, workflow_id: str) -> str:
    """Say why a child was not started."""
    return f"{label} was not started: workflow id {workflow_id!r} is open already"


Span = float | timedelta
"""Seconds, or a timedelta."""

Deadline = float | timedelta | datetime
"""Seconds, a timedelta, or a moment that is still to come."""

LONGEST = 100 * 365 * 86400.0
"""Seconds that a timer may run: a hundred years."""


def span(what: str, value: Deadline, runtime: Runtime) -> float:
    """Return a time in seconds.

    Raises:
        InvalidOptionError: it is negative, past, too long, or not a time.
    """
    if isinstance(value, datetime):
        moment = value if value.tzinfo is not None else value.replace(tzinfo=UTC)
        seconds = (moment - runtime.now()).total_seconds()
        if seconds < 0:
            raise InvalidOptionError(f"{what}: {value.isoformat()} is past; give a time to come")
    elif isinstance(value, timedelta):
        seconds = value.total_seconds()
    elif isinstance(value, bool) or not isinstance(value, (int, float)):
        raise InvalidOptionError(f"{what}: {value!r} is not a time; give seconds or a timedelta")
    else:
        seconds = float(value)
    if not math.isfinite(seconds) or not 0 <= seconds <= LONGEST:
        raise InvalidOptionError(f"{what}({value!r}): give a time from 0 s to 100 years")
    return seconds
