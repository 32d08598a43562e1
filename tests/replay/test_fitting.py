"""Code is held against the histories it has written: it fits, or the error says where not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from partita import WorkflowDefinition, activity, patched, side_effect, sleep, wait_signal, workflow
from partita.authoring.definition import ActivityDefinition
from partita.client import Client
from partita.codec import Converter, ZlibCodec
from partita.errors import InvalidInputError, NonDeterminismError, UnknownTypeError
from partita.history.document import ExportedHistory, load
from partita.replay.compatibility import check_fit, fit
from partita.testing.histories import replay_histories
from tests.conftest import Rig, until

calls: list[str] = []


@activity
def fetch(what: str) -> str:
    calls.append(what)
    return what


@activity
def send(what: str) -> str:
    calls.append(what)
    return what


@activity(task_list="elsewhere")
def gate() -> str:
    return "open"


Body = Callable[[], Any]


def version(body: Body, name: str = "changing") -> WorkflowDefinition[[], Any]:
    return workflow(name=name)(body)


def closed(rig: Rig, body: Body, *more: ActivityDefinition) -> ExportedHistory:
    """Run a workflow to its end and return its history."""
    with rig.worker(version(body), fetch, send, *more):
        handle = rig.client.start(version(body))
        until(lambda: rig.client.describe(handle.workflow_id).info.status != 0)
    return rig.client.export_history(handle.workflow_id)


def opened(rig: Rig, body: Body, kind: str = "ActivityTaskScheduled") -> ExportedHistory:
    """Run a workflow until it has caused an event of a kind; return its open history."""
    with rig.worker(version(body), fetch, send):
        handle = rig.client.start(version(body))
        until(lambda: kind in rig.kinds(handle.workflow_id))
    return rig.client.export_history(handle.workflow_id)


def original() -> str:
    first = fetch("a")
    sleep(0)
    return first + send("b")


def swapped() -> str:
    first = send("b")
    sleep(0)
    return first + fetch("a")


def other_arguments() -> str:
    first = fetch("z")
    sleep(0)
    return first + send("b")


def without_sleep() -> str:
    return fetch("a") + send("b")


def longer() -> str:
    first = fetch("a")
    sleep(0)
    last = send("b")
    send("c")
    return first + last


def other_result() -> str:
    first = fetch("a")
    sleep(0)
    return first + send("b") + "!"


def raises() -> str:
    fetch("a")
    sleep(0)
    send("b")
    raise ValueError("no\nway")


CHANGES: list[tuple[Body, str, str, str]] = [
    (swapped, '(send, id 1, ["b"])', '(fetch, id 1, ["a"])', "ActivityTaskScheduled"),
    (other_arguments, '(fetch, id 1, ["z"])', '(fetch, id 1, ["a"])', "ActivityTaskScheduled"),
    (without_sleep, '(send, id 2, ["b"])', "TimerStarted (id 2)", "TimerStarted"),
    (longer, '(send, id 4, ["c"])', "WorkflowExecutionCompleted", "WorkflowExecutionCompleted"),
    (other_result, 'result "ab!"', 'result "ab"', "WorkflowExecutionCompleted"),
    (raises, "(ValueError: no way)", "WorkflowExecutionCompleted", "WorkflowExecutionCompleted"),
]


@pytest.mark.parametrize(
    ("body", "found", "expected", "kind"), CHANGES, ids=[row[0].__name__ for row in CHANGES]
)
def test_a_change_is_told_with_line_and_event(
    memory_rig: Rig, body: Body, found: str, expected: str, kind: str
) -> None:
    history = closed(memory_rig, original)
    with pytest.raises(NonDeterminismError) as caught:
        check_fit(version(body), history)
    error = caught.value
    assert found in error.found
    assert expected in error.expected
    assert history.events[error.event_id - 1].event_type == kind
    assert error.location.startswith(__file__)
    assert f"at event {error.event_id}" in str(error)
    assert "partita.patched()" in str(error)
    assert "\n" not in str(error)


def test_the_code_that_wrote_it_fits_and_runs_no_activity(memory_rig: Rig) -> None:
    history = closed(memory_rig, original)
    before = list(calls)
    check_fit(version(original), history)
    check_fit(version(original), load(history.dump()))
    assert fit(version(original), history).error is None
    assert calls == before


def test_an_equal_result_in_other_words_fits(memory_rig: Rig) -> None:
    def early() -> set[str]:
        return {"a", "b"}

    def late() -> set[str]:
        return {"b"} | {"a"}

    def one() -> dict[str, int]:
        return {"a": 1, "b": 2}

    def other() -> dict[str, int]:
        return {"b": 2, "a": 1}

    check_fit(version(late), closed(memory_rig, early))
    check_fit(version(other), closed(memory_rig, one))


def test_failures_are_compared_by_type(memory_rig: Rig) -> None:
    def other_words() -> str:
        fetch("a")
        sleep(0)
        send("b")
        raise ValueError("other words")

    def other_type() -> str:
        fetch("a")
        sleep(0)
        send("b")
        raise KeyError("no")

    history = closed(memory_rig, raises)
    assert history.status == "FAILED"
    check_fit(version(other_words), history)
    with pytest.raises(NonDeterminismError, match=r"KeyError.*ValueError"):
        check_fit(version(other_type), history)


def test_patched_code_fits_old_and_new(memory_rig: Rig) -> None:
    def mended() -> str:
        if patched("other order"):
            return send("b") + fetch("a")
        return original()

    check_fit(version(mended), closed(memory_rig, original))
    history = closed(memory_rig, mended)
    check_fit(version(mended), history)
    with pytest.raises(NonDeterminismError, match="patched other order"):
        check_fit(version(original), history)


def test_the_open_turn_is_tried_and_does_nothing(memory_rig: Rig) -> None:
    def waits() -> str:
        fetch("a")
        return str(wait_signal("go")) + str(side_effect(lambda: calls.append("effect")))

    history = opened(memory_rig, waits, "ActivityTaskCompleted")
    memory_rig.client.signal(history.execution.workflow_id, "go", "now")
    signalled = memory_rig.client.export_history(history.execution.workflow_id)
    assert signalled.is_open
    before = list(calls)
    check_fit(version(waits), signalled)
    assert calls == before

    def unstorable() -> object:
        fetch("a")
        wait_signal("go")
        return object()

    assert fit(version(unstorable), signalled).error is not None


def test_a_run_that_nobody_has_begun_fits(memory_rig: Rig) -> None:
    handle = memory_rig.client.start(version(original))
    history = memory_rig.client.export_history(handle.workflow_id)
    check_fit(version(original), history)
    handle.terminate("enough")
    check_fit(version(original), memory_rig.client.export_history(handle.workflow_id))


def test_an_open_history_tells_a_change(memory_rig: Rig) -> None:
    def waits() -> str:
        return fetch("a") + gate()

    def hurries() -> str:
        return gate() + fetch("a")

    history = opened(memory_rig, waits)
    check_fit(version(waits), history)
    with pytest.raises(NonDeterminismError, match="gate"):
        check_fit(version(hurries), history)


def test_async_code_is_replayed_too(memory_rig: Rig) -> None:
    async def together() -> list[str]:
        await asyncio.sleep(0.001)
        return [fetch("a"), send("b")]

    async def apart() -> list[str]:
        await asyncio.sleep(0.001)
        return [send("b"), fetch("a")]

    history = closed(memory_rig, together)
    check_fit(version(together), history)
    with pytest.raises(NonDeterminismError):
        check_fit(version(apart), history)


def test_another_type_is_no_misfit_but_an_error(memory_rig: Rig) -> None:
    history = closed(memory_rig, original)
    with pytest.raises(UnknownTypeError, match=r"of workflow changing@1, and .* is other@1"):
        check_fit(version(original, "other"), history)


def test_payloads_behind_codecs_need_the_same_codecs(memory_rig: Rig) -> None:
    converter = Converter([ZlibCodec()])
    client = Client(memory_rig.engine, converter=converter)
    handle = client.start(version(original))
    history = client.export_history(handle.workflow_id)
    with pytest.raises(InvalidInputError, match="needs the codec 'zlib'"):
        fit(version(original), history)
    assert fit(version(original), history, "x", converter).error is None


def test_a_suite_replays_a_folder(memory_rig: Rig, tmp_path: Path) -> None:
    history = closed(memory_rig, original)
    (tmp_path / "one.json").write_text(history.dump())
    (fits,) = replay_histories(tmp_path, [version(original)])
    assert str(fits) == f"{tmp_path / 'one.json'}: fits"
    with pytest.raises(AssertionError, match=r"one\.json: .*test_fitting\.py:\d+: the code asks"):
        replay_histories(str(tmp_path), [version(swapped)])
    with pytest.raises(AssertionError, match="no history of these workflows"):
        replay_histories(tmp_path, [version(original, "other")])
    (tmp_path / "one.json").write_text(history.dump().replace("changing", "nowhere_defined"))
    with pytest.raises(AssertionError, match="nowhere_defined@1 is not imported here"):
        replay_histories(tmp_path)
