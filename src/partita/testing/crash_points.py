"""Run a workflow again and again, and crash at each of its commits: nothing may come of it.

Knows what must be the same after a crash. How a process dies is in `dying`.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Literal

from msgspec import Struct

from partita import history as h
from partita.authoring.declared import Declared
from partita.authoring.workflow import WorkflowDefinition
from partita.client import Client, Handle
from partita.errors import (
    ExecutionNotFoundError,
    InvalidOptionError,
    PartitaError,
    WorkflowFailedError,
)
from partita.history.references import Kind
from partita.history.timeline import Timeline
from partita.ports.state import DEFAULT_DOMAIN, ExecutionFilter
from partita.ports.store import Store
from partita.stores.memory import MemoryStore
from partita.stores.sqlite.store import SqliteStore
from partita.testing.crash_store import LEASE, DeathError, DyingStore, Life, quietly
from partita.testing.environment import Environment

WORKFLOW_ID = "crash-test"
"""Of the execution, in every run."""

Step = Callable[[Handle[Any]], object]
Backend = Literal["memory", "sqlite"]


class Outcome(Struct, frozen=True):
    """How an execution ended."""

    kind: str  # "result", or an error's type
    value: Any  # the result, or the error's message

    def __str__(self) -> str:
        """Show it in one line."""
        shown = repr(self.value) if self.kind == "result" else f"{self.kind}: {self.value}"
        return " ".join(shown.split())


class CrashReport(Struct, frozen=True, kw_only=True):
    """What was tried."""

    outcome: Outcome
    commits: int  # of a run without a crash
    crashes: int  # runs that were crashed


def crash_at_every_step(
    workflow: WorkflowDefinition[..., Any] | type[Declared],
    *args: Any,
    kwargs: Mapping[str, Any] | None = None,
    drive: Step | Sequence[Step] = (),
    setup: Callable[[Environment], object] | None = None,
    before_each: Callable[[], object] | None = None,
    backend: Backend = "memory",
    limit: int | None = None,
    **options: Any,
) -> CrashReport:
    """Hold that a workflow's outcome is the same wherever its process dies.

    It is run once in peace. Then, for each commit of that run, it is run twice more: the
    process dies just before the commit, which is lost with all that is in memory; and just
    after it. Another engine and worker go on with what is stored, after the dead one's lease.

    Args:
        workflow: what is run.
        *args: its arguments.
        kwargs: those by name.
        drive: what the world outside does: a function of the handle, or a list of them. One
            that a crash interrupts is called again, one that was done before it is not.
        setup: is given each environment before it is used, to mock activities in it.
        before_each: is called before each run, to put back what activities changed.
        backend: where it is stored: "memory", or "sqlite" for a file.
        limit: how many commits to try, evenly spread; all by default.
        **options: those of `Environment`, such as `task_lists`.

    Raises:
        AssertionError: a crash made a difference; it says which, and where.
        PartitaError: the workflow does not end even without a crash.
    """
    if backend not in ("memory", "sqlite"):
        raise InvalidOptionError(f"backend={backend!r}; give 'memory' or 'sqlite'")
    if limit is not None and limit < 1:
        raise InvalidOptionError(f"limit={limit}; give 1 or more, or None for all")
    steps = (drive,) if callable(drive) else tuple(drive)

    def trial(at: int | None, *, after: bool) -> _Trial:
        if before_each is not None:
            before_each()
        made = _Trial(workflow, args, dict(kwargs or {}), steps, setup, options, at, after)
        with _kept(backend) as open_store:
            made.run(open_store)
        return made

    with quietly():
        peaceful = trial(None, after=False)
        if isinstance(peaceful.error, PartitaError):
            raise peaceful.error
        assert peaceful.outcome is not None
        crashes = 0
        for at in _points(peaceful.commits, limit):
            for after in (False, True):
                crashed = trial(at, after=after)
                crashes += crashed.has_crashed
                crashed.compare(peaceful)
    return CrashReport(outcome=peaceful.outcome, commits=peaceful.commits, crashes=crashes)


def _points(commits: int, limit: int | None) -> list[int]:
    if limit is None or limit >= commits:
        return list(range(1, commits + 1))
    if limit == 1:
        return [(commits + 1) // 2]
    return sorted({1 + round(i * (commits - 1) / (limit - 1)) for i in range(limit)})


@contextmanager
def _kept(backend: Backend) -> Iterator[Callable[[], Store]]:
    """Yield what opens one store, again and again."""
    with ExitStack() as stack:
        if backend == "memory":
            kept = MemoryStore()
            yield lambda: kept
            return
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        yield lambda: SqliteStore(Path(folder, "crash.db"), synchronous="OFF")


class _Trial:
    """One execution from its start to its end, with at most one crash."""

    def __init__(
        self,
        workflow: WorkflowDefinition[..., Any] | type[Declared],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        steps: tuple[Step, ...],
        setup: Callable[[Environment], object] | None,
        options: dict[str, Any],
        at: int | None,
        after: bool,
    ) -> None:
        self._workflow = workflow
        self._call = (args, kwargs)
        self._steps = steps
        self._setup = setup
        self._options = options
        self._at = at
        self._after = after
        self._done = 0  # steps
        self._begun = 0
        self._now: Any = options.get("start")
        self.outcome: Outcome | None = None
        self.error: PartitaError | None = None  # instead of an outcome
        self.commits = 0
        self.has_crashed = False
        self.last: list[h.AnyEvent] = []
        self.faults: list[str] = []
        self._ended: set[tuple[str, str]] = set()  # activities, when the process died

    def run(self, open_store: Callable[[], Store]) -> None:
        """Live once, or twice."""
        at: int | None = self._at
        while self._live(open_store(), at):
            at = None

    def _live(self, store: Store, at: int | None) -> bool:
        """Return whether it died."""
        death = DyingStore(store, at, after=self._after)
        options = self._options if self._now is None else {**self._options, "start": self._now}
        life = Life(death, **options)
        try:
            died = False
            try:
                if self._setup is not None:
                    self._setup(life)
                life.worker.start()
                self._play(life.client)
            except DeathError:
                died = True
            died = died or death.is_dead
            if not died:
                self.commits = death.commits
        finally:
            life.close()
        died = died or death.is_dead
        if died:
            self._look_back(store, death, life)
        else:
            self._look_at_end(store, life)
        store.close()
        return died

    def _play(self, client: Client) -> None:
        """Start it, play the world outside, and take down what comes of it."""
        args, kwargs = self._call
        handle: Handle[Any] = client.start_with(
            self._workflow, args, kwargs, workflow_id=WORKFLOW_ID
        )
        try:
            while self._done < len(self._steps):
                self._step(handle)
            self.outcome = Outcome("result", handle.result())
        except DeathError:
            raise
        except WorkflowFailedError as error:
            cause = error.__cause__ or error
            self.outcome = Outcome(type(cause).__name__, str(cause))
        except PartitaError as error:
            self.error = error

    def _step(self, handle: Handle[Any]) -> None:
        """Do the next step; one that a crash interrupted may come too late, and has been heard."""
        is_again, self._begun = self._begun == self._done + 1, self._done + 1
        try:
            self._steps[self._done](handle)
        except ExecutionNotFoundError:
            if not is_again:
                raise
        self._done += 1

    def _look_back(self, store: Store, death: DyingStore, life: Life) -> None:
        """Note what the dead process leaves."""
        self.has_crashed = True
        self.outcome = self.error = None
        self.last = death.last
        self._ended = _ended(store, self._options.get("domain", DEFAULT_DOMAIN))
        self._now = life.clock() + 2 * LEASE

    def _look_at_end(self, store: Store, life: Life) -> None:
        self.faults = store.check()
        for task in life.worker.started:
            if (task.workflow_execution.run_id, task.activity_id) in self._ended:
                self.faults.append(
                    f"activity {task.activity_type.name} ({task.activity_id}) ran again, although "
                    "its end was recorded"
                )

    def compare(self, peaceful: _Trial) -> None:
        """Hold that nothing is different.

        Raises:
            AssertionError: something is.
        """
        name = getattr(self._workflow, "__name__", "?")
        where = f"a crash just {'after' if self._after else 'before'} commit {self._at}"
        if not self.has_crashed:
            where = f"a run that was to crash at commit {self._at}, and had fewer,"
        what = f"{where} ({_shown(self.last)}) of workflow {name}"
        found = self.outcome or self.error
        if self.outcome is None or not _same(self.outcome, peaceful.outcome):
            got = found if isinstance(found, Outcome) else f"{type(found).__name__}: {found}"
            raise AssertionError(
                f"{what} changes its outcome: expected {peaceful.outcome}; got {got}; "
                "let its code depend on its arguments and its activities alone, and make "
                "activities safe to run twice"
            )
        if self.faults:
            raise AssertionError(f"{what} leaves a fault: {'; '.join(self.faults)}")


def _same(one: Outcome, other: Outcome | None) -> bool:
    return other is not None and (one.kind, one.value) == (other.kind, other.value)


def _ended(store: Store, domain: str) -> set[tuple[str, str]]:
    """Return the activities whose end is recorded, as run id and activity id."""
    return {
        (record.execution.run_id, one.id)
        for record in store.executions(ExecutionFilter(domain=domain, limit=100_000))
        for one in Timeline(store.events(record.run, 0)).operations.values()
        if one.kind is Kind.ACTIVITY and one.closed is not None and not one.is_refused
    }


def _shown(events: Sequence[h.AnyEvent]) -> str:
    """Name what a commit wrote."""
    names = [event.event_type for event in events if "DecisionTask" not in event.event_type]
    return ", ".join(names[:6]) + (", ..." if len(names) > 6 else "") or "no event of interest"
