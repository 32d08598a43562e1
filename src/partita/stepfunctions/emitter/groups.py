"""Group neighbouring nodes that become one state: assignments; checks with what they precede."""

from __future__ import annotations

import re
from collections.abc import Sequence

from partita.compile.tree import Check, If, Let, Node

_VARIABLE = re.compile(r"\$(\w+)")


def grouped(nodes: Sequence[Node]) -> list[list[Node]]:
    """Return nodes in groups that become one state each."""
    groups: list[list[Node]] = []
    for node in nodes:
        last = groups[-1] if groups else None
        if last is not None and _joins(last, node):
            last.append(node)
        else:
            groups.append([node])
    return groups


def _joins(group: list[Node], node: Node) -> bool:
    if isinstance(group[-1], Check):
        return isinstance(node, Check | If)
    if not isinstance(group[-1], Let) or not isinstance(node, Let):
        return False
    assigned = {name for one in group if isinstance(one, Let) for name in one.values}
    read = {name for value in node.values.values() for name in _VARIABLE.findall(value.text)}
    return not assigned & (read | set(node.values))
