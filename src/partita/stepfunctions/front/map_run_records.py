"""Find the runs of distributed Map states and their child executions, and tell how they stand.

What a run has done is a part of the projection of its execution's history. Items that are read in
several pages run in workflows of their own; those are projected when somebody asks for their child
executions. The name of such an execution begins with the number of its page.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec import Struct

from partita.asl.child_executions import mark_of
from partita.asl.page_lanes import PageRun
from partita.ports.state import ExecutionFilter, Status
from partita.ports.store import Record
from partita.stepfunctions import arns
from partita.stepfunctions.execution.beginning import DOMAIN, WORKFLOW_TYPE
from partita.stepfunctions.execution.projection import project
from partita.stepfunctions.execution.recorder import ChildTrail, RecordedEvent, Recorder
from partita.stepfunctions.execution.records import stop_date
from partita.stepfunctions.faults import ExecutionDoesNotExist, ResourceNotFound
from partita.stepfunctions.front.executions import machine_name, name_of, read_executions
from partita.stepfunctions.front.front import Front

_BEGINS = ("MapRunStarted", "MapRunRedriven")
_ENDS = {"MapRunSucceeded": "SUCCEEDED", "MapRunFailed": "FAILED"}
_CHILD_ENDS = {
    "ExecutionSucceeded": "SUCCEEDED",
    "ExecutionFailed": "FAILED",
    "ExecutionAborted": "ABORTED",
}

Place = tuple[int, int]
"""Where a child execution is among those of a run: its page, and its number there."""


class MapRun(Struct, frozen=True):
    """A run, and the execution that it is a part of."""

    record: Record  # of the workflow in which it runs
    recorder: Recorder  # of the execution that it is a part of
    execution_arn: str  # of that
    started: RecordedEvent
    redriven: list[RecordedEvent]
    ended: RecordedEvent | None  # since it was redriven last

    @property
    def arn(self) -> str:
        """The run's ARN."""
        text: str = self.started.details["mapRunArn"]
        return text

    @property
    def is_open(self) -> bool:
        """Whether it runs."""
        return self.ended is None and self.record.progress.status is Status.OPEN

    @property
    def status(self) -> str:
        """How the run stands."""
        if self.ended is not None:
            return _ENDS[self.ended.type]
        return "RUNNING" if self.is_open else "ABORTED"

    @property
    def stopped_at(self) -> float | None:
        """When it ended, in seconds since the epoch."""
        return stop_date(self.record) if self.ended is None else self.ended.at

    @property
    def pages(self) -> list[PageRun]:
        """The pages of its items; none if they are in the execution's own workflow."""
        return list(self.recorder.pages.get(self.arn, ()))

    @property
    def length(self) -> int:
        """The number of items; 0 if it is not known from the state's input."""
        started = self.recorder.events[self.started.previous - 1]
        return int(started.details.get("length") or 0)


class Child(Struct, frozen=True):
    """A child execution of a run."""

    place: Place
    record: Record  # of the workflow in which it runs
    told: ChildTrail


def child_status(run: MapRun, child: ChildTrail) -> str:
    """Return how a child execution of a run stands."""
    last = child.trail.events[-1]
    status = _CHILD_ENDS.get(last.type, "RUNNING")
    is_unsuccessful = status not in ("RUNNING", "SUCCEEDED")
    if is_unsuccessful and run.is_open and run.redriven and last.at <= run.redriven[-1].at:
        return "PENDING_REDRIVE"
    return status


def redrive_events(child: ChildTrail) -> list[RecordedEvent]:
    """Return the events of a child execution's redrives."""
    return [one for one in child.trail.events if one.type == "ExecutionRedriven"]


def runs_of(front: Front, record: Record) -> Iterator[MapRun]:
    """Yield the runs of an execution, in the order of their beginning."""
    recorder = project(front.committed, record, front.token)
    arn = front.names.arn(arns.EXECUTION, machine_name(record), name_of(record))
    return runs_in(record, recorder, arn)


