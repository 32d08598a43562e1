"""Start workflows by the calendar: a schedule is a workflow itself, and as durable.

It sleeps until the next time of its cron expressions, starts a child, and takes commands (pause,
resume, trigger, backfill, delete) as signals. Every worker has it.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import Struct
from msgspec.structs import replace

from partita.authoring.determinism import now, start_timer
from partita.authoring.execution import continue_as_new, workflow_info
from partita.authoring.future import ChildFuture, Future, wait
from partita.authoring.messages import query, signals
from partita.authoring.remote import child_workflow
from partita.authoring.workflow import workflow
from partita.errors import InvalidOptionError
from partita.history import ChildPolicy

TYPE = "partita.schedule"
"""The workflow type of schedules."""

MAX_RECENT = 10
"""Runs that the state of a schedule lists."""

MAX_FIRINGS = 500
"""Runs that a schedule starts before it continues as new."""

MAX_BACKFILL = 10_000
"""Runs that one backfill may start."""


class Overlap(enum.StrEnum):
    """What happens at a time when the previous run is still open."""

    SKIP = "skip"  # nothing
    BUFFER_ONE = "buffer_one"  # one run starts when it is done, however many times have passed
    BUFFER_ALL = "buffer_all"  # one run for each time, one after the other
    CANCEL_OTHER = "cancel_other"  # it is asked to cancel itself, and the next one starts
    ALLOW_ALL = "allow_all"  # both run


class ScheduleSpec(Struct, frozen=True, kw_only=True):
    """What is started, and when."""

    cron: tuple[str, ...]
    workflow: str
    version: str = "1"
    args: list[Any] = []
    kwargs: dict[str, Any] = {}
    timezone: str = "UTC"
    task_list: str | None = None
    overlap: Overlap = Overlap.SKIP
    catch_up: float = 3600.0  # seconds for which a missed time is made up
    tags: tuple[str, ...] = ()


class ScheduleState(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The state of a schedule. Times are ISO strings in UTC."""

    paused: bool = False
    note: str | None = None  # why it is paused
    last: str | None = None  # the last time that was handled
    started: int = 0
    skipped: int = 0
    recent: tuple[str, ...] = ()  # workflow ids, newest last
    running: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()  # times whose runs are buffered
    next: str | None = None


