"""The portable JSON in both dialects: what is written, and that either is read."""

from __future__ import annotations

import json
from typing import Any

import pytest

from partita.errors import ComposerError
from partita.openwhisk import composer
from partita.openwhisk.combinators import COMBINATORS, JAVASCRIPT_NAMES, Dialect
from partita.openwhisk.composition import Composition
from partita.openwhisk.json_text import json_text, json_value
from partita.openwhisk.portable_json import compiled
from tests.openwhisk.test_combinators import CASES

FUNCTION: dict[str, Any] = {"exec": {"kind": "python:3", "code": "f", "functionName": "f"}}
A: dict[str, Any] = {"type": "action", "name": "/_/a"}
B: dict[str, Any] = {"type": "action", "name": "/_/b"}

GOLDEN: dict[str, tuple[Composition, dict[str, Any]]] = {
    "action": (composer.action("a"), A),
    "empty": (composer.empty(), {"type": "empty"}),
    "function": (composer.function(FUNCTION["exec"]), {"type": "function", "function": FUNCTION}),
    "literal": (composer.literal(1), {"type": "literal", "value": 1}),
    "value": (composer.value(None), {"type": "value", "value": None}),
    "sequence": (composer.sequence("a", "b"), {"type": "sequence", "components": [A, B]}),
    "composition": (
        composer.composition("shop/a", "b"),
        {"type": "composition", "name": "/_/shop/a", "composition": B},
    ),
    "seq": (composer.seq("a"), {"type": "seq", "components": [A]}),
    "let": (
        composer.let({"x": 1}, "a"),
        {"type": "let", "declarations": {"x": 1}, "components": [A]},
    ),
    "mask": (composer.mask("a"), {"type": "mask", "components": [A]}),
    "when": (
        composer.when("a", "b"),
        {"type": "when", "test": A, "consequent": B, "alternate": {"type": "empty"}},
    ),
    "when_nosave": (
        composer.when_nosave("a", "b", "a"),
        {"type": "when_nosave", "test": A, "consequent": B, "alternate": A},
    ),
    "loop": (composer.loop("a", "b"), {"type": "loop", "test": A, "body": B}),
    "loop_nosave": (composer.loop_nosave("a", "b"), {"type": "loop_nosave", "test": A, "body": B}),
    "doloop": (composer.doloop("a", "b"), {"type": "doloop", "body": A, "test": B}),
    "doloop_nosave": (
        composer.doloop_nosave("a", "b"),
        {"type": "doloop_nosave", "body": A, "test": B},
    ),
    "do": (composer.do("a", "b"), {"type": "do", "body": A, "handler": B}),
    "ensure": (composer.ensure("a", "b"), {"type": "ensure", "body": A, "finalizer": B}),
    "repeat": (composer.repeat(2, "a"), {"type": "repeat", "count": 2, "components": [A]}),
    "retry": (composer.retry(2, "a"), {"type": "retry", "count": 2, "components": [A]}),
    "retain": (composer.retain("a"), {"type": "retain", "components": [A]}),
    "retain_catch": (composer.retain_catch("a"), {"type": "retain_catch", "components": [A]}),
    "merge": (composer.merge("a"), {"type": "merge", "components": [A]}),
    "asynchronous": (composer.asynchronous("a"), {"type": "asynchronous", "components": [A]}),
    "parallel": (composer.parallel("a", "b"), {"type": "parallel", "components": [A, B]}),
    "map": (composer.map("a"), {"type": "map", "components": [A]}),
    "dynamic": (composer.dynamic(), {"type": "dynamic"}),
}


def in_dialect(node: Any, dialect: Dialect) -> Any:
    """Return expected JSON, which is written in Python's names without marks, in a dialect."""
    if isinstance(node, list):
        return [in_dialect(one, dialect) for one in node]
    if not isinstance(node, dict) or "type" not in node:
        return node
    inner = {key: in_dialect(value, dialect) for key, value in node.items()}
    if dialect == "js" and inner["type"] == "composition":  # which JavaScript does not know
        return {"type": "sequence", "components": [inner["composition"]]}
    if dialect == "js":
        return {**inner, "type": JAVASCRIPT_NAMES.get(node["type"], node["type"])}
    return {**inner, ".combinator": {}}


