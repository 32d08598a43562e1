"""How two runs are aligned, and what is told of their differences."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from partita import activity, patched, workflow
from partita import history as h
from partita.history.document import ExportedHistory, export
from partita.views.payloads import NOTHING, differences
from partita.views.run_differences import RunDifferences, compare
from tests.conftest import Rig
from tests.soak import scaled
from tests.views.histories import completed, done, failed, history, signalled


def run(*parts: Any, input: str = "[1]") -> ExportedHistory:
    return export("default", h.WorkflowExecution("w", "r"), history(*parts, input=input))


def told(found: RunDifferences) -> list[tuple[str, str]]:
    return [(one.one.name, one.kind) for one in found.steps]


def test_equal_runs_are_equal_whatever_time_they_take() -> None:
    one = run(done("a", turn=1, input="[1]", result="2"), completed())
    other = run(done("a", turn=1, input="[1]", result="2", seconds=9.0), completed())
    assert compare(one, other).are_equal
    assert compare(one, other).first is None


def test_a_step_that_is_missing_leaves_the_others_aligned() -> None:
    one = run(*(done(name, turn=turn, input="[]") for turn, name in enumerate("abcd")))
    other = run(*(done(name, turn=turn, input="[]") for turn, name in enumerate("axcd")))
    found = compare(one, other)
    assert told(found) == [
        ("a", "equal"),
        ("b", "only in a"),
        ("x", "only in b"),
        ("c", "equal"),
        ("d", "equal"),
    ]
    assert not found.are_equal


def test_steps_whose_inputs_differ_are_compared_by_their_name() -> None:
    one = run(done("a", turn=1, input='[{"cents": 1}]', result="1"), done("b", turn=2))
    other = run(done("a", turn=1, input='[{"cents": 2}]', result="2"), done("b", turn=2))
    [first, second] = compare(one, other).steps
    assert second.kind == "equal"
    assert [(name, [str(one) for one in found]) for name, found in first.found] == [
        ("input", ["$[0].cents: 1 | 2"]),
        ("result", ["$: 1 | 2"]),
    ]


def test_steps_in_another_order_have_moved() -> None:
    one = run(*(done(name, turn=turn, input="[]") for turn, name in enumerate("abc")))
    other = run(*(done(name, turn=turn, input="[]") for turn, name in enumerate("bca")))
    found = compare(one, other)
    assert [(step.one.name, step.is_moved) for step in found.steps] == [
        ("a", True),
        ("b", False),
        ("c", False),
    ]
    assert not found.are_equal


def test_errors_attempts_and_versions_are_told() -> None:
    one = run(done("a", turn=1), failed("b", turn=2), signalled("go", "1"))
    other = run(done("a", turn=1, version="2"), done("b", turn=2), signalled("go", "2"))
    found = {step.one.name: dict(step.found) for step in compare(one, other).steps}
    assert set(found["a"]) == {"version"}
    assert set(found["b"]) == {"state", "error"}
    assert set(found["go"]) == {"input"}


def test_payloads_that_are_no_json_are_compared_as_texts() -> None:
    one, other = run(done("a", turn=1, result="{")), run(done("a", turn=1, result="}"))
    [step] = compare(one, other).steps
    assert [str(one) for one in step.found[0][1]] == ['$: "{" | "}"']


NAMES = st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 2)), max_size=12)


def made(names: list[tuple[str, int]]) -> ExportedHistory:
    parts = (done(name, turn=turn, input=f"[{n}]") for turn, (name, n) in enumerate(names, 1))
    return run(*parts)


@settings(max_examples=scaled(60, 3_000), deadline=None)
@given(NAMES, NAMES)
def test_each_step_of_both_runs_is_told_once(one: Any, other: Any) -> None:
    a, b = made(one), made(other)
    found = compare(a, b).steps
    ids_a = [step.a.event_id for step in found if step.a is not None]
    ids_b = [step.b.event_id for step in found if step.b is not None]
    assert ids_a == sorted(ids_a)
    assert len(ids_a) == len(one)
    assert sorted(ids_b) == sorted(set(ids_b))
    assert len(ids_b) == len(other)
    assert compare(a, b).are_equal == (one == other)
    pairs = [step for step in found if step.a is not None and step.b is not None]
    back = compare(b, a).steps
    assert len(pairs) == sum(step.a is not None and step.b is not None for step in back)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda part: (
        st.lists(part, max_size=3) | st.dictionaries(st.text(max_size=3), part, max_size=3)
    ),
    max_leaves=8,
)


@settings(max_examples=scaled(60, 3_000), deadline=None)
@given(JSON, JSON)
def test_values_differ_where_they_are_not_equal(one: Any, other: Any) -> None:
    assert list(differences(one, one)) == []
    if repr(one) != repr(other) and one != other:
        found = list(differences(one, other))
        assert found
        assert all(place.a is not NOTHING or place.b is not NOTHING for place in found)


@activity
def add(x: int, y: int) -> int:
    return x + y


@workflow
def summed(numbers: list[int]) -> int:
    total = 0
    for number in numbers:
        total = add(total, number)
    if patched("doubled"):
        total *= 2
    return total


def test_runs_of_an_engine_are_compared(rig: Rig) -> None:
    with rig.worker(summed, add):
        for id, numbers in (("a", [1, 2, 3]), ("b", [1, 5, 3]), ("c", [1, 2, 3])):
            rig.client.start_with(summed, (numbers,), workflow_id=id).result()
    a, b, c = (rig.client.export_history(id) for id in "abc")
    assert compare(a, c).are_equal
    found = compare(a, b)
    assert [name for name, _ in found.run] == ["input", "result"]
    assert told(found) == [
        ("add", "equal"),
        ("add", "changed"),
        ("add", "changed"),
        ("patched doubled", "equal"),
    ]
