"""npm's openwhisk-composer and ours: each reads what the other writes, and they agree.

For each composition npm's builds the same from JavaScript, and reads our JSON. Both conductors run
it with the same actions; `parallel` and `map` need Redis there, so they are compared as JSON.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from partita.openwhisk import composer
from partita.openwhisk.composition import Composition
from partita.openwhisk.portable_json import compiled
from tests.openwhisk import npm
from tests.openwhisk.conducting import Conductor
from tests.openwhisk.running import run
from tests.rotation import sample

Params = dict[str, Any]
Case = tuple[Composition, Params]


def js(code: str) -> Composition:
    """Return a function of JavaScript's Composer."""
    return composer.function({"kind": "nodejs:default", "code": code})


ERROR = js("() => ({ error: 'foo', lost: 1 })")
MESSAGE = js("({ error }) => ({ message: error })")
NEST = js("params => ({ params })")
X = js("() => x")
DECREMENT = js("({ n }) => ({ n: n - 1 })")
MORE = js("({ n }) => ({ n, value: n !== 1 })")
ATTEMPT = js("() => x-- > 0 ? { error: 'foo' } : 42")
DEFINED = {"action": {"kind": "nodejs:default", "code": "const main = () => ({})"}}

WRITTEN: dict[str, Case] = {
    "action": (composer.task("isNotOne"), {"n": 0}),
    "absent action": (composer.do("a/b/c", MESSAGE), {"n": 0}),
    "function": (js("({ n }) => n % 2 === 0"), {"n": 4}),
    "function without result": (js("params => { params.m = 1 }"), {"n": 4}),
    "function that fails": (composer.seq(js("() => absent")), {"n": 4}),
    "function of a function": (composer.do(js("() => () => 1"), MESSAGE), {}),
    "empty": (composer.empty(), {"foo": "foo"}),
    "empty with an error": (composer.empty(), {"error": "foo", "n": 1}),
    "literal": (composer.literal([1, "a"]), {}),
    "value": (composer.value({"n": {"m": None}}), {}),
    "null": (composer.literal(None), {"n": 1}),
    "literal error": (composer.literal({"error": 1}), {"n": 1}),
    "sequence": (composer.sequence("TripleAndIncrement", "DivideByTwo"), {"n": 5}),
    "seq": (composer.seq("TripleAndIncrement", composer.seq("DivideByTwo")), {"n": 5}),
    "seq stops": (composer.seq("fail", "echo"), {"n": 5}),
    "when": (composer.when("isEven", "DivideByTwo", "TripleAndIncrement"), {"n": 4}),
    "when not": (composer.when("isEven", "DivideByTwo", "TripleAndIncrement"), {"n": 3}),
    "when without alternate": (composer.when("isEven", "DivideByTwo"), {"n": 3}),
    "when_nosave": (composer.when_nosave("isEven", "echo"), {"n": 2}),
    "when fails": (composer.when("fail", "echo"), {"n": 2}),
    "when with an error": (composer.when(composer.literal(True), MESSAGE), {"error": 1, "n": 2}),
    "loop": (composer.loop("isNotOne", DECREMENT), {"n": 3}),
    "loop_nosave": (composer.loop_nosave(MORE, DECREMENT), {"n": 2}),
    "doloop": (composer.doloop(DECREMENT, "isNotOne"), {"n": 3}),
    "doloop_nosave": (composer.doloop_nosave(DECREMENT, MORE), {"n": 3}),
    "loop fails": (composer.loop(composer.literal(True), "fail"), {"n": 3}),
    "do": (composer.do("echo", MESSAGE), {"n": 3}),
    "do handles": (composer.do(ERROR, MESSAGE), {}),
    "do in do": (composer.do(composer.do(ERROR, "fail"), MESSAGE), {}),
    "do in a loop": (
        composer.do(composer.loop(composer.literal(False), None), MESSAGE),
        {"error": "foo"},
    ),
    "ensure": (composer.ensure("echo", NEST), {"n": 1}),
    "ensure with an error": (composer.ensure(ERROR, NEST), {"n": 1}),
    "let": (composer.let({"x": 42, "y": [1]}, X), {}),
    "let in let": (composer.let({"x": 42}, composer.let({"x": 69}, X), X), {}),
    "let assigns": (composer.let({"x": 1}, js("({ n }) => { x = n }"), X), {"n": 7}),
    "mask": (composer.let({"x": 42}, composer.let({"x": 69}, composer.mask(X))), {}),
    "mask and let": (composer.let({"x": 42}, composer.mask(composer.let({"x": 69}, X))), {}),
    "repeat": (composer.repeat(3, "DivideByTwo"), {"n": 64}),
    "repeat twice": (composer.repeat(2, composer.repeat(2, "TripleAndIncrement")), {"n": 1}),
    "repeat nothing": (composer.repeat(0, "DivideByTwo"), {"n": 8}),
    "retry": (composer.let({"x": 2}, composer.retry(2, ATTEMPT)), {}),
    "retry in vain": (composer.let({"x": 2}, composer.retry(1, ATTEMPT)), {}),
    "retain": (composer.retain("TripleAndIncrement"), {"n": 3}),
    "retain fails": (composer.retain(ERROR), {"n": 3}),
    "retain_catch": (composer.retain_catch(ERROR), {"n": 3}),
    "merge": (composer.merge("isEven"), {"n": 3, "m": 1}),
    "merge fails": (composer.merge("fail"), {"n": 3}),
    "definitions": (composer.seq(composer.action("defined", DEFINED), "p/a"), {}),
    "dynamic": (composer.dynamic(), {"type": "action", "name": "/_/isEven", "params": {"n": 1}}),
    "dynamic wrongly": (composer.seq(composer.dynamic()), {"n": 1}),
    "parallel": (composer.parallel("echo", composer.seq("fail", X)), {}),
    "par": (Composition("par", ("echo", None)), {}),
    "map": (composer.map("echo", composer.repeat(2, "fail")), {}),
    "asynchronous": (composer.let({"x": 1}, composer.asynchronous("echo", "echo")), {}),
}

