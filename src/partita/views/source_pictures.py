"""Draw what a run has done on the structure of its source.

Pure: a structure, steps and the lines of both in; the structure with states out. The lines come
from a replay (`partita.replay.courses`), or from the names of a compiled machine's states.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from msgspec import Struct

from partita.graph import Cycle, Flow, Part, Region, Step, Structure, Ways
from partita.views.run_pictures import note_of, status_of
from partita.views.run_steps import RunStep

_LINE = re.compile(r" \(line (\d+)[^()]*\)\Z")


class RunLines(Struct, frozen=True, kw_only=True):
    """What a run has done, by the lines of its source."""

    steps: Mapping[int, Sequence[RunStep]]  # by the line that asked for them
    runs: Callable[[int], int] | None = None  # how often a line's statement began; None: unknown
    waits: frozenset[int] = frozenset()  # where the code waits
    failed: int = 0  # the line that raised what the run failed with; 0: none
    reason: str = ""  # why it failed


def line_of_place(step: RunStep) -> int:
    """Return the line in the place of a step of a compiled workflow; 0: it has none."""
    found = _LINE.search(step.place)
    return int(found[1]) if found else 0


def by_line(
    steps: Sequence[RunStep],
    places: Mapping[int, Sequence[int]],
    structure: Structure,
    within: range,
) -> dict[int, list[RunStep]]:
    """Return steps by the lines that asked for them: those of boxes, or lines of the function.

    `places` are the lines that led to an event, by its number, the innermost first; `within` are
    the lines of the function. The code of others is in boxes of its own where it is compiled.
    """
    rows = {box.line for box in boxes_of(structure.flow)}
    found: dict[int, list[RunStep]] = {}
    for step in steps:
        lines = places.get(step.event_id) or (line_of_place(step),)
        line = next((one for one in lines if one in rows or one in within), 0)
        if line:
            found.setdefault(line, []).append(step)
    return found


def on_source(structure: Structure, lines: RunLines) -> Structure:
    """Return a structure whose boxes say what became of their lines."""
    return Structure(structure.label, _Overlay(structure, lines).flow(structure.flow))


class _Overlay:
    """Gives boxes their states."""

    def __init__(self, structure: Structure, lines: RunLines) -> None:
        self._lines = lines
        boxes = list(boxes_of(structure.flow))
        self._rows = sorted({box.line for box in boxes if box.line})
        self._names = {(box.line, box.label) for box in boxes}
        self._steps: dict[int, list[RunStep]] = {}
        for line, steps in lines.steps.items():
            self._steps.setdefault(self._row(line), []).extend(steps)
        self._waits = {self._row(line) for line in lines.waits}
        self._failed = self._row(lines.failed) if lines.failed else 0

    def _row(self, line: int) -> int:
        """Return the line of the box that a line belongs to."""
        place = bisect_right(self._rows, line)
        return self._rows[place - 1] if place else 0

    def flow(self, flow: Flow) -> Flow:
        """Return a flow with states."""
        return tuple(map(self._part, flow))

    def _part(self, part: Part) -> Part:
        match part:
            case Step():
                return self._step(part)
            case Ways(test=test, flows=flows):
                return Ways(
                    self._step(test), tuple((label, self.flow(one)) for label, one in flows)
                )
            case Cycle(test=test, body=body, after=after):
                return Cycle(self._step(test), self.flow(body), self.flow(after))
            case Region(title=title, body=body, handlers=handlers, final=final):
                found = tuple((label, self.flow(one)) for label, one in handlers)
                return Region(self._step(title), self.flow(body), found, self.flow(final))

    def _step(self, step: Step) -> Step:
        inner = tuple(map(self.flow, step.inner))
        steps, runs = self._steps_of(step), self._runs(step.line)
        status, note = status_of(steps), note_of(steps) if steps else ""
        if step.line and step.line == self._failed and status != "failed":
            status, note = "failed", self._lines.reason
        elif step.line in self._waits and status in ("", "succeeded"):
            status, note = "waiting", note or "it waits here"
        elif not steps and runs == 0:
            status = "unreached"
        elif not steps and runs:
            status = "" if step.kind in ("pass", "choice", "region", "jump") else "succeeded"
            note = f"{runs:,} times" if runs > 1 and step.kind != "region" else ""
        return replace(step, inner=inner, status=status, note=note)

    def _steps_of(self, step: Step) -> list[RunStep]:
        """Return the steps of a box: those of its name, where boxes share a line."""
        found = self._steps.get(step.line, []) if step.line else []
        named = [one for one in found if one.name == step.label]
        if named or step.kind == "task":
            return named or [one for one in found if (step.line, one.name) not in self._names]
        return [] if step.kind in ("pass", "choice", "region") else found

    def _runs(self, line: int) -> int | None:
        """Return how often the code of a box began; None: nobody knows."""
        return None if self._lines.runs is None or not line else self._lines.runs(line)


def boxes_of(flow: Flow) -> Iterator[Step]:
    """Yield all boxes of a flow."""
    for part in flow:
        match part:
            case Step(inner=inner):
                yield part
                for one in inner:
                    yield from boxes_of(one)
            case Ways(test=test, flows=flows):
                yield test
                for _, one in flows:
                    yield from boxes_of(one)
            case Cycle(test=test, body=body, after=after):
                yield test
                yield from boxes_of((*body, *after))
            case Region(title=title, body=body, handlers=handlers, final=final):
                yield title
                yield from boxes_of((*body, *final))
                for _, one in handlers:
                    yield from boxes_of(one)
