"""A workflow that is called in a workflow is a child, with a history of its own."""

from __future__ import annotations

from typing import Any

import pytest

from partita import (
    CancelledError,
    ChildPolicy,
    activity,
    child_workflow,
    continue_as_new,
    errors,
    external,
    sleep,
    wait_signal,
    workflow,
    workflow_info,
)
from partita.history import (
    ChildWorkflowExecutionStarted,
    StartChildWorkflowExecutionInitiated,
    WorkflowExecution,
)
from partita.ports.state import Status
from tests.conftest import until
from tests.language.conftest import Stage


class PoorError(Exception):
    """There is not enough."""


@activity
def double(x: int) -> int:
    return 2 * x


@workflow
def branch(x: int) -> int:
    return double(x) + 1


@workflow
def tree(n: int) -> list[int]:
    first = branch(n)
    future = branch.submit(first)
    return [
        first,
        future.result(),
        *branch.map(range(n)).result(),
        *branch.starmap([(7,)]).result(),
    ]


def test_call_submit_and_map(stage: Stage) -> None:
    handle = stage.start(tree, 3)
    assert handle.result(timeout=20) == tree(3) == [7, 15, 1, 3, 5, 15]
    assert len(stage.find(handle, ChildWorkflowExecutionStarted)) == 6
    children = stage.client.list(type_name="branch").executions
    assert {info.parent.workflow_id for info in children if info.parent} == {handle.workflow_id}


@workflow
def deep(n: int) -> int:
    return 0 if n == 0 else deep(n - 1) + 1


def test_children_have_children(stage: Stage) -> None:
    assert stage.run(deep, 10) == deep(10) == 10


@workflow
def data_flow() -> int:
    return branch.submit(double.submit(branch.submit(1))).result()


def test_futures_are_arguments_of_children_and_of_activities(stage: Stage) -> None:
    assert stage.run(data_flow) == data_flow() == 13


@workflow
def poor() -> int:
    raise PoorError("no money")


@workflow
def forgiving() -> str:
    try:
        poor()
    except PoorError as error:
        return f"{type(error).__name__}: {error}"
    return "rich"


def test_a_childs_exception_keeps_its_type(stage: Stage) -> None:
    assert stage.run(forgiving) == forgiving() == "PoorError: no money"


@workflow
def endless() -> int:
    wait_signal("never")
    return 1


@workflow
def brief() -> str:
    try:
        endless.options(execution_start_to_close=0.05)()
    except errors.WorkflowTimedOutError as error:
        return error.code
    return "done"


def test_a_child_that_outlives_its_timeout(stage: Stage) -> None:
    assert stage.run(brief) == "WORKFLOW_TIMED_OUT"


@workflow
def bereft() -> str:
    child = endless.options(workflow_id="victim").submit()
    try:
        child.result()
    except errors.WorkflowTerminatedError as error:
        return error.code
    return "done"


def test_a_child_that_is_terminated(stage: Stage) -> None:
    handle = stage.start(bereft)
    stage.settled(handle)
    stage.client.terminate("victim")
    assert handle.result(timeout=20) == "WORKFLOW_TERMINATED"


@workflow
def cancelling() -> str:
    child = endless.submit()
    sleep(0.01)
    child.cancel()
    try:
        child.result()
    except CancelledError:
        return "cancelled"
    return "done"


def test_cancelling_a_childs_future_cancels_the_child(stage: Stage) -> None:
    assert stage.run(cancelling) == cancelling() == "cancelled"
    child = stage.client.list(type_name="endless").executions[0].workflow_id
    until(lambda: stage.client.describe(child).info.status is Status.CANCELED)


@workflow(child_policy=ChildPolicy.TERMINATE)
def strict() -> None:
    endless.options(workflow_id="kid").submit()
    wait_signal("never")


@workflow(child_policy="request_cancel")
def gentle() -> None:
    endless.options(workflow_id="kid").submit()
    wait_signal("never")


@workflow(child_policy=ChildPolicy.ABANDON)
def careless() -> None:
    endless.options(workflow_id="kid").submit()
    wait_signal("never")


@pytest.mark.parametrize(
    ("above", "status"),
    [(strict, Status.TERMINATED), (gentle, Status.CANCELED), (careless, Status.OPEN)],
    ids=["terminate", "request_cancel", "abandon"],
)
def test_child_policies(above: object, status: Status, stage: Stage) -> None:
    handle = stage.start(above)
    until(lambda: stage.client.list(workflow_id="kid").executions)
    stage.waits(handle, lambda events: len(events) > 5)
    handle.terminate()
    until(lambda: stage.client.describe("kid").info.status is status)


