"""Turn a definition into a graph to draw: states are boxes, transitions edges.

Takes definitions that are not finished, too: a transition to a state that is not there leads to a
box that says so. Knows nothing of layout.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from partita.asl.check.diagnostics import Report
from partita.asl.check.json_text import read
from partita.errors import InvalidDefinitionError
from partita.graph import Box, Edge, Graph, Shape

_MAX_NESTING = 100
_MAX_LABEL = 60  # characters of a rule
_START, _END = "start", "end"
_ORDERS = {
    "LessThanEquals": "≤",
    "GreaterThanEquals": "≥",
    "LessThan": "<",
    "GreaterThan": ">",
    "Equals": "=",
    "Matches": "~",
}


def diagram(definition: Any, name: str = "") -> Graph:
    """Return the graph of a machine; `name` is its label.

    Raises:
        InvalidDefinitionError: it has no states to draw; the error has the location.
    """
    return _flow(definition, name, "", 0)


def diagram_of_text(text: str, name: str = "") -> Graph:
    """Return the graph of the machine in a JSON text.

    Raises:
        InvalidDefinitionError: the text is not JSON, or has no states.
    """
    report = Report()
    definition = read(report, text)
    if report.found:
        raise InvalidDefinitionError(" ".join(report.found[0].message.split()))
    return diagram(definition, name)


def _flow(flow: Any, label: str, location: str, depth: int) -> Graph:
    if not isinstance(flow, dict) or not isinstance(flow.get("States"), dict):
        raise InvalidDefinitionError(
            "States is not an object, so there is nothing to draw", location
        )
    if depth > _MAX_NESTING:
        raise InvalidDefinitionError(f"nested more than {_MAX_NESTING} levels deep", location)
    states = {str(name): state for name, state in flow["States"].items()}
    boxes = [Box(f"/{_START}", "start", shape=Shape.START)]
    for name in _in_order(flow.get("StartAt"), states):
        boxes.append(_state(name, states[name], f"{location}/States/{name}", depth))
    edges = _merged(_edges(flow.get("StartAt"), states))
    known = {box.id for box in boxes}
    missing = dict.fromkeys(edge.target for edge in edges if edge.target not in known)
    missing.pop(f"/{_END}", None)
    boxes += [Box(name, name.removeprefix("state "), "missing", "missing") for name in missing]
    if any(edge.target == f"/{_END}" for edge in edges):
        boxes.append(Box(f"/{_END}", "end", shape=Shape.END))
    return Graph(tuple(boxes), tuple(edges), label)


def _in_order(start: Any, states: dict[str, Any]) -> list[str]:
    """Return the names of states with the first one first."""
    return sorted(states, key=lambda name: name != start)


def _state(name: str, state: Any, location: str, depth: int) -> Box:
    if not isinstance(state, dict):
        raise InvalidDefinitionError("the state is not an object", location)
    kind = str(state.get("Type", ""))
    shape = {"Choice": Shape.CHOICE, "Map": Shape.STACK}.get(kind, Shape.RECTANGLE)
    inner = tuple(_inner(state, kind, location, depth + 1))
    return Box(f"state {name}", name, kind.lower(), _detail(state, kind), shape, inner=inner)


def _inner(state: dict[str, Any], kind: str, location: str, depth: int) -> Iterator[Graph]:
    if kind == "Map":
        for field in ("ItemProcessor", "Iterator"):
            if field in state:
                yield _flow(state[field], "", f"{location}/{field}", depth)
                return
    branches = state.get("Branches") if kind == "Parallel" else None
    for number, branch in enumerate(branches if isinstance(branches, list) else []):
        label = f"branch {number + 1}"
        yield _flow(branch, label, f"{location}/Branches[{number}]", depth)


def _detail(state: dict[str, Any], kind: str) -> str:
    """Return what a state does, in a few words."""
    match kind:
        case "Task":
            return _resource(str(state.get("Resource", "")))
        case "Wait":
            return _time(state)
        case "Fail":
            return str(state.get("Error", state.get("ErrorPath", "")))[:_MAX_LABEL]
        case "Map":
            return str(state.get("Items", state.get("ItemsPath", "")))[:_MAX_LABEL]
    return ""


def _resource(arn: str) -> str:
    """Return the end of an ARN: `sqs:sendMessage`, `function charge`, `activity ship`."""
    for mark, word in (
        (":states:::", ""),
        (":function:", "function "),
        (":activity:", "activity "),
    ):
        _, found, rest = arn.partition(mark)
        if found:
            return f"{word}{rest}"
    return arn


def _time(state: dict[str, Any]) -> str:
    for field in ("Seconds", "SecondsPath", "Timestamp", "TimestampPath"):
        if field in state:
            value = _shortened(str(state[field]))
            return f"{value} s" if field == "Seconds" else value
    return ""


def _edges(start: Any, states: dict[str, Any]) -> Iterator[Edge]:
    if isinstance(start, str):
        yield Edge(f"/{_START}", f"state {start}")
    for name, state in states.items():
        source = f"state {name}"
        for target, label, kind in _transitions(state):
            yield Edge(source, f"/{_END}" if target is None else f"state {target}", label, kind)


def _transitions(state: dict[str, Any]) -> Iterator[tuple[str | None, str, str]]:
    """Yield target, label and kind of each transition; the target None is the end."""
    if state.get("End") is True or state.get("Type") == "Succeed":
        yield None, "", ""
    if isinstance(state.get("Next"), str):
        yield state["Next"], "", ""
    for rule in _objects(state.get("Choices")):
        if isinstance(rule.get("Next"), str):
            yield rule["Next"], _shortened(_rule(rule)), "choice"
    if isinstance(state.get("Default"), str):
        yield state["Default"], "otherwise", "choice"
    for catcher in _objects(state.get("Catch")):
        if isinstance(catcher.get("Next"), str):
            errors = catcher.get("ErrorEquals")
            names = [str(one) for one in errors] if isinstance(errors, list) else []
            yield catcher["Next"], _shortened(", ".join(names)), "catch"


def _objects(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _rule(rule: dict[str, Any]) -> str:
    """Return the test of a rule, as one would write it."""
    if "Condition" in rule:
        return str(rule["Condition"]).removeprefix("{%").removesuffix("%}").strip()
    for name, word in (("And", " and "), ("Or", " or ")):
        if name in rule:
            return word.join(map(_rule, _objects(rule[name])))
    if isinstance(rule.get("Not"), dict):
        return f"not ({_rule(rule['Not'])})"
    return _comparison(rule)


def _comparison(rule: dict[str, Any]) -> str:
    variable = str(rule.get("Variable", ""))
    for name, value in rule.items():
        if name in ("Variable", "Next", "Comment", "Assign", "Output"):
            continue
        bare = name.removesuffix("Path")
        for order, sign in _ORDERS.items():
            if bare.endswith(order):
                return f"{variable} {sign} {value}"
        return f"{variable} {name}" if value is True else f"not {variable} {name}"
    return variable


def _shortened(text: str) -> str:
    text = " ".join(text.removeprefix("{%").removesuffix("%}").split())
    return text if len(text) <= _MAX_LABEL else f"{text[: _MAX_LABEL - 1]}…"


def _merged(edges: Iterator[Edge]) -> list[Edge]:
    """Return one edge for those that join the same boxes in the same way."""
    labels: dict[tuple[str, str, str], list[str]] = {}
    for edge in edges:
        labels.setdefault((edge.source, edge.target, edge.kind), []).append(edge.label)
    return [
        Edge(source, target, " / ".join(filter(None, found)), kind)
        for (source, target, kind), found in labels.items()
    ]
