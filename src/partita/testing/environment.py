"""Test workflows on a whole engine, whose clock skips the time in which nothing happens.

Puts an engine, a worker and a client together; what time does is in `clock`, what the engine
waits for in `engine`.
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
from partita.authoring.declared import Declared, definition_of
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
from partita.testing.mocks import Mocked, stand_in
from partita.worker.worker import DEFAULT_SLOTS

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")

PATIENCE = 1.0
"""Real seconds after which a wait for what will not come is given up."""


class Environment:
    """An engine with a worker and a client, for one test. Use it in a `with` block.

        with Environment() as env:
            assert env.run(checkout, order).total == 42

    Time stands still by itself. It is skipped only while the test waits (for a result, an
    update's answer, or in `sleep`) and nothing else is to be done: then the clock jumps to
    what is due next, so a month's sleep takes milliseconds. `timeout=` is in skipped seconds.

    Args:
        store: where everything is kept; in memory by default. It is closed with the environment.
        url: instead of a store, one that `connect` knows, such as `sqlite:///test.db`.
        modules: whose workflows and activities it serves; all that are defined by default.
        workflows: which it decides for, instead.
        activities: which it runs, instead.
        task_lists: which it serves.
        domain: in which it does so.
        converter: what turns values into payloads and back.
        slots: activities that run at a time.
        start: the time at the beginning (a datetime, or seconds since the epoch); by default
            today's, or the newest in the store if that is later.
        clock: to use instead of one that starts at `start`.
        patience: real seconds after which a wait for what will not come is given up.
        lease: seconds after which what a dead worker held is given to another.
    """

    engine_type: ClassVar[type[SkippingEngine]] = SkippingEngine

    def __init__(
        self,
        *,
        store: Store | None = None,
        url: str | None = None,
        modules: Iterable[ModuleType] | None = None,
        workflows: Iterable[WorkflowDefinition[..., Any] | type[Declared]] | None = None,
        activities: Iterable[ActivityDefinition | type[Activity]] | None = None,
        task_lists: Collection[str] = (DEFAULT_TASK_LIST,),
        domain: str = DEFAULT_DOMAIN,
        converter: Converter | None = None,
        slots: int = DEFAULT_SLOTS,
        start: datetime | float | None = None,
        clock: Clock | None = None,
        patience: float = PATIENCE,
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
        """Begin to serve."""
        self.worker.start()
        return self

    def __exit__(self, *exc: object) -> None:
        """Stop, and close the store."""
        self.close()

    def close(self) -> None:
        """Stop the worker, let what runs finish for a moment, and close the store."""
        self.worker.stop()
        for mock in reversed(self._mocks):
            mock.stop()
        self.engine.close()

    # -- running ---------------------------------------------------------------------------

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
    def run(self, workflow: type[Declared], /, *args: Any, **kwargs: Any) -> Any: ...
    def run(self, workflow: Any, /, *args: Any, **kwargs: Any) -> Any:
        """Start a workflow and return its result.

        Raises:
            WorkflowFailedError: it raised; the exception itself is the cause.
            WaitTimeoutError: it waits for what will not come.
            DecisionTaskFailedError: its code is not one that can be decided by.
        """
        return self.client.start_with(workflow, args, kwargs).result()

    @overload
    def start(
        self, workflow: WorkflowDefinition[P, R], /, *args: P.args, **kwargs: P.kwargs
    ) -> Handle[R]: ...
    @overload
    def start(self, workflow: type[Declared], /, *args: Any, **kwargs: Any) -> Handle[Any]: ...
    def start(self, workflow: Any, /, *args: Any, **kwargs: Any) -> Handle[Any]:
        """Start a workflow. No time passes until you wait for something."""
        return self.client.start_with(workflow, args, kwargs)

    def mock(
        self,
        target: ActivityDefinition
        | LambdaSpec
        | WorkflowSpec
        | type[Declared]
        | type[Activity]
        | str,
        *,
        return_value: Any = DEFAULT,
        side_effect: Any = None,
    ) -> Mocked:
        """Let a mock stand in for an activity, a Lambda function or a child workflow.

        What is returned is a `unittest.mock.Mock`: it records its calls, and `return_value`
        and `side_effect` (an exception, a list of results or a function) mean what they mean
        there. Arguments and results pass through JSON and the real function's types. It
        stands in until its `with` block ends, or the environment does. A workflow's mock must
        not wait for anything.

        Raises:
            UnknownTypeError: no workflow here can call something of that name.
            InvalidInputError: the real one could not return that.
        """
        mock = stand_in(self.worker, self.client, target, return_value, side_effect)
        self._mocks.append(mock)
        return mock

    # -- time ------------------------------------------------------------------------------

    def now(self) -> datetime:
        """Return the time that workflows and activities see, in UTC."""
        return datetime.fromtimestamp(self.clock(), UTC)

    def sleep(self, duration: Seconds) -> None:
        """Let time pass, with all that happens in it: at each thing that is due, it is done.

        Raises:
            DecisionTaskFailedError: meanwhile the code of an execution broke the decider.
        """
        self.engine.until(lambda: False, seconds("sleep", duration))

    def advance(self, duration: Seconds) -> None:
        """Move the clock in one step, as if all had been switched off for so long.

        What has come due is done afterwards, whatever runs meanwhile.
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
            f"{url!r} is not a store of the embedded engine, so its time cannot be skipped; "
            "give memory:// or sqlite:///PATH"
        )
    return service.store


def defined_in(
    modules: Iterable[ModuleType],
) -> tuple[list[WorkflowDefinition[..., Any]], list[ActivityDefinition]]:
    """Return the workflows and activities that modules name; of two of one type, the first."""
    found = [value for module in modules for value in vars(module).values()]
    flows: dict[str, WorkflowDefinition[..., Any]] = {}
    for value in found:
        if isinstance(value, WorkflowDefinition) or _is_defined(value, Declared):
            definition = definition_of(value)
            flows.setdefault(definition.key, definition)
    works: dict[str, ActivityDefinition] = {}
    for value in found:
        if isinstance(value, ActivityDefinition) or _is_defined(value, Activity):
            work = activity_of(value)
            works.setdefault(work.key, work)
    return list(flows.values()), list(works.values())


def _is_defined(value: object, base: type[Any]) -> bool:
    """Whether it is a class that defines something, and not an abstract one."""
    return isinstance(value, type) and issubclass(value, base) and "definition" in vars(value)


def modules_behind(module: ModuleType) -> list[ModuleType]:
    """Return a module, and those that define the workflows and activities that it names.

    Empty if it names none.
    """
    flows, works = defined_in([module])
    names = dict.fromkeys(one.function.__module__ for one in [*flows, *works])
    others = [sys.modules[name] for name in names if name in sys.modules]
    return [module, *others] if others else []


def _epoch(moment: datetime | float) -> float:
    if not isinstance(moment, datetime):
        return float(moment)
    return (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).timestamp()


def _latest(store: Store, domain: str) -> float:
    """Return a time at which nothing of what is stored lies in the future."""
    moments = [float(int(time.time()))]
    for record in store.executions(ExecutionFilter(domain=domain, limit=10_000)):
        moments += [record.execution.started_at, record.progress.closed_at or 0.0]
        if record.progress.status is Status.OPEN:
            last = store.events(record.run, record.progress.last_event_id - 1)
            moments += [event.event_timestamp for event in last]
    return max(moments)
