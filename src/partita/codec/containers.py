"""Write lists, tuples, sets and dictionaries: as arrays and objects where the hint says which.

Under no hint, or a hint that leaves the kind open, such as `Sequence`, all but lists and plain
dictionaries are tagged.
"""

from __future__ import annotations

from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import msgspec

from partita.codec.class_names import find_class, path_of
from partita.codec.form import TAG, VALUE, Form, misfit, tag_of, tagged, unwritable
from partita.codec.tagged import ANY, NamedForm, attempt, decode_at
from partita.errors import UnsupportedHintError

_ARRAY = frozenset({"array"})
_OBJECT = frozenset({"object"})
_TEXT = frozenset({str})
_SEQUENCES: tuple[type[Any], ...] = (list, tuple)
_SETS: tuple[type[Any], ...] = (set, frozenset)


class ItemsForm(Form):
    """The form of list[X], tuple[X, ...], set[X], frozenset[X] and what they are subclasses of.

    `kind` is what untagged data becomes. Where `is_open`, all kinds that the hint allows are kept.
    """

    kinds = _ARRAY

    def __init__(self, hint: Any, kind: type[Any], item: Form, *, is_open: bool = False) -> None:
        self.hint = hint
        self.kind = kind
        self.is_native = not is_open and kind is not deque
        self._item = item
        self._is_open = is_open
        self._alike = _SETS if kind in _SETS else _SEQUENCES

    def children(self) -> Iterable[Form]:
        return (self._item,)

    def fits(self, value: Any) -> bool:
        if not (isinstance(value, self.hint) if self._is_open else type(value) is self.kind):
            return False
        return all(map(self._item.fits, value))

    def encode(self, value: Any) -> Any:
        kind = type(value)
        if kind is not self.kind and (self._is_open or kind not in self._alike):
            return self._encode_other(value, kind)
        if kind is deque:
            return tagged("deque", [self._item.encode_all(list(value)), value.maxlen])
        return self._item.encode_all(value)

    def _encode_other(self, value: Any, kind: type[Any]) -> Any:
        """Return a value of another kind than the hint's own, with its items under the hint."""
        if kind in _KEPT and self._takes(kind):
            return tagged(kind.__name__, self._item.encode_all(value))
        return ANY.encode(value)

    def decode(self, data: Any) -> Any:
        name = tag_of(data)
        if name is None and (type(data) is list or not self._is_open):
            return self.kind(self._decoded(data))
        if name == "deque" and self.kind is deque:
            items, limit = data[VALUE]
            return deque(self._decoded(items), limit)
        kind = _BY_NAME.get(name or "")
        if kind is not None and self._takes(kind):
            return kind(self._decoded(data[VALUE]))
        value = ANY.decode(data)
        if isinstance(value, self.hint if self._is_open else self.kind):
            return value
        raise misfit(self.hint, value)

    def _takes(self, kind: type[Any]) -> bool:
        return issubclass(kind, self.hint) if self._is_open else kind in self._alike

    def _decoded(self, data: Any) -> list[Any]:
        if type(data) is not list:
            raise misfit("array", data)
        item = self._item
        if item is ANY:
            return list(map(ANY.decode, data))
        try:
            return list(map(item.decode, data))
        except msgspec.ValidationError:
            return [decode_at(item, one, f"[{i}]") for i, one in enumerate(data)]


class TupleForm(Form):
    """The form of a tuple of fixed length."""

    kinds = _ARRAY
    is_native = True

    def __init__(self, hint: Any, items: tuple[Form, ...]) -> None:
        self.hint = hint
        self._items = items

    def children(self) -> Iterable[Form]:
        return self._items

    def fits(self, value: Any) -> bool:
        return (
            type(value) is tuple
            and len(value) == len(self._items)
            and all(form.fits(one) for form, one in zip(self._items, value, strict=True))
        )

    def encode(self, value: Any) -> Any:
        if type(value) not in _SEQUENCES or len(value) != len(self._items):
            return ANY.encode(value)
        return [form.encode(one) for form, one in zip(self._items, value, strict=True)]

    def decode(self, data: Any) -> Any:
        if tag_of(data) == "tuple":
            data = data[VALUE]
        if type(data) is not list:
            value = ANY.decode(data)
            if isinstance(value, tuple):
                return value
            raise misfit("array", value)
        if len(data) != len(self._items):
            raise msgspec.ValidationError(
                f"Expected `array` of length {len(self._items)}, got {len(data)}"
            )
        parts = zip(self._items, data, strict=True)
        return tuple(decode_at(form, one, f"[{i}]") for i, (form, one) in enumerate(parts))


