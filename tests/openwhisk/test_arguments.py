"""What the combinators refuse, in the words of Apache's Composer."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from partita.errors import ComposerError
from partita.openwhisk import composer

ANY: Any = composer


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a", "/_/a"),
        ("a/b", "/_/a/b"),
        ("a/b/c", "/a/b/c"),
        ("/a/b", "/a/b"),
        ("/a/b/c", "/a/b/c"),
        (" a ", "/_/a"),
    ],
)
def test_names_get_their_namespace(name: str, expected: str) -> None:
    assert composer.parse_action_name(name) == expected
    assert composer.action(name).name == expected


@pytest.mark.parametrize(
    "name", ["", " ", "/", "//", "/a", "/a/b/c/d", "/a/b/c/d/", "a/b/c/d", "/a/ /b"]
)
def test_names_that_are_none(name: str) -> None:
    with pytest.raises(ComposerError) as caught:
        composer.parse_action_name(name)
    assert caught.value.message == "Name is not valid"
    with pytest.raises(ComposerError, match="Name is not valid"):
        composer.action(name)


def test_a_name_is_a_string() -> None:
    with pytest.raises(ComposerError) as caught:
        composer.parse_action_name(42)
    assert caught.value.message == "Name must be a string"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ANY.literal(lambda x: x), 'Invalid argument "value" in "literal" combinator'),
        (lambda: ANY.literal(float("nan")), 'Invalid argument "value" in "literal" combinator'),
        (lambda: ANY.let(len), 'Invalid argument "declarations" in "let" combinator'),
        (lambda: ANY.let({"x": object()}), 'Invalid argument "declarations" in "let" combinator'),
        (lambda: ANY.repeat("foo"), 'Invalid argument "count" in "repeat" combinator'),
        (lambda: ANY.retry(True), 'Invalid argument "count" in "retry" combinator'),
        (lambda: ANY.task(3), 'Invalid argument "task" in "task" combinator'),
        (lambda: ANY.sequence(3), 'Invalid argument "components" in "sequence" combinator'),
        (lambda: ANY.when("a", 3), 'Invalid argument "consequent" in "when" combinator'),
        (lambda: ANY.action("a", 42), 'Invalid argument "options" in "action" combinator'),
        (lambda: ANY.action("a", {"filename": "no"}), 'Invalid argument "options" in "action"'),
        (lambda: ANY.function({"kind": "swift", "code": ""}), 'Invalid argument "function" in'),
        (lambda: ANY.function({"kind": "python:3"}), 'Invalid argument "function" in'),
        (lambda: ANY.function(42), 'Invalid argument "function" in "function" combinator'),
        (lambda: ANY.lower("a", "when"), 'Invalid argument "combinators" in "lower"'),
        (lambda: ANY.empty().compile("c"), 'Invalid argument "dialect" in "compile"'),
    ],
)
def test_arguments_are_checked(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(ComposerError) as caught:
        make()
    assert caught.value.message.startswith(message)


def test_lower_leaves_the_combinators_that_are_named() -> None:
    composition = composer.when("a", composer.repeat(2, "b"))
    assert composition.lower(["when", "repeat"]).type == "when"
    assert composition.lower(["if"]).consequent.type == "let"
    assert composition.lower().type == "let"


def test_visit_replaces_children() -> None:
    composition = composer.when("a", "b", "c")
    seen: list[Any] = []

    def visit(child: Any, name: Any, is_index: bool = False) -> Any:
        seen.append((child.type, name, is_index))
        return "d"

    assert composition.visit(visit) == composer.when("d", "d", "d")
    assert seen == [("action", name, False) for name in ("test", "consequent", "alternate")]
    composer.seq("a").visit(visit)
    assert seen[-1] == ("action", 0, True)


def test_a_file_defines_an_action(tmp_path: Any) -> None:
    (tmp_path / "hello.js").write_text("const main = () => ({})")
    made = composer.action("hello", {"filename": str(tmp_path / "hello.js"), "limits": {"t": 1}})
    code = {"kind": "nodejs:default", "code": "const main = () => ({})"}
    assert made.action == {"exec": code, "limits": {"t": 1}}


def test_a_named_composition_runs_in_place() -> None:
    made = composer.composition("a/b", "c")
    assert (made.type, made.name, made.own_name) == ("composition", "/_/a/b", "/_/a/b")
    assert made.lower() == composer.sequence("c")
    assert composer.composition("a").lower() == composer.sequence(composer.sequence())
    assert "composition" not in json.dumps(made.compile("js")["ast"])
    with pytest.raises(ComposerError, match="Name is not valid"):
        composer.composition("", "c")
