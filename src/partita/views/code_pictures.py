"""Draw a run on the source of its workflow, whose code is imported here.

The history is replayed to find the lines that ran. What the compiler would refuse is drawn as the
source has it. Asks no service.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from typing import Any

from msgspec import Struct

from partita import history as h
from partita.authoring.registry import known
from partita.authoring.workflow import WorkflowDefinition
from partita.codec import Converter
from partita.compile.pictures import picture
from partita.compile.workflow_source import WorkflowSource, source_of
from partita.compile.workflows import drawable
from partita.graph import Step, Structure
from partita.history.document import ExportedHistory
from partita.history.failure import Failure
from partita.ports.service import UNBOUNDED, Bounds
from partita.replay.compatibility import check_readable
from partita.replay.courses import Course
from partita.replay.replayer import Replayer
from partita.replay.stacks import CodeStack
from partita.views.failures import places_of
from partita.views.run_steps import run_steps
from partita.views.source_pictures import RunLines, boxes_of, by_line, on_source
from partita.views.stacks import code_of
from partita.views.standing import reason

COMPILED = "stepfunctions"
"""The version of the types of compiled workflows, whose steps tell their lines."""


def workflow_of(workflow_type: h.WorkflowType) -> WorkflowDefinition[..., Any] | None:
    """Return the code of a type that is imported here; of a compiled one, what it was made of."""
    found = code_of(workflow_type)
    if found is None and workflow_type.version == COMPILED:
        named = [
            one for one in known(WorkflowDefinition) if one.workflow_type.name == workflow_type.name
        ]
        found = named[0] if named else None
    return found


class SourceLine(Struct, frozen=True):
    """A line of a workflow's source, and what became of it in a run."""

    number: int
    text: str
    status: str = ""  # as of a box; `ran` where a line has none, and `unreached`
    note: str = ""


class RunOnSource(Struct, frozen=True):
    """A run on the source of its workflow."""

    path: str
    picture: Structure
    lines: tuple[SourceLine, ...]


def picture_on_source(
    history: ExportedHistory,
    workflow: WorkflowDefinition[..., Any],
    *,
    converter: Converter | None = None,
    bounds: Bounds = UNBOUNDED,
    now: float | None = None,
) -> Structure:
    """Return what to draw of a run of a workflow; raises what `run_on_source` raises."""
    found = run_on_source(history, workflow, converter=converter, bounds=bounds, now=now)
    return found.picture


def run_on_source(
    history: ExportedHistory,
    workflow: WorkflowDefinition[..., Any],
    *,
    converter: Converter | None = None,
    bounds: Bounds = UNBOUNDED,
    now: float | None = None,
) -> RunOnSource:
    """Return a run on the source of its workflow: a picture, and the lines.

    Raises:
        UnsupportedError: the workflow is no function in a file, or that has changed.
        NonDeterminismError: the code does not fit the history.
        InvalidInputError: a payload needs a codec that is not here.
    """
    source = source_of(workflow)
    _, node = source.parsed()
    first, last = node.lineno, node.end_lineno
    course, stacks = _followed(history, workflow, source, converter or Converter(), bounds)
    steps = run_steps(history.events, now)
    structure = picture(drawable(workflow))
    places = {} if course is None else course.places
    lines = RunLines(
        steps=by_line(steps, places, structure, range(first, last + 1)),
        runs=None if course is None else _runs(course, node),
        waits=frozenset(_waits(stacks, source.path)) if history.is_open else frozenset(),
        failed=_failed(history, source.path, first, last),
        reason=reason(history.events) or "",
    )
    drawn = Structure(history.execution.workflow_id, on_source(structure, lines).flow)
    begin = min([first, *(one.lineno for one in node.decorator_list)])
    numbered = list(enumerate(source.text.splitlines(), 1))[begin - 1 : last]
    return RunOnSource(source.path, drawn, tuple(_lines(numbered, drawn, course, node)))


def _lines(
    numbered: list[tuple[int, str]], drawn: Structure, course: Course | None, node: ast.AST
) -> Iterator[SourceLine]:
    """Yield lines with what became of them: that of their boxes, or whether they ran."""
    boxes: dict[int, list[Step]] = {}
    for box in boxes_of(drawn.flow):
        boxes.setdefault(box.line, []).append(box)
    begun = {one.lineno for one in ast.walk(node) if isinstance(one, ast.stmt)} - {node.lineno}  # type: ignore[attr-defined]
    for number, text in numbered:
        found = [one for one in boxes.get(number, []) if one.status]
        if found:
            status = min((one.status for one in found), key=_RANKS.index)
            yield SourceLine(number, text, status, "; ".join(one.note for one in found if one.note))
        elif course is not None and number in begun:
            yield SourceLine(number, text, "ran" if course.lines.get(number) else "unreached")
        else:
            yield SourceLine(number, text)


_RANKS = ("failed", "running", "waiting", "canceled", "succeeded", "unreached")


def _followed(
    history: ExportedHistory,
    workflow: WorkflowDefinition[..., Any],
    source: WorkflowSource,
    converter: Converter,
    bounds: Bounds,
) -> tuple[Course | None, list[CodeStack]]:
    """Return what a replay runs, and where it waits; None for what is not replayed."""
    if workflow.workflow_type != history.workflow_type or not workflow.is_replayed:
        return None, []
    check_readable(workflow, history, converter)
    replayer = Replayer([workflow], converter=converter, bounds=bounds)
    file = source.function.__code__.co_filename
    return replayer.course(history.execution, history.workflow_type, history.events, file)


def _runs(course: Course, node: ast.AST) -> Callable[[int], int]:
    """Return what tells how often the statement that begins in a line began to run."""
    ends: dict[int, int] = {}
    for one in ast.walk(node):
        if isinstance(one, ast.stmt):
            body = getattr(one, "body", None)
            last = body[0].lineno - 1 if body else one.end_lineno
            ends[one.lineno] = max(one.lineno, last or one.lineno)
    return lambda line: course.runs(line, ends.get(line, line))


def _waits(stacks: list[CodeStack], path: str) -> list[int]:
    """Return the lines of a file at which code waits."""
    return [frame.line for stack in stacks for frame in stack.frames if frame.file == path]


def _failed(history: ExportedHistory, path: str, first: int, last: int) -> int:
    """Return the line of a function that raised what a run failed with; 0: it is not known."""
    match history.events[-1]:
        case h.WorkflowExecutionFailed(details=details, reason=kind):
            places = places_of(Failure.load(details, kind).traceback)
            found = [one.line for one in places if one.file == path and first <= one.line <= last]
            return found[-1] if found else 0
    return 0
