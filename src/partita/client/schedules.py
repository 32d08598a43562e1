"""Create, list, pause and trigger schedules; `authoring.schedules` runs them."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from itertools import islice
from typing import Any, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from partita.authoring.class_options import WorkflowClass, definition_of
from partita.authoring.options import Seconds, seconds
from partita.authoring.schedules import (
    TYPE,
    Overlap,
    ScheduleCommand,
    ScheduleSpec,
    ScheduleState,
    between,
    next_time,
    scheduler,
    times,
    zone,
)
from partita.authoring.workflow import WorkflowDefinition
from partita.client.execution_client import ExecutionClient
from partita.client.validation import input_of
from partita.codec import decoder
from partita.errors import (
    ExecutionAlreadyStartedError,
    ExecutionNotFoundError,
    InvalidOptionError,
)
from partita.history import WorkflowExecutionStarted
from partita.ports.state import Status

T = TypeVar("T")

PREFIX = "schedule:"
"""How the workflow id of a schedule begins."""

READ_ATTEMPTS = 5
"""How often a schedule is read that is just continuing as its next run."""

_read_state = decoder(ScheduleState)
_read_spec = decoder(ScheduleSpec)


class ScheduleInfo(Struct, frozen=True, kw_only=True):
    """One schedule."""

    id: str
    spec: ScheduleSpec
    state: ScheduleState


class Schedules:
    """The schedules of one domain."""

    def __init__(self, client: ExecutionClient, start_with: Callable[..., object]) -> None:
        self._client = client
        self._start_with = start_with  # `Client.start_with`

    def create(
        self,
        id: str,
        cron: str | Iterable[str],
        workflow: WorkflowDefinition[..., Any] | type[WorkflowClass],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        *,
        timezone: str = "UTC",
        overlap: Overlap | str = Overlap.SKIP,
        catch_up: Seconds = 3600.0,
        paused: bool = False,
        tags: Iterable[str] = (),
    ) -> ScheduleInfo:
        """Create a schedule; a worker must run for it to fire.

        Args:
            id: its name; each run's workflow id is the name and the time.
            cron: expressions of five fields: minute, hour, day, month, weekday.
            workflow: what is started.
            args: with which arguments.
            kwargs: and which by name.
            timezone: in which the expressions are meant, such as `Europe/Paris`.
            overlap: what happens while the run before is not done.
            catch_up: seconds for which a time that was missed is made up for.
            paused: whether it is to wait until it is resumed.
            tags: of the runs.

        Raises:
            InvalidOptionError: an expression cannot be read or never comes, or there is no
                such time zone or policy.
            ExecutionAlreadyStartedError: there is a schedule of that name.
        """
        definition = definition_of(workflow)
        input_of(definition, self._client.converter, args, kwargs or {})
        spec = ScheduleSpec(
            cron=_expressions(cron),
            workflow=definition.workflow_type.name,
            version=definition.workflow_type.version,
            args=list(args),
            kwargs=dict(kwargs or {}),
            timezone=timezone,
            task_list=definition.settings.task_list,
            overlap=_overlap(overlap),
            catch_up=seconds("catch_up", catch_up) or 0.0,
            tags=tuple(tags),
        )
        if not spec.cron:
            raise InvalidOptionError("a schedule needs a cron expression, such as '0 3 * * *'")
        next_time(spec, datetime.now(UTC))
        return self._begin(id, spec, ScheduleState(paused=paused))

    def _begin(self, id: str, spec: ScheduleSpec, state: ScheduleState) -> ScheduleInfo:
        try:
            self._start_with(
                scheduler, (spec, state), workflow_id=PREFIX + id, reuse_policy="allow"
            )
        except ExecutionAlreadyStartedError:
            raise ExecutionAlreadyStartedError(
                f"there is a schedule {id!r} already (execution {PREFIX + id!r}); change it by "
                "`partita schedule update`, or choose another name"
            ) from None
        return ScheduleInfo(id=id, spec=spec, state=_with_next(spec, state))

    def update(
        self,
        id: str,
        *,
        cron: str | Iterable[str] | None = None,
        args: Sequence[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
        timezone: str | None = None,
        overlap: Overlap | str | None = None,
    ) -> ScheduleInfo:
        """Change what is given of a schedule, from now on; return it as it will be.

        Raises:
            InvalidOptionError: an expression cannot be read or never comes, nothing is given, or
                there is no such time zone or policy.
            ExecutionNotFoundError: there is no such schedule.
        """
        has_input = args is not None or kwargs is not None
        given: dict[str, Any] = {
            "cron": None if cron is None else _expressions(cron),
            "args": list(args or ()) if has_input else None,
            "kwargs": dict(kwargs or {}) if has_input else None,
            "timezone": timezone,
            "overlap": None if overlap is None else _overlap(overlap),
        }
        changes = {name: value for name, value in given.items() if value not in (None, ())}
        if not changes:
            raise InvalidOptionError("nothing of the schedule is to change; give cron, for example")
        info = self.get(id)
        spec = replace(info.spec, **changes)
        next_time(spec, datetime.now(UTC))
        self._tell(id, ScheduleCommand(action="update", spec=spec))
        state = replace(info.state, next=None)
        return ScheduleInfo(id=id, spec=spec, state=_with_next(spec, state))

    def preview(self, id: str, count: int = 10) -> builtins.list[datetime]:
        """Return the next times of a schedule, in its time zone, paused or not."""
        return next_times(self.get(id).spec, count)

    def get(self, id: str) -> ScheduleInfo:
        """Return a schedule and how it stands. Raises ExecutionNotFoundError."""
        for _ in range(READ_ATTEMPTS):
            try:
                detail = self._client.describe(PREFIX + id)
            except ExecutionNotFoundError:
                raise _no_schedule(id) from None
            if detail.info.status is not Status.CONTINUED_AS_NEW:
                break  # or else its next run has begun while we looked, elsewhere than here
        if detail.info.status is not Status.OPEN:
            raise _no_schedule(id)
        begun = self._client.history(PREFIX + id, run_id=detail.info.run_id)[0]
        assert isinstance(begun, WorkflowExecutionStarted)
        args, _ = scheduler.signature.load(self._client.converter, begun.input)
        spec, state = args
        if detail.decision is None:  # it has begun, so its code can tell
            state = self._answer(id, "describe", _read_state)
            spec = self._answer(id, "spec", _read_spec)
        return ScheduleInfo(id=id, spec=spec, state=_with_next(spec, state))

    def _answer(self, id: str, query: str, read: Callable[[str], T]) -> T:
        """Return what a schedule's code answers."""
        converter = self._client.converter
        given = self._client.query(PREFIX + id, query, workflow=scheduler)
        answer: T = converter.load(converter.dump(given), read, f"schedule {id}")
        return answer

    def list(self) -> list[ScheduleInfo]:
        """Return all schedules, newest first."""
        page = self._client.list(type_name=TYPE, status=Status.OPEN, limit=10_000)
        found = []
        for info in page.executions:
            with suppress(ExecutionNotFoundError):  # deleted since
                found.append(self.get(info.workflow_id.removeprefix(PREFIX)))
        return found

    def pause(self, id: str, note: str | None = None) -> None:
        """Start nothing until it is resumed; times that pass meanwhile are not made up for."""
        self._tell(id, ScheduleCommand(action="pause", note=note))

    def resume(self, id: str) -> None:
        """Go on from now."""
        self._tell(id, ScheduleCommand(action="resume"))

    def trigger(self, id: str) -> None:
        """Start a run now, whatever else runs."""
        self._tell(id, ScheduleCommand(action="trigger"))

    def backfill(self, id: str, since: datetime, until: datetime) -> int:
        """Start the runs of a past span and return how many they are.

        They run one after the other, unless the overlap policy is `allow_all`.

        Raises:
            InvalidOptionError: the span is empty, or has too many runs.
        """
        if since > until:
            raise InvalidOptionError(f"backfill: {since.isoformat()} is after {until.isoformat()}")
        count = len(between(self.get(id).spec, _aware(since), _aware(until)))
        self._tell(
            id,
            ScheduleCommand(
                action="backfill",
                since=_aware(since).isoformat(),
                until=_aware(until).isoformat(),
            ),
        )
        return count

    def delete(self, id: str) -> None:
        """End the schedule; runs that it has started go on."""
        self._tell(id, ScheduleCommand(action="delete"))

    def _tell(self, id: str, command: ScheduleCommand) -> None:
        try:
            self._client.signal(PREFIX + id, "command", command)
        except ExecutionNotFoundError:
            raise _no_schedule(id) from None


def _no_schedule(id: str) -> ExecutionNotFoundError:
    return ExecutionNotFoundError(f"no schedule {id!r}; `partita schedule list` shows them")


def next_times(spec: ScheduleSpec, count: int) -> builtins.list[datetime]:
    """Return the next times that a schedule would have, in its time zone."""
    own = zone(spec.timezone)
    return [moment.astimezone(own) for moment in islice(times(spec, datetime.now(UTC)), count)]


def _with_next(spec: ScheduleSpec, state: ScheduleState) -> ScheduleState:
    """Return a state with the next time, also of a schedule that no worker has seen yet."""
    if state.paused or state.next is not None:
        return state
    return replace(state, next=next_time(spec, datetime.now(UTC)).isoformat())


def _expressions(cron: str | Iterable[str]) -> tuple[str, ...]:
    return (cron,) if isinstance(cron, str) else tuple(cron)


def _overlap(value: Overlap | str) -> Overlap:
    try:
        return Overlap(value)
    except ValueError:
        names = ", ".join(policy.value for policy in Overlap)
        raise InvalidOptionError(f"overlap={value!r}; give one of {names}") from None


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
