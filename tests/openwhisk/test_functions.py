"""Functions travel as source: how it is found, and what is refused."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from typing import Any

import pytest

from partita.errors import ComposerError
from partita.openwhisk import composer
from partita.openwhisk.conductor_action import call_function
from partita.openwhisk.function_source import action_exec, function_exec

FACTOR = 3
HANDLE = object()


def scaled(env: Any, params: dict[str, int]) -> int:
    # a comment
    text = """two
  lines"""
    return params["n"] * FACTOR + len(text)


def called(given: Any, env: dict[str, Any], params: Any) -> Any:
    """Return what a function gives after its source has been extracted and run."""
    return call_function(function_exec(given), env, params)["result"]


def test_a_def_travels_with_the_json_values_it_captures() -> None:
    assert called(scaled, {}, {"n": 2}) == 6 + len("two\n  lines")


def test_a_def_inside_of_a_function_is_dedented() -> None:
    suffix = ["!"]

    def shout(params: Any) -> Any:
        if params["loud"]:
            return params["text"].upper() + suffix[0]
        return params["text"]

    assert called(shout, {}, {"loud": True, "text": "a"}) == "A!"


def test_lambdas_on_one_line_are_told_apart() -> None:
    first, second = (lambda p: p["n"] + 1, lambda p: (lambda m: m * 2)(p["n"]))
    assert called(first, {}, {"n": 2}) == 3
    assert called(second, {}, {"n": 2}) == 4


def test_a_lambda_over_several_lines_travels() -> None:
    given = lambda env, params: [  # noqa: E731
        env["x"],
        params["n"],
    ]
    assert called(given, {"x": 1}, {"n": 2}) == [1, 2]


def test_lambdas_that_return_constants_are_told_apart_without_positions() -> None:
    first, second = (lambda: 1, lambda: "two")
    bare = [one.__code__.replace(co_linetable=b"") for one in (first, second)]
    for function, code in zip((first, second), bare, strict=True):
        function.__code__ = code
    assert (called(first, {}, {}), called(second, {}, {})) == (1, "two")


def test_a_module_of_the_standard_library_travels() -> None:
    assert called(lambda p: json.dumps(p), {}, {"n": 2}) == '{"n": 2}'


def test_decorators_and_hints_stay_behind() -> None:
    @functools.cache
    def inner() -> int:
        return 1

    def hinted(params: Callable[..., Any]) -> list[Any]:
        return [params]

    assert called(hinted, {}, {"n": 2}) == [{"n": 2}]
    assert called(inner.__wrapped__, {}, {}) == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("lambda env, args: env['x'] + args['n']", 5),
        ("def f(args):\n    return args['n']", 2),
        ("import math\ndef g(env, args):\n    return math.floor(2.5)", 2),
        ("  lambda: 1", 1),
    ],
)
def test_source_as_text(text: str, expected: Any) -> None:
    assert called(text, {"x": 3}, {"n": 2}) == expected


def test_what_is_assigned_to_env_goes_back() -> None:
    done = call_function(function_exec("def dec(env, params): env['n'] -= 1"), {"n": 3}, {})
    assert done == {"result": {}, "env": {"n": 2}}


def test_a_function_that_captures_is_refused_with_the_names() -> None:
    local = {1, 2}
    with pytest.raises(ComposerError, match="captures HANDLE, local,"):
        composer.function(lambda p: (HANDLE, local))


@pytest.mark.parametrize("given", [len, functools.partial(scaled, 1), dict])
def test_what_has_no_source_is_refused(given: Any) -> None:
    with pytest.raises(ComposerError, match="Cannot capture native function"):
        composer.function(given)


@pytest.mark.parametrize("text", ["def f(:", "x = 1", "lambda a, b, c: 1", ""])
def test_text_that_is_no_function_is_refused(text: str) -> None:
    with pytest.raises(ComposerError, match='Invalid argument "function"'):
        composer.function(text)


@pytest.mark.parametrize(
    "given",
    [
        "def main(args): return {'n': args['n'] + 1}",
        "def main(env, args): return {'n': args['n'] + 1}",
        "def other(args): return {'n': args['n'] + 1}",
        "lambda args: {'n': args['n'] + 1}",
        lambda env, args: {"n": args["n"] + 1},
    ],
)
def test_the_code_of_an_action_has_a_main(given: Any) -> None:
    names: dict[str, Any] = {}
    exec(action_exec(given)["code"], names)
    assert names["main"]({"n": 1}) == {"n": 2}
