"""Tell which keys a dict takes, what its type is with one more, and what a defaultdict makes."""

from __future__ import annotations

from partita.compile.types import (
    BOOL,
    FLOAT,
    INT,
    NEVER,
    STR,
    Type,
    dict_of,
    enum_of,
    is_enum_key,
    join,
    kind_of_key,
    list_of,
    set_of,
)

DEFAULTS: dict[str, tuple[str, Type]] = {
    "int": ("0", INT),
    "float": ("0", FLOAT),
    "str": ('""', STR),
    "bool": ("false", BOOL),
    "list": ("[]", list_of(NEVER)),
    "dict": ("{}", dict_of(NEVER)),
    "counter": ("0", INT),
    "set": ("[]", set_of(NEVER)),
}
"""The expression and the type of what each class makes without arguments."""


def takes_key(owner: Type, key: Type) -> bool:
    """Return whether a dict may have such a key; an empty one takes the keys it first gets."""
    if owner.item is NEVER and not owner.fields:
        return key.kind in ("str", "int") or is_enum_key(key)
    return owner.key is key.cls if key.kind == "enum" else key.kind == owner.key


def key_of(owner: Type) -> Type:
    """Return the type of a dict's keys."""
    if isinstance(owner.key, type):
        return enum_of(owner.key)
    return INT if owner.key == "int" else STR


def with_member(owner: Type, key: Type, value: Type) -> Type:
    """Return the type of a dict that gets a member."""
    return dict_of(join(owner.item, value), kind_of_key(key), owner.default)
