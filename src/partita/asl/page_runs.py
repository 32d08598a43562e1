"""Run the items of a data set, page by page.

A data set of one page runs like other items. Where there are more, each page runs in a child
workflow of the machine's own type: it reads the page by its position, runs the executions, writes
their results or returns their outputs. So neither a history nor a workflow's memory holds more
than a page, however many items there are. One page runs after the other.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct

from partita.asl.failures import StateFailure, too_large
from partita.asl.frame import Execution, Frame, Identity, Mocks, Scope, Serving, timestamp
from partita.asl.item_reader import DataSetOf
from partita.asl.item_readers.data_sets import DataSet
from partita.asl.item_readers.pages import Page, Position
from partita.asl.json_text import PAYLOAD_LIMIT, json_text
from partita.asl.map_runs import (
    DistributedRun,
    Executions,
    Select,
    too_many_failed,
    write_manifest,
    write_part,
)
from partita.asl.result_writers import Part, Writer
from partita.asl.states.map import Item, MapState
from partita.asl.states.parallel import ParallelState
from partita.asl.tasks import map_activities
from partita.asl.tasks.calls import call_function, failure_of
from partita.asl.trail import Trail
from partita.errors import CancelledError


class PageTask(Struct, frozen=True, kw_only=True):
    """What the workflow of a page is given. Plain data."""

    location: str  # of the Map state in the definition
    identity: Identity
    started_at: str  # the execution, as AWS writes times
    execution_input: Any
    input: Any  # of the state
    entered_at: str
    entered_id: int
    retries: int | None
    variables: dict[str, Any]
    map_run_arn: str
    data_set: DataSet
    writer: Writer | None
    position: Position | None = None
    number: int = 0  # of the page
    tolerated: float | None = None  # executions that may fail; None: any number


class PageResult(Struct, frozen=True, kw_only=True):
    """How a page has ended. Plain data."""

    next: Position | None
    count: int  # executions
    failed: int
    outputs: Any = None  # unless they are written
    part: Part | None = None
    error: str | None = None  # of the run, if too many have failed
    cause: str | None = None


@dataclass(frozen=True)
class PagedRun:
    """How a distributed Map state runs the items that its ItemReader reads."""

    map_run: DistributedRun
    data_set: DataSetOf
    location: str  # of the state in the definition

    def run(self, frame: Frame, select: Select) -> Any:
        """Return the outputs of the executions, in the order of the items, or where they are.

        Raises:
            StateFailure: the items cannot be read, or more executions fail than are tolerated.
        """
        return self.map_run.recorded(frame, lambda arn: self._run(frame, arn, select))

    def _run(self, frame: Frame, arn: str, select: Select) -> Any:
        data_set = self.data_set(frame)
        page = call_function(map_activities.read_page, data_set, None)
        if page.next is None:
            return self.map_run.run_items(frame, arn, items_of(page, 0), select)
        return self._run_pages(frame, self._first_task(frame, arn, data_set), select)

    def _run_pages(self, frame: Frame, task: PageTask, select: Select) -> Any:
        tolerance = self.map_run.tolerance
        done = _Done(task, tolerance.limit(frame, None))
        try:
            while not done.is_last:
                done.add(frame, self._run_page(frame, done.next_task(), select))
            if done.failed > tolerance.limit(frame, done.count):
                raise too_many_failed()
        except StateFailure:
            if done.parts:
                done.manifest()
            raise
        return done.manifest() if done.is_written else done.outputs

    def _run_page(self, frame: Frame, task: PageTask, select: Select) -> PageResult:
        if frame.execution.run_page is None:
            return _executed(self.map_run, frame, task, select)
        try:
            found = frame.execution.run_page(task)
        except CancelledError:
            raise
        except Exception as error:
            raise failure_of(error) from error
        result = msgspec.convert(found, PageResult)
        frame.execution.trail.add_page(task.map_run_arn, result.count, result.failed)
        return result

    def _first_task(self, frame: Frame, arn: str, data_set: DataSet) -> PageTask:
        known = frame.execution.context()["Execution"]
        return PageTask(
            location=self.location,
            identity=frame.execution.identity,
            started_at=known["StartTime"],
            execution_input=known["Input"],
            input=frame.raw,
            entered_at=timestamp(frame.entered_at),
            entered_id=frame.entered_id,
            retries=frame.retries,
            variables=dict(frame.variables),
            map_run_arn=arn,
            data_set=data_set,
            writer=None if self.map_run.writer is None else self.map_run.writer(frame),
        )


@dataclass
class _Done:
    """What the pages so far have come to."""

    first_task: PageTask
    tolerated: float
    position: Position | None = None  # of the next page
    pages: int = 0
    count: int = 0
    failed: int = 0
    outputs: Any = None
    parts: list[Part] = field(default_factory=list)
    size: int = 0

    @property
    def is_last(self) -> bool:
        """Whether there is no other page."""
        return self.pages > 0 and self.position is None

    @property
    def is_written(self) -> bool:
        """Whether the results go to a place of their own."""
        return self.first_task.writer is not None and self.first_task.writer.bucket is not None

    def next_task(self) -> PageTask:
        """Return the task of the next page."""
        left = self.tolerated - self.failed
        return msgspec.structs.replace(
            self.first_task,
            position=self.position,
            number=self.pages,
            tolerated=None if left == float("inf") else left,
        )

    def manifest(self) -> Any:
        """Write the manifest of the results; return the state's output."""
        assert self.first_task.writer is not None
        return write_manifest(self.first_task.writer, self.first_task.map_run_arn, self.parts)

    def add(self, frame: Frame, result: PageResult) -> None:
        """Add a page.

        Raises:
            StateFailure: too many executions have failed, or the outputs are too large.
        """
        self.pages += 1
        self.position = result.next
        self.count += result.count
        self.failed += result.failed
        if result.part is not None:
            self.parts.append(result.part)
        if result.error is not None:
            raise StateFailure(result.error, result.cause)
        self._add_outputs(frame, result.outputs)

    def _add_outputs(self, frame: Frame, outputs: Any) -> None:
        if outputs is None:
            return
        self.size += len(json_text(outputs).encode())
        if self.size > PAYLOAD_LIMIT:
            raise too_large(frame.name)
        if self.outputs is None:
            self.outputs = outputs
        elif isinstance(outputs, str):  # JSON lines
            self.outputs = "\n".join(part for part in (self.outputs, outputs) if part)
        else:
            self.outputs += outputs


