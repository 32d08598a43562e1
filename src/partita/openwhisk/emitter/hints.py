"""Write the hints of functions as data, by which steps and actions read their parameters."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from partita.compile.types import ANY, NONE, Type, UnknownHintError, of_hint
from partita.openwhisk.emitter.definitions import Definitions, namespace_of
from partita.openwhisk.emitter.modules import Namespace


def types_of(
    function: Any, refuse: Callable[[str, str, str], object] | None = None
) -> dict[str, Type]:
    """Return the types of a function's parameters, and of its result as `return`.

    A hint that says nothing to the compiler goes to `refuse`; without that it means any value.
    """
    hints = inspect.get_annotations(function, eval_str=True)
    found = {}
    for name in [*inspect.signature(function).parameters, "return"]:
        hint = hints.get(name, Any)
        try:
            found[name] = NONE if hint is None else _known(of_hint(hint))
        except UnknownHintError as error:
            found[name] = ANY
            if refuse is not None and name != "return":
                refuse(
                    f"hint of {name}",
                    f"it means {error}",
                    "use int, float, bool, str, list, dict[str, ...], tuple, dataclasses or Any",
                )
    return found


def _known(type: Type) -> Type:
    """Return a type that values are read as in compositions, too."""
    if type.kind == "enum" or (type.kind == "tuple" and type.cls is not None):
        raise UnknownHintError(f"{type.cls.__name__}, an enum or a named tuple")
    if type.kind == "union" and not type.is_plain_union:
        raise UnknownHintError("a union of classes")
    if type.kind == "union":
        return ANY
    fields = tuple((name, _known(one)) for name, one in type.fields)
    return replace(type, parts=tuple(map(_known, type.parts)), fields=fields)


def written(type: Type) -> str:
    """Return Python that makes what `StepValues.read` takes for a type."""
    if type.kind == "record":
        fields = ", ".join(f"{name!r}: {written(one)}" for name, one in type.fields)
        cls = "None" if typing.is_typeddict(type.cls) else type.cls.__name__
        return f"['record', {cls}, {{{fields}}}]"
    inner = "".join(f", {written(one)}" for one in type.parts)
    if type.kind == "dict" and type.key == "int":
        inner += ", 'int'"
    return f"[{type.kind!r}{inner}]"


def classes_in(type: Type) -> Iterator[Any]:
    """Return the classes of a type."""
    if type.cls is not None:
        yield type.cls
    for one in (*type.parts, *(field for _, field in type.fields)):
        yield from classes_in(one)


def add_classes(definitions: Definitions, types: dict[str, Type], namespace: Namespace) -> None:
    """Add the classes that hints name."""
    for type in types.values():
        for cls in classes_in(type):
            found = namespace_of(cls, namespace)
            if found is not None:
                definitions.add(*found)