class DictForm(Form):
    """The form of dict[K, V] and its subclasses in `collections`.

    Keys that JSON can have, or that are written as strings, make an object; others make tagged
    pairs. `kind` is what untagged data becomes; where `is_open`, subclasses are kept.
    """

    kinds = _OBJECT

    def __init__(
        self, hint: Any, kind: type[Any], key: Form, value: Form, *, is_open: bool = False
    ) -> None:
        self.hint = hint
        self.kind = kind
        self.is_native = kind is dict and not is_open and _reads_keys(key)
        self._key = key
        self._value = value
        self._is_open = is_open
        self._has_text_keys = key is ANY or key.hint is str

    def children(self) -> Iterable[Form]:
        return (self._key, self._value)

    def fits(self, value: Any) -> bool:
        if not (isinstance(value, self.hint) if self._is_open else type(value) is self.kind):
            return False
        return all(map(self._key.fits, value)) and all(map(self._value.fits, value.values()))

    def encode(self, value: Any) -> Any:
        kind = type(value)
        if kind is not self.kind or kind is not dict:
            return self._encode_other(value, kind)
        if self._has_text_keys and self._value is ANY:
            return ANY.encode(value)
        return self._members(value)

    def _encode_other(self, value: Any, kind: type[Any]) -> Any:
        if kind is dict and self.kind in _DICTS:
            return self._members(value)
        if kind not in _DICTS or not (self._is_open or issubclass(kind, self.kind)):
            return ANY.encode(value)
        return tagged(kind.__name__, [self._members(value), *_DICTS[kind].more(value)])

    def _members(self, value: Any) -> Any:
        members = value.values()
        values = self._value.encode_all(members)
        if self._has_text_keys:
            if _TEXT.issuperset(map(type, value)) and TAG not in value:
                is_same = values is members and type(value) is dict
                return value if is_same else dict(zip(value, values, strict=True))
        elif self._key.is_key and all(map(self._key.fits, value)):
            keys = self._key.encode_all(value)
            if TAG not in keys and dict not in map(type, keys):
                return dict(zip(keys, values, strict=True))
        pairs = zip(self._key.encode_all(value), values, strict=True)
        return tagged("dict", [list(pair) for pair in pairs])

    def decode(self, data: Any) -> Any:
        name = tag_of(data)
        if name is None or name == "dict":
            return self._made(self.kind, data)
        kind = _DICT_NAMES.get(name)
        if kind is not None and issubclass(kind, self.hint if self._is_open else self.kind):
            members, *more = data[VALUE]
            made = self._decoded(members)
            return attempt(lambda: _DICTS[kind].make(made, *more), name)
        value = ANY.decode(data)
        if isinstance(value, self.hint if self._is_open else self.kind):
            return value
        raise misfit(self.hint, value)

    def _made(self, kind: type[Any], data: Any) -> Any:
        made = self._decoded(data)
        if kind is dict:
            return made
        return _DICTS[kind].make(made, *([None] if kind is defaultdict else []))

    def _decoded(self, data: Any) -> dict[Any, Any]:
        form = self._value
        pairs = self._pairs(data)
        if pairs is not None:
            return {
                decode_at(self._key, key, "[...]"): decode_at(form, one, "[...]")
                for key, one in pairs
            }
        if self._has_text_keys:
            return {key: decode_at(form, one, "[...]") for key, one in data.items()}
        return {self._read_key(key): decode_at(form, one, "[...]") for key, one in data.items()}

    def _pairs(self, data: Any) -> Any:
        """Return pairs of keys and values; None of an object.

        From outside, a dictionary whose keys no object can have may come as a list of pairs.
        """
        if tag_of(data) == "dict":
            return data[VALUE]
        if type(data) is dict:
            return None
        if type(data) is not list or self._has_text_keys or self._key.is_key:
            raise misfit("object", data)
        if not all(type(pair) is list and len(pair) == 2 for pair in data):
            raise msgspec.ValidationError("Expected `array` of pairs of a key and a value")
        return data

    def _read_key(self, key: str) -> Any:
        if not self._key.is_native:
            return decode_at(self._key, key, "[...]")
        return msgspec.convert(key, self._key.hint, strict=False, str_keys=True)