def items_of(page: Page, first: int) -> list[Item]:
    """Return the items of a page as `$$.Map.Item` shows them; `first` is the first's index."""
    if page.have_keys:
        return [{"Index": first + index, **item} for index, item in enumerate(page.items)]
    return [{"Index": first + index, "Value": item} for index, item in enumerate(page.items)]


def run_page(
    program: Any, task: PageTask, mocks: Mocks | None, serving: Serving | None = None
) -> PageResult:
    """Return how a page ends: the body of its workflow, given the machine's program."""
    state = find_map(program, task.location)
    assert isinstance(state.data_set_run, PagedRun)
    frame = _frame(state, task, mocks, serving)
    map_run = state.data_set_run.map_run
    try:
        return _executed(map_run, frame, task, lambda item: state.selected(frame, item))
    except StateFailure as raised:
        failure = frame.located(raised)
        error = failure.error or ""
        return PageResult(next=None, count=0, failed=0, error=error, cause=failure.cause)


def _executed(map_run: DistributedRun, frame: Frame, task: PageTask, select: Select) -> PageResult:
    """Run the executions for a page."""
    page = call_function(map_activities.read_page, task.data_set, task.position)
    first = 0 if task.position is None else task.position.count
    tolerated = float("inf") if task.tolerated is None else task.tolerated
    return _result(task, page, map_run.execute(frame, items_of(page, first), select, tolerated))


def _result(task: PageTask, page: Page, executions: Executions) -> PageResult:
    failure, writer = executions.failure, task.writer
    part = outputs = None
    if writer is not None and writer.bucket is not None:
        part = write_part(writer, task.map_run_arn, task.number, executions.results())
    elif failure is None:
        outputs = executions.outputs(writer)
    return PageResult(
        next=page.next,
        count=executions.count,
        failed=executions.failed,
        outputs=outputs,
        part=part,
        error=None if failure is None else failure.error or "",
        cause=None if failure is None else failure.cause,
    )


def _frame(state: MapState, task: PageTask, mocks: Mocks | None, serving: Serving | None) -> Frame:
    """Return the visit of the Map state as the machine's own workflow has it."""
    execution = Execution(
        task.identity,
        task.execution_input,
        Trail(),
        mocks,
        serving,
        started_at=task.started_at,
    )
    scope = Scope()
    scope.assign(task.variables)
    frame = Frame(execution, scope, state.name, task.input)
    frame.entered_at = datetime.fromisoformat(task.entered_at)
    frame.entered_id = task.entered_id
    frame.retries = task.retries
    state.flow.begin(frame)
    return frame


def find_map(program: Any, location: str) -> MapState:
    """Return the Map state at a location of the definition."""
    found = _find(program, location)
    assert found is not None, location
    return found


def _find(program: Any, location: str) -> MapState | None:
    for state in program.states.values():
        if isinstance(state, MapState):
            if isinstance(state.data_set_run, PagedRun) and state.data_set_run.location == location:
                return state
            programs = [state.program]
        else:
            programs = state.branches if isinstance(state, ParallelState) else []
        for inner in programs:
            found = _find(inner, location)
            if found is not None:
                return found
    return None
