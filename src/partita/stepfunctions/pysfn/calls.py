"""Represent what a file of pyawssfn does: calls with retriers, branches and choices."""

from __future__ import annotations

import ast
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from partita.compile.diagnostics import RefusedError
from partita.compile.tree import Check

Refuse = Callable[[Any, str, str, str], RefusedError]


@dataclass(frozen=True)
class Callee:
    """A function of the module, and the variables that it is called with."""

    name: str
    argument_names: tuple[str, ...]
    retries: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True)
class Branches:
    """Run blocks at the same time; assign the list of what they return."""

    row: int
    bodies: list[list[Any]]
    variable: str


@dataclass(frozen=True)
class Rule:
    """A condition of a choice: what is checked before it, and what runs where it holds."""

    row: int
    checks: list[Check]
    test: str
    body: list[Any]


@dataclass(frozen=True)
class Choices:
    """Run the block of the first rule that holds, or else another one: `if` with all `elif`."""

    row: int
    rules: list[Rule]
    orelse: list[Any]


def retries(specs: list[ast.expr], refuse: Refuse) -> tuple[dict[str, Any], ...]:
    """Return the retriers that specs stand for."""
    found = tuple(_retrier(one, refuse) for one in specs)
    for number, one in enumerate(specs):
        errors = found[number]["ErrorEquals"]
        is_last = number == len(specs) - 1
        if "States.ALL" in errors and not (is_last and len(errors) == 1):
            raise refuse(
                one, "States.ALL", "AWS wants it alone, and last", "put it into a last spec alone"
            )
    return found


def _retrier(node: ast.expr, refuse: Refuse) -> dict[str, Any]:
    try:
        errors, interval, attempts, backoff = ast.literal_eval(node)
        fits = _fits(errors, interval, attempts, backoff)
    except (ValueError, TypeError, SyntaxError):
        fits = False
    if not fits:
        raise refuse(
            node,
            f"retry spec {ast.unparse(node)[:40]}",
            "it is ([names of errors], seconds, attempts from 0 on, backoff from 1 on), written",
            'write, for example, (["States.ALL"], 1, 3, 2.0)',
        )
    return {
        "ErrorEquals": list(errors),
        "IntervalSeconds": math.ceil(interval),
        "MaxAttempts": attempts,
        "BackoffRate": backoff,
    }


def _fits(errors: Any, interval: Any, attempts: Any, backoff: Any) -> bool:
    are_texts = isinstance(errors, list | tuple) and all(isinstance(one, str) for one in errors)
    are_numbers = all(type(one) in (int, float) for one in (interval, backoff))
    return (
        bool(errors)
        and are_texts
        and are_numbers
        and 0 < interval <= 31_622_400
        and type(attempts) is int
        and 0 <= attempts < 100_000_000
        and 1 <= backoff < math.inf
    )
