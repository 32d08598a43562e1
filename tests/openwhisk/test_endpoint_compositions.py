"""Compositions on a local OpenWhisk: what they return, and how long they may be."""

from __future__ import annotations

import json
import socket
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from partita.openwhisk import composer
from partita.openwhisk.composition import Composition
from partita.openwhisk.endpoint.containers import MOST
from tests.openwhisk.endpoint import Params, defined, invoke, result, without_texts
from tests.openwhisk.running import run
from tests.openwhisk.test_agreement import call_total, composed, inputs, leaves
from tests.soak import scaled


@settings(max_examples=scaled(8, 300), deadline=None)
@given(composition=st.recursive(leaves, composed, max_leaves=6), params=inputs)
def test_random_compositions_agree(wsk: Any, composition: Composition, params: Params) -> None:
    defined(wsk, "TripleAndIncrement", "def main(p):\n    return {'n': p.get('n', 0) * 3 + 1}\n")
    wsk.compositions.deploy({"name": "random", **composition.compile()}, True)
    found = without_texts(result(wsk, "random", dict(params)))
    expected = run(composition, dict(params), call_total)
    assert found == without_texts(expected) or "Too many actions" in json.dumps(found)


def test_branches_run_at_the_same_time_without_redis(wsk: Any) -> None:
    composition = composer.parallel("DivideByTwo", composer.map("echo"), "fail")
    wsk.compositions.deploy({"name": "branches", **composition.compile()}, True)
    found = result(wsk, "branches", {"n": 4, "value": [1, 2]})
    inner = {"value": [{"value": 1}, {"value": 2}]}
    assert found == {"value": [{"n": 2.0}, inner, {"error": "failed"}]}


def test_many_compositions_with_branches_leave_room_for_what_they_wait_for(wsk: Any) -> None:
    count = MOST + 4  # processes that all wait
    wsk.compositions.deploy({"name": "many", **composer.parallel("echo").compile()}, True)
    with ThreadPoolExecutor(count) as pool:
        found = list(pool.map(lambda n: invoke(wsk, "many", {"n": n}), range(count)))
    results = [one["response"]["result"] for one in found]
    assert results == [{"value": [{"n": n}]} for n in range(count)]
    assert [len(one["logs"]) for one in found] == [1] * count  # none had to yield


@pytest.mark.parametrize(("count", "is_too_long"), [(50, False), (51, True)])
def test_a_composition_has_50_components(wsk: Any, count: int, is_too_long: bool) -> None:
    composition = composer.do(composer.repeat(count, "echo"), lambda p: {"caught": p["error"]})
    wsk.compositions.deploy({"name": "long", **composition.compile()}, True)
    found = result(wsk, "long", {"n": 1})
    expected = {"caught": "Too many actions in the composition."} if is_too_long else {"n": 1}
    assert found == expected


def test_counts_are_shared_with_compositions_inside(wsk: Any) -> None:
    inner = composer.repeat(30, "echo")
    wsk.compositions.deploy({"name": "inner", **inner.compile()}, True)
    outer = composer.sequence("inner", composer.do("inner", lambda p: {"caught": p["error"]}))
    wsk.compositions.deploy({"name": "outer", **outer.compile()}, True)
    assert result(wsk, "outer", {}) == {"caught": "Too many actions in the composition."}


def test_a_conductor_yields_before_its_deadline(wsk: Any) -> None:
    code = (
        "import socket, time\n"
        "def main(p):\n"
        "    if 'port' in p: socket.create_connection(('127.0.0.1', p['port'])).recv(1)\n"
        "    time.sleep(0.5)\n"
        "    return {}\n"
    )
    wsk.actions.update({"name": "slow", "action": code})
    made = {"name": "waiting", **composer.parallel("slow").compile()}
    wsk.compositions.deploy(made, True, limits={"timeout": 15_250})
    record = invoke(wsk, "waiting")
    assert record["response"]["result"] == {"value": [{}]}
    names = [wsk.record(one)["name"] for one in record["logs"]]
    assert names == ["waiting", *["echo", "waiting"] * (len(names) // 2)]
    assert len(names) > 2
    wsk.compositions.deploy(made, True, limits={"timeout": 15_000})
    with socket.create_server(("127.0.0.1", 0)) as server:  # for which the branch waits
        record = invoke(wsk, "waiting", {"port": server.getsockname()[1]})
        server.accept()[0].close()
    assert record["response"]["result"] == {"error": "Too many actions in the composition."}


def test_a_conductor_that_never_ends_is_ended(wsk: Any) -> None:
    code = "def main(p):\n    return {'action': '!', 'params': {}, 'state': {'n': 1}}\n"
    defined(wsk, "endless", code, annotations=[{"key": "conductor", "value": True}])
    record = invoke(wsk, "endless")
    assert record["response"] == {
        "result": {"error": "Too many actions in the composition."},
        "size": 49,
        "status": "application error",
        "success": False,
    }
    assert len(record["logs"]) == 101


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("'absent'", "Failed to resolve action with name 'guest/absent' during composition."),
        ("'/a'", 'Failed to parse action name from json value "/a" during composition.'),
        ("7", "Failed to parse action name from json value 7 during composition."),
    ],
)
def test_a_conductor_is_told_of_what_it_cannot_call(wsk: Any, name: str, said: str) -> None:
    code = f"def main(p):\n    return {{'params': p}} if 'error' in p else {{'action': {name}}}\n"
    defined(wsk, "wrong", code, annotations=[{"key": "conductor", "value": True}])
    assert result(wsk, "wrong") == {"error": said}
