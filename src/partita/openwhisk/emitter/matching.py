"""Write a `match` statement whose cases call what runs elsewhere as `if` statements."""

from __future__ import annotations

import ast
from typing import Any

from partita.openwhisk.emitter.rewriting import parsed, placed
from partita.openwhisk.emitter.scope import Scope


def as_ifs(node: ast.Match, scope: Scope) -> list[ast.stmt]:
    """Return statements that mean the same: each pattern is matched in turn."""
    subject, hit, chosen = (scope.program.new(one) for one in ("subject", "hit", "case"))
    made: list[ast.stmt] = [
        placed(ast.Assign([ast.Name(subject, ast.Store())], node.subject), node),
        *parsed(f"{chosen} = None", node),
    ]
    bodies: list[ast.stmt] = []
    for number, case in enumerate(node.cases):
        made.append(_tried(case, number, (subject, hit, chosen)))
    for number in range(len(node.cases) - 1, -1, -1):
        case = node.cases[number]
        test: Any = parsed(f"{chosen} == {number}", case.body[0])[0]
        bodies = [ast.copy_location(ast.If(test.value, case.body, bodies), case.body[0])]
    return [*made, *bodies]


def _tried(case: ast.match_case, number: int, names: tuple[str, str, str]) -> ast.stmt:
    subject, hit, chosen = names
    at = case.body[0]
    match: Any = parsed(
        f"if {chosen} is None:\n"
        f"    {hit} = False\n"
        f"    match {subject}:\n"
        "        case _:\n"
        f"            {hit} = True\n"
        f"    if {hit}:\n"
        f"        {chosen} = {number}",
        at,
    )[0]
    match.body[1].cases[0].pattern = case.pattern
    if case.guard is not None:
        accepted = match.body[2].body
        match.body[2].body = [ast.copy_location(ast.If(case.guard, accepted, []), at)]
    return match  # type: ignore[no-any-return]
