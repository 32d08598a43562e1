"""AWS's dialect of JSONata: one row for each behaviour that others measured on AWS.

Measured by: the issues and pull requests of floci-io/floci (2662, 2665, 2667, 2669, 2670, 2676,
2683, 2736, 2737, 2745, 2783) and "What the compiler relies on" of iwamot/sfnx, docs/design.md.
"""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from partita.asl.jsonata import UNDEFINED, JsonataError, compile_expression
from tests.asl.jsonata_values import failure, value

VALUES: list[tuple[str, Any]] = [
    # the functions that AWS adds
    ("$partition([1,2,3,4], 2)", [[1, 2], [3, 4]]),
    ("$partition([1,2,3], 2)", [[1, 2], [3]]),
    ("$partition([1,2,3], 1.5)", [[1], [2], [3]]),
    ("$partition([1,2,3])", [[1, 2, 3]]),
    ("$partition([], 2)", UNDEFINED),
    ("$partition([1], 0)", UNDEFINED),
    ("$partition([1], -0.5)", UNDEFINED),
    ("$partition($missing, 1)", UNDEFINED),
    ("$range(0, 6, 2)", [0, 2, 4, 6]),
    ("$range(0, 5, 2)", [0, 2, 4]),
    ("$range(3, 0, -1)", [3, 2, 1, 0]),
    ("$range(-1.7, 2.9, 1)", [-1, 0, 1, 2]),
    ("$range(3, 3, 1)", 3),
    ("$range(0, 1, 5)", 0),
    ("$range(3, 0, 1)", UNDEFINED),
    ("$range(0, 3, 0)", UNDEFINED),
    ("$range(0, 3)", UNDEFINED),
    ("$range(0, 9223372036854775806, 9223372036854775806)", [0, 9223372036854776000]),
    ('$hash("input", "SHA-1")', "140f86aae51ab9e1cda9b4254fe98a74eb54c1a1"),
    *[
        (f'$hash("é", "{name}")', hashlib.new(name.replace("-", ""), "é".encode()).hexdigest())
        for name in ("MD5", "SHA-1", "SHA-256", "SHA-384", "SHA-512")
    ],
    ('$hash("input")', UNDEFINED),
    ('$parse("{\\"a\\":1}").a', 1),
    ('$parse("null")', None),
    ('$parse("[1]")', [1]),
    ('"[1]" ~> $parse()', [1]),
    ('$map(["1", "2"], $parse)', [1, 2]),
    ("$parse(\"{'a': 'it\\\\'s'}\")", {"a": "it's"}),
    ("$parse($missing)", UNDEFINED),
    ("$random(42)", 0.7275636800328681),
    ("$random(42.9)", 0.7275636800328681),
    # undefined
    ("$missing = 1", False),
    ("$missing != 1", False),
    ("$exists($o.n) ? $o.n : 1", None),
    ("$exists($o.x) ? $o.x : null", None),
    # numbers out of range
    ("1 / 0", "Infinity"),
    ("-1 / 0", "-Infinity"),
    ("0 / 0", "NaN"),
    ("1 % 0", "NaN"),
    ("1e308 * 10", "Infinity"),
    ("-1e308 * 10", "-Infinity"),
    ("1e308 + 1e308", "Infinity"),
    ("1 / 0 > 5", True),
    ("[1 / 0]", ["Infinity"]),
    ("{'k': 1 / 0}", {"k": "Infinity"}),
    ("[null, 4 / 2]", [None, 2]),
    ("10000000000000000000000001", 1e25),
    # strings
    ("$string(1e20)", "100000000000000000000"),
    ("$string(1e21)", "1e+21"),
    ("$string(9223372036854775808)", "9223372036854776000"),
    ("$substring('héllo😀', -1, 1)", "\ufffd"),
    ("$substring('hello', -10, 2)", "he"),
    ("$substring('hello', 1, -1)", ""),
    ("$substring('hello', 1.9)", "ello"),
    ("'hello' ~> $substring(1, 2)", "el"),
    ("$length('😀')", 1),
    ("$replace('\u00a0 a', /^\\s+/, '')", "\u00a0 a"),
    ("$replace(' \\t a', /^\\s+/, '')", "a"),
    ("$replace('a\u3000', /[\\s]+$/, '')", "a\u3000"),
    ("$replace('\u00a0', /\\S/, 'x')", "x"),
    ("$replace('aXa', 'X', '$0')", "a$0a"),
    ("$replace('aaa', 'a', 'b', 0)", "aaa"),
    ("$decodeUrlComponent('a+b%20c')", "a b c"),
    ("$decodeUrlComponent('%E6')", "\ufffd"),
    ("$base64decode('YWJ')", "ab"),
    ("$base64encode('é')", "w6k="),
    ("$split('a.b*c', '.')", ["a", "b*c"]),
    ("$split('a,,b', ',')", ["a", "", "b"]),
    ("$split($trim('  a  b\\t\\nc '), ' ')", ["a", "b", "c"]),
    ("$split($trim('  '), ' ')", [""]),
    ("$pad('a', 6.5, 'xy')", "axyxyx"),
    ("$pad('a', -3)", "  a"),
    ("$join([])", ""),
    ("$join('a')", "a"),
    ("'abc'[0]", "abc"),
    ("$uppercase('ß')", "SS"),
    ("'a' & 1", "a1"),
    # numbers
    ("$round(2.5)", 2),
    ("$round(2.675, 2)", 2.68),
    ("$round(25, -1)", 20),
    ("$ceil(-1.5)", -1),
    ("$floor(-1.5)", -2),
    ("$sum([])", 0),
    ("$sum(5)", 5),
    ("$max([])", UNDEFINED),
    ("$min([])", UNDEFINED),
    ("$average([])", UNDEFINED),
    # arrays and objects
    ("$count([$xs])", 2),
    ("[[$xs]]", [[1, 2]]),
    ("[3..1]", []),
    ("$xs[1.5]", 2),
    ("$xs[[0..0]]", 1),
    ("$xs[[3..1]]", UNDEFINED),
    ("[$filter($xs, function($x) { $x > 5 })]", []),
    ("$append([], $map($xs, function($x) { [$x] })[])", [[1], [2]]),
    ("$merge([])", {}),
    ("$merge([{'a': 1}, {'a': null}])", {"a": None}),
    ("$keys({'a': 1})", "a"),
    ("$keys({})", UNDEFINED),
    ("$lookup({}, 'x')", UNDEFINED),
    ("$sift({'a': 1}, function($v) { $v > 3 })", UNDEFINED),
    ("$each({'a': [1]}, function($v) { $v })", [1]),
    ("$distinct([1, true, 1, {'a': 1}, {'a': 1}])", [1, True, {"a": 1}]),
    ("$zip([1, 2], [3])", [[1, 3]]),
    ("$sort([5])", [5]),
    ("$reverse([5])", [5]),
    ("$sort(['\uffff', '😀'])", ["😀", "\uffff"]),
    ("$sort([[2,1],[1,1],[2,0]], function($a, $b) { $a[0] > $b[0] })", [[1, 1], [2, 1], [2, 0]]),
    ("$boolean([0])", False),
    ("$boolean([[]])", False),
    # time
    ("$toMillis('2026-01-01T00:00:00.123456')", 1767225600123),
    ("$toMillis($now()) = $millis()", True),
    ("$now('[Y0001]-[M01]-[D01]')", "2017-07-14"),
    ("$now() = $now()", True),
    # names outside ASCII
    ("$größe + 1", 2),
    ("($s := 7; $pad($string($s), -3, '0'))", "007"),
]

