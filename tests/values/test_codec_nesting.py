"""One limit of nesting, on writing and on reading, wherever the calls are."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest

from partita import activity, workflow
from partita.codec import ANY, NESTING_LIMIT, Converter, carry, decoder, form_of
from partita.errors import (
    ExecutionClosedError,
    PayloadTooDeepError,
    PayloadTooLargeError,
    UsageError,
)
from tests.language.conftest import Stage


def lists(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


def dicts(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = {"a": value}
    return value


def mixed(depth: int) -> Any:
    value: Any = '[{\\"['
    for level in range(depth):
        value = [value, "}]"] if level % 2 else {"[": value}
    return value


@dataclass
class Node:
    next: Node | None = None


def nodes(depth: int) -> Node:
    node = Node()
    for _ in range(depth - 1):
        node = Node(node)
    return node


@pytest.mark.parametrize("form", [None, ANY, form_of(list), form_of(dict[str, Any] | list[Any])])
@pytest.mark.parametrize("make", [lists, dicts, mixed])
def test_up_to_the_limit_a_value_crosses(make: Any, form: Any) -> None:
    if form is form_of(list) and make is not lists:
        return
    value = make(NESTING_LIMIT)
    payload = Converter().dump(value, "it", form)
    assert Converter().load(payload, decoder(Any)) == value
    for depth in (NESTING_LIMIT + 1, 969, 980, 989, 5_000):
        with pytest.raises(
            PayloadTooDeepError, match=r"it cannot be stored.* 500 levels"
        ) as caught:
            Converter().dump(make(depth), "it", form)
        assert caught.value.code == "PAYLOAD_TOO_DEEP"


@pytest.mark.parametrize("hint", [Any, list, list[Any], Node, dict[str, Any], int])
def test_reading_has_the_same_limit(hint: Any) -> None:
    for depth in (NESTING_LIMIT + 1, 985, 100_000):
        for text in ("[" * depth + "]" * depth, '{"next":' * depth + "null" + "}" * depth):
            with pytest.raises(PayloadTooDeepError):
                Converter().load(text, decoder(hint))


def test_many_that_are_not_deep_are_read() -> None:
    value = [[{"a": "[" * 50, "b\\": ['"]', "\\"]}] for _ in range(2_000)]
    assert carry(value) == value
    assert json.loads(Converter().dump(value, "it", ANY)) == value


def test_deep_objects_under_a_hint() -> None:
    assert carry(nodes(100), Node) == nodes(100)
    with pytest.raises(PayloadTooDeepError):
        carry(nodes(2_000), Node)
    with pytest.raises(PayloadTooDeepError):
        carry((lists(100), nodes(2_000)))


def test_what_contains_itself_is_refused() -> None:
    endless: list[Any] = []
    endless.append(endless)
    circle: dict[str, Any] = {}
    circle["a"] = [circle]
    node = Node()
    node.next = node
    for value in (endless, circle, node, (endless,), {1: circle}):
        with pytest.raises(PayloadTooDeepError):
            carry(value)


def test_a_limit_in_bytes_stays() -> None:
    with pytest.raises(PayloadTooLargeError):
        Converter(limit=100).dump((1,) * 100, "it", ANY)


def at_depth(frames: int, call: Any) -> Any:
    return call() if frames == 0 else at_depth(frames - 1, call)


@pytest.mark.parametrize("frames", [0, 100, 300])
def test_the_limit_does_not_depend_on_the_calls_around(frames: int) -> None:
    assert at_depth(frames, lambda: carry(lists(NESTING_LIMIT))) == lists(NESTING_LIMIT)
    with pytest.raises(PayloadTooDeepError):
        at_depth(frames, lambda: carry(lists(NESTING_LIMIT + 1)))


@activity
def returns_deep(depth: int):  # type: ignore[no-untyped-def]
    return lists(depth)


@activity
def takes(value):  # type: ignore[no-untyped-def]
    return 1


@workflow
def gets(depth: int) -> str:
    try:
        returns_deep(depth)
    except UsageError as error:
        return error.code
    return "got it"


@workflow
def gives(depth: int) -> str:
    try:
        takes(lists(depth))
    except UsageError as error:
        return error.code
    return "given"


@workflow
def ends_with(value):  # type: ignore[no-untyped-def]
    return 1


@pytest.mark.parametrize("depth", [NESTING_LIMIT, 501, 975, 985, 2_000])
def test_a_workflow_sees_the_error(depth: int, stage: Stage) -> None:
    for flow in (gets, gives):
        found = stage.run(flow, depth)
        assert found == flow(depth)
        is_ok = depth < NESTING_LIMIT  # the list of arguments is a level
        assert is_ok or found in ("PAYLOAD_TOO_DEEP", "got it")


def test_a_start_that_is_too_deep_is_refused(stage: Stage) -> None:
    for depth in (NESTING_LIMIT, 975, 989):
        with pytest.raises(PayloadTooDeepError):
            stage.start(ends_with, lists(depth))


@workflow
def asked(depth: int) -> int:
    return lists(depth)  # type: ignore[no-any-return]


def test_a_result_under_another_hint_fails(stage: Stage) -> None:
    with pytest.raises(ExecutionClosedError):
        stage.start(asked, 3).result(timeout=20)
