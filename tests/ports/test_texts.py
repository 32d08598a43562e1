"""Texts that no database could keep are refused alike on every store, and nothing is changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from partita import errors, wait_signal, workflow
from partita.client import Client, Handle
from partita.history import WorkflowType
from partita.history.document import load
from partita.ports.service import StartRequest
from tests.conftest import Rig

HALF, NUL, LONG = "a\ud800b", "a\0b", "x" * 4_000


@workflow
def waiting(number: int) -> str:
    return wait_signal("end", str) * number


@workflow
def parent(id: str) -> str:
    try:
        waiting.options(workflow_id=id)(1)
    except errors.InvalidOptionError as error:
        return str(error)
    return "started"


Call = Callable[[Client, Handle[Any], str], Any]


def start(client: Client, **options: Any) -> Any:
    return client.start_with(waiting, (1,), **options)


def bare(client: Client, **fields: Any) -> Any:
    request = {"workflow_id": "w", "workflow_type": WorkflowType("waiting"), **fields}
    return client.service.start_workflow_execution(StartRequest(**request))


def imported(client: Client, handle: Handle[Any], text: str) -> Any:
    closed = client.export_history(handle.workflow_id).terminated("elsewhere")
    renamed = closed.dump().replace(handle.workflow_id, json_escaped(text))
    return client.import_history(load(renamed))


def json_escaped(text: str) -> str:
    return text.replace("\0", "\\u0000").replace("\ud800", "\\ud800")


CALLS: dict[str, Call] = {
    "an id": lambda client, _, text: start(client, workflow_id=text),
    "a bare id": lambda client, _, text: bare(client, workflow_id=text),
    "a type": lambda client, _, text: bare(client, workflow_type=WorkflowType(text)),
    "a domain": lambda client, _, text: bare(client, domain=text),
    "a tag": lambda client, _, text: start(client, tags=[text]),
    "a task list": lambda client, _, text: start(client, task_list=text),
    "an attribute": lambda client, _, text: start(client, search_attributes={text: 1}),
    "an attribute's value": lambda client, _, text: start(client, search_attributes={"k": text}),
    "a signal": lambda _, handle, text: handle.signal(text, 1),
    "a signal with a start": lambda client, _, text: start(
        client, workflow_id="s", signal=(text, 1)
    ),
    "an update": lambda _, handle, text: handle.update(text, timeout=1),
    "a reason": lambda _, handle, text: handle.terminate(10 * text),
    "a fork's id": lambda client, handle, text: client.fork(
        handle.workflow_id, new_workflow_id=text
    ),
    "a fork's task list": lambda client, handle, text: client.fork(
        handle.workflow_id, new_workflow_id="f", task_list=text
    ),
    "a limited task list": lambda client, _, text: client.set_limits(text, concurrency=1),
    "a schedule": lambda client, _, text: client.schedules.create(text, "0 3 * * *", waiting, (1,)),
    "a list by id": lambda client, _, text: client.list(workflow_id=text),
    "a list by tag": lambda client, _, text: client.list(tag=text),
    "a list by attribute": lambda client, _, text: client.list(search_attributes={text: "v"}),
}


@pytest.mark.parametrize("text", [HALF, NUL, LONG], ids=["half", "nul", "long"])
def test_names_that_cannot_be_kept(text: str, rig: Rig) -> None:
    handle = rig.client.start(waiting, 1)
    for what, call in CALLS.items():
        with pytest.raises((errors.InvalidOptionError, errors.SerializationError)) as refused:
            call(rig.client, handle, text)
        assert str(refused.value).count("\n") == 0, what
    with pytest.raises(errors.ExecutionNotFoundError):
        rig.client.describe(text)
    assert [one.workflow_id for one in rig.client.list().executions] == [handle.workflow_id]
    assert len(handle.history()) == 2


@pytest.mark.parametrize("text", [NUL, LONG], ids=["nul", "long"])
def test_histories_whose_ids_cannot_be_kept_are_not_imported(text: str, rig: Rig) -> None:
    handle = rig.client.start(waiting, 1)
    with pytest.raises((errors.InvalidOptionError, errors.InvalidInputError)):
        imported(rig.client, handle, text)


@pytest.mark.parametrize("text", [NUL, LONG], ids=["nul", "long"])
def test_ids_of_children_are_refused_in_the_code(text: str, rig: Rig) -> None:
    with rig.worker(parent, waiting):
        assert "workflow_id" in rig.client.start(parent, text).result(timeout=30)


@pytest.mark.parametrize("limit", [2**70, -1])
def test_pages_of_a_list_have_a_size(limit: int, rig: Rig) -> None:
    with pytest.raises(errors.InvalidOptionError, match="give a number from 0 to"):
        rig.client.list(limit=limit)


@pytest.mark.parametrize("seconds", [1e10, 1e12, float("inf")])
def test_times_beyond_a_hundred_years_are_refused(seconds: float, rig: Rig) -> None:
    with pytest.raises(errors.InvalidOptionError, match=r"100 years|positive number"):
        start(rig.client, execution_start_to_close=seconds)
    century = rig.client.start_with(waiting, (1,), execution_start_to_close=3.1e9)
    rig.client.signal(century.workflow_id, "end", "well")
    with rig.worker(waiting):
        assert century.result(timeout=30) == "well"
