"""Collect the states of a machine: their names, and the comments with their source."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from partita.compile.tree import Program, Value

_LONGEST_NAME = 80
_ROW = re.compile(r"\(line (\d+)[^()]*\)\Z")  # at the end of a name
_WORD = re.compile(r"\w+")
_PLAIN = re.compile(
    r"(?!\{%)[^\n\r\u2028\u2029]+\Z"
)  # texts that every validator takes as they are


class States:
    """The states of a machine, in the order of the source."""

    def __init__(self, program: Program, outer: States | None = None) -> None:
        self.program = program
        self._outer = outer
        self._states: dict[str, tuple[int, dict[str, Any]]] = {}
        self._names: set[str] = set() if outer is None else outer._names  # of the whole machine
        self._shared: dict[str, str] = {}
        self._variables: set[str] | None = None

    def inner(self) -> States:
        """Return the states of a branch."""
        return States(self.program, self)

    def variable(self, stem: str) -> str:
        """Return a variable that the program does not use."""
        if self._outer is not None:
            return self._outer.variable(stem)
        if self._variables is None:
            self._variables = set(_WORD.findall(repr((self.program.parameters, self.program.body))))
        number = 1
        while f"{stem}_{number}" in self._variables:
            number += 1
        self._variables.add(f"{stem}_{number}")
        return f"{stem}_{number}"

    def shared(self, name: str, row: int, state: dict[str, Any]) -> str:
        """Add a state that several places lead to, once; return its name."""
        if name not in self._shared:
            is_taken = name in self._names
            self._shared[name] = self.name(name, row) if is_taken else name
            self._names.add(name)
            self._states[self._shared[name]] = (row, state)
        return self._shared[name]

    def name(self, what: str, row: int) -> str:
        """Return a new name, such as `charge (line 12)`."""
        number = 1
        while True:
            suffix = f" (line {row})" if number == 1 else f" (line {row}, {number})"
            name = what[: _LONGEST_NAME - len(suffix)] + suffix
            if name not in self._names:
                self._names.add(name)
                return name
            number += 1

    def add(self, name: str, row: int, state: dict[str, Any]) -> str:
        """Add a state; return its name."""
        line = self.program.lines[row - 1].strip() if row <= len(self.program.lines) else ""
        self._states[name] = (row, {"Type": state["Type"], "Comment": line, **state})
        return name

    def in_order(self, start: str) -> dict[str, Any]:
        """Return the states that can be reached from one, by the rows of their source."""
        reached, pending = {start}, [start]
        while pending:
            for name in _next_states(self._states[pending.pop()][1]):
                if name not in reached:
                    reached.add(name)
                    pending.append(name)
        rows = sorted(self._states.items(), key=lambda pair: pair[1][0])
        return {name: state for name, (_, state) in rows if name in reached}


def _next_states(state: dict[str, Any]) -> list[str]:
    named = [state.get("Next"), state.get("Default")]
    rules = [*state.get("Choices", ()), *state.get("Catch", ())]
    return [name for name in (*named, *(rule["Next"] for rule in rules)) if name is not None]


def row_of(name: str) -> int | None:
    """Return the line that the name of a state says; None: it says none."""
    found = _ROW.search(name)
    return None if found is None else int(found[1])


def states_of(machine: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the names and definitions of all states, those of branches and maps included."""
    for name, state in machine["States"].items():
        yield name, state
        for inner in scopes_in(state):
            yield from states_of(inner)


def scopes_in(state: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return what a state runs that has states itself: branches, or what maps run."""
    mapped = [state[key] for key in ("ItemProcessor", "Iterator") if key in state]
    return [*state.get("Branches", ()), *mapped]


def expression(text: str) -> str:
    """Return a field's value that is an expression."""
    return f"{{% {text} %}}"


def field(value: Value) -> Any:
    """Return a field's value: a constant as it is, unless it looks like an expression."""
    constant = value.constant
    if value.is_constant and not (isinstance(constant, str) and not _PLAIN.match(constant)):
        return constant
    return expression(value.text)
