"""An activity that has lost workers runs in a process of its own, and can kill only that."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import Any

import pytest
from msgspec.structs import replace

from partita import WorkerLostError, activity, workflow
from partita.ports.service import ActivityTask
from partita.worker import Worker
from partita.worker.running_tasks import MAX_SUSPECTS, SUSPECT_LOSSES
from tests.conftest import Rig
from tests.worker import suspects


class Lossy(Worker):
    """A worker to which all that it is given has lost others before."""

    losses = SUSPECT_LOSSES

    def start_tasks(self, tasks: Sequence[ActivityTask]) -> None:
        super().start_tasks([replace(task, losses=self.losses) for task in tasks])


@workflow
def wheres() -> list[int]:
    return [suspects.where(), suspects.where_async.submit().result()]


@workflow
def many(count: int) -> list[int]:
    futures = [suspects.where.submit() for _ in range(count)]
    return [future.result() for future in futures]


@workflow
def dies() -> str:
    try:
        suspects.ends_its_process()
    except WorkerLostError as error:
        return str(error)
    return "lived"


def lossy(
    rig: Rig,
    losses: int = SUSPECT_LOSSES,
    workflows: Iterable[Any] = (),
    activities: Iterable[Any] = (),
) -> Worker:
    worker = Lossy(
        rig.engine,
        workflows=[wheres, many, dies, *workflows],
        activities=[suspects.where, suspects.where_async, suspects.ends_its_process, *activities],
    )
    worker.losses = losses
    return worker


@pytest.mark.parametrize(("losses", "apart"), [(0, False), (1, False), (2, True), (7, True)])
def test_who_has_lost_two_workers_runs_apart(memory_rig: Rig, losses: int, apart: bool) -> None:
    with lossy(memory_rig, losses):
        found = memory_rig.client.start(wheres).result(timeout=30)
    assert [pid != os.getpid() for pid in found] == [apart, apart]


def test_its_death_is_its_own_failure_and_tried_again_as_its_policy_says(memory_rig: Rig) -> None:
    with lossy(memory_rig):
        handle = memory_rig.client.start(dies)
        said = handle.result(timeout=60)
    assert said.startswith("the process of activity ends_its_process died: exit status 5; ")
    kinds = [event.event_type for event in handle.history()]
    assert kinds.count("ActivityTaskStarted") == 3


def test_who_cannot_be_found_by_another_process_runs_here(memory_rig: Rig) -> None:
    @activity(name="hidden_sync")
    def hidden() -> int:
        return os.getpid()

    @activity(name="hidden_async")
    async def hidden_async() -> int:
        return os.getpid()

    @workflow(name="unfindable")
    def unfindable() -> list[int]:
        return [hidden(), hidden_async.submit().result()]

    with lossy(memory_rig, workflows=[unfindable], activities=[hidden, hidden_async]):
        assert memory_rig.client.start(unfindable).result(timeout=30) == [os.getpid()] * 2


def test_not_more_than_some_run_apart_at_a_time(memory_rig: Rig) -> None:
    with lossy(memory_rig):
        found = memory_rig.client.start(many, 3 * MAX_SUSPECTS).result(timeout=60)
    assert len({pid for pid in found if pid != os.getpid()}) <= MAX_SUSPECTS
