"""Write what JSON has itself, and containers: lists, tuples, sets, dictionaries."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from typing import Any, get_args

from .tags import ANY, TAG, Form, FormError, tag_of, tagged

SCALARS: dict[Any, frozenset[str]] = {
    str: frozenset({"string"}),
    int: frozenset({"integer"}),
    bool: frozenset({"boolean"}),
    type(None): frozenset({"null"}),
    float: frozenset({"integer", "float"}),
}


class ScalarForm(Form):
    """str, int, bool, None and float."""

    def __init__(self, kind: Any) -> None:
        super().__init__(kind, SCALARS[kind])
        self.is_key = kind in (str, int, float)

    def fits(self, value: Any) -> bool:
        return type(value) is self.hint

    def encode(self, value: Any) -> Any:
        return ANY.encode(value)

    def decode(self, data: Any) -> Any:
        value = ANY.decode(data)
        if type(value) is self.hint:
            return value
        if self.hint is float and type(value) is int:
            return float(value)
        if self.hint is int and type(value) is float and value.is_integer():
            return int(value)
        if tag_of(data) is not None and isinstance(value, self.hint):
            return value
        raise self.misfit(value)


class LiteralForm(Form):
    """One of some values."""

    def __init__(self, hint: Any) -> None:
        kinds = {str: "string", int: "integer", bool: "boolean", type(None): "null"}
        found = (kinds.get(type(one)) for one in get_args(hint))
        super().__init__(hint, frozenset(one for one in found if one))

    def fits(self, value: Any) -> bool:
        return any(type(value) is type(one) and value == one for one in get_args(self.hint))

    def encode(self, value: Any) -> Any:
        return ANY.encode(value)

    def decode(self, data: Any) -> Any:
        value = ANY.decode(data)
        if self.fits(value):
            return value
        for one in get_args(self.hint):
            if isinstance(one, enum.Enum) and type(data) is type(one.value) and data == one.value:
                return one
        raise FormError(f"invalid value {value!r} for {self.hint}")


# -- containers


class ItemsForm(Form):
    """Lists, tuples of any length, sets."""

    def __init__(self, hint: Any, kind: type[Any], item: Form, *, is_open: bool) -> None:
        super().__init__(hint, frozenset({"array"}))
        self.kind, self.item, self.is_open = kind, item, is_open
        self._alike = (set, frozenset) if kind in (set, frozenset) else (list, tuple)

    def fits(self, value: Any) -> bool:
        is_kind = isinstance(value, self.hint) if self.is_open else type(value) is self.kind
        return is_kind and all(map(self.item.fits, value))

    def encode(self, value: Any) -> Any:
        kind = type(value)
        if kind is self.kind or (not self.is_open and kind in self._alike):
            return [self.item.encode(one) for one in value]
        if kind in (tuple, set, frozenset) and self._takes(kind):
            return tagged(kind.__name__, [self.item.encode(one) for one in value])
        return ANY.encode(value)

    def decode(self, data: Any) -> Any:
        name = tag_of(data)
        if name is None and type(data) is list:
            return self.kind(self._items(data))
        for kind in (tuple, set, frozenset):
            if name == kind.__name__ and self._takes(kind):
                return kind(self._items(data["value"]))
        value = ANY.decode(data)
        if isinstance(value, self.hint if self.is_open else self.kind):
            return value
        raise self.misfit(value)

    def _items(self, data: list[Any]) -> Iterable[Any]:
        return [self.item.decode_at(one, f"[{number}]") for number, one in enumerate(data)]

    def _takes(self, kind: type[Any]) -> bool:
        return issubclass(kind, self.hint) if self.is_open else kind in self._alike


class TupleForm(Form):
    """A tuple of fixed length."""

    def __init__(self, hint: Any, items: list[Form]) -> None:
        super().__init__(hint, frozenset({"array"}))
        self.items = items

    def fits(self, value: Any) -> bool:
        is_tuple = type(value) is tuple and len(value) == len(self.items)
        return is_tuple and all(one.fits(v) for one, v in zip(self.items, value, strict=True))

    def encode(self, value: Any) -> Any:
        if type(value) not in (list, tuple) or len(value) != len(self.items):
            return ANY.encode(value)
        return [one.encode(v) for one, v in zip(self.items, value, strict=True)]

    def decode(self, data: Any) -> Any:
        data = data["value"] if tag_of(data) == "tuple" else data
        if type(data) is not list or len(data) != len(self.items):
            raise FormError(f"expected {len(self.items)} items, got {str(data)[:80]}")
        pairs = enumerate(zip(self.items, data, strict=True))
        return tuple(one.decode_at(v, f"[{number}]") for number, (one, v) in pairs)


class DictForm(Form):
    """Dictionaries: objects if the keys can be an object's, else tagged pairs."""

    def __init__(self, hint: Any, key: Form, value: Form) -> None:
        super().__init__(hint, frozenset({"object"}))
        self.key, self.value = key, value

    def fits(self, value: Any) -> bool:
        if type(value) is not dict:
            return False
        return all(map(self.key.fits, value)) and all(map(self.value.fits, value.values()))

    def encode(self, value: Any) -> Any:
        if type(value) is not dict:
            return ANY.encode(value)
        keys = [self._written(one) for one in value]
        values = [self.value.encode(one) for one in value.values()]
        if all(type(one) is str for one in keys) and TAG not in keys:
            return dict(zip(keys, values, strict=True))
        pairs = zip(map(self.key.encode, value), values, strict=True)
        return tagged("dict", [list(pair) for pair in pairs])

    def _written(self, key: Any) -> Any:
        """Return a key as an object's key; anything but a string if it cannot be one."""
        if self.key is ANY or self.key.hint is str:
            return key
        if not (self.key.is_key and self.key.fits(key)):
            return None
        data = self.key.encode(key)
        return data if type(data) is str else str(data) if type(data) in (int, float) else None

    def decode(self, data: Any) -> Any:
        name = tag_of(data)
        if name is None and type(data) is dict:
            return {self._key(k): self.value.decode_at(v, f".{k}") for k, v in data.items()}
        pairs = data["value"] if name == "dict" else data
        if type(pairs) is not list or (name is None and self.key.is_key):
            value = ANY.decode(data)
            if isinstance(value, dict):
                return value
            raise self.misfit(value)
        return {self.key.decode(k): self.value.decode_at(v, "[...]") for k, v in pairs}

    def _key(self, text: str) -> Any:
        if self.key.kinds <= {"integer", "float"}:
            return self.key.decode(self._number(text))
        return text if self.key is ANY else self.key.decode(text)

    def _number(self, text: str) -> int | float:
        try:
            return int(text) if self.key.hint is not float else float(text)
        except ValueError:
            raise self.misfit(text) from None