FAILURES: list[tuple[str, str, str]] = [
    ('$eval("1+1")', "T1006", "Attempted to invoke a non-function"),
    ('$partition("a", 1)', "T0412", 'Argument 1 of function "partition" must be an array of'),
    ('$partition([1], "a")', "T0410", 'Argument 2 of function "partition" does not match'),
    ("$partition([1], -2)", "D3137", "Second argument must be zero or greater"),
    ("$partition([1], 1, 1)", "T0410", 'Argument 3 of function "partition" does not match'),
    ("$range()", "T0410", 'Argument 1 of function "range" does not match'),
    ("$hash(1)", "T0410", 'Argument 1 of function "hash" does not match'),
    ('$hash("a", 1)', "T0410", 'Argument 2 of function "hash" does not match'),
    (
        '$hash("a", "sha-1")',
        "D3137",
        "Hash algorithm 'sha-1' must be one of SHA-1, SHA-384, SHA-256, SHA-512, MD5",
    ),
    ('$parse("")', "D3137", "Invalid JSON"),
    ('$parse("1 2")', "D3137", "Invalid JSON"),
    ('$parse("NaN")', "D3137", "Invalid JSON"),
    ('$parse("Infinity")', "D3137", "Invalid JSON"),
    ('$parse("1e400")', "D3137", "Invalid JSON"),
    ('$parse("{\\"a\\":1,\\"a\\":2}")', "D3137", "Invalid JSON"),
    ("$base64decode('!!!')", "D3137", "Invalid Base64"),  # an internal error, on AWS
    ("$parse(1)", "T0410", 'Argument 1 of function "parse" does not match'),
    ("$uuid(1)", "T0410", 'Argument 1 of function "uuid" does not match'),
    ('$random("a")', "T0410", 'Argument 1 of function "random" does not match'),
    ("1 / 0 + 1", "D1001", "Number out of range"),
    ('$number("1e400")', "D3030", "Unable to cast value to a number"),
    ("$sqrt(-1)", "D3060", "The sqrt function cannot be applied to a negative number: -1"),
    ("$power(-8, 1/3)", "D3061", "The power function"),
    ('$sum(["a"])', "T0412", 'Argument 1 of function "sum" must be an array of "numbers"'),
    ('$join(["a", 1])', "T0412", 'Argument 1 of function "join" must be an array of "strings"'),
    ('$abs("a")', "T0410", 'Argument 1 of function "abs" does not match function signature'),
    ('$formatNumber(1, "x")', "D3086", "The sub-picture must not contain a passive character"),
    ("$replace('abc', '', 'x')", "D3010", "Second argument of replace function cannot be an"),
    ("$replace('aaa', 'a', 'b', -1)", "D3011", "Fourth argument of replace function must"),
    ("$decodeUrlComponent('%zz')", "D3140", "Malformed URL passed to $decodeUrlComponent()"),
    ("$toMillis('2026-01-01 00:00:00')", "D3110", "The argument of the toMillis function"),
    ("$toMillis('20260101')", "D3110", "The argument of the toMillis function"),
    ("$sort([true, false])", "D3070", "The single argument form of the sort function"),
    ('$sort([1, "a"])', "D3070", "The single argument form of the sort function"),
    ("'a' - 1", "T2001", 'The left side of the "-" operator must evaluate to a number'),
]

