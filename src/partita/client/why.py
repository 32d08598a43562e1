"""Ask a service for what explains why an execution is not done, and follow its children down.

What follows from the answers is in `views.open_reasons` and `views.closed_reasons`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from typing import TypeVar

from msgspec.structs import replace

from partita import errors
from partita import history as h
from partita.authoring.schedules import TYPE as SCHEDULE
from partita.authoring.schedules import ScheduleSpec, ScheduleState, scheduler
from partita.client.declared import TIMEOUT, stacks_of_code, waits_of_code
from partita.client.messages import Messages
from partita.codec import Converter, decoder
from partita.history.document import ExportedHistory, export
from partita.ports.capabilities import (
    SupportsLimits,
    SupportsObstacles,
    SupportsPauses,
    SupportsWorkerRecords,
    supports,
)
from partita.ports.service import ExecutionDetail, Service, bounds_of
from partita.ports.state import OpenChild, Status
from partita.replay.stacks import CodeStack
from partita.views.closed_reasons import failed_child, verdict_of_closed
from partita.views.durations import until
from partita.views.exported import detail_of
from partita.views.machine_reasons import reason_of_machine
from partita.views.open_reasons import RANKS, TROUBLE, Found, found_as, verdict_of_open
from partita.views.stacks import code_of, stack_of
from partita.views.surroundings import Surroundings
from partita.views.verdicts import Verdict, command

T = TypeVar("T")

_read_state = decoder(ScheduleState)
_read_spec = decoder(ScheduleSpec)

MAX_GENERATIONS = 10
"""Generations of children that are followed down."""

MAX_EXECUTIONS = 50
"""Executions that are asked for one verdict."""

SILENCE = 1.0
"""Seconds after which a worker that does not answer is not asked about further executions."""

MAX_CHILDREN = 20
"""Children of one execution that are asked."""

NEWEST = 300
"""Events that are read from the end of a history."""

MAX_READS = 5
"""Times that an execution is read that goes on while it is."""

_MACHINE = ("PassStateEntered", "TaskStateEntered", "WaitStateEntered", "ChoiceStateEntered",
            "MapStateEntered", "ParallelStateEntered")  # fmt: skip
"""Markers that only a history of AWS Step Functions has."""


def explain(
    service: Service,
    domain: str,
    execution: h.WorkflowExecution,
    *,
    converter: Converter | None = None,
    asks: bool = True,
    replays: bool = False,
) -> Verdict:
    """Return why an execution is not done, or how it ended. Changes nothing.

    If it `asks`, workers are asked where the code waits, which takes seconds where none answers;
    with `replays`, code that was imported here is replayed to see it, if no worker tells.

    Raises:
        ExecutionNotFoundError: there is no such execution.
    """
    inquiry = _Inquiry(service, domain, converter or Converter(), asks=asks, replays=replays)
    return inquiry.verdict(execution)


def how_it_goes(service: Service, domain: str, execution: h.WorkflowExecution) -> str:
    """Return how an open execution goes on, or why it cannot, as the end of a sentence."""
    found = explain(service, domain, execution, asks=False)
    if found.status != "OPEN":
        return ""
    if found.root.code not in TROUBLE:
        return f"; it goes on: {found.reason}"
    is_told = not found.next or found.next in found.reason
    return f": {found.reason}" + ("" if is_told else f"; next: {found.next}")


def explained(history: ExportedHistory, converter: Converter | None = None) -> Verdict:
    """Return why the run of an exported history was not done at its last event, or how it ended."""
    detail = detail_of(history)
    if detail.info.status is not Status.OPEN:
        return verdict_of_closed(detail.info, history.events)
    stacks: Sequence[CodeStack] = ()
    if detail.decision is None and code_of(history.workflow_type) is not None:
        with suppress(errors.PartitaError):  # the code does not fit: then it does not tell
            stacks = stack_of(history, None, converter).stacks
    now = history.events[-1].event_timestamp
    around = Surroundings(now=now, events=history.events, stacks=stacks)
    return verdict_of_open(detail, around, [_child(one, None) for one in detail.children])


class _Inquiry:
    """One question to a service, and what was asked once for all executions in it."""

    def __init__(
        self, service: Service, domain: str, converter: Converter, *, asks: bool, replays: bool
    ) -> None:
        self._service = service
        self._domain = domain
        self._converter = converter
        self._asks = asks
        self._replays = replays
        self._left = MAX_EXECUTIONS
        clock: Callable[[], float] = getattr(
            service, "current_time", time.time
        )  # a test may set it
        self._now = clock()
        self._around: Surroundings | None = None

    def verdict(
        self, execution: h.WorkflowExecution, generations: int = MAX_GENERATIONS
    ) -> Verdict:
        """Return the verdict on an execution."""
        self._left -= 1
        detail, events = self._read(execution)
        exact = h.WorkflowExecution(detail.info.workflow_id, detail.info.run_id)
        if detail.info.status is not Status.OPEN:
            return self._closed(detail, events, generations)
        around = self._surroundings(detail, exact, events)
        extra = [*self._children(detail, generations), *self._schedule(detail, around)]
        if any(isinstance(one, h.MarkerRecorded) and one.marker_name in _MACHINE for one in events):
            extra.append(reason_of_machine(detail.info.workflow_id, events, self._now))
        return verdict_of_open(detail, around, extra)

    def _read(self, execution: h.WorkflowExecution) -> tuple[ExecutionDetail, list[h.AnyEvent]]:
        """Return how an execution stands, and its newest events, as of the same moment."""
        for _ in range(MAX_READS):
            detail = self._service.describe(self._domain, execution)
            exact = h.WorkflowExecution(detail.info.workflow_id, detail.info.run_id)
            first = max(0, detail.info.event_count - NEWEST)
            events = self._service.history(self._domain, exact, after=first)
            if not events or events[-1].event_id <= detail.info.event_count:
                break  # or else it has gone on since
        return detail, events

    def _closed(
        self, detail: ExecutionDetail, events: Sequence[h.AnyEvent], generations: int
    ) -> Verdict:
        child = failed_child(events) if detail.info.status is Status.FAILED else None
        cause = None
        if child is not None and generations and self._left > 0:
            cause = _if_there(lambda: self.verdict(child, generations - 1))
            if cause is not None and cause.status == "OPEN":  # its id was used again
                cause = None
        return verdict_of_closed(detail.info, events, cause)

    # -- open ones

    def _surroundings(
        self, detail: ExecutionDetail, exact: h.WorkflowExecution, events: list[h.AnyEvent]
    ) -> Surroundings:
        if self._around is None:
            self._around = self._known()
        stacks, waits = self._code(detail, exact)
        started = [one.started_event_id for one in detail.activities if one.started_event_id]
        older = min(started, default=0)
        if events and 0 < older < events[0].event_id and self._around.workers is None:
            events = self._service.history(self._domain, exact, after=older - 1)
        known = self._around
        return Surroundings(
            now=self._now,
            events=events,
            workers=known.workers,
            limits=known.limits,
            pauses=known.pauses,
            obstacle=known.obstacle,
            stacks=stacks,
            waits=waits,
        )

    def _known(self) -> Surroundings:
        """Return what is the same for all executions of the domain."""
        service, domain = self._service, self._domain
        return Surroundings(
            now=self._now,
            workers=service.living_workers() if supports(service, SupportsWorkerRecords) else None,
            limits=service.limits(domain) if supports(service, SupportsLimits) else {},
            obstacle=service.obstacle() if supports(service, SupportsObstacles) else None,
            pauses=service.pauses(domain) if supports(service, SupportsPauses) else (),
        )

    def _code(
        self, detail: ExecutionDetail, exact: h.WorkflowExecution
    ) -> tuple[Sequence[CodeStack], Sequence[str]]:
        """Return where the code waits, or at least for what; nothing if nobody tells."""
        if detail.decision is not None:
            return (), ()
        workers = None if self._around is None else self._around.workers
        if self._asks and (workers is None or workers):
            begun = time.monotonic()
            stacks = stacks_of_code(self._service, self._domain, exact)
            if stacks is not None:
                return stacks, ()
            self._asks = time.monotonic() - begun < SILENCE
            asks = workers and self._asks
            waits = waits_of_code(self._service, self._domain, exact) if asks else None
            if waits is not None:
                return (), waits
        if not self._replays or code_of(detail.info.workflow_type) is None:
            return (), ()
        return self._replayed(exact), ()

    def _replayed(self, exact: h.WorkflowExecution) -> Sequence[CodeStack]:
        history = export(self._domain, exact, self._service.history(self._domain, exact))
        try:
            return stack_of(history, None, self._converter, bounds_of(self._service)).stacks
        except errors.PartitaError:  # the code does not fit: then it does not tell
            return ()

    def _children(self, detail: ExecutionDetail, generations: int) -> Iterator[Found]:
        for child in detail.children[:MAX_CHILDREN]:
            found = None
            if generations and self._left > 0:
                found = _if_there(lambda: self.verdict(child.execution, generations - 1))  # noqa: B023
            yield _child(child, found)

    # -- executions of their own kind

    def _schedule(self, detail: ExecutionDetail, around: Surroundings) -> Iterator[Found]:
        """Return how a schedule stands."""
        if detail.info.workflow_type.name != SCHEDULE or detail.decision is not None:
            return
        id = detail.info.workflow_id.partition(":")[2] or detail.info.workflow_id
        try:
            state = self._answer(detail, "describe", _read_state)
            spec = self._answer(detail, "spec", _read_spec)
        except errors.PartitaError:
            return
        if state.paused:
            note = f": {state.note}" if state.note else ""
            yield found_as(
                "SCHEDULE_PAUSED",
                f"schedule {id} is paused{note}",
                command("schedule", "resume", id),
                schedule=id,
                note=state.note,
            )
        elif state.next is not None:
            at = datetime.fromisoformat(state.next).timestamp()
            yield found_as(
                "SCHEDULE_WAITS",
                f"schedule {id} starts {spec.workflow} next at {until(at, around.now)}",
                command("schedule", "preview", id),
                schedule=id,
                next_at=at,
            )

    def _answer(self, detail: ExecutionDetail, query: str, read: Callable[[str], T]) -> T:
        """Return what a schedule's code answers."""
        messages = Messages(self._service, self._domain, self._converter, time.monotonic)
        exact = h.WorkflowExecution(detail.info.workflow_id, detail.info.run_id)
        payload = messages.payload((), None, "no arguments")
        given = messages.query(exact, query, payload, scheduler, TIMEOUT)
        answer: T = self._converter.load(self._converter.dump(given), read, "a schedule")
        return answer


def _child(child: OpenChild, found: Verdict | None) -> Found:
    name = f"child {child.execution.workflow_id}"
    if found is None:
        reason, next = f"it waits for {name}", command("why", child.execution.workflow_id)
    elif found.status != "OPEN":
        reason, next = f"{name} has ended, which it has not been told yet", found.next
    else:
        reason = f"it waits for {name}, which is not done because {found.reason}"
        next = found.next
    made = found_as(
        "CHILD",
        reason,
        next,
        found,
        child_id=child.execution.workflow_id,
        child_type=child.workflow_type.name,
        root=None if found is None else found.root.code,
    )
    is_trouble = found is not None and found.root.code in TROUBLE
    return replace(made, rank=RANKS["LOST_LEASE"]) if is_trouble else made


def _if_there(ask: Callable[[], T]) -> T | None:
    """Return an answer; None if what was asked for is gone."""
    try:
        return ask()
    except errors.ExecutionNotFoundError:
        return None
