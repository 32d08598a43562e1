"""Turn a composition into a structured program to draw; of a run, with what its actions came to.

What is recorded with a run is the composition's outline: types, labels and places, without code.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from partita import history as h
from partita.graph import Cycle, Flow, Region, Shape, Step, Structure, Ways
from partita.history.references import Kind, Outcome
from partita.history.timeline import Operation, Timeline
from partita.openwhisk.action_names import short_name
from partita.openwhisk.json_text import json_value
from partita.openwhisk.recursion import Step as Deep
from partita.openwhisk.recursion import run_deep
from partita.openwhisk.tree import Tree

Outline = dict[str, Any]
"""Type, label, place, and the outlines of the children in their order."""


class State(NamedTuple):
    """What the runs of an action at one place came to."""

    word: str  # of the last run
    runs: int


_LABEL_LENGTH = 60
_WAYS = ("when", "when_nosave")
_LOOPS = ("loop", "loop_nosave")
_LATE_LOOPS = ("doloop", "doloop_nosave")
_PLAIN = ("sequence", "seq", "composition", "mask")


def outline_of(composition: Tree) -> Outline:
    """Return the outline of a composition, each part with its place in the one around it."""
    return run_deep(_outline(composition, ""))


def _outline(node: Tree, place: str) -> Deep[Outline]:
    children = []
    for child, name in node.children():
        step = f"[{name}]" if isinstance(name, int) else f".{name}"
        children.append((yield _outline(child, step)))
    made: Outline = {"type": node.type, "label": _label(node), "path": place}
    return {**made, "children": children} if children else made


def _placed(outline: Outline) -> Outline:
    """Return an outline in which each part has its place in the whole."""
    whole = dict(outline)
    waiting = [whole]
    while waiting:
        one = waiting.pop()
        if "children" in one:
            one["children"] = [
                {**child, "path": f"{one['path']}{child['path']}"} for child in one["children"]
            ]
            waiting += one["children"]
    return whole


def _label(node: Tree) -> str:
    match node.type:
        case "action" | "composition":
            return short_name(node.name)
        case "function":
            return _function_label(node.function["exec"])
        case "literal" | "value":
            return _shortened(json.dumps(node.value, ensure_ascii=False))
        case "let":
            return _shortened(", ".join(f"{k} = {v!r}" for k, v in node.declarations.items()))
        case "repeat" | "retry":
            return f"{node.type} {node.count:g} times"
        case _:
            return str(node.type)


def _function_label(code: dict[str, Any]) -> str:
    """Return a function's name, or the text of a lambda."""
    text = str(code.get("code", ""))
    if not str(code.get("kind")).startswith("python"):
        return _shortened(text)
    for node in _statements(text):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Lambda):
            return _shortened(ast.unparse(node.value))
    names = [one.name for one in _statements(text) if isinstance(one, ast.FunctionDef)]
    named = [name for name in names if name != "func"]
    return (named or names or ["function"])[-1].replace("line_", "line ")


def _statements(text: str) -> list[ast.stmt]:
    try:
        return ast.parse(text).body
    except (SyntaxError, ValueError, RecursionError):
        return []


