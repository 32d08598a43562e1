"""Read and evaluate JSONPath as AWS does, which is Jayway's dialect.

A definite path names one place and gives its value, or a fault if there is none. An indefinite
one (with a wildcard, a slice, a filter, several indexes or `..`) gives a list of what it finds,
which is empty where the way there is missing.
Paths are parsed once; `filters` knows the conditions in brackets.

Source: https://github.com/json-path/JsonPath; AWS Step Functions Developer Guide, "Paths".
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any, Protocol

from partita.asl.filters import Condition, FilterReader
from partita.asl.json_text import is_number
from partita.asl.path_reader import PathMissingError, PathReader, PathSyntaxError

Place = tuple[str, Any]
"""Where a value is, in Jayway's bracket notation, and the value."""


class Step(Protocol):
    """One step of a path."""

    definite: bool

    def find(self, place: Place, root: Any, *, is_last: bool) -> Iterator[Place]:
        """Yield what the step leads to."""


class Property:
    """`.name`, or `['name']` with one or more names."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self.names = names
        self.definite = len(names) == 1

    def find(self, place: Place, root: Any, *, is_last: bool) -> Iterator[Place]:  # noqa: ARG002
        """Yield the members; several names give one object of those that exist."""
        where, value = place
        shown = ",".join(f"'{name}'" for name in self.names)
        if not isinstance(value, dict):
            raise PathMissingError(_not_an_object(shown, where, value))
        if not self.definite:
            yield f"{where}[{shown}]", {name: value[name] for name in self.names if name in value}
        elif self.names[0] in value:
            yield f"{where}[{shown}]", value[self.names[0]]
        elif is_last:
            raise PathMissingError(f"No results for path: {where}[{shown}]")
        else:
            raise PathMissingError(f"Missing property in path {where}[{shown}]")


def _not_an_object(shown: str, where: str, value: Any) -> str:
    found = "null" if value is None else f"'{_JAVA_TYPES[type(value)]}'"
    return (
        f"Expected to find an object with property [{shown}] in path {where} but found {found}. "
        "This is not a json object according to the JsonProvider: "
        "'com.jayway.jsonpath.spi.json.JacksonJsonNodeJsonProvider'."
    )


_JAVA_TYPES = {
    bool: "com.fasterxml.jackson.databind.node.BooleanNode",
    int: "com.fasterxml.jackson.databind.node.IntNode",
    float: "com.fasterxml.jackson.databind.node.DoubleNode",
    str: "com.fasterxml.jackson.databind.node.TextNode",
    list: "com.fasterxml.jackson.databind.node.ArrayNode",
}


class Index:
    """`[0]`, `[-1]` or `[0,2]`."""

    def __init__(self, indexes: tuple[int, ...]) -> None:
        self.indexes = indexes
        self.definite = len(indexes) == 1

    def find(self, place: Place, root: Any, *, is_last: bool) -> Iterator[Place]:  # noqa: ARG002
        """Yield the items; a single index past the end is a fault."""
        where, value = place
        shown = ",".join(map(str, self.indexes))
        if not isinstance(value, list):
            raise PathMissingError(
                f"Filter: [{shown}] can only be applied to arrays. Current context is: {where}"
            )
        for index in self.indexes:
            if -len(value) <= index < len(value):
                yield f"{where}[{index}]", value[index]
            elif self.definite:
                raise PathMissingError(
                    f"Index out of bounds when evaluating path {where}[{index}]", is_index=is_last
                )


class Slice:
    """`[1:3]`; Jayway knows no step."""

    definite = False

    def __init__(self, start: int | None, end: int | None) -> None:
        self.range = slice(start, end)

    def find(self, place: Place, root: Any, *, is_last: bool) -> Iterator[Place]:  # noqa: ARG002
        """Yield the items in the range."""
        where, value = place
        if isinstance(value, list):
            for index in range(len(value))[self.range]:
                yield f"{where}[{index}]", value[index]


class Wildcard:
    """`.*` or `[*]`."""

    definite = False

    def find(self, place: Place, root: Any, *, is_last: bool) -> Iterator[Place]:  # noqa: ARG002
        """Yield all members or items."""
        yield from _children(place)


class Descent:
    """`..` before a step, which is applied to every value inside."""

    definite = False

    def __init__(self, step: Step) -> None:
        self.step = step

    def find(self, place: Place, root: Any, *, is_last: bool) -> Iterator[Place]:
        """Yield what the step finds at the value and at each one inside it."""
        for one in _descendants(place):
            try:
                yield from list(self.step.find(one, root, is_last=is_last))
            except PathMissingError:
                continue


class Filter:
    """`[?(@.price > 10)]`."""

    definite = False

    def __init__(self, condition: Condition) -> None:
        self.condition = condition

    def find(self, place: Place, root: Any, *, is_last: bool) -> Iterator[Place]:  # noqa: ARG002
        """Yield the items, or the object itself, that fulfil the condition."""
        where, value = place
        if isinstance(value, dict):
            if self.condition(value, root):
                yield place
        elif isinstance(value, list):
            for index, item in enumerate(value):
                if self.condition(item, root):
                    yield f"{where}[{index}]", item


class Function:
    """`.length()` and the like, at the end of a path."""

    definite = True

    def __init__(self, name: str) -> None:
        self.name = name

    def apply(self, value: Any) -> Any:
        """Return the function's value.

        Raises:
            PathMissingError: it cannot be applied to such a value.
        """
        if self.name in ("length", "size"):
            return len(value) if isinstance(value, (list, dict, str)) else None
        if self.name == "keys":
            return list(value) if isinstance(value, dict) else None
        numbers = [one for one in value if is_number(one)] if isinstance(value, list) else []
        if not numbers:
            raise PathMissingError(
                "Aggregation function attempted to calculate value using empty array"
            )
        return _AGGREGATES[self.name](numbers)


_AGGREGATES: dict[str, Any] = {
    "min": lambda numbers: float(min(numbers)),
    "max": lambda numbers: float(max(numbers)),
    "sum": lambda numbers: float(sum(numbers)),
    "avg": lambda numbers: sum(numbers) / len(numbers),
    "stddev": lambda numbers: _deviation(numbers),
}
FUNCTIONS = frozenset(_AGGREGATES) | {"length", "size", "keys"}


def _deviation(numbers: list[float]) -> float:
    mean = sum(numbers) / len(numbers)
    return float((sum((one - mean) ** 2 for one in numbers) / len(numbers)) ** 0.5)


def _children(place: Place) -> Iterator[Place]:
    where, value = place
    if isinstance(value, dict):
        yield from ((f"{where}['{name}']", member) for name, member in value.items())
    elif isinstance(value, list):
        yield from ((f"{where}[{index}]", item) for index, item in enumerate(value))


def _descendants(place: Place) -> Iterator[Place]:
    pending = [place]
    while pending:
        one = pending.pop()
        yield one
        pending.extend(reversed(list(_children(one))))


class Path:
    """A parsed path."""

    def __init__(self, text: str, steps: list[Step], function: Function | None = None) -> None:
        self.text = text
        self.steps = steps
        self.function = function
        self.definite = all(step.definite for step in steps)
        self._names = _plain_names(steps) if function is None else None

    def find(self, root: Any) -> Any:
        """Return the value of a definite path, or the list of what an indefinite one finds.

        Raises:
            PathMissingError: a definite path leads to nothing.
        """
        if self._names is not None:
            value = root
            for name in self._names:
                if type(value) is not dict or name not in value:
                    break
                value = value[name]
            else:
                return value
        places = self._places(root)
        value = places[0][1] if self.definite else [found for _, found in places]
        return value if self.function is None else self.function.apply(value)

    def _places(self, root: Any) -> list[Place]:
        places: list[Place] = [("$", root)]
        for number, step in enumerate(self.steps):
            is_last = number == len(self.steps) - 1
            found: list[Place] = []
            for place in places:
                try:
                    found.extend(step.find(place, root, is_last=is_last))
                except PathMissingError:
                    if self.definite:
                        raise
            places = found
        return places


def _plain_names(steps: list[Step]) -> list[str] | None:
    names = [step.names[0] for step in steps if isinstance(step, Property) and step.definite]
    return names if len(names) == len(steps) else None


class _Steps(PathReader):
    """Reads the steps of a path."""

    def path(self) -> Path:
        """Read `$`, steps and perhaps a function up to the end of the text."""
        self.expect("$")
        steps: list[Step] = []
        function: Function | None = None
        while not self.at_end:
            name = self.function_name(FUNCTIONS)
            if name is not None:
                function = Function(name)
                break
            steps.append(self._step())
        if not self.at_end:
            raise self.fault("nothing may follow a function")
        return Path(self.text, steps, function)

    def _step(self) -> Step:
        if self.take(".."):
            inner = self._bracket() if self.peek == "[" else self._named()
            return Descent(inner)
        if self.take("."):
            return self._bracket() if self.peek == "[" else self._named()
        if self.peek == "[":
            return self._bracket()
        raise self.fault("expected a '.' or '['")

    def _named(self) -> Step:
        return Wildcard() if self.take("*") else Property((self.name(),))

    def _bracket(self) -> Step:
        self.expect("[")
        self.spaces()
        if self.take("*"):
            step: Step = Wildcard()
        elif self.take("?"):
            step = Filter(FilterReader(self.text, self.position, _inner_path).condition(self))
        elif self.peek in "'\"":
            step = Property(self.quoted_names())
        else:
            step = self._indexes()
        self.spaces()
        self.expect("]")
        return step

    def _indexes(self) -> Step:
        first = self.integer()
        self.spaces()
        if self.take(":"):
            self.spaces()
            return Slice(first, self.integer())
        if first is None:
            raise self.fault("expected an index, a name in quotes, '*' or '?'")
        indexes = [first]
        while self.take(","):
            self.spaces()
            indexes.append(self.needed_integer())
            self.spaces()
        return Index(tuple(indexes))


def _inner_path(text: str) -> Path:
    return parse_path(text)


@functools.lru_cache(maxsize=4096)
def parse_path(text: str) -> Path:
    """Return the path that a text such as `$.items[0].price` stands for.

    Raises:
        PathSyntaxError: it is not a path.
    """
    return _Steps(text).path()


__all__ = ["Path", "PathMissingError", "PathSyntaxError", "Place", "parse_path"]
