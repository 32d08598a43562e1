"""Deciders by hand are held against the histories that they have written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from partita import activity, workflow
from partita.client import Client, Handle
from partita.deciders import (
    Answer,
    CancelProcess,
    CompleteProcess,
    Decider,
    FailProcess,
    Process,
    RecordMarker,
    ScheduleActivity,
    SignalExternal,
    StartChildProcess,
    StartTimer,
)
from partita.deciders.compatibility import fit
from partita.errors import (
    InvalidInputError,
    NonDeterminismError,
    PartitaError,
    UnknownTypeError,
    UsageError,
)
from partita.history.document import ExportedHistory, load
from partita.replay.lint import check_source
from partita.stores.memory import MemoryStore
from partita.testing import Environment
from partita.testing.histories import replay_histories
from tests.conftest import Rig, until

Decide = Callable[[Process[int]], Answer]

FILE = Path(__file__).name


@activity
def work(x: int) -> int:
    return x


@workflow
def child(x: int) -> int:
    return x


def decider(decide: Decide, name: str = "Changing", version: str = "1") -> type[Decider[int]]:
    """Return a decider of one name, with this code."""

    def method(self: Decider[int], process: Process[int]) -> Answer:
        return decide(process)

    body = {"name": name, "version": version, "decide": method, "__orig_bases__": (Decider[int],)}
    return type("Changing", (Decider,), body)


def original(process: Process[int]) -> Answer:
    """Do one of each kind, one after the other, and end with their sum."""
    if process.unfinished_activities() or process.unfinished_children():
        return None
    if not process.activities:
        return [RecordMarker("begun", 1), ScheduleActivity(work, process.input)]
    if not process.children:
        return [
            StartTimer(3600, "late", id="late"),
            SignalExternal(process.id, "note", 5),
            StartChildProcess(child, process.input, id=f"{process.id}-child"),
        ]
    return CompleteProcess(sum(one.value for one in (*process.activities, *process.children)))


def written(rig: Rig, decide: Decide = original) -> ExportedHistory:
    """Run a decider to its end; return its history."""
    form = decider(decide)
    with rig.worker(form.definition, work, child):
        handle: Handle[Any] = rig.client.start_with(form, [4], workflow_id="x")
        until(lambda: handle.describe().info.closed_at is not None)
    return rig.client.export_history("x")


def differing(change: Callable[[Any], Any]) -> Decide:
    """Return the original with one of its answers changed."""

    def decide(process: Process[int]) -> Answer:
        answer: Answer = change([*_listed(original(process))])
        return answer

    return decide


def _listed(answer: Any) -> list[Any]:
    return [] if answer is None else answer if isinstance(answer, list) else [answer]


def instead(kind: type[Any], *new: Any) -> Decide:
    return differing(lambda made: [b for a in made for b in (new if isinstance(a, kind) else [a])])


def test_what_was_not_changed_fits(memory_rig: Rig) -> None:
    history = written(memory_rig)
    for _ in range(2):
        found = fit(decider(original).definition, history, "h.json")
        assert (found.error, str(found)) == (None, "h.json: fits")


CHANGES: dict[str, tuple[Decide, str, str]] = {
    "another activity": (
        instead(ScheduleActivity, ScheduleActivity("other", 4)),
        "ScheduleActivityTask (other",
        "ActivityTaskScheduled (work",
    ),
    "other arguments": (
        instead(ScheduleActivity, ScheduleActivity(work, 5)),
        "work, id work-1, [5]",
        "work, id work-1, [4]",
    ),
    "one decision less": (
        instead(RecordMarker),
        "ScheduleActivityTask (work",
        "MarkerRecorded",
    ),
    "one decision more": (
        instead(ScheduleActivity, ScheduleActivity(work, 4), RecordMarker("more")),
        "RecordMarker (more",
        "nothing",
    ),
    "the last one left out": (instead(StartChildProcess), "nothing", "StartChildWorkflowExecution"),
    "another order": (
        differing(lambda made: made[::-1]),
        "ScheduleActivityTask",
        "MarkerRecorded",
    ),
    "another child": (
        instead(StartChildProcess, StartChildProcess(child, 4, id="other")),
        "child, other",
        "child, x-child",
    ),
    "another result": (
        instead(CompleteProcess, CompleteProcess(9)),
        "CompleteWorkflowExecution with the result 9",
        "WorkflowExecutionCompleted with the result 8",
    ),
    "another end": (
        instead(CompleteProcess, FailProcess("NO")),
        "FailWorkflowExecution",
        "WorkflowExecutionCompleted",
    ),
    "no end": (instead(CompleteProcess), "nothing", "WorkflowExecutionCompleted"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_changed_code_is_told_with_both_sides(memory_rig: Rig, name: str) -> None:
    changed, found, expected = CHANGES[name]
    error = fit(decider(changed).definition, written(memory_rig)).error
    assert isinstance(error, NonDeterminismError)
    assert found in error.found
    assert expected in error.expected
    assert FILE in error.location
    assert error.event_id > 0
    assert "give the new code another version" in str(error)
    assert "patched" not in str(error)  # which deciders cannot call
    assert "\n" not in str(error)


def test_the_reason_of_a_failure_is_compared(memory_rig: Rig) -> None:
    history = written(memory_rig, lambda _: FailProcess("NO", "in other words"))
    same = decider(lambda _: FailProcess("NO", "in words"))
    other = decider(lambda _: FailProcess("NEVER"))
    cancelled = decider(lambda _: CancelProcess())
    assert fit(same.definition, history).error is None
    for form in (other, cancelled):
        assert isinstance(fit(form.definition, history).error, NonDeterminismError)


def test_a_decider_that_breaks_on_a_history_is_told(memory_rig: Rig) -> None:
    def broken(process: Process[int]) -> Answer:
        raise LookupError("of new\ncode")

    error = fit(decider(broken).definition, written(memory_rig)).error
    assert error is not None
    assert (error.code, "LookupError: of new code" in str(error)) == ("DECIDER_FAILED", True)
    garbage: Any = decider(lambda _: 3)  # type: ignore[arg-type, return-value]
    error = fit(garbage.definition, written(Rig(MemoryStore()))).error
    assert error is not None
    assert error.code == "INVALID_INPUT"


def test_an_open_history_fits_as_far_as_it_goes(memory_rig: Rig) -> None:
    form = decider(original)
    with memory_rig.worker(form.definition):  # nobody works
        handle: Handle[Any] = memory_rig.client.start_with(form, [4], workflow_id="x")
        until(lambda: memory_rig.kinds("x")[-1] == "ActivityTaskScheduled")
    history = memory_rig.client.export_history("x")
    assert fit(form.definition, history).error is None
    changed = decider(instead(CompleteProcess, CompleteProcess(9)))
    assert fit(changed.definition, history).error is None  # it did not come so far
    handle.terminate()
    assert fit(form.definition, memory_rig.client.export_history("x")).error is None


def test_a_history_of_another_workflow_is_refused(memory_rig: Rig) -> None:
    history = written(memory_rig)
    for other in (decider(original, "Other"), decider(original, version="2")):
        with pytest.raises(UnknownTypeError, match="of workflow Changing@1"):
            fit(other.definition, history)


def test_a_folder_of_histories_is_replayed(memory_rig: Rig, tmp_path: Path) -> None:
    written(memory_rig)
    (tmp_path / "x.json").write_text(memory_rig.client.export_history("x").dump())
    replay_histories(tmp_path, [decider(original)])
    with pytest.raises(AssertionError, match=r"x\.json"):
        replay_histories(tmp_path, [decider(CHANGES["another result"][0])])


def test_an_exported_history_can_be_looked_at_elsewhere(memory_rig: Rig) -> None:
    """Taken in as JSON, it is the same process, can be forked, and begins nothing."""
    history = load(written(memory_rig).dump())
    rig = Rig(MemoryStore())
    assert rig.client.import_history(history)
    assert not rig.client.import_history(history)
    process = Process.of(rig.client.history("x"), "x")
    assert (process.result, process.input, process.is_closed) == (8, 4, True)
    with rig.worker(decider(original).definition, work, child):
        fork = rig.client.fork("x", new_workflow_id="y")
        assert fork.result(timeout=20) == 8
    rig.engine.close()


def test_a_decider_has_no_stack_and_answers_no_query(memory_rig: Rig) -> None:
    form = decider(original)
    client: Client = memory_rig.client
    client.start_with(form, [4], workflow_id="x")
    with pytest.raises(UnknownTypeError, match="is a decider, so no code of it waits"):
        client.stack("x", workflow=form)
    with pytest.raises(UnknownTypeError, match="is a decider, which answers no query sum"):
        client.query("x", "sum", workflow=form)


def test_a_payload_that_cannot_be_read_here_is_told(memory_rig: Rig) -> None:
    text = (
        written(memory_rig)
        .dump()
        .replace('"[4]"', '"{\\"$codec\\":[\\"far\\"],\\"data\\":\\"\\"}"')
    )
    with pytest.raises((InvalidInputError, UsageError)) as raised:
        fit(decider(original).definition, load(text))
    assert "\n" not in str(raised.value)


def test_check_tells_what_a_decider_should_do_instead() -> None:
    source = """
import time
from partita.deciders import Decider, Process

class Slow(Decider[int]):
    def decide(self, process: Process[int]):
        time.sleep(3)
        return time.time()
"""
    found = check_source(source, "flow.py")
    assert [(one.location.row, one.location.column, one.code) for one in found] == [
        (7, 9, "PAR102"),
        (8, 16, "PAR101"),
    ]
    assert found[0].message.endswith("answer StartTimer")
    assert found[1].message.endswith("use process.time, or StartTimer")


def test_an_environment_replays_what_it_has_written() -> None:
    form = decider(original)
    with Environment(workflows=[form, child], activities=[work]) as env:
        handle = env.start(form, 4)
        assert handle.result() == 8
        history = env.client.export_history(handle.workflow_id)
    assert fit(form.definition, history).error is None
    assert issubclass(NonDeterminismError, PartitaError)