SYNTAX: list[tuple[str, str]] = [
    ("a[1,2)", 'Expected "]", got ","'),
    ('"unterminated', "String literal must be terminated by a matching quote"),
    ("1 +", "Unexpected end of expression"),
    ('{"a":}', 'The symbol "}" cannot be used as a unary operator'),
    ("$x :=", "Unexpected end of expression"),
    ('$match("a", /abc', "No terminating / in regular expression"),
    ("phone %.other", 'The symbol "." cannot be used as a unary operator'),
    ("", "Unexpected end of expression"),
    ("$a ?? 1", 'The symbol "?" cannot be used as a unary operator'),
    ("$a ?: 1", 'The symbol ":" cannot be used as a unary operator'),
]

# what cannot be layered above the engine, and what it gives instead
DEVIATIONS: list[tuple[str, Any, Any]] = [
    ("$split('a😀', '')", ["a", "\ufffd", "\ufffd"], ["a", "😀"]),
    ("$replace('aaa', 'a', 'b', 2.5)", "bba", "bbb"),
    ("$parseInteger('abc', '0')", "NaN", None),
    ("$parse('9223372036854775807')", 9223372036854775807, 9223372036854776000),
]


@pytest.mark.parametrize(("text", "expected"), VALUES, ids=[text for text, _ in VALUES])
def test_value(text: str, expected: Any) -> None:
    found = value(text, xs=[1, 2], o={"n": None}, größe=1)
    assert found == expected
    assert type(found) is type(expected) or isinstance(found, int | float)


@pytest.mark.parametrize(("text", "code", "message"), FAILURES, ids=[row[0] for row in FAILURES])
def test_failure(text: str, code: str, message: str) -> None:
    error = failure(text)
    assert error.code == code
    assert error.message.startswith(message)


@pytest.mark.parametrize(("text", "message"), SYNTAX)
def test_syntax(text: str, message: str) -> None:
    with pytest.raises(JsonataError) as caught:
        compile_expression(text)
    assert caught.value.message == message


@pytest.mark.parametrize(("text", "aws", "found"), DEVIATIONS)
def test_deviations_are_known(text: str, aws: Any, found: Any) -> None:
    assert value(text) == found != aws, "it is as on AWS now: take it out of the table"
