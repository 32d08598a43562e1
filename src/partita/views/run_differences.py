"""Compare two runs by what they mean: inputs, results, errors, order, versions and times.

Pure: two histories in, differences out. Steps are aligned by kind, name and input: those that both
runs have in the same order, then those that have moved, then those of a name whose inputs differ.
"""

from __future__ import annotations

import json
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterator, Sequence
from typing import Any

from msgspec import Struct

from partita import history as h
from partita.codec import Converter
from partita.history.document import ExportedHistory
from partita.views.payloads import Difference, data_of, differences
from partita.views.run_steps import RunStep, run_steps
from partita.views.standing import reason

MOST_DIFFERENCES = 20
"""Differences of one value that are kept."""

_EQUAL, _CHANGED, _ONLY_A, _ONLY_B = "equal", "changed", "only in a", "only in b"


class StepDifference(Struct, frozen=True, kw_only=True):
    """A step of one run, and its like in the other one."""

    a: RunStep | None  # None: only the other run has it
    b: RunStep | None
    is_moved: bool = False  # it comes at another place among those that both have
    found: tuple[tuple[str, tuple[Difference, ...]], ...] = ()  # differences, by what differs

    @property
    def one(self) -> RunStep:
        """The step, of whichever run has it."""
        step = self.a or self.b
        assert step is not None
        return step

    @property
    def kind(self) -> str:
        """Whether it is equal, changed, only in a, or only in b."""
        if self.a is None or self.b is None:
            return _ONLY_B if self.a is None else _ONLY_A
        return _CHANGED if self.found or self.is_moved else _EQUAL


class RunDifferences(Struct, frozen=True, kw_only=True):
    """Two runs, compared."""

    run: tuple[tuple[str, tuple[Difference, ...]], ...]  # of the runs themselves, by what differs
    steps: list[StepDifference]  # in the order of a; those of b alone after what comes before them

    @property
    def are_equal(self) -> bool:
        """Whether the runs mean the same; their times may differ."""
        return not self.run and all(one.kind == _EQUAL for one in self.steps)

    @property
    def first(self) -> StepDifference | None:
        """The first step that differs; None if none does."""
        return next((one for one in self.steps if one.kind != _EQUAL), None)


def compare(
    a: ExportedHistory, b: ExportedHistory, converter: Converter | None = None
) -> RunDifferences:
    """Return how two runs differ."""
    read = _Reader(converter or Converter())
    steps = [run_steps(one.events) for one in (a, b)]
    pairs = _aligned(steps[0], steps[1], read)
    found = [_compared(one, other, read, is_moved=moved) for one, other, moved in pairs]
    return RunDifferences(run=tuple(_of_runs(a, b, read)), steps=found)


class _Reader:
    """Reads payloads, each once."""

    def __init__(self, converter: Converter) -> None:
        self._converter = converter
        self._known: dict[str, Any] = {}

    def data(self, payload: str | None) -> Any:
        """Return the data of a payload."""
        if payload is None:
            return data_of(None, self._converter)
        if payload not in self._known:
            self._known[payload] = data_of(payload, self._converter)
        return self._known[payload]

    def key(self, step: RunStep) -> Hashable:
        """Return what steps that mean the same have in common."""
        text = json.dumps(self.data(step.input), sort_keys=True, default=str)
        return step.kind, step.name, text


# -- alignment

_Pair = tuple[RunStep | None, RunStep | None, bool]


def _aligned(a: Sequence[RunStep], b: Sequence[RunStep], read: _Reader) -> list[_Pair]:
    """Return the steps of two runs side by side, and whether they have moved."""
    keys_a, keys_b = _numbered(a, read), _numbered(b, read)
    place = {key: number for number, key in enumerate(keys_b)}
    partners = {number: place[key] for number, key in enumerate(keys_a) if key in place}
    in_order = set(_increasing(list(partners.items())))
    moved = partners.keys() - in_order
    partners |= _alike(a, b, partners)
    return list(_in_order(a, b, partners, moved))


