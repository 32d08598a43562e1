"""A signal whose value does not fit is refused where its type is known, and nothing is sent."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from partita import Signal, activity, external, parent, wait_signal, workflow
from partita.client import Client
from partita.errors import InvalidInputError, WaitTimeoutError
from partita.history import WorkflowExecutionSignaled
from partita.testing import Environment
from tests.cli.conftest import Partita, folder, partita
from tests.conftest import Rig
from tests.language.conftest import Stage

__all__ = ["folder", "partita"]


@dataclass
class Decision:
    """Whether to go on."""

    by: str
    approved: bool = True


approve = Signal("approve", Decision)
count = Signal("count", int)
anything = Signal("anything")

CASES: list[tuple[Signal[Any], Any]] = [
    (approve, "yes"),
    (approve, {"approved": True}),
    (approve, None),
    (count, "7"),
    (count, 1.5),
    (count, [7]),
]


@workflow
def sends(number: int) -> list[str]:
    """Send signals that do not fit to a child, its parent and another execution."""
    signal, value = CASES[number]
    child = listens.submit()
    sends: list[Callable[[], Any]] = [
        lambda: child.signal(signal, value),
        lambda: external(child.workflow_id).signal(signal, value),
    ]
    found = []
    for send in sends:
        try:
            send()
        except InvalidInputError as error:
            found.append(str(error))
    child.signal(anything, "stop").result()
    return [*found, child.result()]


@workflow
def listens() -> str:
    assert parent() is not None
    found: str = wait_signal(anything)
    return found


@pytest.mark.parametrize("number", range(len(CASES)))
def test_a_workflow_sends_none_that_does_not_fit(number: int, stage: Stage) -> None:
    found = stage.run(sends, number)
    assert found == sends(number)
    name = CASES[number][0].name
    assert all(f"the value of signal {name} does not fit" in text for text in found[:2])
    assert found[2:] == ["stop"]


@pytest.mark.parametrize("number", range(len(CASES)))
def test_nor_does_a_client(number: int, stage: Stage) -> None:
    signal, value = CASES[number]
    handle = stage.start(hears)
    with pytest.raises(InvalidInputError, match="does not fit"):
        handle.signal(signal, value)
    handle.signal(count, 7)
    assert handle.result(timeout=20) == 7
    assert len(stage.find(handle, WorkflowExecutionSignaled)) == 1


@workflow
def hears() -> int:
    return wait_signal(count)


CODE = """
from dataclasses import dataclass

from partita import Signal, wait_signal, workflow

@dataclass
class Decision:
    by: str

approve = Signal("approve", Decision)
count = Signal("count", int)

@workflow
def order() -> str:
    return wait_signal(approve).by
"""


def test_nor_does_the_command_that_is_given_the_code(partita: Partita, folder: Path) -> None:
    (folder / "order.py").write_text(CODE)
    partita("start", "order.py:order", "--id", "o")
    send = ("signal", "o", "approve", "--code", "order.py")
    for value in ('"yes"', "{}", '{"by": 1}', "7"):
        said = partita(*send, "--input", value)
        said.is_error(2, "the value of signal approve does not fit", "INVALID_INPUT")
    partita(*send).is_error(2, "does not fit", "INVALID_INPUT")
    said = partita("signal", "o", "aprove", "--code", "order.py")
    said.is_error(2, "no Signal named 'aprove'; it defines: approve, count", "UNKNOWN_TYPE")
    assert "WorkflowExecutionSignaled" not in partita("history", "o").out
    assert partita(*send, "--input", '{"by": "ada"}').status == 0
    assert "WorkflowExecutionSignaled" in partita("history", "o").out


# -- what people read about executions ---------------------------------------------------------


def test_a_handle_says_what_it_refers_to(memory_rig: Rig) -> None:
    client = Client(memory_rig.engine)
    handle = client.start_with(hears, (), workflow_id="h")
    assert repr(handle) == f"<Handle 'h' of hears@1, run {handle.run_id}>"
    assert repr(client.handle("h")).startswith("<Handle 'h', run ")


@activity(task_list="nobody's")
def nobody() -> int:
    return 1


@workflow
def stuck() -> int:
    return nobody()


@pytest.mark.parametrize("timeout", [None, 5])
def test_a_wait_without_a_limit_names_none(timeout: float | None) -> None:
    with Environment(patience=0.1, workflows=[stuck], activities=[]) as env:
        begun = time.monotonic()
        with pytest.raises(WaitTimeoutError) as caught:
            env.start(stuck).result(timeout=timeout)
        assert time.monotonic() - begun < 20
    assert "None" not in str(caught.value)
    assert ("within 5" in str(caught.value)) == (timeout is not None)