class ScheduleCommand(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A command to a schedule."""

    action: str  # pause, resume, trigger, backfill, update, delete
    note: str | None = None
    since: str | None = None
    until: str | None = None
    spec: ScheduleSpec | None = None  # of an update


def zone(name: str) -> tzinfo:
    """Return a time zone.

    Raises:
        InvalidOptionError: there is none of that name.
    """
    try:
        return UTC if name == "UTC" else ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise InvalidOptionError(
            f"there is no time zone {name!r}; write one such as Europe/Paris"
        ) from error


def times(spec: ScheduleSpec, after: datetime) -> Iterator[datetime]:
    """Yield the times of a schedule after a moment, in UTC.

    Raises:
        InvalidOptionError: an expression is invalid, or names no time.
    """
    from cronsim import CronSim, CronSimError  # only those who use schedules need it

    local = after.astimezone(zone(spec.timezone))
    coming: dict[str, tuple[datetime, CronSim]] = {}
    for expression in spec.cron:
        try:
            each = CronSim(expression, local)
            coming[expression] = (next(each).astimezone(UTC), each)
        except CronSimError as error:
            raise InvalidOptionError(
                f"{expression!r} is not a cron expression: {error}; "
                "write minute, hour, day, month and weekday, such as '30 3 * * MON-FRI'"
            ) from error
        except StopIteration:
            raise InvalidOptionError(
                f"the cron expression {expression!r} never comes; check day and month"
            ) from None
    while coming:
        soonest = min(moment for moment, _ in coming.values())
        yield soonest
        for expression, (moment, each) in list(coming.items()):
            if moment == soonest:
                following = next(each, None)
                if following is None:
                    del coming[expression]
                else:
                    coming[expression] = (following.astimezone(UTC), each)


def next_time(spec: ScheduleSpec, after: datetime) -> datetime:
    """Return the first time after a moment; see `times`."""
    return next(times(spec, after))


class _Schedule:
    """One run of a schedule."""

    def __init__(self, spec: ScheduleSpec, state: ScheduleState) -> None:
        self.spec = spec
        self.state = state
        self.last = _moment(state.last) if state.last else now()
        self.waiting = [_moment(text) for text in state.waiting]
        self.children: dict[str, ChildFuture[Any]] = {}
        self.fired = 0

    def describe(self) -> ScheduleState:
        """Return its state."""
        coming = None if self.state.paused else next_time(self.spec, self.last).isoformat()
        return replace(self._saved(), next=coming)

    def _saved(self) -> ScheduleState:
        return replace(
            self.state,
            last=self.last.isoformat(),
            running=tuple(self.children),
            waiting=tuple(moment.isoformat() for moment in self.waiting),
        )

    def run(self) -> None:
        """Start runs and obey commands until it is deleted, or continues as new."""
        commands = signals("command", ScheduleCommand)
        command, timer, due = commands.submit(), None, None
        while True:
            self._collect()
            if self._should_continue():
                command.cancel()
                continue_as_new(self.spec, self._saved())
            if self.state.paused:
                if timer is not None:
                    timer.cancel()
                timer = due = None
            elif timer is None:
                due = next_time(self.spec, self.last)
                timer = start_timer(max(0.0, (due - now()).total_seconds()))
            _first(command, timer, self.children)
            if command.done():
                if not self._obey(command.result()):
                    return
                if command.result().action == "update" and timer is not None:
                    timer.cancel()
                    timer = due = None
                command = commands.submit()
            if timer is not None and due is not None and timer.done():
                timer = None
                self._fire_missed(due)

    def _should_continue(self) -> bool:
        enough = self.fired >= MAX_FIRINGS or workflow_info().continue_as_new_suggested
        return enough and not self.children

    def _fire_missed(self, due: datetime) -> None:
        """Fire for the time that is due, and for missed times within `catch_up`."""
        moment = now()
        earliest = moment - timedelta(seconds=self.spec.catch_up)
        while due <= moment:
            self.last = due
            if due >= earliest:
                self._fire(due)
            else:
                self.state = replace(self.state, skipped=self.state.skipped + 1)
            due = next_time(self.spec, due)

    def _fire(self, moment: datetime) -> None:
        overlap = self.spec.overlap
        if not self.children or overlap is Overlap.ALLOW_ALL:
            self._start(moment)
        elif overlap is Overlap.CANCEL_OTHER:
            for child in self.children.values():
                child.cancel()
            self._start(moment)
        elif overlap is Overlap.BUFFER_ALL or (overlap is Overlap.BUFFER_ONE and not self.waiting):
            self.waiting.append(moment)
        else:
            self.state = replace(self.state, skipped=self.state.skipped + 1)

    def _start(self, moment: datetime) -> None:
        spec = self.spec
        own = workflow_info().workflow_id
        id = first = f"{own.removeprefix('schedule:')}-{moment:%Y-%m-%dT%H:%M:%SZ}"
        number = 1
        while id in self.children or id in self.state.recent:  # two of one second
            number += 1
            id = f"{first}-{number}"
        self.fired += 1
        self.state = replace(
            self.state,
            started=self.state.started + 1,
            recent=(*self.state.recent, id)[-MAX_RECENT:],
        )
        child = child_workflow(spec.workflow, spec.version).options(
            workflow_id=id, task_list=spec.task_list, tags=(own, *spec.tags)
        )
        self.children[id] = child.submit(*spec.args, **spec.kwargs)

    def _collect(self) -> None:
        """Drop the runs that are done, and start a buffered one."""
        self.children = {id: child for id, child in self.children.items() if not child.done()}
        while self.waiting and not self.children:
            self._start(self.waiting.pop(0))

    def _obey(self, command: ScheduleCommand) -> bool:
        """Execute a command; return False if the schedule ends."""
        match command.action:
            case "pause":
                self.state = replace(self.state, paused=True, note=command.note)
            case "resume":
                self.last = now()
                self.state = replace(self.state, paused=False, note=None)
            case "trigger":
                self._start(now())
            case "backfill":
                self._backfill(_moment(command.since or ""), _moment(command.until or ""))
            case "update" if command.spec is not None:
                self.spec, self.last = command.spec, now()
            case "delete":
                return False
        return True

    def _backfill(self, since: datetime, until: datetime) -> None:
        """Start a run for each time, one after the other unless the policy allows all."""
        for moment in between(self.spec, since, until):
            if self.spec.overlap is Overlap.ALLOW_ALL:
                self._start(moment)
            else:
                self.waiting.append(moment)


def between(spec: ScheduleSpec, since: datetime, until: datetime) -> list[datetime]:
    """Return the times of a schedule from `since` up to `until`.

    Raises:
        InvalidOptionError: there are more than a backfill may start.
    """
    found: list[datetime] = []
    for moment in times(spec, since - timedelta(seconds=1)):
        if moment > until:
            break
        found.append(moment)
        if len(found) > MAX_BACKFILL:
            raise InvalidOptionError(
                f"a backfill from {since.isoformat()} would start over {MAX_BACKFILL:,} runs; "
                "do it in parts"
            )
    return found


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _first(
    command: Future[Any], timer: Future[None] | None, children: dict[str, ChildFuture[Any]]
) -> None:
    """Wait until one of them is done."""
    futures: list[Future[Any]] = [command, *children.values()]
    if timer is not None:
        futures.append(timer)
    wait(futures, return_when="FIRST_COMPLETED")


@workflow(name=TYPE, child_policy=ChildPolicy.ABANDON, tags=("schedule",))
def scheduler(spec: ScheduleSpec, state: ScheduleState) -> None:
    """Run a schedule."""
    schedule = _Schedule(spec, state)
    query(schedule.describe, name="describe")
    query(lambda: schedule.spec, name="spec")
    schedule.run()


__all__ = ["Overlap", "ScheduleSpec", "ScheduleState", "scheduler"]
