"""Random and mutated expressions: each gives a value or one error, within its time."""

from __future__ import annotations

import random

from partita.asl.jsonata import JsonataError, compile_expression
from partita.asl.jsonata.references import context_references, free_variables, states_fields
from tests.asl.jsonata_values import value
from tests.asl.test_jsonata_suite import cases

SYMBOLS = [
    *"()[]{}.,;:?+-*/%|=<>^&!~@#$`'\"\\",
    "..",
    ":=",
    "~>",
    "**",
    "function",
    "λ",
    "$x",
    "/a/",
]
SYMBOLS += ["\ud800", "\x00", "é", "😀", "1e9", "[1..9e9]", "$eval", "and", "in", "null", "<n:n>"]


def mutated(text: str, chance: random.Random) -> str:
    characters = list(text)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(characters) + 1)
        match chance.randrange(3):
            case 0:
                characters.insert(at, chance.choice(SYMBOLS))
            case 1:
                del characters[at : at + chance.randint(1, 5)]
            case _:
                characters[at:at] = characters[chance.randrange(len(characters) + 1) :][:9]
    return "".join(characters)


def check(text: str) -> None:
    try:
        tree = compile_expression(text).tree
        context_references(tree), free_variables(tree), states_fields(tree)
        value(text, seconds=0.02, x=[1, {"a": "b"}], states={"input": {"a": [1, 2]}})
    except JsonataError:
        pass


def test_mutated_expressions_of_the_suite() -> None:
    chance = random.Random(20)
    texts = [case["expr"] for case in cases() if len(case["expr"]) < 300]
    for _ in range(1_500):
        check(mutated(chance.choice(texts), chance))


def test_random_symbols() -> None:
    chance = random.Random(21)
    for _ in range(1_500):
        check("".join(chance.choices(SYMBOLS, k=chance.randint(1, 12))))


def test_chains_and_nests_of_any_depth() -> None:
    for depth in (140, 999, 3_000):
        for operator in ("+", "&", ".", "~>", "?"):
            check(operator.join(["$x"] * depth))
            check(f"$parse('1') {operator} " * depth + "1/0")
        for opening, closing in ("()", "[]", ("{'a':", "}"), ("function($y){", "}"), ("$f(", ")")):
            check(opening * depth + "1/0" + closing * depth)


def test_repeated_symbols() -> None:
    for symbol in SYMBOLS:
        for count in (50, 500, 20_000):
            check(symbol * count)
            check(f"1{symbol}" * count)