@pytest.mark.parametrize("dialect", ["python", "js"])
@pytest.mark.parametrize("name", GOLDEN)
def test_json_of_a_combinator(name: str, dialect: Dialect) -> None:
    composition, expected = GOLDEN[name]
    made = compiled(composition, dialect)
    assert made["ast"] == in_dialect(expected, dialect)
    assert made["version"]
    assert "actions" not in made
    assert composer.parse(made) == (
        composition.lower() if name == "composition" and dialect == "js" else composition
    )
    assert composer.parse(made["composition"]).lower() == composer.parse(made["composition"])


def test_every_combinator_is_golden() -> None:
    assert GOLDEN.keys() | {"par"} == set(COMBINATORS)


def test_definitions_are_in_the_ast_and_in_actions() -> None:
    made = composer.seq(composer.action("a", {"action": "lambda args: args"}), "b").compile()
    definition = made["ast"]["components"][0]["action"]
    assert definition["exec"]["kind"] == "python:default"
    assert made["actions"] == [{"name": "/_/a", "action": definition}]
    assert "action" not in made["composition"]["components"][0]


def test_nodes_are_labelled_with_their_places() -> None:
    made = composer.when_nosave("a", composer.seq("b", "c")).compile()["composition"]
    assert made["path"] == ""
    assert made["test"]["path"] == ".test"
    assert made["consequent"]["components"][1]["path"] == ".consequent[1]"


@pytest.mark.parametrize("name", CASES)
def test_a_composition_reads_like_the_python_that_made_it(name: str) -> None:
    composition = composer.task(CASES[name][0])
    assert eval(repr(composition), {"composer": composer}) == composition


def test_byte_code_is_refused_wherever_it_is() -> None:
    code = "4wEAAAAAAAAA"
    function = {"type": "function", "function": {"exec": {"kind": "python:3+lambda", "code": code}}}
    exec = {"kind": "python:3", "code": code}
    action = {"type": "action", "name": "/_/a", "action": {"exec": exec}}
    for refused in (function, {"type": "sequence", "components": [action]}):
        with pytest.raises(ComposerError, match="byte-code"):
            composer.parse(refused)
    with pytest.raises(ComposerError, match="byte-code"):
        composer.action("a", {"action": exec})


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (1, 'Invalid argument "composition" in "parse" combinator'),
        ({"type": "jump"}, 'Invalid composition type in "parse" combinator'),
        ({"type": "when", "test": A}, 'Invalid argument "consequent" in "when" combinator'),
        ({"type": "try", "body": A, "handler": 3}, 'Invalid argument "handler" in "do" combinator'),
        ({"type": "seq", "components": 3}, 'Invalid argument "components" in "seq" combinator'),
        ({"type": "action", "name": "/"}, 'Name is not valid in "action" combinator'),
        ({"type": "function", "function": {}}, 'Invalid argument "function" in "function"'),
        ({"ast": 3, "composition": 4}, 'Invalid argument "composition" in "parse" combinator'),
    ],
)
def test_json_that_is_no_composition_is_refused(value: Any, message: str) -> None:
    with pytest.raises(ComposerError) as caught:
        composer.parse(value)
    assert caught.value.message.startswith(message)


def test_json_is_written_and_read_at_any_depth_that_people_write() -> None:
    composition = composer.literal({"text": 'a "b"', "list": [1, None, True, {}], "empty": []})
    for _ in range(300):
        composition = composer.when(composition, "a")
    assert composer.parse(json_value(json_text(composition.compile()))) == composition


@pytest.mark.parametrize(
    "text", ["[1,, 2]", "[1 2]", '{"a" 1}', '{"a": 1,}', "[", "[]]", "{1: 2}", "nul"]
)
def test_text_that_is_not_json_is_refused_at_any_depth(text: str) -> None:
    for depth in (0, 3000):
        with pytest.raises(ValueError, match=r"."):
            json_value("[" * depth + text + "]" * depth)


def test_serialize_is_what_json_dumps_wants() -> None:
    made = composer.seq("a", composer.literal({"n": 1}))
    text = json.dumps({"inner": made}, default=composer.serialize)
    assert composer.parse(json.loads(text)["inner"]) == made
