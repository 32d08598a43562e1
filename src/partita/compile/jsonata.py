"""Write JSONata: literals, names, and lists that are not flattened."""

from __future__ import annotations

import dataclasses
import enum
import json
import re
from dataclasses import replace
from typing import Any

from partita.compile.tree import Value
from partita.compile.types import (
    ANY,
    BOOL,
    FLOAT,
    INT,
    MIXED,
    NEVER,
    NONE,
    NUMBER,
    STR,
    Type,
    UnknownHintError,
    dict_of,
    join,
    list_of,
    of_hint,
    set_of,
    tuple_of,
)

LARGEST = 2**53 - 1
"""The largest integer that numbers of JSON hold exactly, as all below it."""

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
FUNCTIONS = frozenset(
    [
        "sum",
        "count",
        "max",
        "min",
        "average",
        "string",
        "length",
        "substring",
        "substringBefore",
        "substringAfter",
        "lowercase",
        "uppercase",
        "trim",
        "pad",
        "match",
        "contains",
        "replace",
        "split",
        "join",
        "formatNumber",
        "formatBase",
        "formatInteger",
        "parseInteger",
        "number",
        "floor",
        "ceil",
        "round",
        "abs",
        "sqrt",
        "power",
        "random",
        "boolean",
        "not",
        "map",
        "zip",
        "filter",
        "single",
        "reduce",
        "sift",
        "keys",
        "lookup",
        "append",
        "exists",
        "spread",
        "merge",
        "reverse",
        "each",
        "error",
        "assert",
        "type",
        "sort",
        "shuffle",
        "distinct",
        "base64encode",
        "base64decode",
        "encodeUrlComponent",
        "encodeUrl",
        "decodeUrlComponent",
        "decodeUrl",
        "eval",
        "toMillis",
        "fromMillis",
        "formatDate",
        "now",
        "millis",
        "clone",
        "partition",
        "range",
        "hash",
        "uuid",
        "parse",
        "states",
        "and",
        "or",
        "in",
        "function",
        "true",
        "false",
        "null",
    ]
)


def text_of(constant: str) -> str:
    """Return a string literal."""
    return (
        json.dumps(constant, ensure_ascii=False).replace("{%", "{\\u0025").replace("%}", "\\u0025}")
    )


def literal(constant: Any) -> Value | None:
    """Return the literal of a constant; None: it has none."""
    if constant is None:
        return Value("null", NONE, constant=None, is_constant=True)
    if isinstance(constant, enum.Enum):
        return _member_of(constant)
    if isinstance(constant, bool):
        return Value(json.dumps(constant), BOOL, constant=constant, is_constant=True)
    if isinstance(constant, int):
        fits = abs(constant) <= LARGEST
        return _number(constant, str(constant), INT) if fits else None
    if isinstance(constant, float):
        return _number(constant, json.dumps(constant), FLOAT) if constant - constant == 0 else None
    if isinstance(constant, str):
        return Value(text_of(constant), STR, constant=constant, is_constant=True)
    return _container(constant)


def _member_of(constant: enum.Enum) -> Value | None:
    try:
        type = of_hint(constant.__class__)
    except UnknownHintError:
        return None
    found = literal(constant.value)
    return None if found is None else replace(found, type=type)


def _number(constant: float, text: str, type: Type) -> Value:
    return Value(text, type, is_atom=constant >= 0, constant=constant, is_constant=True)


def _container(constant: Any) -> Value | None:
    if isinstance(constant, tuple) or dataclasses.is_dataclass(constant):
        return _structure(constant)
    if isinstance(constant, set | frozenset):
        return _set(constant)
    if isinstance(constant, list):
        items = [literal(one) for one in constant]
        return None if None in items else list_value([one for one in items if one is not None])
    if isinstance(constant, dict) and constant and _has_members(constant):
        key = next(iter(constant)).__class__
        named = _container({one.value: value for one, value in constant.items()})
        return None if named is None else replace(named, type=dict_of(named.type.item, key))
    if isinstance(constant, dict) and all(isinstance(name, str) for name in constant):
        values = {name: literal(one) for name, one in constant.items()}
        kept = {name: one for name, one in values.items() if one is not None}
        return object_value(kept) if len(kept) == len(values) else None
    return None


def _set(constant: set[Any] | frozenset[Any]) -> Value | None:
    """Return the literal of a set of texts or of ints, whose order nothing sees."""
    kinds = {type(one) for one in constant}
    if len(kinds) > 1 or not kinds <= {str, int}:
        return None
    found = [one for one in map(literal, sorted(constant)) if one is not None]
    type_of_items = found[0].type if found else NEVER
    return list_value(found, set_of(type_of_items)) if len(found) == len(constant) else None


def _has_members(constant: dict[Any, Any]) -> bool:
    """Return whether the keys of a dict are members of one enum, whose values are texts."""
    kinds = {type(one) for one in constant}
    return len(kinds) == 1 and all(
        isinstance(one, enum.Enum) and isinstance(one.value, str) for one in constant
    )


