"""Write values under no hint, tagged with their types where JSON alone does not tell them."""

from __future__ import annotations

import collections
import importlib
import sys
from collections.abc import Callable, Iterable
from math import isfinite
from typing import Any

from .leaves import BY_NAME, LEAVES, Leaf

TAG, VALUE = "$partita", "value"
EVERY_KIND = frozenset({"null", "boolean", "integer", "float", "string", "array", "object"})
_KINDS = {
    type(None): "null",
    bool: "boolean",
    int: "integer",
    float: "float",
    str: "string",
    list: "array",
    dict: "object",
}
_ITEMS: dict[str, Callable[[Any], Any]] = {"tuple": tuple, "set": set, "frozenset": frozenset}


class FormError(ValueError):
    """Data does not fit a hint, or a value cannot be written."""


def kind_of(data: Any) -> str:
    """Return the JSON type of data that was read from JSON."""
    return _KINDS[type(data)]


def tagged(name: str, data: Any) -> dict[str, Any]:
    """Return data with the name of its type."""
    return {TAG: name, VALUE: data}


def tag_of(data: Any) -> str | None:
    """Return the name of the type that data is tagged with; None if it is plain."""
    if type(data) is not dict or TAG not in data:
        return None
    if type(data[TAG]) is not str or len(data) != 2 or VALUE not in data:
        raise FormError(f"an object with the key {TAG!r} needs a type's name and a {VALUE!r}")
    return str(data[TAG])


class Form:
    """How the values under one hint become data and come back."""

    is_key = False  # an object's key can be one of its values

    def __init__(self, hint: Any, kinds: frozenset[str] = EVERY_KIND) -> None:
        self.hint = hint
        self.kinds = kinds
        self._form: Form | None = None  # for a hint that refers to itself

    def become(self, form: Form) -> None:
        """Stand for another form, made after this one was handed out."""
        self._form = form
        self.kinds = form.kinds
        self.is_key = form.is_key

    def children(self) -> list[Form]:
        """Return the forms of the parts; hints that cannot be read are found here."""
        held = [one for one in vars(self).values() if isinstance(one, Form)]
        lists = [one for one in vars(self).values() if isinstance(one, list | tuple)]
        return [*held, *(one for many in lists for one in many if isinstance(one, Form))]

    def fits(self, value: Any) -> bool:
        """Return whether a value is exactly of the hinted type."""
        return self._form is None or self._form.fits(value)

    def encode(self, value: Any) -> Any:
        """Return a value as data."""
        assert self._form is not None
        return self._form.encode(value)

    def decode(self, data: Any) -> Any:
        """Return the value that data was made from."""
        assert self._form is not None
        return self._form.decode(data)

    def decode_at(self, data: Any, place: str) -> Any:
        """Return the value of a part; an error names the part's place."""
        try:
            return self.decode(data)
        except FormError as error:
            text, sep, rest = str(error).rpartition(" - at `$")
            raise FormError(
                f"{text}{sep}{place}{rest}" if sep else f"{rest} - at `${place}`"
            ) from None

    def misfit(self, value: Any) -> FormError:
        """Return the error of a value of another type than hinted."""
        shown = getattr(self.hint, "__qualname__", str(self.hint))
        return FormError(f"Expected `{shown}`, got `{type(value).__name__}`")


class NamedForm(Form):
    """The form of a class that tagged values name."""

    def __init__(self, cls: Any, kinds: frozenset[str]) -> None:
        super().__init__(cls, kinds)
        self.cls = cls
        self.path = f"{cls.__module__}:{cls.__qualname__}"

    def fits(self, value: Any) -> bool:
        return isinstance(value, self.cls)

    def keys(self) -> Iterable[str]:
        """Return the keys that its plain object may have."""
        return ()

    def state(self, value: Any) -> Any:
        """Return what an instance holds, as data."""
        raise NotImplementedError

    def plain(self, data: Any) -> Any:
        """Return the value of data without a tag, which may come from outside."""
        raise NotImplementedError

    def restored(self, data: Any) -> Any:
        """Return the value of tagged data; no code of the class runs."""
        return self.plain(data)

    def encode(self, value: Any) -> Any:
        return self.state(value) if type(value) is self.cls else ANY.encode(value)

    def decode(self, data: Any) -> Any:
        name = tag_of(data)
        if name is None:
            return self.plain(data)
        if name == self.path:
            return self.restored(data[VALUE])
        value = ANY.decode(data)
        if isinstance(value, self.cls):
            return value
        raise self.misfit(value)


