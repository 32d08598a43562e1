"""An error that crosses is the one that was raised: class, state, text, causes, parts."""

from __future__ import annotations

import decimal
import queue
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from partita import (
    Hooks,
    activity,
    activity_info,
    query,
    side_effect,
    update,
    wait_signal,
    workflow,
)
from partita.errors import QueryFailedError, UpdateFailedError, WorkflowFailedError
from tests.conftest import Rig
from tests.language.conftest import Stage, stage
from tests.replay.conftest import MakeWorker, make_worker
from tests.values.raised import EXPECTED, act, act_elsewhere, act_in_a_process
from tests.values.raising import KINDS
from tests.values.told import as_json, is_ours, raised, seen, told

__all__ = ["make_worker", "stage"]


@activity
async def act_async(name: str) -> None:
    KINDS[name]()


@workflow
def of_an_activity(name: str) -> Any:
    return seen(act, name)


@workflow
def of_an_async_activity(name: str) -> Any:
    return seen(lambda: act_async.submit(name).result())


@workflow
def child(name: str) -> None:
    KINDS[name]()


@workflow
def of_a_child(name: str) -> Any:
    return seen(child, name)


@workflow
def grandchild(name: str) -> None:
    act(name)


@workflow
def middle(name: str) -> None:
    grandchild(name)


@workflow
def of_a_grandchild(name: str) -> Any:
    return seen(middle, name)


@workflow
def of_a_side_effect(name: str) -> Any:
    return seen(side_effect, KINDS[name])


@workflow
async def of_an_await(name: str) -> Any:
    try:
        await act_async(name)
    except Exception as error:
        return told(error)


WAYS = [of_an_activity, of_an_async_activity, of_a_child, of_a_grandchild, of_a_side_effect]
SOME = ("declined", "typed_arguments", "a_chain_of_causes", "a_group", "a_class_in_a_function")


@workflow
def of_all_kinds(way: str) -> dict[str, Any]:
    function = {"activity": act, "child": child, "side effect": None}[way]
    return {
        name: seen(function, name) if function else seen(side_effect, KINDS[name]) for name in KINDS
    }


@pytest.mark.parametrize("way", ["activity", "child", "side effect"])
def test_every_kind_is_the_same_on_every_backend(stage: Stage, way: str) -> None:
    found = stage.run(of_all_kinds, way)
    for name, expected in EXPECTED.items():
        assert found[name] == as_json(expected), name


@pytest.mark.parametrize("name", sorted(KINDS))
def test_every_kind_is_the_same_in_plain_python(name: str) -> None:
    assert as_json(of_an_activity(name)) == as_json(EXPECTED[name])


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
@pytest.mark.parametrize("name", SOME)
def test_errors_cross_everywhere(stage: Stage, way: Any, name: str) -> None:
    assert stage.run(way, name) == as_json(EXPECTED[name])
    assert as_json(way(name)) == as_json(EXPECTED[name])


@pytest.mark.parametrize("name", SOME)
def test_errors_cross_an_await(stage: Stage, name: str) -> None:
    assert stage.run(of_an_await, name) == as_json(EXPECTED[name])


def test_the_client_gets_the_error_itself(stage: Stage) -> None:
    handles = {name: stage.start(child, name) for name in EXPECTED}  # all at once: it is faster
    for name, expected in EXPECTED.items():
        with pytest.raises(WorkflowFailedError) as caught:
            handles[name].result(timeout=60)
        assert as_json(told(caught.value.__cause__)) == as_json(expected), name
        assert expected["type"].endswith(f".{caught.value.type}")


# -- messages, processes and other Pythons ---------------------------------------------------


@workflow
def answers() -> None:
    @update
    def do(name: str) -> None:
        KINDS[name]()

    @query
    def ask(name: str) -> None:
        KINDS[name]()

    wait_signal("end")


def test_updates_and_queries_that_raise(stage: Stage) -> None:
    handle = stage.start(answers)
    stage.settled(handle)
    for name in SOME:
        with pytest.raises(UpdateFailedError) as updated:
            handle.update("do", name, timeout=20)
        assert as_json(told(updated.value.__cause__)) == as_json(EXPECTED[name])
        with pytest.raises(QueryFailedError) as queried:
            handle.query("ask", name)
        assert as_json(told(queried.value.__cause__)) == as_json(EXPECTED[name])
    handle.signal("end")
    handle.result(timeout=20)


@workflow
def of_a_process() -> list[Any]:
    return [seen(act_in_a_process, name) for name in KINDS]


def test_errors_of_other_processes(memory_rig: Rig, make_worker: MakeWorker) -> None:
    with make_worker(of_a_process, act_in_a_process):
        found = memory_rig.client.start(of_a_process).result(timeout=60)
    for name, one in zip(KINDS, found, strict=True):
        if "<locals>" not in EXPECTED[name]["type"] and name != "a_class_with_another_name":
            assert one == as_json(EXPECTED[name]), name


