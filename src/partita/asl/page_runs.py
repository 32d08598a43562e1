"""Run the items of a data set, page by page.

A data set of one page runs like other items. Where there are more, each page runs in a child
workflow of the machine's own type: it reads the page by its position, runs the executions, writes
their results or returns their outputs. So neither a history nor a workflow's memory holds more
than a page, however many items there are. Some pages run at a time: see `page_lanes`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from msgspec.structs import replace

from partita.asl.child_executions import Executions
from partita.asl.concurrency import Control
from partita.asl.failures import StateFailure
from partita.asl.frame import Execution, Frame, Mocks, Scope, Serving, StartPage, timestamp
from partita.asl.item_reader import DataSetOf
from partita.asl.item_readers.data_sets import DataSet
from partita.asl.item_readers.pages import ItemPages, Page
from partita.asl.json_text import PAYLOAD_LIMIT
from partita.asl.map_runs import DistributedRun, MapRun, Select, write_part
from partita.asl.page_lanes import PageLanes
from partita.asl.page_tasks import (
    PageBounds,
    PageResult,
    PageTask,
    page_signal,
    position_signal,
)
from partita.asl.resumption import Part
from partita.asl.states.map import Item, MapState
from partita.asl.states.parallel import ParallelState
from partita.asl.tasks import map_activities
from partita.asl.tasks.calls import call_activity, call_function
from partita.asl.trail import Trail
from partita.authoring.execution import parent, spawn
from partita.authoring.messages import wait_signal
from partita.errors import TaskFailedError
from partita.integrations.objects import TextStore

READ_PARTS = "states:map:read-parts"
"""The activity that returns how far a page's executions were, given its workflows' ids."""


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
        return self.map_run.recorded(frame, lambda run: self._run(frame, run, select))

    def _run(self, frame: Frame, run: MapRun, select: Select) -> Any:
        data_set = self.data_set(frame)
        if not run.known:
            page = call_function(map_activities.read_page, data_set, None)
            if page.next is None:
                return self.map_run.run_items(frame, run, items_of(page, 0), select)
        start = frame.execution.start_page
        if start is None:

            def start(task: PageTask, _workflow_id: str) -> Any:
                return spawn(_executed, self.map_run, frame, task, select)

        return PageLanes(frame, run, self._first_task(frame, run.arn, data_set), start).run()

    def read(self, frame: Frame, data: str) -> list[Item]:
        """Return the items that a file with this content has, as a test of the state gives it.

        Raises:
            StateFailure: they cannot be read.
        """
        data_set = self.data_set(frame)
        if data_set.is_listing:
            data_set = replace(data_set, is_listing=False, key="listing", input_type="JSON")
        pages = ItemPages(TextStore(data), page_items=PAYLOAD_LIMIT, page_bytes=PAYLOAD_LIMIT)
        try:
            page = pages.read(data_set)
        except TaskFailedError as failed:
            raise StateFailure(failed.error, failed.cause) from failed
        if data_set.pointer:
            frame.note("afterItemsPointer", page.items)
        return items_of(page, 0)

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


def items_of(page: Page, first: int) -> list[Item]:
    """Return the items of a page as `$$.Map.Item` shows them; `first` is the first's index."""
    if page.have_keys:
        return [{"Index": first + index, **item} for index, item in enumerate(page.items)]
    return [{"Index": first + index, "Value": item} for index, item in enumerate(page.items)]


def run_page(
    program: Any,
    task: PageTask,
    mocks: Mocks | None,
    serving: Serving | None = None,
    trail: Trail | None = None,
    start_page: StartPage | None = None,
) -> PageResult:
    """Return how a page ends: the body of its workflow, given the machine's program."""
    state = find_map(program, task.location)
    assert isinstance(state.data_set_run, PagedRun)
    frame = _frame(state, task, mocks, serving, trail or Trail())
    frame.execution.start_page = start_page
    map_run = state.data_set_run.map_run
    try:
        if task.redriven:
            found = call_activity(READ_PARTS, task.redriven, None, None)
            frame.parts = msgspec.convert(found, list[Part | None])
        return _executed(map_run, frame, task, lambda item: state.selected(frame, item))
    except StateFailure as raised:
        failure = frame.located(raised)
        return PageResult(error=failure.error or "", cause=failure.cause)


def _executed(map_run: DistributedRun, frame: Frame, task: PageTask, select: Select) -> PageResult:
    """Run the executions for a page."""
    page = call_function(map_activities.read_page, task.data_set, task.position)
    machine = parent()
    if machine is not None:
        signal = position_signal(task.map_run_arn, task.number)
        machine.signal(signal, msgspec.to_builtins(page.next))
    first = 0 if task.position is None else task.position.count
    items, arn = items_of(page, first), task.map_run_arn
    executions = map_run.executions(frame, arn, items, select, page=task.number)
    _run_within(task, executions)
    return _result(task, page, executions)


def _run_within(task: PageTask, executions: Executions) -> None:
    """Run executions within the page's bounds, while these may change."""
    control = Control(task.bounds.concurrency)

    def keep_to(bounds: PageBounds) -> None:
        tolerated = bounds.tolerated
        executions.tolerated = float("inf") if tolerated is None else tolerated
        control.set(bounds.concurrency)

    def listen() -> None:
        while True:
            change = wait_signal(page_signal(task.map_run_arn))
            keep_to(msgspec.convert(change, PageBounds))

    keep_to(task.bounds)
    listener = spawn(listen)
    try:
        executions.run(control, is_changed=True)
    finally:
        listener.cancel()


def _result(task: PageTask, page: Page, executions: Executions) -> PageResult:
    failure, writer = executions.failure, task.writer
    part = outputs = None
    if writer is not None and writer.bucket is not None:
        part = write_part(writer, task.map_run_arn, task.number, executions.results())
    elif failure is None:
        outputs = executions.outputs(writer)
    return PageResult(
        next=page.next,
        executions=executions.tally(of_items=False),
        items=executions.tally(of_items=True),
        outputs=outputs,
        part=part,
        error=None if failure is None else failure.error or "",
        cause=None if failure is None else failure.cause,
    )


def _frame(
    state: MapState, task: PageTask, mocks: Mocks | None, serving: Serving | None, trail: Trail
) -> Frame:
    """Return the visit of the Map state as the machine's own workflow has it."""
    execution = Execution(
        task.identity,
        task.execution_input,
        trail,
        mocks,
        serving,
        started_at=task.started_at,
    )
    scope = Scope()
    scope.assign(task.variables)
    trail.begin(scope)
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
