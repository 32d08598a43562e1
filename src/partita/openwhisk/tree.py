"""Hold trees of combinators, checked when they are made.

Knows the table of combinators, but neither what they mean nor their JSON.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, Self

from partita.errors import ComposerError
from partita.openwhisk.action_names import qualified_name, short_name
from partita.openwhisk.combinators import COMBINATORS, Argument
from partita.openwhisk.function_source import function_exec
from partita.openwhisk.recursion import Step, run_deep

Visitor = Callable[..., Any]
"""Takes a child, its name or index, and True if that is an index; returns a composition."""


class Tree:
    """A combinator applied to its arguments, which are attributes by their names.

    `type` is the combinator, `components` the variable arguments, `path` the place in the tree
    that `compile` gave it. A composition never changes.
    """

    type: str
    path: str | None
    components: list[Any]  # compositions

    def __init__(self, type: str, arguments: Sequence[Any], path: str | None = None) -> None:
        self.type = type
        self.path = path
        combinator = COMBINATORS[type]
        count = len(combinator.arguments)
        if len(arguments) > count and not combinator.has_components:
            raise ComposerError(f'Too many arguments in "{type}" combinator')
        for number, argument in enumerate(combinator.arguments):
            given = arguments[number] if number < len(arguments) else _MISSING
            setattr(self, argument.name, self._checked(argument, given))
        if combinator.has_components:
            self.components = [self._child("components", one) for one in arguments[count:]]

    @classmethod
    def of(cls, task: Any) -> Self:
        """Return the composition that a task stands for: a name, a function, or None.

        Raises:
            ComposerError: it stands for none.
        """
        if isinstance(task, cls):
            return task
        if task is None:
            return cls("empty", ())
        if isinstance(task, str):
            return cls("action", (task,))
        if callable(task):
            return cls("function", ({"exec": function_exec(task)},))
        raise ComposerError('Invalid argument "task" in "task" combinator', task)

    def __getattr__(self, name: str) -> Any:
        """Raise AttributeError, naming the combinator."""
        raise AttributeError(f"a composition of type {self.__dict__.get('type')} has no {name}")

    @property
    def arguments(self) -> list[Any]:
        """What the combinator was given, components last."""
        combinator = COMBINATORS[self.type]
        fixed = [getattr(self, argument.name) for argument in combinator.arguments]
        return fixed + (self.components if combinator.has_components else [])

    def children(self) -> list[tuple[Self, str | int]]:
        """Return the compositions in this one, each with its name or its index."""
        fixed: list[tuple[Self, str | int]] = [
            (getattr(self, argument.name), argument.name)
            for argument in COMBINATORS[self.type].arguments
            if argument.kind == "composition"
        ]
        parts = self.components if COMBINATORS[self.type].has_components else []
        numbered: list[tuple[Self, str | int]] = [(one, number) for number, one in enumerate(parts)]
        return fixed + numbered

    def rebuilt(self, children: Sequence[Any], path: str | None = None) -> Self:
        """Return a copy with other children, in the order of `children()`."""
        given = iter(children)
        combinator = COMBINATORS[self.type]
        fixed = [
            next(given) if argument.kind == "composition" else getattr(self, argument.name)
            for argument in combinator.arguments
        ]
        return type(self)(self.type, [*fixed, *given], path or self.path)

    def visit(self, function: Visitor) -> Self:
        """Return a copy whose children are what the function returns for them.

        It gets the child and its name, or the child, its index and True.
        """
        return self.rebuilt(
            [
                function(child, name, True) if isinstance(name, int) else function(child, name)
                for child, name in self.children()
            ]
        )

    def _child(self, name: str, given: Any) -> Self:
        try:
            return self.of(given)
        except ComposerError as error:
            if not error.message.startswith(_NO_TASK):
                raise
            raise self._invalid(name, given) from None

    def _checked(self, argument: Argument, given: Any) -> Any:
        if given is _MISSING and argument.is_optional:
            given = None
        if argument.kind == "composition" and given is not _MISSING:
            return self._child(argument.name, given)
        if argument.kind == "name":
            try:
                return qualified_name(given)
            except ComposerError as error:
                message = f'{error.message} in "{self.type}" combinator'
                raise ComposerError(message, given) from None
        if not _fits(argument, given):
            raise self._invalid(argument.name, given)
        return given

    def _invalid(self, name: str, given: Any) -> ComposerError:
        return ComposerError(f'Invalid argument "{name}" in "{self.type}" combinator', given)

    def __eq__(self, other: object) -> bool:
        """Compare the Python that would make them."""
        return isinstance(other, Tree) and repr(self) == repr(other)

    def __hash__(self) -> int:
        """Return a number that equal compositions share."""
        return hash(repr(self))

    def __repr__(self) -> str:
        """Return Python that makes the composition."""
        return run_deep(_written(self))


class _Missing:
    def __repr__(self) -> str:
        return "nothing"


_MISSING = _Missing()
_NO_TASK = 'Invalid argument "task"'


def _fits(argument: Argument, given: Any) -> bool:
    match argument.kind:
        case "number":
            return isinstance(given, (int, float)) and not isinstance(given, bool)
        case "value":
            return given is not _MISSING and _is_json(given)
        case "object":
            return isinstance(given, dict) and _is_json(given)
        case "action":
            return given is None or isinstance(given, dict)
        case "function":
            return isinstance(given, dict) and isinstance(given.get("exec"), dict)
        case _:
            return False


def _is_json(value: Any) -> bool:
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        return False
    return True


def _written(composition: Tree) -> Step[str]:
    if composition.type == "action":
        name = repr(short_name(composition.name))
        options = "" if composition.action is None else f", {_options(composition.action)!r}"
        return f"composer.action({name}{options})"
    if composition.type == "function":
        return f"composer.function({composition.function['exec']!r})"
    parts: list[str] = [
        repr(getattr(composition, argument.name))
        for argument in COMBINATORS[composition.type].arguments
        if argument.kind != "composition"
    ]
    for child, _ in composition.children():
        parts.append((yield _short(child)))
    return f"composer.{composition.type}({', '.join(parts)})"


def _options(action: dict[str, Any]) -> dict[str, Any]:
    """Return the options of `composer.action` that give an action's definition."""
    exec, limits = action["exec"], action.get("limits")
    made = {"sequence": exec["components"]} if exec.get("kind") == "sequence" else {"action": exec}
    return made if limits is None else {**made, "limits": limits}


def _short(composition: Tree) -> Step[str]:
    """Write a child by a shorthand where there is one."""
    if composition.type == "action" and composition.action is None:
        return repr(short_name(composition.name))
    written: str = yield _written(composition)
    return written