@workflow
def continuing(left: int) -> str:
    if left:
        continue_as_new(left - 1)
    return workflow_info().name


@workflow
def waits_for_the_last() -> str:
    return continuing(3)


def test_the_parent_waits_through_every_run_of_its_child(stage: Stage) -> None:
    assert stage.run(waits_for_the_last) == waits_for_the_last() == "continuing"


@workflow
def remote(name: str, version: str) -> str:
    try:
        return str(child_workflow(name, version).submit(4).result())
    except errors.PartitaError as error:
        return error.code


def test_remote_children_by_name_and_version(stage: Stage) -> None:
    assert stage.run(remote, "branch", "1") == "9"


def test_a_child_that_does_not_exist_is_an_error_at_the_caller(stage: Stage) -> None:
    assert stage.run(remote, "branch", "99") == "UNKNOWN_TYPE"
    assert stage.run(remote, "nothing", "1") == remote("nothing", "1") == "UNKNOWN_TYPE"
    assert issubclass(errors.UnknownTypeError, errors.PartitaError)


@workflow
def twins() -> str:
    endless.options(workflow_id="one").submit()
    try:
        endless.options(workflow_id="one").submit().result()
    except errors.ExecutionAlreadyStartedError as error:
        external("one").cancel().result()
        return error.code
    return "two"


def test_an_id_that_is_taken(stage: Stage) -> None:
    assert stage.run(twins) == twins() == "EXECUTION_ALREADY_STARTED"


NO_IDS = ["a\nb", "\x1b[31m", "a\x9b", "a\ud800", "", 5]


@workflow
def misnamed(way: str, number: int) -> str:
    id: Any = NO_IDS[number]
    try:
        if way == "child":
            branch.options(workflow_id=id).submit(1)
        elif way == "signal":
            external(id).signal("x")
        else:
            external(WorkflowExecution(id, "")).cancel()
    except errors.InvalidOptionError as error:
        sleep(0.01)  # so that the rest is decided later, or by a replay
        return str(error)
    return "taken"


@pytest.mark.parametrize("way", ["child", "signal", "cancel"])
def test_an_id_that_nobody_can_mean_is_refused_where_it_is_chosen(way: str, stage: Stage) -> None:
    said = [misnamed(way, number) for number in range(len(NO_IDS))]
    assert [stage.run(misnamed, way, number) for number in range(len(NO_IDS))] == said
    assert said[0] == "workflow_id='a\\nb' has control characters; leave them out"
    assert said[3] == "workflow_id='a\\ud800' has halves of characters; leave them out"
    assert all(line.startswith("workflow_id=") and "; " in line for line in said)


@workflow
def misnames() -> int:
    return branch.options(workflow_id="a\nb")(1)


def test_an_id_that_is_refused_fails_the_workflow_like_any_error_of_its(stage: Stage) -> None:
    with pytest.raises(errors.WorkflowFailedError, match="has control characters") as raised:
        stage.run(misnames)
    assert isinstance(raised.value.__cause__, errors.InvalidOptionError)


@workflow
def ids() -> list[str]:
    futures = [branch.submit(1), branch.submit(2)]
    return [future.workflow_id for future in futures if future.result()]


def test_child_ids_do_not_collide_between_parents_or_runs(stage: Stage) -> None:
    found = stage.run(ids, id="a") + stage.run(ids, id="b")
    found += stage.run(ids, id="a", reuse_policy="allow")
    assert len(set(found)) == 6


@workflow(task_list="gpu", tags=("heavy",))
def elsewhere() -> list[object]:
    info = workflow_info()
    return [info.task_list, list(info.tags), info.parent is not None]


@workflow
def routes() -> list[object]:
    return [elsewhere(), elsewhere.options(task_list="slow", tags=("light",))()]


def test_children_have_task_lists_and_tags_of_their_own(stage: Stage) -> None:
    assert stage.run(routes) == routes() == [["gpu", ["heavy"], True], ["slow", ["light"], True]]


def test_a_cancelled_parent_can_wait_for_its_child(stage: Stage) -> None:
    handle = stage.start(patient)
    stage.settled(handle)
    handle.cancel()
    with pytest.raises(errors.WorkflowCanceledError):
        handle.result(timeout=20)
    child = stage.client.list(type_name="endless").executions[0].workflow_id
    until(lambda: stage.client.describe(child).info.status is Status.CANCELED)


@workflow
def patient() -> None:
    endless()


def test_the_childs_input_is_in_the_history(stage: Stage) -> None:
    handle = stage.start(tree, 1)
    handle.result(timeout=20)
    assert stage.find(handle, StartChildWorkflowExecutionInitiated)[0].input == "[1]"
