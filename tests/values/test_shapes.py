"""What a chain hands on reaches its next part, whatever the shape of that part."""

from __future__ import annotations

from typing import Any

import pytest

from partita import FuncGroup, activity, chain, group, task, workflow
from partita.authoring.canvas import Shape
from tests.language.conftest import Stage


@activity
def add(x: int, y: int = 0) -> int:
    return x + y


@activity
def total(values: list[Any]) -> int:
    return sum(map(total_of, values))


def total_of(value: Any) -> int:
    return sum(map(total_of, value)) if isinstance(value, list) else value or 0


@activity
def numbers(count: int) -> list[int]:
    return list(range(count))


@activity
def fails() -> int:
    raise ValueError("no")


@workflow
def sub(x: int, y: int = 0) -> int:
    return add(x, y)


def tens(at_a_time: int | None = None) -> Shape:
    return group((add, 10), (add, 20), (add, 30), max_parallel=at_a_time)


def handing(*parts: Any, **options: Any) -> Shape:
    return chain(*parts, send_result=True, **options)


def mapped(values: list[int]) -> Shape:
    return group(task(add, value) for value in values)


SHAPES: dict[str, tuple[Any, Any]] = {
    "group, one at a time": (lambda: handing((add, 3), tens(1)), [3, [13, 23, 33]]),
    "group, two at a time": (lambda: handing((add, 3), tens(2)), [3, [13, 23, 33]]),
    "group, all at a time": (lambda: handing((add, 3), tens()), [3, [13, 23, 33]]),
    "group of one": (lambda: handing((add, 3), group((add, 10), max_parallel=1)), [3, [13]]),
    "empty group": (lambda: handing((add, 3), group(), total), [3, [], 0]),
    "empty chain": (lambda: handing((add, 3), chain(), total), [3, [], 0]),
    "chain in a group": (
        lambda: handing((add, 3), group(chain((add, 1), (add, 2)), (add, 5), max_parallel=1)),
        [3, [[4, 2], 8]],
    ),
    "handing chain in a group": (
        lambda: handing((add, 3), group(handing((add, 1), (add, 2)), (add, 5), max_parallel=2)),
        [3, [[4, 6], 8]],
    ),
    "group in a group": (
        lambda: handing((add, 3), group(tens(1), group(tens(2), max_parallel=1), max_parallel=1)),
        [3, [[13, 23, 33], [[13, 23, 33]]]],
    ),
    "group first": (lambda: handing(tens(1), total), [[10, 20, 30], 60]),
    "two groups": (
        lambda: handing((add, 1), group((add, 1), max_parallel=1), total, tens(1)),
        [1, [2], 2, [12, 22, 32]],
    ),
    "chain that hands nothing on": (lambda: chain((add, 3), tens(1)), [3, [10, 20, 30]]),
    "chain in a chain": (lambda: handing((add, 3), chain((add, 1), (add, 2))), [3, [4, 2]]),
    "child workflows": (
        lambda: handing((sub, 3), group((sub, 1), (sub, 2), max_parallel=1)),
        [3, [4, 5]],
    ),
    "a function's group": (
        lambda: handing((add, 3), group(FuncGroup(lambda x: task(add, x, 1)), max_parallel=1)),
        [3, [4]],
    ),
    "a function of the result": (
        lambda: handing((numbers, 3), mapped, total),
        [[0, 1, 2]] * 2 + [3],
    ),
    "map of the result": (lambda: handing((numbers, 3), add.map, total), [[0, 1, 2]] * 2 + [3]),
    "map of nothing": (lambda: handing((numbers, 0), add.map, total), [[], [], 0]),
    "map of children": (lambda: handing((numbers, 2), sub.map), [[0, 1], [0, 1]]),
    "map of given items": (lambda: chain((add.map, [1, 2]), (add, 1)), [[1, 2], 1]),
    "starmap": (lambda: group((add.starmap, [(1, 2), (3, 4)])), [[3, 7]]),
    "submit": (lambda: handing((add, 3), (add.submit, 1)), [3, 4]),
    "after a failure": (
        lambda: handing((add, 3), fails, tens(1), raises_on_failure=False, break_on_failure=False),
        None,
    ),
}


@workflow
def shaped(name: str) -> list[Any]:
    results: list[Any] = SHAPES[name][0]()()
    return results


@pytest.mark.parametrize("name", [name for name in SHAPES if name != "after a failure"])
def test_what_a_chain_hands_on(name: str, stage: Stage) -> None:
    assert stage.run(shaped, name) == shaped(name) == SHAPES[name][1]