def test_errors_of_other_pythons() -> None:
    """Two processes: one for an error itself, one for all others, in a group."""
    first, *others = (
        "a_chain_of_causes",
        *("declined", "typed_arguments", "a_group"),
        *("attributes_set_later", "a_file_name_that_is_no_text"),
    )
    assert as_json(told(raised(lambda: act_elsewhere([first])))) == as_json(EXPECTED[first])
    found: Any = raised(lambda: act_elsewhere(others))
    for name, part in zip(others, found.exceptions, strict=True):
        assert as_json(told(part)) == as_json(EXPECTED[name]), name


# -- hooks, ends by hand, and the next crossing ----------------------------------------------

JUDGED: list[Any] = []


@workflow(hooks=Hooks(on_task_failure=lambda failure: JUDGED.append(told(failure.error))))
def judged(name: str) -> Any:
    return seen(act, name)


def test_the_failure_hook_gets_the_error(stage: Stage) -> None:
    JUDGED.clear()
    stage.run(judged, "a_chain_of_causes")
    judged("a_chain_of_causes")
    assert [as_json(one) for one in JUDGED[-2:]] == [as_json(EXPECTED["a_chain_of_causes"])] * 2


@workflow
def adds_and_passes_on(name: str) -> None:
    try:
        act(name)
    except Exception as error:
        error.add_note("seen")
        error.stage = (1, decimal.Decimal(2))  # type: ignore[attr-defined]
        raise


@workflow
def sees_what_was_added(name: str) -> list[Any]:
    try:
        adds_and_passes_on(name)
    except Exception as error:
        remote = [note for note in error.__notes__ if is_ours(note)]
        notes = [note for note in error.__notes__ if not is_ours(note)]
        return [notes, repr(error.stage), len(remote)]  # type: ignore[attr-defined]
    return []


def test_an_error_that_crosses_twice_has_one_remote_traceback(stage: Stage) -> None:
    assert stage.run(sees_what_was_added, "notes") == [
        ["first", "second\nline", "seen"],
        "(1, Decimal('2'))",
        1,
    ]
    handle = stage.start(adds_and_passes_on, "notes")
    with pytest.raises(WorkflowFailedError) as caught:
        handle.result(timeout=20)
    (text,) = [note for note in caught.value.__cause__.__notes__ if is_ours(note)]  # type: ignore[union-attr]
    assert text.index("in adds_and_passes_on") < text.index("in notes")


@workflow
def raises_while_handling() -> Any:
    try:
        raise KeyError("first")
    except KeyError:
        return seen(act, "a_context"), seen(act, "declined"), seen(act, "no_context")


def test_what_is_handled_when_it_is_raised_is_the_context(stage: Stage) -> None:
    def plainly() -> Any:
        try:
            raise KeyError("first")
        except KeyError:
            return [seen(KINDS[name]) for name in ("a_context", "declined", "no_context")]

    assert as_json(stage.run(raises_while_handling)) == as_json(plainly())
    assert as_json(raises_while_handling()) == as_json(plainly())


# -- ends that others report -----------------------------------------------------------------

TOKENS: queue.Queue[str] = queue.Queue()


@activity(auto_complete=False)
def ended_by_others() -> None:
    TOKENS.put(activity_info().task_token)


@workflow
def of_others() -> Any:
    return seen(ended_by_others)


def test_an_error_that_a_client_reports(stage: Stage) -> None:
    for name in SOME:
        handle = stage.start(of_others)
        stage.client.tasks.fail(TOKENS.get(timeout=20), raised(KINDS[name]))
        assert handle.result(timeout=20) == as_json(EXPECTED[name])


MAIN = """
import sys
from partita import activity, workflow
from partita.client import Client
from partita.connect import connect
from partita.worker import Worker

class OwnError(Exception):
    def __init__(self, *, code):
        super().__init__(f"code {code}")
        self.code = code

@activity(process=True)
def fails():
    raise OwnError(code=7)

@workflow
def catches():
    try:
        fails()
    except OwnError as error:
        return [error.code, str(error), error.__class__ is OwnError]

if __name__ == "__main__":
    service = connect("memory://")
    with Client(service) as client, Worker(service):
        print(client.start(catches).result(timeout=60))
"""


def test_an_error_of_a_program_and_its_child_process(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(MAIN)
    command = [sys.executable, str(tmp_path / "program.py")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert done.stdout == "[7, 'code 7', True]\n"
    assert done.stderr.count("\n") == 1  # the attempt that failed
    assert "attempt 1 of 1 of fails failed: OwnError (program.py:15 in fails)" in done.stderr
