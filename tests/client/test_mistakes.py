"""What a caller cannot mean is refused at once, with a way out, and nothing is recorded."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from partita import Workflow, activity, child_workflow, workflow
from partita.client import AsyncClient, Client
from partita.connect import connect, maintenance
from partita.errors import (
    InvalidInputError,
    InvalidOptionError,
    UnknownTypeError,
    UsageError,
)
from tests.conftest import Rig


@dataclass
class Order:
    card: str
    cents: int


@activity
def charge(n: int) -> int:
    return n


@workflow
def parent(n: int, *more: int, task_list: str = "") -> int:
    return n + sum(more) + len(task_list)


@workflow
def checkout(order: Order) -> int:
    return order.cents


@workflow
def untyped(x):  # type: ignore[no-untyped-def]
    return x


MISTAKES: list[tuple[Callable[[Client, Any], object], Any, type[UsageError], str]] = [
    (Client.start, "parent", UnknownTypeError, "child_workflow('parent')"),
    (Client.start, charge, UnknownTypeError, "activity charge is not a workflow; call it in one"),
    (Client.start, int, UnknownTypeError, "<class 'int'> is not a workflow; put @workflow above"),
    (Client.start, Workflow, UnknownTypeError, "is not a workflow"),
    (Client.start_with, parent.function, UnknownTypeError, "is not a workflow; put @workflow"),
    (
        lambda client, given: client.start(parent, 1, workflow_id=given),  # type: ignore[call-arg]
        "a",
        InvalidOptionError,
        "has no parameter workflow_id; for the option of that name write start_with(workflow, ",
    ),
    (
        lambda client, id_: client.start_with(parent, [1], workflow_id=id_),
        "a\nb",
        InvalidOptionError,
        r"workflow_id='a\nb' has control characters; leave them out",
    ),
    (
        lambda client, id_: client.start(parent.options(workflow_id=id_), 1),
        "e\x1b[31mred",
        InvalidOptionError,
        r"workflow_id='e\x1b[31mred' has control characters",
    ),
    (
        lambda client, id_: client.fork("nobody", new_workflow_id=id_),
        "\x9b",
        InvalidOptionError,
        r"workflow_id='\x9b' has control characters",
    ),
    (
        lambda client, id_: client.start_with(parent, [1], workflow_id=id_),
        5,
        InvalidOptionError,
        "workflow_id=5; give text",
    ),
    (
        lambda client, args: client.start_with(checkout, args),
        "abc",
        InvalidOptionError,
        "args='abc'; give a list of arguments",
    ),
    (
        lambda client, args: client.start_with(checkout, args),
        5,
        InvalidOptionError,
        "args=5; give a list of arguments",
    ),
    (
        lambda client, args: client.start_with(parent, args),
        ["x"],
        InvalidInputError,
        "argument 'n' of parent: Expected `int`, got `str`",
    ),
    (
        lambda client, args: client.start_with(parent, args),
        [1, 2, 3.5],
        InvalidInputError,
        "argument 'more' of parent: Expected `int`, got `float`",
    ),
    (
        lambda client, order: client.start(checkout, order),
        {"card": "c", "cents": "five"},
        InvalidInputError,
        "argument 'order' of checkout: Expected `int`, got `str` - at `$.cents`",
    ),
    (
        lambda client, args: client.schedules.create("s", "0 3 * * *", parent, args),
        ["x"],
        InvalidInputError,
        "argument 'n' of parent: Expected `int`, got `str`",
    ),
]


@pytest.mark.parametrize(("call", "given", "error", "says"), MISTAKES)
def test_mistakes_in_a_start(
    call: Callable[[Client, Any], object],
    given: Any,
    error: type[UsageError],
    says: str,
    memory_rig: Rig,
) -> None:
    with pytest.raises(error, match=re.escape(says)) as caught:
        call(memory_rig.client, given)
    assert "\n" not in str(caught.value)
    assert not memory_rig.client.list().executions


def test_what_a_workflow_can_read_is_started(memory_rig: Rig) -> None:
    client = memory_rig.client
    with memory_rig.worker(parent, checkout, untyped):
        assert client.start(parent, 1, 2, task_list="gpu").result(timeout=20) == 6
        assert client.start(checkout, Order("c", 5)).result(timeout=20) == 5
        plain: Any = {"card": "c", "cents": 5}
        assert client.start(checkout, plain).result(timeout=20) == 5
        assert client.start(untyped, "anything").result(timeout=20) == "anything"


def test_a_workflow_is_started_by_its_name(memory_rig: Rig) -> None:
    with memory_rig.worker(parent):
        elsewhere = child_workflow("parent")
        assert memory_rig.client.start(elsewhere, 7).result(timeout=20) == 7


@pytest.mark.parametrize("timeout", ["a", float("nan"), True])
def test_timeouts_that_are_none(timeout: Any, memory_rig: Rig) -> None:
    handle = memory_rig.client.start(parent, 1)
    for call in (
        lambda: handle.result(timeout),
        lambda: handle.update("u", timeout=timeout),
        lambda: memory_rig.client.query(handle.workflow_id, "q", timeout=timeout),
        lambda: asyncio.run(
            AsyncClient(memory_rig.client).result(handle.workflow_id, timeout=timeout)
        ),
    ):
        with pytest.raises(InvalidOptionError, match="give a number of seconds"):
            call()


@pytest.mark.parametrize("make", [connect, maintenance])
def test_a_url_is_text(make: Callable[[Any], object]) -> None:
    with pytest.raises(InvalidOptionError, match="5 is no URL; give text"):
        make(5)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("memory://x", "'memory://x': what is in memory has no name and no options; write memory:"),
        ("memory://?x=1", "write memory://"),
        ("sqlite:///lite.db?x=1", "a SQLite URL has no options, such as 'x=1'; leave them out"),
        ("sqlite:///lite.db?", "has no options"),
        ("mysql://host", "sqlite:////absolute, postgresql://host/database, swf://"),
    ],
)
def test_what_a_url_cannot_say(url: str, says: str) -> None:
    with pytest.raises(InvalidOptionError, match=re.escape(says)):
        connect(url)


def test_a_question_mark_in_a_files_name(tmp_path: Path) -> None:
    with Client(connect(f"sqlite:///{tmp_path}/what%3F.db")):
        assert (tmp_path / "what?.db").exists()


def test_a_client_of_something_that_is_no_service_is_refused() -> None:
    with pytest.raises(InvalidOptionError, match=r"give connect\('sqlite:///x.db'\)"):
        Client("sqlite:///x.db")  # type: ignore[arg-type]
