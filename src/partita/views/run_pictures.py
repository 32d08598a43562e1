"""Turn what a run has done so far into a structured program to draw, from its history alone.

Pure. Steps that one decision asked for are side by side; steps that repeat are one box that says
how many there were. `on_source` draws the same on the structure of the source.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby

from partita import history as h
from partita.graph import Flow, Part, Shape, Step, Structure
from partita.history.references import CLOSING
from partita.views.durations import duration
from partita.views.run_steps import RunStep, run_steps
from partita.views.standing import reason

MOST_BOXES = 120
"""Boxes of a picture; what is between the first and the last of more is left out."""

MOST_ALIKE = 3
"""Steps of one name that are drawn one by one, beside or after each other."""

_ORDER = ("failed", "running", "waiting", "canceled", "succeeded")
"""Which status a box has that stands for several steps."""

_UNDRAWN = frozenset({"marker"})


def picture_of_run(events: Sequence[h.AnyEvent], name: str, now: float | None = None) -> Structure:
    """Return what to draw of a run; what is open lasts until `now`."""
    steps = [one for one in run_steps(events, now) if one.kind not in _UNDRAWN]
    flow = [part for group in _turns(steps) for part in _turn(group)]
    return Structure(name, (*_shortened(flow), *end_of(events, steps)))


def _turns(steps: Iterable[RunStep]) -> list[list[RunStep]]:
    """Return the steps of each decision; turns of one step each, all of one name, are one."""
    turns = [list(group) for _, group in groupby(steps, key=lambda one: one.turn or -one.event_id)]
    found: list[list[RunStep]] = []
    for _, alike in groupby(turns, key=lambda turn: _key(turn[0]) if len(turn) == 1 else id(turn)):
        group = list(alike)
        is_long = len(group) > MOST_ALIKE
        found += [[one for turn in group for one in turn]] if is_long else group
    return found


def _key(step: RunStep) -> tuple[str, str]:
    return step.kind, step.name


def _turn(steps: Sequence[RunStep]) -> list[Step]:
    """Return the boxes of a turn: one, or one that holds those which ran at the same time."""
    boxes: list[Step] = []
    first: dict[tuple[str, str], int] = {}
    for one in steps:
        first.setdefault(_key(one), one.event_id)
    named = sorted(steps, key=lambda one: (first[_key(one)], one.event_id))
    for _, alike in groupby(named, key=_key):
        group = list(alike)
        boxes += [box_of(group)] if len(group) > MOST_ALIKE else [box_of([one]) for one in group]
    if len(boxes) == 1:
        return boxes
    inner: tuple[Flow, ...] = tuple((one,) for one in boxes)
    return [Step("at the same time", "parallel", inner=inner)]


def box_of(steps: Sequence[RunStep], label: str = "", line: int = 0) -> Step:
    """Return the box of some steps of one name."""
    shape = Shape.STACK if len(steps) > 1 else Shape.RECTANGLE
    kind = {"timer": "wait", "signal": "pass", "child": "child"}.get(steps[0].kind, "task")
    return Step(
        label or steps[0].title, kind, line, shape, status=status_of(steps), note=note_of(steps)
    )


def status_of(steps: Iterable[RunStep]) -> str:
    """Return the status of a box that stands for steps: the one that one would look at first."""
    found = {one.status for one in steps}
    return next((status for status in _ORDER if status in found), "")


def note_of(steps: Sequence[RunStep]) -> str:
    """Return what steps came to, in a few words."""
    if len(steps) == 1:
        return _note(steps[0])
    counts = [(sum(one.status == status for one in steps), status) for status in _ORDER]
    told = ", ".join(f"{count:,} {status}" for count, status in counts if count)
    return f"{len(steps):,} runs: {told}" if len({one.status for one in steps}) > 1 else _all(steps)


def _all(steps: Sequence[RunStep]) -> str:
    return f"{len(steps):,} runs, all {steps[0].status}"


def _note(step: RunStep) -> str:
    parts = [] if step.status == "succeeded" else [step.state]
    if step.attempts > 1:
        parts.append(f"{step.attempts} attempts")
    if step.ended_at is not None and step.ended_at > step.begun_at:
        parts.append(duration(step.ended_at - step.begun_at))
    if step.note and step.status in ("failed", "waiting"):
        parts.append(step.note)
    return ", ".join(parts)


def _shortened(flow: list[Step]) -> list[Part]:
    """Leave out what is between the first and the last boxes of a long run."""
    found: list[Part] = [*flow]
    if len(flow) <= MOST_BOXES:
        return found
    half = MOST_BOXES // 2
    left = Step(f"… {len(flow) - 2 * half:,} more …", "pass", status="unreached")
    return [*found[:half], left, *found[-half:]]


def end_of(events: Sequence[h.AnyEvent], steps: Sequence[RunStep]) -> list[Step]:
    """Return the box of a run's end, or of what it waits for if no step of it is open."""
    status = CLOSING.get(type(events[-1])) if events else None
    if status is not None:
        word = status.replace("_", " ").lower()
        kind, drawn = ("succeed", "succeeded") if status == "COMPLETED" else ("fail", "failed")
        if status in ("CANCELED", "CONTINUED_AS_NEW"):
            kind, drawn = "pass", "canceled" if status == "CANCELED" else "succeeded"
        return [Step(word, kind, is_end=True, status=drawn, note=reason(events) or "")]
    failing = _failing(events)
    if failing is not None:
        return [Step("the decision fails", "fail", is_end=True, status="failed", note=failing)]
    if any(one.status in ("running", "waiting") for one in steps):
        return [Step("it goes on", "pass", is_end=True, status="waiting")]
    return [Step("it waits", "wait", is_end=True, status="waiting")]


def _failing(events: Sequence[h.AnyEvent]) -> str | None:
    """Return why the last decision failed; None if it did not."""
    for event in reversed(events):
        match event:
            case h.DecisionTaskFailed(message=message, cause=cause):
                return f"{cause}: {message}"
            case h.DecisionTaskCompleted():
                return None
    return None