NOT_RUN = {"parallel", "par", "map", "asynchronous", "definitions"}
"""These need Redis, a host, or an action that is deployed first, in npm's conductor."""


def _random(seed: int) -> Case:
    """Return a composition of actions and literals, which always ends."""
    chance = random.Random(seed)

    def tree(depth: int) -> Composition:
        if depth == 0 or chance.random() < 0.1:
            names = ["echo", "fail", "absent"]
            values = [None, 0, {"n": 2}, {"error": "literal"}, "text", {"value": True, "n": 3}]
            leaves = [composer.task(chance.choice(names)), composer.literal(chance.choice(values))]
            return chance.choice([*leaves, composer.empty()])
        parts = [tree(depth - 1) for _ in range(chance.randrange(4))]
        one, two, three = (tree(depth - 1) for _ in range(3))
        makes: list[Callable[[], Composition]] = [
            lambda: composer.sequence(*parts),
            lambda: composer.seq(*parts),
            lambda: composer.retain(*parts),
            lambda: composer.retain_catch(*parts),
            lambda: composer.merge(*parts),
            lambda: composer.mask(*parts),
            lambda: composer.let({"x": chance.randrange(3)}, *parts),
            lambda: composer.when(one, two, three),
            lambda: composer.when_nosave(one, two, three),
            lambda: composer.do(one, two),
            lambda: composer.ensure(one, two),
            lambda: composer.repeat(chance.randrange(3), *parts),
            lambda: composer.retry(chance.randrange(3), *parts),
            lambda: composer.loop(composer.literal(False), one),
            lambda: composer.doloop(one, composer.literal(0)),
        ]
        return chance.choice(makes)()

    return tree(4), chance.choice([{}, {"n": 1}, {"n": 4}, {"error": "input"}])


CASES = WRITTEN | {f"random {seed}": _random(seed) for seed in sample(range(40), 4)}


@pytest.fixture(scope="module")
def built() -> dict[str, Params]:
    """What npm's Composer makes of the same compositions, built from JavaScript."""
    given = [
        {"source": npm.javascript(one), "params": params, "runs": name not in NOT_RUN}
        for name, (one, params) in CASES.items()
    ]
    return dict(zip(CASES, npm.answers(given), strict=True))


@pytest.fixture(scope="module")
def read() -> dict[str, Params]:
    """What npm's Composer makes of our JSON in its dialect."""
    given = [
        {"json": compiled(one, "js"), "params": params, "runs": name not in NOT_RUN}
        for name, (one, params) in CASES.items()
    ]
    return dict(zip(CASES, npm.answers(given), strict=True))


def without_version(made: Params) -> Params:
    return {name: value for name, value in made.items() if name != "version"}


def without_paths(node: Any) -> Any:
    """Return JSON without the paths, which begin anew where a composition is compiled again."""
    if isinstance(node, list):
        return [without_paths(one) for one in node]
    if not isinstance(node, dict):
        return node
    is_node = isinstance(node.get("type"), str)
    return {
        name: without_paths(value)
        for name, value in node.items()
        if not (is_node and name == "path")
    }


@pytest.mark.parametrize("name", CASES)
def test_both_write_the_same_json(name: str, built: dict[str, Params]) -> None:
    theirs = built[name]["compiled"]
    ours = compiled(CASES[name][0], "js")
    assert without_version(ours) == without_version(theirs)


@pytest.mark.parametrize("name", CASES)
def test_npm_reads_what_we_write(
    name: str, built: dict[str, Params], read: dict[str, Params]
) -> None:
    composition = without_paths(compiled(CASES[name][0], "js")["composition"])
    assert without_paths(read[name]["lowered"]) == composition
    assert without_paths(read[name]["compiled"]["composition"]) == composition
    assert read[name]["result"] == built[name]["result"]


@pytest.mark.parametrize("name", CASES)
def test_we_read_what_npm_writes(name: str, built: dict[str, Params]) -> None:
    theirs = built[name]["compiled"]
    assert composer.parse(theirs) == CASES[name][0]
    bare = composer.parse(theirs["composition"])
    again = compiled(bare, "js")["composition"]
    assert without_paths(again) == without_paths(theirs["composition"])
    assert composer.parse(compiled(bare, "python")) == bare


@pytest.mark.parametrize("name", [name for name in CASES if name not in NOT_RUN])
def test_both_conductors_and_our_interpreter_agree(name: str, built: dict[str, Params]) -> None:
    composition, params = CASES[name]
    theirs = built[name]["result"]
    assert Conductor(composition).invoke(dict(params)) == theirs
    assert run(composition, dict(params)) == theirs
