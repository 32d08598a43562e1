"""Functions of machines whose workers were killed twice run in processes that know them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from partita import activity
from partita.asl import ServiceSettings, forget_lambda, machine, register_lambda, use_services
from partita.errors import WorkflowFailedError
from partita.worker import Worker
from tests.asl import suspect_functions
from tests.asl.running import Machine, task
from tests.conftest import Rig
from tests.worker.test_suspects import Lossy


@activity(name="suspect_activity")
def as_activity(event: Any) -> int:
    return os.getpid()


@pytest.fixture
def functions() -> Iterator[None]:
    register_lambda("where", suspect_functions.where)
    register_lambda("made_here", lambda event: os.getpid())
    register_lambda("ends", suspect_functions.ends_its_process)
    yield
    for name in ("where", "made_here", "ends"):
        forget_lambda(name)


def calling(name: str) -> Machine:
    return machine({"StartAt": "A", "States": {"A": task(name)}}, "suspect")


def worker(rig: Rig, made: Machine) -> Worker:
    return Lossy(rig.engine, workflows=[made], activities=[as_activity])


@pytest.mark.usefixtures("functions")
@pytest.mark.parametrize(
    ("name", "is_apart"), [("where", True), ("made_here", False), ("suspect_activity", False)]
)
def test_a_function_that_lost_two_workers_is_still_found(
    memory_rig: Rig, name: str, is_apart: bool
) -> None:
    made = calling(name)
    with worker(memory_rig, made):
        pid = memory_rig.client.start(made, {}).result(timeout=30)
    assert (pid != os.getpid()) is is_apart


@pytest.mark.usefixtures("functions")
def test_a_function_that_ends_its_process_fails_its_task(memory_rig: Rig) -> None:
    made = calling("ends")
    with worker(memory_rig, made), pytest.raises(WorkflowFailedError, match="exit status 7"):
        memory_rig.client.start(made, {}).result(timeout=30)


def test_items_are_still_read_after_two_workers_were_lost(memory_rig: Rig, tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "k.json").write_text("[1, 2]")
    reader = {
        "Resource": "arn:aws:states:::s3:getObject",
        "ReaderConfig": {"InputType": "JSON"},
        "Parameters": {"Bucket": "b", "Key": "k.json"},
    }
    processor = {
        "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
        "StartAt": "P",
        "States": {"P": {"Type": "Pass", "End": True}},
    }
    each = {"Type": "Map", "ItemReader": reader, "ItemProcessor": processor, "End": True}
    made = machine({"StartAt": "Each", "States": {"Each": each}}, "suspect")
    use_services(ServiceSettings(is_aws_used=False, folder=str(tmp_path)))
    try:
        with worker(memory_rig, made):
            assert memory_rig.client.start(made, {}).result(timeout=30) == [1, 2]
    finally:
        use_services(None)