def runs_in(record: Record, recorder: Recorder, execution_arn: str) -> Iterator[MapRun]:
    """Yield the runs of an execution or a child execution."""
    found: dict[str, list[RecordedEvent]] = {}
    for event in recorder.events:
        if event.type in _BEGINS:
            found.setdefault(event.details["mapRunArn"], []).append(event)
    for started, *redriven in found.values():
        last = redriven[-1] if redriven else started
        ends = (one for one in recorder.events[last.id :] if one.previous == last.id)
        ended = next((one for one in ends if one.type in _ENDS), None)
        yield MapRun(record, recorder, execution_arn, started, redriven, ended)


def _runs_of_machine(front: Front, path: str, id: str) -> Iterator[MapRun]:
    """Yield the runs of a machine's executions, first of those that the UUID seems to be of.

    `path` is `MACHINE/LABEL`, or `MACHINE/LABEL/LABEL` of a Map state within another.
    """
    machine, *labels = path.split("/")
    filter = ExecutionFilter(domain=DOMAIN, type_name=WORKFLOW_TYPE.name, tag=machine, limit=100)
    newest: dict[str, Record] = {}  # the newest run shows those before it
    for record in read_executions(front, filter):
        newest.setdefault(record.execution.workflow_id, record)
    for record in sorted(newest.values(), key=lambda one: not _is_marked(one, id)):
        for run in runs_of(front, record):
            yield from _runs_below(front, run, len(labels) - 1)


def _is_marked(record: Record, id: str) -> bool:
    return id[9:13] == mark_of(record.execution.workflow_id)


def _runs_below(front: Front, run: MapRun, depth: int) -> Iterator[MapRun]:
    """Yield a run, or those of its child executions at a depth."""
    if depth <= 0:
        yield run
        return
    for child in children_of(front, run):
        arn = f"{child_prefix(run)}:{child.told.name}"
        for inner in runs_in(child.record, child.told.trail, arn):
            yield from _runs_below(front, inner, depth - 1)


def child_prefix(run: MapRun) -> str:
    """Return what the ARNs of a run's child executions begin with, without the last colon."""
    return run.arn.rpartition(":")[0].replace(":mapRun:", ":execution:")


def find_run(front: Front, arn: str) -> MapRun:
    """Return a run. Raises ResourceNotFound."""
    parsed = front.names.parse(arn, arns.MAP_RUN)
    for run in _runs_of_machine(front, parsed.name, parsed.rest):
        if run.arn == arn:
            return run
    raise ResourceNotFound(arn)


def children_of(front: Front, run: MapRun, before: Place | None = None) -> Iterator[Child]:
    """Yield the child executions of a run, last ones first, from those before a place on."""
    pages = run.pages if before is None else run.pages[: before[0] + 1]
    for page in reversed(pages):
        yield from _earlier(children_in(front, page), before)
    own = (one for one in run.recorder.children if one.map_run == run.arn)
    children = (Child((0, number), run.record, one) for number, one in enumerate(own))
    yield from _earlier(children, before)


def _earlier(children: Iterable[Child], before: Place | None) -> Iterator[Child]:
    return reversed([one for one in children if before is None or one.place < before])


def children_in(front: Front, page: PageRun) -> Iterator[Child]:
    """Yield the child executions of a page."""
    found = (front.committed.find(DOMAIN, one, None) for one in page.workflow_ids)
    record = next(filter(None, found), None)
    if record is not None:
        recorder = project(front.committed, record, front.token)
        for number, child in enumerate(recorder.children):
            yield Child((page.number, number), record, child)


def find_child(front: Front, text: str) -> tuple[MapRun, Child]:
    """Return a child execution and its run. Raises ExecutionDoesNotExist."""
    arn = front.names.parse(text, arns.EXECUTION)
    for run in _runs_of_machine(front, arn.name, arn.rest):
        if child_prefix(run).endswith(f":{arn.name}"):
            for child in _candidates(front, run, arn.rest):
                if child.told.name == arn.rest:
                    return run, child
    raise ExecutionDoesNotExist(arn.rest)


def _candidates(front: Front, run: MapRun, name: str) -> Iterator[Child]:
    """Yield the child executions of a run that may have a name."""
    pages = run.pages
    if not pages:
        yield from children_of(front, run)
        return
    number = int(name[:8], 16) if _is_hexadecimal(name[:8]) else len(pages)
    if number < len(pages):
        yield from children_in(front, pages[number])


def _is_hexadecimal(text: str) -> bool:
    return len(text) == 8 and all(one in "0123456789abcdef" for one in text)