def _reads_keys(key: Form) -> bool:
    """Whether msgspec reads a key from a string."""
    return key is ANY or (key.is_native and key.kinds <= {"string", "integer", "float"})


# -- kinds -------------------------------------------------------------------------------


class _Dict(NamedTuple):
    more: Callable[[Any], list[Any]]  # what is written beside the members
    make: Callable[..., Any]


def _write_factory(value: defaultdict[Any, Any]) -> list[Any]:
    factory = value.default_factory
    if factory is None:
        return [None]
    path = path_of(factory) if isinstance(factory, type) else ""
    if path and _factory(path) is factory:
        return [path]
    raise unwritable(
        value,
        "has a default_factory that is neither one of Python's own types of values "
        "nor such a class at the top of a module",
    )


def _factory(path: str) -> type[Any] | None:
    """Return the class of values with that path; other classes would run code when called."""
    cls = find_class(path)
    if cls in _FACTORIES or cls is None:
        return cls
    try:
        return cls if isinstance(ANY.form_of_class(cls), NamedForm) else None
    except UnsupportedHintError:
        return None


_FACTORIES: tuple[Any, ...] = (
    *(list, dict, set, tuple, frozenset, int, float, str, bool, bytes),
    *(Counter, OrderedDict, deque),
)


def _make_default(members: dict[Any, Any], factory: str | None = None) -> Any:
    made = None if factory is None else _factory(factory)
    if factory is not None and made is None:
        raise ValueError(f"its default_factory {factory} is no class of values that is loaded here")
    return defaultdict(made, members)


def _no_more(_: Any) -> list[Any]:
    return []


_DICTS: dict[type[Any], _Dict] = {
    OrderedDict: _Dict(_no_more, OrderedDict),
    Counter: _Dict(_no_more, Counter),
    defaultdict: _Dict(_write_factory, _make_default),
}
_DICT_NAMES = {kind.__name__: kind for kind in _DICTS}
_KEPT: tuple[type[Any], ...] = (tuple, set, frozenset)
_BY_NAME: dict[str, type[Any]] = {kind.__name__: kind for kind in _KEPT}


def _write_items(name: str) -> Callable[[Any], Any]:
    return lambda value: tagged(name, ANY.encode_all(value))


def _read_items(kind: type[Any]) -> Callable[[Any], Any]:
    return lambda data: kind(map(ANY.decode, data))


for _kind in _KEPT:
    ANY.writers[_kind] = _write_items(_kind.__name__)
    ANY.readers[_kind.__name__] = _read_items(_kind)


def _write_dict(kind: type[Any]) -> Callable[[Any], Any]:
    return lambda value: tagged(kind.__name__, [ANY.encode(dict(value)), *_DICTS[kind].more(value)])


def _read_dict(kind: type[Any]) -> Callable[[Any], Any]:
    def read(data: Any) -> Any:
        members, *more = data
        return _DICTS[kind].make(ANY.decode(members), *more)

    return read


for _kind in _DICTS:
    ANY.writers[_kind] = _write_dict(_kind)
    ANY.readers[_kind.__name__] = _read_dict(_kind)


def _read_pairs(data: Any) -> dict[Any, Any]:
    return {ANY.decode(key): ANY.decode(value) for key, value in data}


def _read_deque(data: Any) -> Any:
    items, limit = data
    return deque(map(ANY.decode, items), limit)


ANY.readers["dict"] = _read_pairs
ANY.readers["deque"] = _read_deque
ANY.writers[deque] = lambda value: tagged("deque", [ANY.encode_all(list(value)), value.maxlen])