def _structure(constant: Any) -> Value | None:
    """Return the literal of a tuple, of a named one, or of an instance of a dataclass."""
    if isinstance(constant, type):
        return None
    is_tuple = isinstance(constant, tuple)
    if not is_tuple and not constant.__dataclass_params__.frozen:
        return None
    names = [] if is_tuple else [one.name for one in dataclasses.fields(constant)]
    parts = constant if is_tuple else [getattr(constant, name) for name in names]
    found = [one for one in map(literal, parts) if one is not None]
    try:
        is_plain = type(constant) is tuple
        kind = None if is_plain else of_hint(type(constant))
    except UnknownHintError:
        return None
    if len(found) < len(parts):
        return None
    if is_tuple:
        return list_value(found, kind or tuple_of(*(one.type for one in found)))
    return object_value(dict(zip(names, found, strict=True)), kind)


def joined_type(types: list[Type]) -> Type:
    """Return the type of values that have one of several types."""
    found = NEVER
    for one in types:
        found = join(found, one)
    return found


def wrapped(value: Value) -> str:
    """Return the text of a list with that one element, whatever the element is."""
    return f"[{_element(value)}]"


def listed(values: list[Value]) -> str:
    """Return the text of a list with these elements."""
    return f"[{', '.join(map(_element, values))}]"


def _element(value: Value) -> str:
    """Return the text of a value in an array constructor, which would flatten a list."""
    if value.text.startswith("["):
        return value.text
    if value.type.kind in ("list", "tuple", "row", "set"):
        return f"[{value.text}]"
    kinds = {part.kind for part in value.type.parts}
    is_open = value.type.kind == "optional" or (
        value.type.kind == "union" and not kinds <= {"int", "float", "str", "bool", "none"}
    )
    if value.type in (ANY, NEVER, MIXED) or is_open:
        return f'($type({value.text}) = "array" ? [[{value.text}]] : {value.atom})'
    return value.text


def depth_of(*values: Value) -> int:
    """Return the depth of an expression over others."""
    return 1 + max((value.depth for value in values), default=0)


def made(text: str, type: Type, *parts: Value, is_atom: bool = True) -> Value:
    """Return an expression over parts."""
    is_guarded = any(part.is_guarded for part in parts) or "$error(" in text
    return Value(text, type, is_atom, depth_of(*parts), is_guarded=is_guarded)


def list_value(values: list[Value], type: Type | None = None) -> Value:
    """Return a list."""
    item = NEVER
    for value in values:
        item = join(item, value.type)
    return made(listed(values), type or list_of(item), *values)


def object_value(values: dict[str, Value], type: Type | None = None) -> Value:
    """Return an object."""
    item = NEVER
    for value in values.values():
        item = join(item, value.type)
    members = ", ".join(f"{text_of(name)}: {one.text}" for name, one in values.items())
    fields = tuple((name, one.type) for name, one in values.items())
    known = type or Type("dict", (item,), fields)
    found = made("{" + members + "}", known, *values.values())
    has_numbers = any(one is NUMBER for _, one in known.fields)
    return replace(found, floating=values) if has_numbers else found


def key_text(key: Value) -> str:
    """Return the text of a dict's key, which is a text in JSON."""
    return f"$formatBase({key.text})" if key.type is INT else key.text


def looked_up(owner: Value, key: Value) -> Value:
    """Return the member of a dict that is known to have the key."""
    return made(f"$lookup({owner.text}, {key_text(key)})", owner.type.item, owner, key)


def member(value: Value, name: str, type: Type) -> Value:
    """Return a member of an object, which has it."""
    found = _member(value, name, type)
    if type is not NUMBER or not isinstance(value.floating, dict) or name not in value.floating:
        return found
    part = value.floating[name]
    return replace(found, floating=lambda test: test(part))


def _member(value: Value, name: str, type: Type) -> Value:
    if _NAME.fullmatch(name) and name not in FUNCTIONS and value.is_atom:
        return made(f"{value.text}.{name}", type, value)
    return made(f"$lookup({value.text}, {text_of(name)})", type, value)


class Names:
    """The variables of a program: readable, and none that AWS would refuse."""

    def __init__(self, outer: Names | None = None) -> None:
        self._taken: dict[str, str] = {}  # variables of Python
        self._used: set[str] = set(FUNCTIONS) if outer is None else outer._used
        self._new: set[str] = set() if outer is None else outer._new
        self._numbers: dict[str, int] = {} if outer is None else outer._numbers  # last, by stem

    def used(self) -> frozenset[str]:
        """Return all variables so far."""
        return frozenset(self._used)

    def reserve(self, names: set[str]) -> None:
        """Keep these names for variables of Python."""
        for name in sorted(names):
            self.of(name)

    def of(self, name: str) -> str:
        """Return the variable of a name in Python."""
        if name not in self._taken:
            plain = re.sub(r"[^A-Za-z0-9_]", "_", name).lstrip("_0123456789")[:60] or "v"
            self._taken[name] = self.new(plain) if plain in self._used else self._keep(plain)
            self._new.discard(self._taken[name])
        return self._taken[name]

    def name_as(self, name: str, variable: str) -> None:
        """Make a name stand for a variable."""
        self._taken[name] = variable

    def new(self, stem: str) -> str:
        """Return a variable that nothing else uses."""
        number = self._numbers.get(stem, 0) + 1
        while f"{stem}_{number}" in self._used:
            number += 1
        self._numbers[stem] = number
        self._new.add(f"{stem}_{number}")
        return self._keep(f"{stem}_{number}")

    def is_new(self, name: str | None) -> bool:
        """Return whether a variable is none of Python's."""
        return name in self._new

    def _keep(self, name: str) -> str:
        self._used.add(name)
        return name