def _shortened(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _LABEL_LENGTH else f"{text[: _LABEL_LENGTH - 3]}..."


def picture(outline: Outline, name: str, states: Mapping[str, State] | None = None) -> Structure:
    """Return what to draw; `states` says by the place of an action what it came to."""
    return Structure(name, _Pictures(states or {}).flow(_placed(outline)))


class _Pictures:
    """Makes parts to draw from outlines."""

    def __init__(self, states: Mapping[str, State]) -> None:
        self._states = states

    def flow(self, node: Outline) -> Flow:
        """Return the parts of a composition."""
        type, children = node["type"], node.get("children", [])
        if type in _PLAIN:
            return self._all(children)
        if type == "let":
            return (Step(f"let {node['label']}", "pass"), *self._all(children))
        if type == "empty":
            return ()
        made: Callable[[Outline, list[Outline]], Flow] = getattr(self, f"_{type}", self._step)
        if type in _WAYS:
            made = self._when
        elif type in _LOOPS:
            made = self._loop
        elif type in _LATE_LOOPS:
            made = self._doloop
        return made(node, children)

    def _all(self, children: Iterable[Outline]) -> Flow:
        return tuple(part for child in children for part in self.flow(child))

    def _step(self, node: Outline, children: list[Outline]) -> Flow:
        """Draw an action, a function, or what holds others as one box around them."""
        inner = (self._all(children),) if children else ()
        kind = "task" if node["type"] in ("action", "dynamic") else "pass"
        return (self._box(node, kind, Shape.RECTANGLE, inner),)

    def _box(self, node: Outline, kind: str, shape: Shape, inner: tuple[Flow, ...] = ()) -> Step:
        """Return a box, which says what the runs of its action came to."""
        path = node["path"].removeprefix(".")
        state = self._states.get(path) if node["type"] == "action" else None
        if state is None:
            return Step(node["label"], kind, shape=shape, inner=inner)
        runs = "" if state.runs == 1 else f", run {state.runs}"
        label = f"{node['label']}: {state.word}{runs}"
        return Step(label, kind, shape=shape, inner=inner, status=state.word)

    def _test(self, node: Outline) -> tuple[Flow, Step]:
        """Return what runs before a choice, and the choice."""
        if node["type"] in ("action", "function", "literal", "value"):
            return (), self._box(node, "choice", Shape.CHOICE)
        return self.flow(node), Step("value", "choice", shape=Shape.CHOICE)

    def _when(self, node: Outline, children: list[Outline]) -> Flow:  # noqa: ARG002
        before, test = self._test(children[0])
        flows = tuple(
            (label, self.flow(one)) for label, one in zip(("yes", "no"), children[1:], strict=False)
        )
        return (*before, Ways(test, flows))

    def _loop(self, node: Outline, children: list[Outline]) -> Flow:  # noqa: ARG002
        before, test = self._test(children[0])
        return (*before, Cycle(test, (*self.flow(children[1]), *before)))

    def _doloop(self, node: Outline, children: list[Outline]) -> Flow:
        before, test = self._test(children[1])
        begin = Step(node["label"], "choice", shape=Shape.CHOICE)
        return (Cycle(begin, (*self.flow(children[0]), *before, test)),)

    def _repeat(self, node: Outline, children: list[Outline]) -> Flow:
        return (Cycle(Step(node["label"], "choice", shape=Shape.CHOICE), self._all(children)),)

    def _retry(self, node: Outline, children: list[Outline]) -> Flow:
        return (Region(Step(node["label"], "pass"), self._all(children)),)

    def _do(self, node: Outline, children: list[Outline]) -> Flow:
        body, handler = children
        return (
            Region(Step(node["label"], "pass"), self.flow(body), (("error", self.flow(handler)),)),
        )

    def _ensure(self, node: Outline, children: list[Outline]) -> Flow:
        body, final = children
        return (Region(Step(node["label"], "pass"), self.flow(body), final=self.flow(final)),)

    def _parallel(self, node: Outline, children: list[Outline]) -> Flow:
        inner = tuple(self.flow(one) for one in children)
        return (Step(node["label"], "parallel", inner=inner),)

    _par = _parallel

    def _map(self, node: Outline, children: list[Outline]) -> Flow:
        inner = (self._all(children),)
        return (Step(node["label"], "map", shape=Shape.STACK, inner=inner),)


# -- runs


def picture_of_run(events: Sequence[h.AnyEvent], name: str) -> Structure | None:
    """Return what to draw of an execution; None if it runs no composition."""
    for event in events:
        if isinstance(event, h.MarkerRecorded):
            outline = _recorded_outline(str(event.details or ""))
            return None if outline is None else picture(outline, name, _states(events))
    return None


def _recorded_outline(text: str) -> Outline | None:
    try:
        program = json.loads(text)
        program = json.loads(program) if isinstance(program, str) else program
        found = program.get("outline") if isinstance(program, dict) else None
        found = json_value(found) if isinstance(found, str) else found
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _states(events: Sequence[h.AnyEvent]) -> dict[str, State]:
    """Return what the runs of each place came to: a word for the style, and how many they were."""
    found: dict[str, State] = {}
    for one in Timeline(events).operations.values():
        if one.kind is Kind.ACTIVITY:
            _, has_place, rest = one.place.partition(" (at ")
            path = rest.removesuffix(")") if has_place else ""
            found[path] = State(_status(one), found[path].runs + 1 if path in found else 1)
    return found


def _status(operation: Operation) -> str:
    if operation.outcome is None:
        return "running"
    is_error = _is_error_object(str(getattr(operation.closed, "result", None) or ""))
    return "succeeded" if operation.outcome is Outcome.COMPLETED and not is_error else "failed"


def _is_error_object(text: str) -> bool:
    try:
        found = json.loads(text)
    except ValueError:
        return False
    return isinstance(found, dict) and "error" in found
