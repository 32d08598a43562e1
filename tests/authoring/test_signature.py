"""Arguments become a payload and come back, each by its parameter's type."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from partita.authoring.signature import Signature
from partita.codec import Converter
from partita.errors import InvalidInputError


@dataclass
class Order:
    card: str


def plain(order: Order, count: int = 1) -> None: ...
def rest(first: int, *more: float, key: str = "k", **other: Order) -> None: ...
def needs_keyword(*, key: int) -> None: ...
def positional(a: int, /, b: int = 2) -> None: ...
def half_typed(a, *more: float, **other: Order) -> None:  # type: ignore[no-untyped-def]
    ...
def untyped(a, b):  # type: ignore[no-untyped-def]
    ...


@pytest.mark.parametrize(
    ("function", "args", "kwargs", "payload"),
    [
        (plain, (Order("x"),), {}, '[{"card":"x"}]'),
        (plain, (Order("x"), 2), {}, '[{"card":"x"},2]'),
        (plain, (), {"count": 2, "order": Order("x")}, '[{"card":"x"},2]'),
        (rest, (1, 2.5, 3.5), {}, "[1,2.5,3.5]"),
        (rest, (1,), {"key": "z"}, '{"args":[1],"kwargs":{"key":"z"}}'),
        (rest, (1,), {"a": Order("y")}, '{"args":[1],"kwargs":{"a":{"card":"y"}}}'),
        (needs_keyword, (), {"key": 1}, '{"args":[],"kwargs":{"key":1}}'),
        (untyped, (1, "x"), {}, '[1,"x"]'),
        (positional, (1,), {"b": 3}, "[1,3]"),
        (half_typed, (), {"a": [1]}, "[[1]]"),
        (half_typed, (1,), {"more": Order("z")}, '{"args":[1],"kwargs":{"more":{"card":"z"}}}'),
    ],
)
def test_calls_come_back(
    function: Any, args: tuple[Any, ...], kwargs: dict[str, Any], payload: str
) -> None:
    signature, converter = Signature(function), Converter()
    text = converter.dump(signature.bind(args, kwargs))
    assert text == payload
    back_args, back_kwargs = signature.load(converter, text)
    assert signature.bind(tuple(back_args), back_kwargs) == signature.bind(args, kwargs)


@pytest.mark.parametrize(
    ("function", "payload", "message"),
    [
        (plain, '[{"card": 1}]', r"argument 'order' of plain: .*Expected `str`"),
        (plain, '[{"card": "x"}, "2"]', r"argument 'count' of plain"),
        (plain, "[]", r"plain\(order.*missing a required argument: 'order'"),
        (plain, '[{"card": "x"}, 1, 2]', r"too many positional"),
        (plain, '{"kwargs": {"nope": 1}}', r"missing|nope"),
        (plain, '{"other": []}', r"JSON list of its arguments"),
        (plain, "nonsense", r"JSON list of its arguments"),
        (rest, '[1, "x"]', r"argument 'more' of rest"),
        (rest, '{"args": [1], "kwargs": {"o": 1}}', r"argument 'o' of rest"),
        (needs_keyword, "[]", r"missing a required.*'key'"),
        (needs_keyword, '{"kwargs": {"key": "1"}}', r"argument 'key' of needs_keyword"),
        (needs_keyword, "[1]", r"too many positional"),
        (positional, '{"kwargs": {"a": 1}}', r"positional\(a.*'a'"),
        (rest, '{"args": [1], "kwargs": {"first": 2}}', r"multiple values.*'first'"),
        (plain, '{"$codec":["zlib"],"data":""}', r"codec 'zlib'"),
    ],
)
def test_what_does_not_fit_names_the_argument(function: Any, payload: str, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        Signature(function).load(Converter(), payload)


def test_calls_that_python_refuses_are_refused() -> None:
    with pytest.raises(TypeError):
        Signature(plain).bind((), {})
    with pytest.raises(TypeError):
        Signature(plain).bind((1, 2, 3), {})
    with pytest.raises(TypeError):
        Signature(positional).bind((), {"a": 1})


def test_arguments_arrive_typed_and_defaults_are_left_to_the_function() -> None:
    converter = Converter()
    assert Signature(plain).load(converter, '[{"card":"x"}]') == ([Order("x")], {})
    assert Signature(rest).load(converter, "[1, 2]") == ([1, 2.0], {})
    text = '{"args": [], "kwargs": {"first": 1, "o": {"card": "y"}}}'
    assert Signature(rest).load(converter, text) == ([], {"first": 1, "o": Order("y")})
    assert Signature(half_typed).load(converter, '{"kwargs": {"a": 1}}') == ([], {"a": 1})
    assert Signature(lambda: None).load(converter, None) == ([], {})


def test_results_are_read_by_the_return_type() -> None:
    def found() -> Order: ...  # type: ignore[empty-body]

    assert Signature(found).decode_result('{"card":"x"}') == Order("x")
    assert Signature(untyped).decode_result('{"card":"x"}') == {"card": "x"}


def test_a_hint_that_names_nothing_is_no_hint() -> None:
    def lost(a: Nowhere) -> None: ...  # type: ignore[name-defined]  # noqa: F821

    assert Signature(lost).load(Converter(), "[1]") == ([1], {})
