"""The same engine in several ways, to be asked the same things and to be compared.

The model is the bare core: the rules over dictionaries, a state read anew for every request; no
thread, no cache, no group commit. The others are engines over real stores, two to each store, as
if they were two processes. All have one clock and draw the same ids.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, TypeVar

from msgspec.structs import replace

from partita.engine import Engine, forks, messages, starts
from partita.engine.scheduler import Scheduler
from partita.engine.state_cache import StateCache
from partita.engine.transaction import EngineTransaction
from partita.engine.watchdog import EarlyExit
from partita.errors import ConflictError, PartitaError
from partita.history import WorkflowExecution
from partita.ports.service import ActivityTask, DecisionTask
from partita.ports.state import ExecutionFilter
from partita.ports.store import Store
from partita.stores.memory import MemoryStore
from partita.testing import Clock

T = TypeVar("T")

EVERYTHING = ExecutionFilter(limit=10_000)


class Ids:
    """Ids that depend on the request alone: the same for every side.

    A transaction that is begun anew, because another engine got in between, draws them again.
    """

    def __init__(self) -> None:
        self._request = self._drawn = 0

    def begin(self, request: int) -> None:
        """Begin a request anew, for one side."""
        self._request, self._drawn = request, 0

    def uuid4(self) -> Any:
        """Return the next id, as far as the engine looks at it."""
        self._drawn += 1
        return SimpleNamespace(hex=f"{self._request:08x}{self._drawn:024x}")

    def install(self, patch: Any) -> None:
        """Have the engine draw its ids here; `patch` is pytest's `MonkeyPatch`."""
        for module in (forks, starts, messages):
            patch.setattr(module, "uuid", self)
        commit = Scheduler._commit

        def commit_or_forget(core: Scheduler, batch: Any) -> Any:
            drawn = self._drawn
            try:
                return commit(core, batch)
            except ConflictError:
                self._drawn = drawn
                raise

        patch.setattr(Scheduler, "_commit", commit_or_forget)


class BareLoop:
    """Does each request in a transaction of its own, at once, on whatever is stored."""

    def __init__(self, store: MemoryStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def ask(self, work: Callable[[EngineTransaction], T]) -> T:
        """Have `work` done; what it raises undoes only what had not been done by then."""
        failure: Exception | None = None
        ending = EarlyExit(self._store.transaction(), lambda: None)
        with ending as transaction:
            one = EngineTransaction(transaction, self._clock(), StateCache(), ending.exit)
            one.fire_due()
            try:
                result = work(one)
            except PartitaError as error:
                failure = error
            one.flush()
        if failure is not None:
            raise failure
        return result

    def close(self) -> None:
        """Do nothing."""


def bare(clock: Clock) -> Engine:
    """Return the model."""
    store = MemoryStore()
    engine = Engine(store, clock=clock)
    engine._scheduler.inbox = BareLoop(store, clock)  # type: ignore[assignment]
    return engine


class Side:
    """One way to answer: some engines on one store, and the tokens that they gave out."""

    def __init__(self, name: str, *engines: Engine) -> None:
        self.name = name
        self.engines = engines
        self.tokens: list[str] = []

    @property
    def store(self) -> Store:
        """Where it keeps everything."""
        return self.engines[0].store

    def answer(self, which: int, work: Callable[[Engine, Side], Any]) -> Any:
        """Return what a request returns or raises, without what may differ between stores."""
        engine = self.engines[which % len(self.engines)]
        try:
            return self._plain(work(engine, self))
        except PartitaError as error:
            return type(error), str(error)

    def _plain(self, answer: Any) -> Any:
        if isinstance(answer, (DecisionTask, ActivityTask)):  # tokens hold the stores' own keys
            self.tokens.append(answer.token)
            return replace(answer, token="")
        return answer

    def settle(self, now: float) -> None:
        """Have all that is due looked at."""
        ask = self.engines[0]._scheduler.inbox.ask

        def is_due(one: EngineTransaction) -> bool:
            one.fire_due()
            moment = one.queued_work.next_due, one.stored.next_due()
            return any(at is not None and at <= now for at in moment)

        for times in range(200):
            if not ask(is_due):
                return
            if times > 20:  # the other engine has it locked at this moment
                threading.Event().wait(0.005)

    def everything(self) -> Any:
        """Return all that can be seen of every execution."""
        engine = self.engines[0]
        seen = []
        for info in engine.list_executions(EVERYTHING).executions:
            execution = WorkflowExecution(info.workflow_id, info.run_id)
            detail = engine.describe("default", execution)
            activities = sorted(detail.activities, key=lambda item: item.id)
            timers = sorted(detail.timers, key=lambda item: item.id)
            rest = (detail.decision, detail.open_children)
            seen.append([info, activities, timers, rest, engine.history("default", execution)])
        return seen

    def close(self) -> None:
        """Hold that the store is sound, and let go of it."""
        try:
            assert self.store.check() == [], self.name
        finally:
            for engine in self.engines:
                engine.close()
