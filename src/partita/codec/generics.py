"""Find the form of a generic class or alias again by the forms of its arguments.

In `Node[int]` the field `next: Node[T] | None` leads back to `Node[int]`, whose form is being
compiled. Which hints say the same cannot be seen from the hints: names and type variables in them
depend on the place.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_origin

from partita.codec.containers import DictForm, ItemsForm, TupleForm
from partita.codec.form import Form, shown
from partita.codec.unions import UnionForm
from partita.errors import UnsupportedHintError

_LIMIT = 1000  # generic classes and aliases, each with its arguments, that one hint leads to
_BUILT_IN = (ItemsForm, TupleForm, DictForm, UnionForm)

Key = tuple[Any, ...]


class Generics:
    """The forms of the classes and aliases that one hint leads to, by their arguments."""

    def __init__(self) -> None:
        self.forms: dict[Key, Form] = {}
        self._identities: dict[Any, int] = {}

    def key(self, origin: Any, variables: Mapping[Any, Form], hint: Any) -> Key:
        """Return what tells a class or alias with its arguments from all others.

        Raises:
            UnsupportedHintError: it contains itself, each time with arguments of another type.
        """
        key = (origin, *map(self._identity, variables.values()))
        if variables and key not in self.forms and len(self.forms) >= _LIMIT:
            reason = "contains itself with another parameter at each level; give it a fixed type"
            raise UnsupportedHintError(shown(hint), reason)
        return key

    def _identity(self, form: Form) -> int:
        """Return a number that only forms of one meaning share."""
        found = self._identities.get(form)
        if found is None:
            key: Any = form
            if isinstance(form, _BUILT_IN):
                parts = map(self._identity, form.children())
                key = (type(form), get_origin(form.hint) or form.hint, *parts)
            found = self._identities.setdefault(key, len(self._identities))
            self._identities[form] = found
        return found


def has_variables(hint: Any) -> bool:
    """Whether a hint contains type variables, which mean nothing by themselves."""
    return not isinstance(hint, type) and bool(getattr(hint, "__parameters__", ()))


def bound_variables(parameters: Key, args: Key) -> list[tuple[Any, Any]]:
    """Return the type variables with their arguments, but for a TypeVarTuple."""
    for i, one in enumerate(parameters):
        if type(one).__name__ == "TypeVarTuple":
            after = parameters[i + 1 :]
            last = args[len(args) - len(after) :]
            return [*zip(parameters[:i], args, strict=False), *zip(after, last, strict=False)]
    return list(zip(parameters, args, strict=False))
