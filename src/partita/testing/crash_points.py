"""Run a workflow many times, crash it at each of its commits, and check that nothing changes.

Knows what must be the same after a crash. `crash_store` knows how a process crashes.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Literal

from msgspec import Struct

from partita import history as h
from partita.authoring.class_options import WorkflowClass
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
from partita.testing.crash_store import (
    LEASE_SECONDS,
    CrashEnvironment,
    CrashError,
    CrashStore,
    without_crash_logs,
)
from partita.testing.environment import Environment

WORKFLOW_ID = "crash-test"
"""The workflow id of every run."""

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
    """What `crash_at_every_step` did."""

    outcome: Outcome
    commits: int  # of the run without a crash
    crashes: int  # runs that crashed


def crash_at_every_step(
    workflow: WorkflowDefinition[..., Any] | type[WorkflowClass],
    *args: Any,
    kwargs: Mapping[str, Any] | None = None,
    drive: Step | Sequence[Step] = (),
    setup: Callable[[Environment], object] | None = None,
    before_each: Callable[[], object] | None = None,
    backend: Backend = "memory",
    limit: int | None = None,
    **options: Any,
) -> CrashReport:
    """Check that a workflow's outcome is the same wherever its process crashes.

    The workflow runs once without a crash. Then, for each commit of that run, it runs twice more:
    the process crashes just before the commit, which is lost, and just after it. Another engine
    and worker continue with what is stored, once the lease of the crashed ones has expired.

    Args:
        workflow: what is run.
        *args: its arguments.
        kwargs: its keyword arguments.
        drive: acts as the outside world: a function of the handle, or a list of them. One that
            a crash interrupts is called again; one that was finished before it is not.
        setup: receives each environment before it is used, for instance to mock activities.
        before_each: is called before each run, to undo what activities changed.
        backend: where executions are stored: "memory", or "sqlite" for a file.
        limit: how many commits to try, evenly spread; all by default.
        **options: those of `Environment`, such as `task_lists`.

    Raises:
        AssertionError: a crash made a difference; the message says which, and where.
        PartitaError: the workflow does not end even without a crash.
    """
    if backend not in ("memory", "sqlite"):
        raise InvalidOptionError(f"backend={backend!r}; give 'memory' or 'sqlite'")
    if limit is not None and limit < 1:
        raise InvalidOptionError(f"limit={limit}; give 1 or more, or None for all")
    steps = (drive,) if callable(drive) else tuple(drive)
    scenario = _Scenario(workflow, args, dict(kwargs or {}), steps, setup, options)

    def run(point: _CrashPoint | None) -> _Trial:
        if before_each is not None:
            before_each()
        trial = _Trial(scenario, point)
        with _reopenable_store(backend) as open_store:
            trial.run(open_store)
        return trial

    with without_crash_logs():
        reference = run(None)
        if isinstance(reference.outcome, PartitaError):
            raise reference.outcome
        assert reference.outcome is not None
        crashes = 0
        for commit in _spread(reference.commits, limit):
            for after in (False, True):
                trial = run(_CrashPoint(commit, after))
                crashes += trial.has_crashed
                trial.compare(reference.outcome)
    return CrashReport(outcome=reference.outcome, commits=reference.commits, crashes=crashes)


def _spread(commits: int, limit: int | None) -> list[int]:
    """Return the numbers of the commits to crash at, from 1."""
    if limit is None or limit >= commits:
        return list(range(1, commits + 1))
    if limit == 1:
        return [(commits + 1) // 2]
    return sorted({1 + round(i * (commits - 1) / (limit - 1)) for i in range(limit)})


@contextmanager
def _reopenable_store(backend: Backend) -> Iterator[Callable[[], Store]]:
    """Yield a function that opens the same new store each time."""
    if backend == "memory":
        store = MemoryStore()
        yield lambda: store
        return
    with tempfile.TemporaryDirectory() as folder:
        yield lambda: SqliteStore(Path(folder, "crash.db"), synchronous="OFF")


class _Scenario(Struct, frozen=True):
    """What is run in every trial."""

    workflow: WorkflowDefinition[..., Any] | type[WorkflowClass]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    steps: tuple[Step, ...]
    setup: Callable[[Environment], object] | None
    options: dict[str, Any]  # of Environment


class _CrashPoint(Struct, frozen=True):
    """Where a trial crashes."""

    commit: int  # the number of a commit, from 1
    after: bool  # just after the commit, or just before it

    def __str__(self) -> str:
        return f"just {'after' if self.after else 'before'} commit {self.commit}"


class _Trial:
    """One execution from start to end, with at most one crash."""

    def __init__(self, scenario: _Scenario, point: _CrashPoint | None) -> None:
        self._scenario = scenario
        self._point = point
        self._steps_begun = 0
        self._steps_done = 0
        self._environment_options = scenario.options
        self._ended_before: set[tuple[str, str]] = set()  # activities that ended before the crash
        self._last_events: list[h.AnyEvent] = []  # what the commit at the crash wrote
        self.outcome: Outcome | PartitaError | None = None  # an error: it did not end
        self.commits = 0
        self.has_crashed = False
        self.faults: list[str] = []

    def run(self, open_store: Callable[[], Store]) -> None:
        """Run until the end; after a crash, once more."""
        self._run_process(open_store(), self._point)
        if self.has_crashed:
            self._run_process(open_store(), None)

    def _run_process(self, kept: Store, point: _CrashPoint | None) -> None:
        """Run an engine, a worker and a client until the execution ends or they crash."""
        store = CrashStore(kept, point.commit if point else None, after=bool(point and point.after))
        environment = CrashEnvironment(store, **self._environment_options)
        try:
            with suppress(CrashError):
                if self._scenario.setup is not None:
                    self._scenario.setup(environment)
                environment.worker.start()
                self._drive(environment.client)
            self.commits = store.commits
        finally:
            environment.close()
        if store.has_crashed:
            self._note_crash(kept, store, environment)
        else:
            self._check_end(kept, environment)
        kept.close()

    def _drive(self, client: Client) -> None:
        """Start the execution, act as the outside world, and note the outcome."""
        one = self._scenario
        handle: Handle[Any] = client.start_with(
            one.workflow, one.args, one.kwargs, workflow_id=WORKFLOW_ID
        )
        try:
            while self._steps_done < len(one.steps):
                self._do_step(handle)
            self.outcome = Outcome("result", handle.result())
        except CrashError:
            raise
        except WorkflowFailedError as error:
            cause = error.__cause__ or error
            self.outcome = Outcome(type(cause).__name__, str(cause))
        except PartitaError as error:
            self.outcome = error

    def _do_step(self, handle: Handle[Any]) -> None:
        """Do the next step; one that is repeated may find that the execution has closed."""
        is_repeated = self._steps_begun > self._steps_done
        self._steps_begun = self._steps_done + 1
        try:
            self._scenario.steps[self._steps_done](handle)
        except ExecutionNotFoundError:
            if not is_repeated:
                raise
        self._steps_done += 1

    def _note_crash(self, kept: Store, store: CrashStore, crashed: CrashEnvironment) -> None:
        """Note what is stored, and let the next process begin after the lease."""
        options = self._scenario.options
        self.has_crashed = True
        self.outcome = None
        self._last_events = store.last_events
        self._ended_before = _ended(kept, options.get("domain", DEFAULT_DOMAIN))
        self._environment_options = {**options, "start": crashed.clock() + 2 * LEASE_SECONDS}

    def _check_end(self, kept: Store, environment: Environment) -> None:
        self.faults = kept.check()
        for task in environment.worker.started:
            if (task.workflow_execution.run_id, task.activity_id) in self._ended_before:
                self.faults.append(
                    f"activity {task.activity_type.name} ({task.activity_id}) ran again, although "
                    "its end was recorded"
                )

    def compare(self, expected: Outcome) -> None:
        """Check that the crash changed nothing.

        Raises:
            AssertionError: it changed the outcome, or left a fault.
        """
        name = getattr(self._scenario.workflow, "__name__", "?")
        where = f"a crash {self._point}"
        if not self.has_crashed:
            where = f"a run that should crash {self._point}, but had fewer commits,"
        what = f"{where} ({_shown(self._last_events)}) of workflow {name}"
        got = self.outcome
        if got != expected:
            shown = got if isinstance(got, Outcome) else f"{type(got).__name__}: {got}"
            raise AssertionError(
                f"{what} changes its outcome: expected {expected}; got {shown}; "
                "let its code depend only on its arguments and its activities, and make "
                "activities safe to run twice"
            )
        if self.faults:
            raise AssertionError(f"{what} leaves a fault: {'; '.join(self.faults)}")


def _ended(store: Store, domain: str) -> set[tuple[str, str]]:
    """Return the activities whose end is recorded, as run id and activity id."""
    return {
        (record.execution.run_id, one.id)
        for record in store.executions(ExecutionFilter(domain=domain, limit=100_000))
        for one in Timeline(store.events(record.run, 0)).operations.values()
        if one.kind is Kind.ACTIVITY and one.closed is not None and not one.is_refused
    }


def _shown(events: Sequence[h.AnyEvent]) -> str:
    """Name the events of a commit, decision tasks left out."""
    names = [event.event_type for event in events if "DecisionTask" not in event.event_type]
    return ", ".join(names[:6]) + (", ..." if len(names) > 6 else "") or "no event of interest"
