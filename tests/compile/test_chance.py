"""Make new values for each item of a comprehension, as Python does."""

from __future__ import annotations

from pathlib import Path

from partita import activity
from partita.compile import compile_workflow
from partita.stepfunctions.compiled import compiled
from partita.stepfunctions.emitter import emit
from tests.compile.corpus import load

SOURCE = """
from tests.compile.test_chance import given


@workflow
def main(xs: list[int]) -> list[int]:
    one_after_the_other = [given(x, str(uuid4())) for x in xs]
    futures = [given.submit(x, str(uuid4())) for x in xs]
    named = [given.submit(x, key=f"{x}-{uuid4()}") for x in xs]
    same = str(uuid4())
    with_same = [given(x, same) for x in xs]
    results = [[one.result() for one in some] for some in (futures, named)]
    return [len(set(keys)) for keys in [one_after_the_other, *results, with_same]]
"""


@activity
def given(x: int, key: str) -> str:
    """Return the key."""
    return key


def test_each_call_is_given_a_new_value(tmp_path: Path) -> None:
    workflow = load("chance", SOURCE, tmp_path)
    assert workflow([1, 2, 3]) == compiled(workflow)([1, 2, 3]) == [3, 3, 3, 1]


def test_times_are_those_of_each_call(tmp_path: Path) -> None:
    source = SOURCE.partition("    one_after")[0].replace("list[int]:", "list[str]:")
    source += "    return [given(x, now().isoformat()) for x in xs]\n"
    states = emit(compile_workflow(load("times", source, tmp_path)))["States"]
    assert not any(one["Type"] == "Map" for one in states.values())
