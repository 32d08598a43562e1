"""Run the named steps of a workflow; each may be skipped, forced, or done already.

A step runs as soon as the steps before it have ended, concurrently with others. As with `make`,
a step whose `done` returns True is skipped, unless it is forced or a step before it was run.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import Any, Literal

from msgspec import Struct

from partita.authoring.future import Future, copy_outcome, when_done
from partita.authoring.local import active_runtime
from partita.errors import CancelledError, InvalidOptionError

MARKER = "$step"
"""The name of the marker that records a step."""

Outcome = Literal["run", "skipped", "done", "blocked"]


class StepRecord(Struct, frozen=True, omit_defaults=True):
    """The outcome of a step: run, skipped on request, done already, or blocked by a failure."""

    step: str
    outcome: Outcome
    reasons: tuple[str, ...] = ()


class Step:
    """One named part of a workflow."""

    def __init__(
        self,
        name: str,
        function: Callable[[], Any],
        after: Collection[str],
        done: Callable[[], bool] | None,
        force: bool,
    ) -> None:
        self.name = name
        self.function = function
        self.after = after
        self.done = done
        self.force = force
        self.record: StepRecord | None = None

    @property
    def was_run(self) -> bool:
        """Whether its function was called."""
        return self.record is not None and self.record.outcome == "run"


class Steps:
    """The steps of one execution.

    steps = Steps(skip=["report"])
    steps.add("load", lambda: load(day))
    steps.add("clean", lambda: clean(day), after=["load"])
    results = steps.run()
    """

    def __init__(self, *, skip: Iterable[str] = (), force: Iterable[str] = ()) -> None:
        self._skip = frozenset(_names("skip", skip))
        self._force = frozenset(_names("force", force))
        self._steps: dict[str, Step] = {}

    def add(
        self,
        name: str,
        function: Callable[[], Any],
        *,
        after: Iterable[str] = (),
        done: Callable[[], bool] | None = None,
        force: bool = False,
    ) -> Step:
        """Add a step.

        Args:
            name: unique among the steps.
            function: what it does, with all means of a workflow; its result is the step's.
            after: names of the steps before it.
            done: returns whether there is nothing to do; may call activities.
            force: run it in any case.

        Raises:
            InvalidOptionError: the name is taken.
        """
        if name in self._steps:
            raise InvalidOptionError(f"there are two steps {name!r}; give one another name")
        step = self._steps[name] = Step(name, function, _names("after", after), done, force)
        return step

    def run(self) -> dict[str, Any]:
        """Run the steps; return the result of each, None if it was not run.

        Raises:
            InvalidOptionError: a name is unknown, or the steps wait for each other.
            ExceptionGroup: steps failed; those after them were not run.
        """
        self._check()
        futures: dict[str, Future[Any]] = {}
        for step in self._in_order():
            futures[step.name] = self._begin(step, [futures[name] for name in step.after])
        results: dict[str, Any] = {}
        errors: list[Exception] = []
        for name, future in futures.items():
            error = _waited(future, futures)
            results[name] = None if error is not None else future.result()
            if isinstance(error, Exception) and not isinstance(error, _BlockedError):
                errors.append(error)
        if errors:
            raise ExceptionGroup(f"{len(errors)} of {len(futures)} steps failed", errors)
        return results

    def _check(self) -> None:
        known = ", ".join(self._steps)
        asked = {*self._skip, *self._force}
        asked.update(*(step.after for step in self._steps.values()))
        for name in sorted(asked - self._steps.keys()):
            raise InvalidOptionError(f"there is no step {name!r}; there are: {known}")

    def _in_order(self) -> list[Step]:
        """Return the steps, each after those before it."""
        ordered: dict[str, Step] = {}
        left = dict(self._steps)
        while left:
            ready = [step for step in left.values() if all(name in ordered for name in step.after)]
            if not ready:
                circle = ", ".join(left)
                raise InvalidOptionError(f"these steps wait for each other: {circle}")
            for step in ready:
                ordered[step.name] = left.pop(step.name)
        return list(ordered.values())

    def _begin(self, step: Step, after: list[Future[Any]]) -> Future[Any]:
        where = active_runtime()
        result = where.promise(f"step {step.name}")

        def start() -> None:
            running = where.spawn(lambda: self._perform(step, after), f"step {step.name}")
            running.add_done_callback(lambda done: copy_outcome(done, result))

        when_done(after, start)
        return result

    def _perform(self, step: Step, after: list[Future[Any]]) -> Any:
        """Decide whether to run a step, record that, and run it."""
        failed = [future for future in after if future.exception() is not None]
        if failed:
            self._record(step, "blocked", tuple(future.label for future in failed))
            raise _BlockedError(f"step {step.name} comes after a step that failed")
        if step.name in self._skip:
            self._record(step, "skipped", ("asked for",))
            return None
        reasons = self._reasons(step)
        if not reasons and step.done is not None and step.done():
            self._record(step, "done", ())
            return None
        self._record(step, "run", reasons)
        return step.function()

    def _reasons(self, step: Step) -> tuple[str, ...]:
        """Return why the step must be run even if it is done."""
        reasons = [f"after {name}" for name in step.after if self._steps[name].was_run]
        if step.force or step.name in self._force:
            reasons.insert(0, "forced")
        return tuple(reasons)

    def _record(self, step: Step, outcome: Outcome, reasons: tuple[str, ...]) -> None:
        step.record = StepRecord(step.name, outcome, reasons)
        active_runtime().record_marker(MARKER, step.record)


def _names(option: str, names: Iterable[str]) -> tuple[str, ...]:
    if isinstance(names, str):
        raise InvalidOptionError(f"{option}={names!r}: give a list of names, [{names!r}]")
    return tuple(names)


class _BlockedError(Exception):
    """A step was not run because one before it failed."""


def _waited(future: Future[Any], others: dict[str, Future[Any]]) -> BaseException | None:
    """Wait for a step and return its error; cancel all if the wait is cancelled."""
    try:
        return future.exception()
    except CancelledError:
        for other in others.values():
            if not other.done():
                other.cancel()
        raise
