"""Judge what is there at the end against what was promised, once all is calm.

Knows what must hold for executions, histories and listeners; knows neither faults nor threads.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator

from partita.errors import (
    ExecutionNotFoundError,
    PartitaError,
    WorkflowCanceledError,
    WorkflowFailedError,
    WorkflowTerminatedError,
)
from partita.history import (
    ActivityTaskCompleted,
    ActivityTaskStarted,
    AnyEvent,
    WorkflowExecutionSignaled,
)
from partita.ports.service import ExecutionInfo, PauseKind
from partita.ports.state import Status
from tests.storm import flows
from tests.storm.findings import Findings
from tests.storm.nodes import Life, Node
from tests.storm.promises import (
    Answers,
    Fails,
    IsCanceled,
    IsTerminated,
    Open,
    Passes,
    Promise,
    Promises,
    Relays,
)
from tests.storm.stores import Line
from tests.storm.weather import SKY

PATIENCE = 60.0
"""Seconds after which what has not ended never will."""


class Verdict:
    """What one engine, which goes on, says of everything."""

    def __init__(self, node: Node, promises: Promises, findings: Findings) -> None:
        self._client = node.client
        self._other = node.other
        self._store = node.lives[-1].store
        self._promises = promises
        self._findings = findings
        self._until = time.monotonic() + PATIENCE

    def give(self) -> None:
        """Wait for what was promised, and judge it."""
        self._client.set_limits("narrow")
        self._resume_all()
        for line in self._promises.broken:
            self._findings.add(line)
        for box in self._promises.boxes:
            self._client.signal(box, "go", "end")
            self._promises.sent[box].append("end")
        for id, promise in list(self._promises.executions.items()):
            try:
                self._judge(id, promise)
            except Exception as error:
                self._findings.add(f"{id} {promise}: {type(error).__name__}: {error}")
                self._show(id)
        for box in self._promises.boxes:
            self._judge_box(box)
        for line in self._store.check():
            self._findings.add(f"check: {line}")
        for info in self._executions():
            self._judge_history(info)
        self._judge_imported()

    def _resume_all(self) -> None:
        """Resume what users, who have gone, left paused."""
        for pause in self._client.pauses():
            is_type = pause.kind is PauseKind.TYPE
            resume = self._client.resume_type if is_type else self._client.resume_task_list
            resume(pause.name)
        for info in list(self._executions()):
            if info.paused is not None and info.status is Status.OPEN:
                self._client.resume(info.workflow_id, run_id=info.run_id)

    def _show(self, id: str) -> None:
        """Print how an execution stands."""
        try:
            for event in self._client.history(id)[-12:]:
                print(f"    {str(event)[:300]}")
            print(f"    {self._client.describe(id)}")
        except PartitaError as error:
            print(f"    {error}")

    def _result(self, id: str) -> object:
        return self._client.result(id, timeout=max(0.01, self._until - time.monotonic()))

    def _judge(self, id: str, promise: Promise) -> None:
        match promise:
            case Answers(value=value):
                self._expect(id, self._result(id), value)
            case Relays(box=box, value=value):
                self._judge_relay(id, box, value)
            case IsCanceled():
                self._expect_error(id, WorkflowCanceledError)
                self._expect_mark(id)
            case IsTerminated():
                self._expect_error(id, WorkflowTerminatedError)
            case Fails():
                self._judge_failing(id)
            case Passes():
                try:
                    self._expect(id, self._result(id), id)
                except ExecutionNotFoundError:
                    SKY.count("passing: gone")
                self._expect_mark(id)
            case Open():
                if id not in self._promises.boxes:
                    self._findings.add(f"{id}: its caller never came back")

    def _expect(self, id: str, got: object, value: object) -> None:
        if got != value:
            self._findings.add(f"{id}: {got!r}, not {value!r}")

    def _expect_error(self, id: str, error: type[PartitaError]) -> None:
        try:
            self._findings.add(f"{id}: {self._result(id)!r}, no {error.__name__}")
        except error:
            pass

    def _expect_mark(self, id: str) -> None:
        if id not in flows.MARKS:
            self._findings.add(f"{id}: it left no mark")

    def _judge_relay(self, id: str, box: str, value: str) -> None:
        try:
            self._expect(id, self._result(id), value)
            self._promises.sent[box].append(value)
        except WorkflowFailedError as error:
            if "ExecutionNotFound" not in repr(error):
                raise

    def _judge_failing(self, id: str) -> None:
        try:
            self._result(id)
        except WorkflowFailedError as error:
            if "not mended" not in str(error):
                raise

    def _judge_box(self, box: str) -> None:
        try:
            got = self._result(box)
            assert isinstance(got, list), got
        except Exception as error:
            self._findings.add(f"{box}: {type(error).__name__}: {error}")
            return
        times = Counter(got)
        told = self._promises
        kinds = [("acknowledged", told.sent, (1,)), ("in doubt", told.in_doubt, (0, 1))]
        for said, values, right in [*kinds, ("refused", told.refused, (0,))]:
            for value in values[box]:
                if times[value] not in right:
                    self._findings.add(
                        f"{box}: {value} was {said} and is there {times[value]} times, "
                        f"in histories {self._recorded(box, value)} times as a signal"
                    )

    def _recorded(self, box: str, value: str) -> int:
        """Count the signals with that value in all runs of a box."""
        return sum(
            value in (event.input or "")
            for run in self._client.list(workflow_id=box).executions
            for event in self._client.history(box, run_id=run.run_id)
            if isinstance(event, WorkflowExecutionSignaled)
        )

    def _executions(self) -> Iterator[ExecutionInfo]:
        before = None
        while True:
            page = self._client.list(limit=500, before_run=before)
            yield from page.executions
            before = page.next_page
            if before is None:
                return

    def _judge_history(self, info: ExecutionInfo) -> None:
        SKY.count("histories judged")
        events = self._client.history(info.workflow_id, run_id=info.run_id)
        for fault in _faults_of_steps(events):
            self._findings.add(f"{info.workflow_id}: {fault}")
        if info.status is Status.OPEN:
            self._findings.add(f"{info.workflow_id} is still open")

    def _judge_imported(self) -> None:
        for (id, run_id), history in self._promises.imported.items():
            if self._other.export_history(id, run_id=run_id).events != history.events:
                self._findings.add(f"{id} is not as it was exported")


def _faults_of_steps(events: list[AnyEvent]) -> Iterator[str]:
    """Yield what is wrong with the order of a history's activities."""
    done: set[int] = set()
    for event in events:
        if isinstance(event, ActivityTaskCompleted | ActivityTaskStarted):
            id = event.scheduled_event_id
            if id in done:
                yield f"event {event.event_id}: activity {id} was completed before"
            if isinstance(event, ActivityTaskCompleted):
                done.add(id)


def judge_listener(life: Life, findings: Findings) -> None:
    """Judge what was told of an engine, by now closed: each commit, once, in its order."""
    doubted = life.store.in_doubt
    wanted = _ours(life.store.committed, doubted)
    heard = _ours(life.heard, doubted)
    SKY.count("notices heard", len(life.heard))
    if heard != wanted:
        missing = sorted(set(wanted) - set(heard))[:4]
        more = sorted(set(heard) - set(wanted))[:4]
        findings.add(
            f"the listener of {life.name} heard {len(heard)} of {len(wanted)} events: "
            f"missing {missing}, more {more}" + ("" if missing or more else ", in another order")
        )


def _ours(lines: list[Line], doubted: set[Line]) -> list[Line]:
    """Leave out what an import wrote, of which nobody is told, and what is in doubt."""
    return [line for line in lines if line[0] != "other" and line not in doubted]


def judge_late(findings: Findings) -> None:
    """Judge what ran again: only one whose lease ran out may not know that it is done."""
    SKY.count("late starts", len(flows.LATE))
    may_be_late = any(what.startswith(("freeze", "slow decision")) for what in SKY.counts)
    if flows.LATE and not may_be_late:
        findings.add(f"ran again after its completion: {flows.LATE[:5]}")
