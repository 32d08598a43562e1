"""What each combinator does, by Composer's documentation and by the examples of its tests."""

from __future__ import annotations

from typing import Any

import pytest

from partita.openwhisk import composer
from tests.openwhisk.running import run

Params = dict[str, Any]
Env = dict[str, Any]


def set_then(env: Env, args: Params) -> None:
    args["then"] = True


def set_else(env: Env, args: Params) -> None:
    args["else"] = True


def decrement(env: Env, args: Params) -> Params:
    return {"n": args["n"] - 1}


def is_more(env: Env, args: Params) -> Params:
    return {"n": args["n"], "value": args["n"] != 1}


def message(env: Env, args: Params) -> Params:
    return {"message": args["error"]}


def error(env: Env, args: Params) -> Params:
    return {"error": "foo", "other": 1}


def nest(env: Env, args: Params) -> Params:
    return {"params": args}


def get_x(env: Env, args: Params) -> Any:
    return env["x"]


def attempt(env: Env, args: Params) -> Any:
    env["x"] -= 1
    return {"error": "foo"} if env["x"] >= 0 else 42


CASES: dict[str, tuple[Any, Params, Params]] = {
    "action": ("isNotOne", {"n": 0}, {"value": True}),
    "function": (lambda args: args["n"] % 2 == 0, {"n": 4}, {"value": True}),
    "function of env": (lambda env, args: args["n"], {"n": 4}, {"value": 4}),
    "function of nothing": (lambda: 42, {}, {"value": 42}),
    "nothing": (None, {"foo": "foo"}, {"foo": "foo"}),
    "nothing drops fields of errors": (None, {"error": "foo", "n": 1}, {"error": "foo"}),
    "literal": (composer.literal([1]), {}, {"value": [1]}),
    "literal object": (composer.value({"n": 1}), {}, {"n": 1}),
    "literal null": (composer.literal(None), {}, {"value": None}),
    "sequence": (
        composer.sequence("TripleAndIncrement", composer.seq("DivideByTwo", "DivideByTwo")),
        {"n": 5},
        {"n": 4},
    ),
    "sequence stops at errors": (composer.seq("fail", "echo"), {"n": 1}, {"error": "failed"}),
    "when true": (composer.when("isEven", "DivideByTwo", "echo"), {"n": 4}, {"n": 2}),
    "when false": (composer.when("isEven", None, "TripleAndIncrement"), {"n": 3}, {"n": 10}),
    "when without alternate": (composer.when("isEven", "DivideByTwo"), {"n": 3}, {"n": 3}),
    "when without value": (composer.when("echo", set_then, set_else), {}, {"else": True}),
    "when_nosave": (
        composer.when_nosave("isEven", set_then, set_else),
        {"n": 2},
        {"value": True, "then": True},
    ),
    "loop": (composer.loop("isNotOne", decrement), {"n": 4}, {"n": 1}),
    "loop not at all": (composer.loop(lambda: False, decrement), {"n": 1}, {"n": 1}),
    "loop_nosave": (composer.loop_nosave(is_more, decrement), {"n": 4}, {"value": False, "n": 1}),
    "doloop": (composer.doloop(decrement, "isNotOne"), {"n": 4}, {"n": 1}),
    "doloop once": (composer.doloop(decrement, lambda: False), {"n": 1}, {"n": 0}),
    "doloop_nosave": (
        composer.doloop_nosave(decrement, is_more),
        {"n": 4},
        {"value": False, "n": 1},
    ),
    "do": (composer.do(lambda: True, message), {}, {"value": True}),
    "do handles": (composer.do(error, message), {}, {"message": "foo"}),
    "do handles errors given": (composer.do(None, message), {"error": "foo"}, {"message": "foo"}),
    "do handles an error in a loop": (
        composer.do(composer.loop(composer.literal(False), None), message),
        {"error": "foo"},
        {"message": "foo"},
    ),
    "do handles an error in an if": (
        composer.do(composer.when(composer.literal(False), None), message),
        {"error": "foo"},
        {"message": "foo"},
    ),
    "ensure": (composer.ensure(lambda: True, nest), {}, {"params": {"value": True}}),
    "ensure with an error": (composer.ensure(error, nest), {}, {"params": {"error": "foo"}}),
    "let": (composer.let({"x": 42}, get_x), {}, {"value": 42}),
    "let in let": (composer.let({"x": 42}, composer.let({"x": 69}, get_x)), {}, {"value": 69}),
    "let ends": (
        composer.let({"x": 42}, composer.let({"x": 69}, get_x), get_x),
        {},
        {"value": 42},
    ),
    "mask": (
        composer.let({"x": 42}, composer.let({"x": 69}, composer.mask(get_x))),
        {},
        {"value": 42},
    ),
    "mask around let": (
        composer.let({"x": 42}, composer.mask(composer.let({"x": 69}, get_x))),
        {},
        {"value": 69},
    ),
    "mask in mask": (
        composer.let(
            {"x": 42},
            composer.let({"x": 69}, composer.let({"x": -1}, composer.mask(composer.mask(get_x)))),
        ),
        {},
        {"value": 42},
    ),
    "retain": (
        composer.retain("TripleAndIncrement"),
        {"n": 3},
        {"params": {"n": 3}, "result": {"n": 10}},
    ),
    "retain fails": (composer.retain(error), {"n": 3}, {"error": "foo"}),
    "retain_catch": (
        composer.retain_catch(error),
        {"n": 3},
        {"params": {"n": 3}, "result": {"error": "foo"}},
    ),
    "merge": (
        composer.merge(lambda p: {"m": p["n"] + 1}),
        {"n": 3, "o": 1},
        {"n": 3, "o": 1, "m": 4},
    ),
    "repeat": (composer.repeat(3, "DivideByTwo"), {"n": 8}, {"n": 1}),
    "repeat of nothing": (composer.repeat(0, "DivideByTwo"), {"n": 8}, {"n": 8}),
    "retry": (composer.let({"x": 2}, composer.retry(2, attempt)), {}, {"value": 42}),
    "retry in vain": (composer.let({"x": 2}, composer.retry(1, attempt)), {}, {"error": "foo"}),
    "parallel": (
        composer.parallel("TripleAndIncrement", "fail", None),
        {"n": 3},
        {"value": [{"n": 10}, {"error": "failed"}, {"n": 3}]},
    ),
    "parallel of nothing": (composer.parallel(), {"n": 3}, {"value": []}),
    "map": (
        composer.map("DivideByTwo"),
        {"value": [{"n": 2}, {"n": 4}]},
        {"value": [{"n": 1}, {"n": 2}]},
    ),
    "map wraps": (
        composer.map(lambda p: p["value"] + 1),
        {"value": [1, 2]},
        {"value": [{"value": 2}, {"value": 3}]},
    ),
    "branches have variables of their own": (
        composer.let({"x": 1}, composer.parallel(attempt, attempt), get_x),
        {},
        {"value": 1},
    ),
    "an error in a branch stays there": (
        composer.do(composer.parallel("fail"), message),
        {},
        {"value": [{"error": "failed"}]},
    ),
    "dynamic": (
        composer.seq(
            lambda p: {"type": "action", "name": "TripleAndIncrement", "params": p},
            composer.dynamic(),
        ),
        {"n": 1},
        {"n": 4},
    ),
    "dynamic wrongly": (
        composer.dynamic(),
        {},
        {"error": "Incorrect use of the dynamic combinator at AST node root"},
    ),
    "an exception": (
        composer.seq(lambda p: p["absent"]),
        {},
        {
            "error": "Function combinator threw an exception at AST node root[0] "
            "(see log for details)"
        },
    ),
    "a function as a result": (
        lambda: print,
        {},
        {"error": "Function combinator evaluated to a function type at AST node root"},
    ),
    "no JSON as a result": (
        composer.do(lambda: {1, 2}, lambda p: {"caught": "error" in p}),
        {},
        {"caught": True},
    ),
    "JavaScript's names": (
        composer.if_(
            "isEven",
            composer.while_("isNotOne", composer.dowhile(decrement, lambda: False)),
            composer.try_("fail", composer.finally_(None, None)),
        ),
        {"n": 4},
        {"n": 1},
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_combinator(name: str) -> None:
    composition, params, expected = CASES[name]
    assert run(composer.task(composition), params) == expected


def test_async_goes_on_without_waiting() -> None:
    body = composer.asynchronous("TripleAndIncrement")
    done = run(composer.seq(body, lambda p: {"method": p["method"], "keys": sorted(p)}), {"n": 3})
    assert done == {"method": "async", "keys": ["activationId", "method", "sessionId"]}


def test_a_function_of_node_runs_under_node() -> None:
    exec = {"kind": "nodejs:default", "code": "({n}) => { x += n; return { x } }"}
    composition = composer.let({"x": 1}, composer.function(exec), get_x)
    assert run(composition, {"n": 2}) == {"value": 3}


@pytest.mark.parametrize(
    ("code", "expected"),
    [("const main = ({n}) => ({n: n + 1})", {"n": 3}), ("throw new Error('bad')", None)],
)
def test_an_action_of_node_runs_under_node(code: str, expected: Any) -> None:
    action = composer.action("plus", {"action": {"kind": "nodejs:default", "code": code}})
    done = run(action, {"n": 2})
    assert done == expected if expected else "error" in done


def test_a_sequence_of_actions_is_an_action() -> None:
    names = ["TripleAndIncrement", "DivideByTwo"]
    assert run(composer.action("both", {"sequence": names}), {"n": 5}) == {"n": 8}


def test_an_action_that_raises_is_an_error_with_its_text() -> None:
    def refuse(args: Params) -> Params:
        raise ValueError("no card")

    action = composer.action("pay", {"action": refuse})
    assert run(composer.do(action, message), {}) == {"message": "no card"}


def test_a_definition_replaces_another_with_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    one, two = (composer.action("same", {"action": f"lambda args: {{'n': {n}}}"}) for n in (1, 2))
    assert run(one) == {"n": 1}
    assert run(one) == {"n": 1}
    assert not caplog.records
    assert run(two) == {"n": 2}
    assert "define action same differently" in caplog.text


def test_an_unknown_action_is_an_error() -> None:
    assert "error" in run("nowhere", {})


def test_a_composition_of_500_levels_runs() -> None:
    composition = composer.literal(True)
    for _ in range(500):
        composition = composer.when(lambda p: p["value"], composition, None)
    assert run(composition, {"value": 1}) == {"value": True}
