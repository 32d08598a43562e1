"""Write trees and machines as short texts, for golden tests."""

from __future__ import annotations

from typing import Any

from partita.compile import tree as t


def outline_of_tree(nodes: list[Any], depth: int = 0) -> str:
    """Return one line for each node."""
    return "".join(_node(node, depth) for node in nodes)


def _node(node: Any, depth: int) -> str:
    names = ("head", "body", "orelse", "final")
    parts: dict[str, list[Any]] = {name: getattr(node, name, []) for name in names}
    text = f"{'  ' * depth}{type(node).__name__} {_told(node)}".rstrip() + "\n"
    for name in ("head", "body"):
        text += outline_of_tree(parts[name], depth + 1)
    for one in _branches(node):
        if one.call is None:
            text += f"{'  ' * depth}{one.variable}:\n{outline_of_tree(one.body, depth + 1)}"
    for handler in getattr(node, "handlers", []):
        text += f"{'  ' * depth}except {', '.join(handler.classes) or 'any'}\n"
        text += outline_of_tree(handler.body, depth + 1)
    for name, word in (("orelse", "else"), ("final", "finally")):
        if parts[name]:
            text += f"{'  ' * depth}{word}\n{outline_of_tree(parts[name], depth + 1)}"
    return text


def _told(node: Any) -> str:
    match node:
        case t.Let():
            return ", ".join(f"{name} = {value.text}" for name, value in node.values.items())
        case t.Call():
            given = ", ".join(f"{name}={one.text}" for name, one in node.arguments.items())
            return f"{node.variable} = {node.name}({given})"
        case t.Parallel():
            return ", ".join(map(_branch, node.branches))
        case t.Map():
            return f"{node.item} of {node.items.text}: {_branch(node.branch)}"
        case t.Check():
            first = "".join(f"{outline_of_tree([one]).strip()}, then " for one in node.first)
            return f"{node.condition.text} else {first}{_error(node.error)}"
        case t.If() | t.Loop():
            return str(node.test.text)
        case t.Raise():
            return _error(node.error)
        case t.Return():
            return str(node.value.text)
        case t.Sleep():
            return str(node.seconds.text)
        case _:
            return ""


def _branches(node: Any) -> list[t.Branch]:
    if isinstance(node, t.Map):
        return [node.branch]
    return node.branches if isinstance(node, t.Parallel) else []


def _branch(node: t.Branch) -> str:
    call = node.call
    told = "..." if call is None else _told(call).partition(" = ")[2]
    return f"{node.variable} = {told}"


def _error(error: t.Value) -> str:
    return str(error.constant[0] if error.constant else error.text)


def outline_of_machine(machine: dict[str, Any]) -> str:
    """Return one line for each state, with the states that it leads to."""
    lines = [f"{name}: {_state(state)}" for name, state in machine["States"].items()]
    return f"start at {machine['StartAt']}\n" + "\n".join(lines) + "\n"


def _state(state: dict[str, Any]) -> str:
    words = [state["Type"]]
    words += [
        f"[{rule['Condition'][3:-3]}] -> {rule['Next']};" for rule in state.get("Choices", ())
    ]
    words += [f"catch -> {one['Next']};" for one in state.get("Catch", ())]
    following = state.get("Next") or state.get("Default")
    words += [f"-> {following}"] if following else []
    return " ".join(words)
