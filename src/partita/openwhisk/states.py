"""Compile a composition to a program: a flat list of states, in time linear in its size.

Each state has a type, its place in the composition, and the numbers of the states that may follow
it. Functions and places are listed once, and states have their numbers. A place is the number of
the one around it, and the step from there. `conductor_action` says what each type of state does.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from partita.openwhisk.deriving import lowered
from partita.openwhisk.portable_json import labelled
from partita.openwhisk.recursion import Step, run_deep
from partita.openwhisk.tree import Tree

State = dict[str, Any]


def program_of(composition: Tree) -> dict[str, Any]:
    """Return the program of a composition, which may have derived combinators."""
    compiler = _Compiler()
    run_deep(compiler.emit(lowered(labelled(composition)), 0))
    return {
        "states": compiler.states,
        "functions": compiler.functions,
        "places": compiler.places,
    }


class _Compiler:
    """Appends the states of one combinator after another."""

    def __init__(self) -> None:
        self.states: list[State] = []
        self.functions: list[dict[str, Any]] = []
        self.places: list[tuple[int, str]] = [(0, "")]
        self._paths = [""]  # of the places
        self._numbers: dict[str, int] = {}  # of functions, by their JSON

    def emit(self, node: Tree, place: int) -> Step[None]:
        """Append the states of a combinator and of all in it."""
        append: Callable[[Tree, int], Step[None]] = getattr(self, f"_{node.type}")
        yield from append(node, self._place(node.path, place))

    def _place(self, path: str | None, outer: int) -> int:
        if path is None or path == self._paths[outer]:
            return outer
        self._paths.append(path)
        self.places.append((outer, path.removeprefix(self._paths[outer])))
        return len(self.places) - 1

    def _add(self, type: str, place: int, **fields: Any) -> State:
        state = {"type": type, "place": place, **fields}
        self.states.append(state)
        return state

    def _number(self, exec: dict[str, Any]) -> int:
        number = self._numbers.setdefault(json.dumps(exec, sort_keys=True), len(self.functions))
        if number == len(self.functions):
            self.functions.append(exec)
        return number

    @property
    def _here(self) -> int:
        return len(self.states)

    def _components(self, node: Tree, place: int) -> Step[None]:
        if not node.components:
            self._add("empty", place)
        for child in node.components:
            yield self.emit(child, place)

    def _sequence(self, node: Tree, place: int) -> Step[None]:
        yield from self._components(node, place)

    def _action(self, node: Tree, place: int) -> Step[None]:
        self._add("action", place, name=node.name)
        yield from ()

    def _function(self, node: Tree, place: int) -> Step[None]:
        self._add("function", place, function=self._number(node.function["exec"]))
        yield from ()

    def _dynamic(self, node: Tree, place: int) -> Step[None]:  # noqa: ARG002
        self._add("dynamic", place)
        yield from ()

    def _let(self, node: Tree, place: int) -> Step[None]:
        self._add("let", place, let=node.declarations)
        yield from self._components(node, place)
        self._add("exit", place)

    def _mask(self, node: Tree, place: int) -> Step[None]:
        self._add("let", place, let=None)
        yield from self._components(node, place)
        self._add("exit", place)

    def _ensure(self, node: Tree, place: int) -> Step[None]:
        begin = self._add("try", place)
        yield self.emit(node.body, place)
        self._add("exit", place)
        begin["catch"] = self._here
        yield self.emit(node.finalizer, place)

    def _do(self, node: Tree, place: int) -> Step[None]:
        begin = self._add("try", place)
        yield self.emit(node.body, place)
        end = self._add("exit", place)
        begin["catch"] = self._here
        yield self.emit(node.handler, place)
        end["next"] = self._here

    def _when_nosave(self, node: Tree, place: int) -> Step[None]:
        yield self.emit(node.test, place)
        choice = self._add("choice", place, then=self._here + 1)
        yield self.emit(node.consequent, place)
        end = self._add("pass", place)
        choice["else"] = self._here
        yield self.emit(node.alternate, place)
        end["next"] = self._here

    def _loop_nosave(self, node: Tree, place: int) -> Step[None]:
        begin = self._here
        yield self.emit(node.test, place)
        choice = self._add("choice", place, then=self._here + 1)
        yield self.emit(node.body, place)
        self._add("pass", place, next=begin)
        choice["else"] = self._here

    def _doloop_nosave(self, node: Tree, place: int) -> Step[None]:
        begin = self._here
        yield self.emit(node.body, place)
        yield self.emit(node.test, place)
        choice = self._add("choice", place, then=begin)
        choice["else"] = self._here

    def _asynchronous(self, node: Tree, place: int) -> Step[None]:
        begin = self._add("async", place)
        yield from self._components(node, place)
        self._add("stop", place)
        begin["return"] = self._here

    def _map(self, node: Tree, place: int) -> Step[None]:
        begin = self._add("map", place)
        yield from self._components(node, place)
        self._add("stop", place)
        begin["return"] = self._here

    def _parallel(self, node: Tree, place: int) -> Step[None]:
        begin = self._add("parallel", place, tasks=[])
        for child in node.components:
            begin["tasks"].append(self._here)
            yield self.emit(child, place)
            self._add("stop", place)
        begin["return"] = self._here