class _AnyForm(Form):
    """The form of values under no hint."""

    class_form: Callable[[type[Any]], NamedForm | None]  # both given by `forms`
    form_of: Callable[[Any], Form]

    def fits(self, value: Any) -> bool:
        return True

    def encode(self, value: Any) -> Any:
        kind = type(value)
        if kind in (str, int, bool, type(None)):
            return value
        if kind is float:
            return value if isfinite(value) else tagged("float", repr(value))
        if kind is list:
            return [self.encode(one) for one in value]
        if kind is dict:
            return self._dict(value)
        if kind.__name__ in _ITEMS and kind in (tuple, set, frozenset):
            return tagged(kind.__name__, [self.encode(one) for one in value])
        if kind in (collections.OrderedDict, collections.Counter):
            return tagged(kind.__name__, [self.encode(dict(value))])
        if kind is collections.defaultdict:
            return tagged("defaultdict", [self.encode(dict(value)), _factory_path(value)])
        if kind is collections.deque:
            return tagged("deque", [self.encode(list(value)), value.maxlen])
        return self._named(value, kind)

    def _named(self, value: Any, kind: type[Any]) -> Any:
        if kind in LEAVES:
            return tagged(LEAVES[kind].name, LEAVES[kind].write(value, is_tagged=True))
        form = self.class_form(kind)
        if form is None:
            raise FormError(f"{kind.__qualname__} has no JSON form")
        if find_class(form.path) is not kind:
            raise FormError(f"{kind.__qualname__} cannot be found by its name; give it a hint")
        return tagged(form.path, form.state(value))

    def _dict(self, value: dict[Any, Any]) -> Any:
        if TAG in value or any(type(key) is not str for key in value):
            pairs = [[self.encode(key), self.encode(one)] for key, one in value.items()]
            return tagged("dict", pairs)
        return {key: self.encode(one) for key, one in value.items()}

    def decode(self, data: Any) -> Any:
        if type(data) is list:
            return [self.decode(one) for one in data]
        if type(data) is not dict:
            return data
        name = tag_of(data)
        if name is None:
            return {key: self.decode(one) for key, one in data.items()}
        return self._tagged(name, data[VALUE])

    def _tagged(self, name: str, data: Any) -> Any:
        if name in _ITEMS:
            return _ITEMS[name](self.decode(one) for one in data)
        match name:
            case "float":
                return float(data)
            case "int":
                return int(data, 16)
            case "dict":
                return {self.decode(key): self.decode(one) for key, one in data}
            case "OrderedDict" | "Counter":
                return getattr(collections, name)(self.decode(data[0]))
            case "defaultdict":
                return collections.defaultdict(_factory(data[1]), self.decode(data[0]))
            case "deque":
                return collections.deque(self.decode(data[0]), data[1])
        if name in BY_NAME:
            return _read(BY_NAME[name], data)
        cls = find_class(name) if ":" in name else None
        form = self.class_form(cls) if cls is not None else None
        if form is None:
            raise FormError(f"{name} is no type of values that is known here")
        return form.restored(data)


_FACTORIES: dict[str, Any] = {
    f"{one.__module__}:{one.__qualname__}": one
    for one in (
        *(list, dict, set, tuple, frozenset, int, float, str, bool, bytes),
        *(collections.Counter, collections.OrderedDict, collections.deque),
    )
}
"""What makes the values that a defaultdict has not: classes whose code is Python's own."""


def _factory_path(value: collections.defaultdict[Any, Any]) -> str | None:
    factory = value.default_factory
    if factory is None:
        return None
    found = [path for path, one in _FACTORIES.items() if one is factory]
    if not found:
        raise FormError("defaultdict has a default_factory that is none of Python's own types")
    return found[0]


def _factory(path: str | None) -> Any:
    if path is not None and path not in _FACTORIES:
        raise FormError(f"defaultdict has the default_factory {path}, which is not known here")
    return None if path is None else _FACTORIES[path]


own_modules: set[str] = set()
"""The modules of the bundle whose classes data may name before anything has loaded them."""


def find_class(path: str) -> type[Any] | None:
    """Return the class of `module:qualified name` among the loaded and own modules, or None."""
    module, _, qualname = path.partition(":")
    if module in own_modules and module not in sys.modules:
        importlib.import_module(module)
    found: Any = sys.modules.get(module)
    for name in qualname.split("."):
        found = vars(found).get(name) if found is not None else None
    return found if isinstance(found, type) else None


class _LeafForm(Form):
    """The form of a type whose values are written as one string."""

    def __init__(self, kind: Any, leaf: Leaf) -> None:
        super().__init__(kind, frozenset({"string"}))
        self.leaf = leaf
        self.is_key = leaf.is_key

    def fits(self, value: Any) -> bool:
        return LEAVES.get(type(value)) is self.leaf

    def encode(self, value: Any) -> Any:
        if not self.fits(value):
            return ANY.encode(value)
        data = self.leaf.write(value, is_tagged=False)
        return data if type(data) is str else tagged(self.leaf.name, data)

    def decode(self, data: Any) -> Any:
        name = tag_of(data)
        if name not in (None, self.leaf.name):
            value = ANY.decode(data)
            if isinstance(value, self.hint):
                return value
            raise self.misfit(value)
        return _read(self.leaf, data if name is None else data[VALUE])


def leaf_form(kind: Any) -> Form:
    """Return the form of a type without parts."""
    return _LeafForm(kind, LEAVES[kind])


def _read(leaf: Leaf, data: Any) -> Any:
    try:
        return leaf.read(data)
    except (ValueError, TypeError, ArithmeticError, AttributeError) as error:
        text = " ".join(str(error).split()) or type(error).__name__
        raise FormError(f"Invalid {leaf.name}: {text}") from error


ANY = _AnyForm(Any)
"""The form of values under no hint."""
