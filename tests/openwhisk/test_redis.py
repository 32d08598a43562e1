"""Branches of compositions that wait by Redis, as those of JavaScript's Composer do."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest

from partita.openwhisk import composer
from partita.openwhisk.redis_barrier import RedisBarrier, RedisError
from tests.openwhisk.conducting import Conductor
from tests.openwhisk.redis_server import redis

Params = dict[str, Any]


@pytest.fixture(scope="module")
def uri(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with redis(tmp_path_factory.mktemp("redis"), "--requirepass", "a/b") as port:
        yield f"redis://:a%2Fb@127.0.0.1:{port}/1"


def invoke(composition: Any, uri: str, params: Params) -> Params:
    given = {**params, "$composer": {"redis": {"uri": uri}, "openwhisk": {}}}
    return Conductor(composition).invoke(given)


def keys(uri: str) -> list[bytes]:
    barrier = RedisBarrier({"uri": uri})
    found: list[bytes] = barrier._call("KEYS", "*")
    barrier.close()
    return found


def test_outputs_come_in_order_and_keys_go(uri: str) -> None:
    composition = composer.parallel(
        "TripleAndIncrement", lambda p: {"error": "x"}, composer.map("DivideByTwo")
    )
    found = invoke(composition, uri, {"n": 1, "value": [{"n": 2}, {"n": 4}]})
    inner = {"value": [{"n": 1}, {"n": 2}]}
    assert found["value"] == [{"n": 4}, {"error": "x"}, inner]
    assert keys(uri) == []


def test_no_branches_need_no_redis() -> None:
    assert invoke(composer.map("DivideByTwo"), "redis://nowhere", {"value": []}) == {"value": []}


@pytest.mark.parametrize("options", [{}, {"uri": 1}, {"uri": "redis://x", "ca": 1}, "redis://x"])
def test_options_that_are_none_are_an_error(options: Any) -> None:
    conductor = Conductor(composer.parallel("DivideByTwo", "DivideByTwo"))
    found = conductor.invoke({"n": 2, "$composer": {"redis": options}})
    assert found == {"error": "Parallel combinator requires a properly configured redis instance"}


def test_a_branch_that_does_not_start_is_an_error_and_leaves_no_keys(uri: str) -> None:
    conductor = Conductor(composer.map("DivideByTwo"))
    conductor.names["_request"] = lambda *_: {}
    found = conductor.invoke({"value": [1], "$composer": {"redis": {"uri": uri}}})
    assert found["error"].startswith("Parallel combinator failed to invoke a composition")
    assert keys(uri) == []


def test_before_its_deadline_a_conductor_yields_and_waits_on(uri: str) -> None:
    conductor = Conductor(composer.map("DivideByTwo"))
    ids = iter(range(9))
    waiting: list[Params] = []

    def request(method: str, path: str, body: Params | None = None) -> Params:
        assert body is not None
        waiting.append(body)
        return {"activationId": str(next(ids))}

    conductor.names["_request"] = request
    given = {"value": [{"n": 2}, {"n": 4}], "$composer": {"redis": {"uri": uri}}}
    answer = conductor.activate(given)
    assert answer["action"] == "/whisk.system/utils/echo"
    for body in reversed(waiting):
        assert conductor.invoke(body)["method"] == "join"
    assert conductor.activate(answer["state"]) == {"params": {"value": [{"n": 1}, {"n": 2}]}}


def test_an_address_where_nothing_listens_is_an_internal_error() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        uri = f"redis://127.0.0.1:{taken.getsockname()[1]}"
        found = invoke(composer.map("DivideByTwo"), uri, {"value": [1]})
    assert found["error"].startswith("Internal error: ")


def test_a_wrong_password_and_a_wrong_uri_are_errors(uri: str) -> None:
    barrier = RedisBarrier({"uri": uri.replace("a%2Fb", "no")})
    with pytest.raises(RedisError, match="WRONGPASS"):
        barrier.begin("x")
    barrier.close()
    with pytest.raises(RedisError, match="http is no URI of Redis"):
        RedisBarrier({"uri": "http://x"}).begin("x")
