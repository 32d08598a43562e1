"""Define what a form is: how values under one hint become JSON data and come back.

*Data* is what msgspec writes as JSON without further help. JSON's own types are written as they
are; what JSON does not know, and no hint announces, is tagged:
`{"$partita": "tuple", "value": [1, 2]}`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

import msgspec

from partita.errors import SerializationError

TAG = "$partita"
"""The key of a tagged value's type; a dictionary with this key is itself tagged."""

VALUE = "value"

Kinds = frozenset[str]
"""JSON types: null, boolean, integer, float, string, array, object."""

EVERY_KIND = frozenset({"null", "boolean", "integer", "float", "string", "array", "object"})
_KIND_OF = {
    type(None): "null",
    bool: "boolean",
    int: "integer",
    float: "float",
    str: "string",
    list: "array",
    dict: "object",
}


def kind_of(data: Any) -> str:
    """Return the JSON type of data that was read from JSON."""
    return _KIND_OF[type(data)]


def tagged(name: str, data: Any) -> dict[str, Any]:
    """Return data with the name of its type."""
    return {TAG: name, VALUE: data}


def tag_of(data: Any) -> str | None:
    """Return the type that data is tagged with; None if it is plain.

    Raises:
        ValidationError: the tag is damaged.
    """
    if type(data) is not dict or TAG not in data:
        return None
    name = data[TAG]
    if not isinstance(name, str) or len(data) != 2 or VALUE not in data:
        raise msgspec.ValidationError(
            f"an object with the key {TAG!r} needs a type's name there and a {VALUE!r}"
        )
    return name


class Form:
    """How the values under one hint become data and come back.

    `encode` takes any value: one that does not fit the hint is written as under no hint, so that
    `decode` can refuse it with its name. Both recurse once per level.
    """

    kinds: Kinds = EVERY_KIND  # of the data that is not tagged
    hint: Any = Any  # what msgspec is told, where it reads the same
    is_native = False  # msgspec reads untagged text under `hint` just as this form does
    is_key = False  # msgspec reads a value back from an object's key
    reader: Any = None  # of JSON text; kept here once it is made

    def children(self) -> Iterable[Form]:
        """Return the forms of the parts."""
        return ()

    def prepare(self) -> None:
        """Compile the parts; called once, after the form itself is known."""

    def fits(self, value: Any) -> bool:
        """Whether `value` is exactly of the hinted type, parts included."""
        raise NotImplementedError

    def encode(self, value: Any) -> Any:
        """Return `value` as data.

        Raises:
            SerializationError: some part of it cannot be written.
        """
        raise NotImplementedError

    def encode_all(self, values: Collection[Any]) -> Collection[Any]:
        """Return the data of each value; the very collection if it is written as it stands."""
        return list(map(self.encode, values))

    def decode(self, data: Any) -> Any:
        """Return the value that data was made from.

        Raises:
            ValidationError: the data does not fit.
        """
        raise NotImplementedError


def shown(hint: Any) -> str:
    """Return a hint as people write it."""
    if isinstance(hint, str):
        return hint
    if isinstance(hint, type) and not hasattr(hint, "__args__"):
        return hint.__qualname__
    return str(hint).replace("typing.", "")


def misfit(hint: Any, value: Any) -> msgspec.ValidationError:
    """Return the error of a value of another type than hinted."""
    return msgspec.ValidationError(f"Expected `{shown(hint)}`, got `{type(value).__qualname__}`")


def unwritable(value: Any, reason: str = "has no JSON form") -> SerializationError:
    """Return the error of a value that cannot be written; `reason` begins with a verb."""
    return SerializationError(f"{type(value).__qualname__} {reason}")


def located(error: msgspec.ValidationError, at: str) -> msgspec.ValidationError:
    """Return the error with the place, in front of the place that it names already."""
    text, sep, rest = str(error).rpartition(" - at `$")
    if not sep:
        return msgspec.ValidationError(f"{error} - at `${at}`")
    return msgspec.ValidationError(f"{text}{sep}{at}{rest}")
