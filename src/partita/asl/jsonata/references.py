"""Tell what an expression refers to: the context that AWS has none of, variables, `$states`.

Source: what AWS's ValidateStateMachineDefinition answers, as published by those who measured it.
"""

from __future__ import annotations

from collections.abc import Iterator

from partita.asl.jsonata.syntax import Node

CONTEXT = ""  # the name of the variable `$`
ROOT = "$"  # the name of the variable `$$`

_FIRST_PART_ONLY = frozenset({"path", "filter", "group", "sort", "focus"})
_NO_PART = frozenset({"transform"})


def context_references(node: Node) -> list[str]:
    """Return what is read of the top-level context, in order of appearance, each once.

    These are names, `$` for the context itself and `$$` for the root. Later steps of a path,
    predicates, groups and sort terms have a context of their own; the body of a function does
    not.
    """
    return list(dict.fromkeys(_context_references(node)))


def states_fields(node: Node) -> list[str]:
    """Return which fields of `$states` are read, such as `input`, in order, each once."""
    return list(dict.fromkeys(_states_fields(node)))


def free_variables(node: Node) -> list[str]:
    """Return the variables that the expression does not bind itself, in order, each once."""
    return list(dict.fromkeys(_free_variables(node, set())))


def _context_references(node: Node) -> Iterator[str]:
    if node.kind == "name":
        yield node.text
    elif node.kind == "variable" and node.text in (CONTEXT, ROOT):
        yield f"${node.text}"
    for part in _parts_in_context(node):
        yield from _context_references(part)


def _parts_in_context(node: Node) -> tuple[Node, ...]:
    if node.kind in _NO_PART:
        return ()
    if node.kind in _FIRST_PART_ONLY:
        return node.parts[:1]
    return node.parts[1:] if node.kind == "bind" else node.parts


def _states_fields(node: Node) -> Iterator[str]:
    if node.kind == "path" and _is_states(node.parts[0]):
        yield _named(node.parts[1])
    for part in node.parts:
        yield from _states_fields(part)


def _is_states(node: Node) -> bool:
    return node.kind == "variable" and node.text == "states"


def _named(node: Node) -> str:
    """Return the name that a step begins with; an empty string if it is no name."""
    while node.kind in _FIRST_PART_ONLY:
        node = node.parts[0]
    return node.text if node.kind == "name" else ""


def _free_variables(node: Node, bound: set[str]) -> Iterator[str]:
    """Yield free variables; `bound` grows by what a block assigns."""
    match node.kind:
        case "variable":
            if node.text not in bound and node.text not in (CONTEXT, ROOT):
                yield node.text
        case "bind":
            bound.add(node.parts[0].text)
            yield from _free_variables(node.parts[1], bound)
        case "focus":
            yield from _free_variables(node.parts[0], bound)
            bound.add(node.parts[1].text)
        case "lambda":
            yield from _free_variables(node.parts[0], bound | set(node.text.split(",")))
        case "block":
            yield from _free_in(node.parts, set(bound))
        case _:
            yield from _free_in(node.parts, bound)


def _free_in(parts: tuple[Node, ...], bound: set[str]) -> Iterator[str]:
    for part in parts:
        yield from _free_variables(part, bound)
