"""Replace the returns of a function's code by assignments, where they are at its end."""

from __future__ import annotations

from dataclasses import replace

from partita.compile.tree import If, Inlined, Let, Node, Raise, Return, nested


def with_assignments(body: list[Node], variable: str) -> list[Node] | None:
    """Return a body whose returns assign a variable; None if one is not at the end."""
    found: list[Node] = []
    for number, one in enumerate(body):
        rest = body[number + 1 :]
        if isinstance(one, Return):
            return [*found, Let(one.row, {variable: one.value})]
        if isinstance(one, If) and (_returns(one.body) or _returns(one.orelse)):
            if rest and not (_ends(one.body) or _ends(one.orelse)):
                return None
            branches = [one.body, one.orelse]
            made = [
                with_assignments(branch if _ends(branch) else [*branch, *rest], variable)
                for branch in branches
            ]
            if made[0] is None or made[1] is None:
                return None
            return [*found, replace(one, body=made[0], orelse=made[1])]
        if _returns([one]):
            return None
        found.append(one)
    return found


def _returns(nodes: list[Node]) -> bool:
    return any(isinstance(one, Return) or _returns(_parts(one)) for one in nodes)


def _parts(node: Node) -> list[Node]:
    """Return the nodes whose returns are those of the function that a node is in."""
    return [] if isinstance(node, Inlined) else nested(node)


def _ends(nodes: list[Node]) -> bool:
    """Return whether nothing follows a block."""
    last = nodes[-1] if nodes else None
    if isinstance(last, If):
        return _ends(last.body) and _ends(last.orelse)
    return isinstance(last, Return | Raise)
