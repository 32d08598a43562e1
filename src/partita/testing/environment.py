"""Test workflows on a complete engine whose clock skips idle time.

Combines an engine, a worker and a client. `clock` knows how time moves, `engine` how waits end.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Collection, Coroutine, Iterable
from datetime import UTC, datetime
from types import ModuleType
from typing import Any, ClassVar, ParamSpec, TypeVar, overload
from unittest.mock import DEFAULT

from partita.authoring.activity_classes import Activity, activity_of
from partita.authoring.class_options import WorkflowClass, definition_of
from partita.authoring.definition import ActivityDefinition, LambdaSpec, WorkflowSpec
from partita.authoring.options import Seconds, seconds
from partita.authoring.workflow import WorkflowDefinition
from partita.client import Client, Handle
from partita.codec import Converter
from partita.connect import connect
from partita.engine import Engine
from partita.engine.timing import Timing
from partita.errors import InvalidOptionError, PartitaError
from partita.ports.state import DEFAULT_DOMAIN, DEFAULT_TASK_LIST, ExecutionFilter, Status
from partita.ports.store import Store
from partita.stores.memory import MemoryStore
from partita.testing.clock import Clock
from partita.testing.engine import SkippingEngine, Stage
from partita.testing.mocks import Mocked, install_mock

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")

STUCK_WAIT_SECONDS = 1.0
"""Real seconds after which a wait ends if nothing runs and nothing is due."""


class Environment:
    """An engine with a worker and a client, for one test. Use it in a `with` block.

        with Environment() as env:
            assert env.run(checkout, order).total == 42

    Time stands still by default. While the test waits (for a result, an update's answer, or in
    `sleep`) and nothing runs, the clock jumps to the next due moment, so a sleep of a month takes
    milliseconds. `timeout=` counts seconds of this clock.

    Args:
        store: where executions are stored, by default in memory; closed with the environment.
        url: instead of a store, a URL that `connect` knows, such as `sqlite:///test.db`.
        modules: whose workflows and activities it serves; by default all that are defined.
        workflows: the workflows it serves, instead of those of the modules.
        activities: the activities it serves, instead of those of the modules.
        task_lists: the task lists it serves.
        domain: the domain of its executions.
        converter: turns values into payloads and back.
        slots: the largest number of activities that run at a time.
        start: the time at the beginning (a datetime, or seconds since the epoch); by default
            the current time, or the latest time in the store if that is later.
        clock: a clock to use instead of one that starts at `start`.
        patience: real seconds after which a wait ends if nothing runs and nothing is due.
        lease: seconds after which the tasks of a dead worker are given to another.
    """

    engine_type: ClassVar[type[SkippingEngine]] = SkippingEngine

    def __init__(
        self,
        *,
        store: Store | None = None,
        url: str | None = None,
        modules: Iterable[ModuleType] | None = None,
        workflows: Iterable[WorkflowDefinition[..., Any] | type[WorkflowClass]] | None = None,
        activities: Iterable[ActivityDefinition | type[Activity]] | None = None,
        task_lists: Collection[str] = (DEFAULT_TASK_LIST,),
        domain: str = DEFAULT_DOMAIN,
        converter: Converter | None = None,
        slots: int | None = None,
        start: datetime | float | None = None,
        clock: Clock | None = None,
        patience: float = STUCK_WAIT_SECONDS,
        lease: float = Timing().lease,
    ) -> None:
        kept = _store(store, url)
        self._mocks: list[Mocked] = []
        if modules is not None:
            flows, works = defined_in(modules)
            workflows = flows if workflows is None else workflows
            activities = works if activities is None else activities
        self.clock = clock or Clock(_latest(kept, domain) if start is None else _epoch(start))
        self.engine = self.engine_type(
            kept, clock=self.clock, timing=Timing(lease=lease), patience=patience
        )
        try:
            self.worker = Stage(
                self.engine,
                workflows=workflows,
                activities=activities,
                task_lists=task_lists,
                domain=domain,
                converter=converter,
                slots=slots,
            )
        except PartitaError:
            self.engine.close()
            raise
        self.client = Client(self.engine, domain=domain, converter=converter, clock=self.clock)

    def __enter__(self) -> Environment:
        """Start the worker."""
        self.worker.start()
        return self

    def __exit__(self, *exc: object) -> None:
        """Stop the worker and close the store."""
        self.close()

    def close(self) -> None:
        """Stop the worker after a short grace period for running activities; close the store."""
        self.worker.stop()
        for mock in reversed(self._mocks):
            mock.stop()
        self.engine.close()

    @overload
    def run(
        self,
        workflow: WorkflowDefinition[P, Coroutine[Any, Any, T]],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T: ...
    @overload
    def run(
        self, workflow: WorkflowDefinition[P, R], /, *args: P.args, **kwargs: P.kwargs
    ) -> R: ...
    @overload
    def run(self, workflow: type[WorkflowClass], /, *args: Any, **kwargs: Any) -> Any: ...
    def run(self, workflow: Any, /, *args: Any, **kwargs: Any) -> Any:
        """Start a workflow and return its result.

        Raises:
            WorkflowFailedError: it raised; the exception itself is the cause.
            WaitTimeoutError: it waits for something that cannot happen.
            DecisionTaskFailedError: its code cannot be replayed.
        """
        return self.client.start_with(workflow, args, kwargs).result()

    @overload
    def start(
        self, workflow: WorkflowDefinition[P, R], /, *args: P.args, **kwargs: P.kwargs
    ) -> Handle[R]: ...
    @overload
    def start(self, workflow: type[WorkflowClass], /, *args: Any, **kwargs: Any) -> Handle[Any]: ...
    def start(self, workflow: Any, /, *args: Any, **kwargs: Any) -> Handle[Any]:
        """Start a workflow. No time passes until the test waits for something."""
        return self.client.start_with(workflow, args, kwargs)

    def mock(
        self,
        target: ActivityDefinition
        | LambdaSpec
        | WorkflowSpec
        | type[WorkflowClass]
        | type[Activity]
        | str,
        *,
        return_value: Any = DEFAULT,
        side_effect: Any = None,
    ) -> Mocked:
        """Replace an activity, a Lambda function or a child workflow with a mock.

        The mock is a `unittest.mock.Mock`: it records its calls, and `return_value` and
        `side_effect` (an exception, a list of results or a function) have their usual meaning.
        Arguments and results pass through JSON and the types of the real function. The mock is
        active until its `with` block, or the environment, ends. A workflow's mock must not block.

        Raises:
            UnknownTypeError: nothing of that name is defined.
            InvalidInputError: the real function could not return that value.
        """
        mock = install_mock(self.worker, self.client, target, return_value, side_effect)
        self._mocks.append(mock)
        return mock

    def now(self) -> datetime:
        """Return the time that workflows and activities see, in UTC."""
        return datetime.fromtimestamp(self.clock(), UTC)

    def sleep(self, duration: Seconds) -> None:
        """Advance the clock, and process everything at the moment when it is due.

        Raises:
            DecisionTaskFailedError: a decision task failed meanwhile.
        """
        self.engine.until(lambda: False, seconds("sleep", duration))

    def advance(self, duration: Seconds) -> None:
        """Move the clock in one step, as if everything had been switched off for so long.

        What has become due is processed afterwards, even while activities run.
        """
        self.clock.advance(seconds("advance", duration) or 0.0)
        self.engine.wake()


def _store(store: Store | None, url: str | None) -> Store:
    if store is not None and url is not None:
        raise InvalidOptionError("give an Environment a store or a url, not both")
    if url is None:
        return MemoryStore() if store is None else store
    service = connect(url)
    if not isinstance(service, Engine):
        raise InvalidOptionError(
            f"{url!r} is not a database of the embedded engine, so its time cannot be skipped; "
            "give memory:// or sqlite:///PATH"
        )
    return service.store


def defined_in(
    modules: Iterable[ModuleType],
) -> tuple[list[WorkflowDefinition[..., Any]], list[ActivityDefinition]]:
    """Return the workflows and activities that modules name; the first one of each type."""
    found = [value for module in modules for value in vars(module).values()]
    flows: dict[str, WorkflowDefinition[..., Any]] = {}
    for value in found:
        if isinstance(value, WorkflowDefinition) or _is_defined(value, WorkflowClass):
            definition = definition_of(value)
            flows.setdefault(definition.key, definition)
    works: dict[str, ActivityDefinition] = {}
    for value in found:
        if isinstance(value, ActivityDefinition) or _is_defined(value, Activity):
            work = activity_of(value)
            works.setdefault(work.key, work)
    return list(flows.values()), list(works.values())


def _is_defined(value: object, base: type[Any]) -> bool:
    """Return whether `value` is a concrete subclass of `base`, which has a definition."""
    return isinstance(value, type) and issubclass(value, base) and "definition" in vars(value)


def modules_behind(module: ModuleType) -> list[ModuleType]:
    """Return a module and those that define the workflows and activities it names, if any."""
    named = [one for one in vars(module).values() if isinstance(one, ModuleType)]
    imported = [one for one in named if _has_definitions(one)]  # `import flow`
    flows, works = defined_in([module, *imported])
    names = dict.fromkeys(one.function.__module__ for one in [*flows, *works])
    others = [sys.modules[name] for name in names if name in sys.modules]
    return list(dict.fromkeys([module, *imported, *others])) if others else []


def _has_definitions(module: ModuleType) -> bool:
    """Whether a module of the user's defines a workflow or an activity itself."""
    if module.__name__.partition(".")[0] == "partita":
        return False
    flows, works = defined_in([module])
    return any(one.function.__module__ == module.__name__ for one in [*flows, *works])


def _epoch(moment: datetime | float) -> float:
    if not isinstance(moment, datetime):
        return float(moment)
    return (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).timestamp()


def _latest(store: Store, domain: str) -> float:
    """Return the current time, or the latest time in the store if that is later."""
    moments = [float(int(time.time()))]
    for record in store.executions(ExecutionFilter(domain=domain, limit=10_000)):
        moments += [record.execution.started_at, record.progress.closed_at or 0.0]
        if record.progress.status is Status.OPEN:
            last = store.events(record.run, record.progress.last_event_id - 1)
            moments += [event.event_timestamp for event in last]
    return max(moments)