def _numbered(steps: Sequence[RunStep], read: _Reader) -> list[Hashable]:
    """Return the keys of steps, each with how many of it came before."""
    seen: Counter[Hashable] = Counter()
    found: list[Hashable] = []
    for step in steps:
        key = read.key(step)
        found.append((key, seen[key]))
        seen[key] += 1
    return found


def _increasing(pairs: Sequence[tuple[int, int]]) -> Iterator[int]:
    """Yield the first numbers of a longest run of pairs whose second numbers increase."""
    ends: list[int] = []  # the least end of a run of each length, by its second number
    last: list[int] = []  # the pairs of these ends
    before: dict[int, int] = {}
    for number, (_, value) in enumerate(pairs):
        length = bisect_left(ends, value)
        ends[length : length + 1] = [value]
        last[length : length + 1] = [number]
        before[number] = last[length - 1] if length else -1
    number = last[-1] if last else -1
    while number >= 0:
        yield pairs[number][0]
        number = before[number]


def _alike(a: Sequence[RunStep], b: Sequence[RunStep], partners: dict[int, int]) -> dict[int, int]:
    """Return the partners of steps whose inputs differ: those of their name, in order."""
    taken = set(partners.values())
    left: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
    for number, step in enumerate(b):
        if number not in taken:
            left[step.kind, step.name].append(number)
    found: dict[int, int] = {}
    for number, step in enumerate(a):
        others = left.get((step.kind, step.name))
        if number not in partners and others:
            found[number] = others.pop(0)
    return found


def _in_order(
    a: Sequence[RunStep], b: Sequence[RunStep], partners: dict[int, int], moved: set[int]
) -> Iterator[_Pair]:
    taken, told = set(partners.values()), 0
    for number, step in enumerate(a):
        other = partners.get(number)
        if other is not None and number not in moved:
            yield from ((None, b[one], False) for one in range(told, other) if one not in taken)
            told = max(told, other)
        yield step, None if other is None else b[other], number in moved
    yield from ((None, b[one], False) for one in range(told, len(b)) if one not in taken)


# -- comparison


def _compared(
    a: RunStep | None, b: RunStep | None, read: _Reader, *, is_moved: bool
) -> StepDifference:
    if a is None or b is None:
        return StepDifference(a=a, b=b)
    found = [
        *_plain("version", a.version, b.version),
        *_data("input", a.input, b.input, read),
        *_plain("state", a.state, b.state),
        *_data("result", a.result, b.result, read),
        *_plain("error", a.note, b.note),
        *_plain("attempts", a.attempts, b.attempts),
    ]
    return StepDifference(a=a, b=b, is_moved=is_moved, found=tuple(found))


_Found = tuple[str, tuple[Difference, ...]]


def _plain(name: str, a: Any, b: Any) -> Iterator[_Found]:
    if a != b:
        yield name, (Difference("", a, b),)


def _data(name: str, a: str | None, b: str | None, read: _Reader) -> Iterator[_Found]:
    if a != b:
        found = tuple(_first(differences(read.data(a), read.data(b))))
        if found:
            yield name, found


def _first(found: Iterator[Difference]) -> Iterator[Difference]:
    for _, one in zip(range(MOST_DIFFERENCES), found, strict=False):
        yield one


def _of_runs(a: ExportedHistory, b: ExportedHistory, read: _Reader) -> Iterator[_Found]:
    yield from _plain("type", a.workflow_type.name, b.workflow_type.name)
    yield from _plain("version", a.workflow_type.version, b.workflow_type.version)
    yield from _data("input", a.begun.input, b.begun.input, read)
    yield from _plain("status", a.status, b.status)
    yield from _data("result", _result(a), _result(b), read)
    yield from _plain("reason", reason(a.events), reason(b.events))


def _result(run: ExportedHistory) -> str | None:
    last = run.events[-1]
    return last.result if isinstance(last, h.WorkflowExecutionCompleted) else None
