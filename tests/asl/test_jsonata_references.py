"""What an expression refers to; each row was measured on AWS (floci-io/floci 2670 and 2745)."""

from __future__ import annotations

import pytest

from partita.asl.jsonata import compile_expression
from partita.asl.jsonata.references import context_references, free_variables, states_fields


def references(text: str) -> list[str]:
    return context_references(compile_expression(text).tree)


@pytest.mark.parametrize(
    "text",
    [
        "phone",
        "phone[0].number",
        "phone.number.street",
        "-phone",
        "phone ? 1 : 2",
        "$states.input.a ? phone : 2",
        "phone & 'x'",
        "phone in $states.input.b",
        "$sum(phone)",
        "phone(1)",
        "phone ~> $string()",
        "[1..phone]",
        "(phone)",
        "(phone).other",
        "[phone].other",
        "[phone, 1]",
        "{phone: 1}",
        "($x := phone; $x)",
        "$map($states.input.a, function($y){ phone })",
        "$count(phone[inner])",
        "phone.**.deeper",
    ],
)
def test_a_name_read_of_the_top_level_context(text: str) -> None:
    assert references(text) == ["phone"]


@pytest.mark.parametrize(
    "text",
    [
        "$states.input.phone",
        "$states.input.a[0].phone",
        "$states.input.a.phone[0]",
        "$states.input.items[phone > 3]",
        "$states.input.a^(phone)",
        "$states.input.a{'k': phone}",
        "$states.input.a.(phone)",
        "$states.input.a.$phone",
        "$phone",
        "$states.input.a ~> $string()",
        "$states.input ~> |phone|{'b': 1}|",
        "**.phone",
        "{'k': 1}.phone",
        "$states.input.a[0][phone]",
        "$states.input.a[$ > 1]",
        "function($x){ $x.phone }",
        "$map($states.input.a, function($x){ $x.phone })",
        "'phone'",
        "1 + 1",
        "$now()",
    ],
)
def test_what_is_not_of_the_top_level_context(text: str) -> None:
    assert references(text) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$", ["$"]),
        ("$.phone", ["$"]),
        ("$[0]", ["$"]),
        ("$string($)", ["$"]),
        ("$map($states.input.a, function($x){ $ })", ["$"]),
        ("$$", ["$$"]),
        ("$$.phone", ["$$"]),
        ("aaa + bbb", ["aaa", "bbb"]),
        ("[bbb, aaa]", ["bbb", "aaa"]),
        ("aaa + aaa", ["aaa"]),
        ("(aaa; bbb)", ["aaa", "bbb"]),
    ],
)
def test_the_context_itself_and_several_names(text: str, expected: list[str]) -> None:
    assert references(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$states.errorOutput", ["errorOutput"]),
        ("$states.errorOutput[0].Cause", ["errorOutput"]),
        ("[$states.result, $states.input.a]", ["result", "input"]),
        ("$states.input.errorOutput", ["input"]),
        ("$states", []),
    ],
)
def test_fields_of_states(text: str, expected: list[str]) -> None:
    assert states_fields(compile_expression(text).tree) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$a + $b.c[$d]", ["a", "b", "d"]),
        ("($x := $a; $x + $y)", ["a", "y"]),
        ("($x := 1; ($z := 2; $z); $z)", ["z"]),
        ("$map($a, function($v, $i) { $v + $i + $w })", ["map", "a", "w"]),
        ("$a@$x.b#$i[$i = $x.n and $k]", ["a", "k"]),
        ("$ & $$", []),
    ],
)
def test_variables_that_an_expression_does_not_bind(text: str, expected: list[str]) -> None:
    assert free_variables(compile_expression(text).tree) == expected
