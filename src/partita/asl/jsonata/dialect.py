r"""Rewrite expressions where AWS's JSONata differs from the engine's in ways the text can carry.

Every expression: `\s` in a regular expression is ASCII only; the result of `$parse` is passed in
an array, since a function that returns None gives nothing rather than null. An expression that
went out of the range of numbers: arithmetic is done by a function, which gives the texts
`Infinity`, `-Infinity` and `NaN`, as AWS does.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from partita.asl.jsonata.syntax import Node

PARSE = "partita_parse"
ARITHMETIC = "partita_arithmetic"

_ARITHMETIC = frozenset("+-*/%")
_ORDER = frozenset({"<", "<=", ">", ">="})
_SPACE = r"\t\n\x0B\f\r "
_SPACES = re.compile(r"\\\\|\\s|\\S|\[|\]|\\.")

Rewrite = Callable[[Node, str], str | None]


def needs_rewriting(text: str) -> bool:
    """Return whether an expression may be one that `for_engine` changes."""
    return "$parse" in text or "\\s" in text or "\\S" in text


def for_engine(text: str, tree: Node) -> str:
    """Return the text that the engine evaluates as AWS would evaluate `text`."""
    return _rewritten(text, tree, False, infinities=False)


def with_infinities(text: str, tree: Node) -> str:
    """Return the text with arithmetic done by the function ARITHMETIC(operator, left, right)."""
    return _rewritten(text, tree, False, infinities=True)


def divides(text: str) -> bool:
    """Return whether an expression may divide; NaN is null in the engine."""
    return "/" in text or "%" in text


def _rewritten(text: str, node: Node, applied: bool, *, infinities: bool) -> str:
    """Return a node's text; `applied` tells that `~>` passes it its first argument."""
    if node.kind == "regex":
        return _ascii_spaces(text[node.start : node.end])
    parts = [
        _rewritten(text, part, node.kind == "apply" and number == 1, infinities=infinities)
        for number, part in enumerate(node.parts)
    ]
    if infinities and node.kind == "binary" and node.text in _ARITHMETIC | _ORDER:
        return f'${ARITHMETIC}("{node.text}", {", ".join(parts)})'
    whole = _joined(text, node, parts)
    if node.kind == "call" and not applied and _is_parse(node.parts[0]):
        return f"(${PARSE}{whole.removeprefix('$parse')})[0]"
    return whole


def _joined(text: str, node: Node, parts: list[str]) -> str:
    """Return the text of a node: what stands between its parts as it is, and its new parts."""
    pieces, position = [], node.start
    for part, new in zip(node.parts, parts, strict=True):
        pieces += [text[position : part.start], new]
        position = part.end
    return "".join([*pieces, text[position : node.end]])


def _is_parse(node: Node) -> bool:
    return node.kind == "variable" and node.text == "parse"


def _ascii_spaces(regex: str) -> str:
    depth = 0

    def replace(matched: re.Match[str]) -> str:
        nonlocal depth
        found = matched.group()
        depth = {"[": 1, "]": 0}.get(found, depth)
        if found == "\\s":
            return _SPACE if depth else f"[{_SPACE}]"
        return f"[^{_SPACE}]" if found == "\\S" and not depth else found

    return _SPACES.sub(replace, regex)
