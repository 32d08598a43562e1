"""Write pydantic models by their state, so that secrets, aliases and private fields are kept.

A model is tagged, also under its own hint. An untagged object comes from outside, or was
written by an earlier version, and is validated. pydantic is never imported here.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Iterable
from typing import Any

from partita.codec.form import Form, misfit, tagged
from partita.codec.tagged import ANY, NamedForm, attempt

_NONE: dict[str, Any] = {}


def is_model(cls: type[Any]) -> bool:
    """Whether a class is a pydantic model."""
    pydantic = sys.modules.get("pydantic")
    return pydantic is not None and issubclass(cls, pydantic.BaseModel)


class ModelForm(NamedForm):
    """The form of a pydantic model."""

    kinds = frozenset({"object"})

    def __init__(self, cls: type[Any], form_of: Callable[[Any], Form]) -> None:
        super().__init__(cls)
        self._form_of = form_of
        self._forms: dict[str, Form] = {}
        self._is_root = bool(getattr(cls, "__pydantic_root_model__", False))

    def prepare(self) -> None:
        self._forms = {
            name: self._form_of(field.annotation) for name, field in self.cls.model_fields.items()
        }
        if self._is_root:
            self.kinds = self._forms["root"].kinds | {"object"}

    def keys(self) -> Collection[str]:
        fields = self.cls.model_fields.items()
        aliases = [one.validation_alias or one.alias for _, one in fields]
        return {name for name, _ in fields} | {one for one in aliases if isinstance(one, str)}

    def children(self) -> Iterable[Form]:
        return self._forms.values()

    def fits(self, value: Any) -> bool:
        return isinstance(value, self.cls)

    def encode(self, value: Any) -> Any:
        if type(value) is not self.cls:
            return ANY.encode(value)
        return tagged(self.path, self.encode_state(value))

    def encode_state(self, value: Any) -> Any:
        fields = {name: self._forms.get(name, ANY).encode(one) for name, one in vars(value).items()}
        state: dict[str, Any] = {"fields": fields, "set": sorted(value.model_fields_set)}
        for key in ("extra", "private"):
            more = getattr(value, f"__pydantic_{key}__", None)
            if more:
                state[key] = ANY.encode(dict(more))
        return state

    def decode_plain(self, data: Any) -> Any:
        return attempt(lambda: self.cls.model_validate(data), self.cls.__qualname__)

    def decode_state(self, data: Any) -> Any:
        if type(data) is not dict or "fields" not in data:
            raise misfit("object", data)
        return attempt(lambda: self._restored(data), self.cls.__qualname__)

    def _restored(self, data: dict[str, Any]) -> Any:
        made = object.__new__(self.cls)
        fields = {
            name: self._forms.get(name, ANY).decode(one) for name, one in data["fields"].items()
        }
        has_extra = self.cls.model_config.get("extra") == "allow"
        has_private = bool(self.cls.__private_attributes__)
        extra = ANY.decode(data.get("extra", _NONE)) if has_extra else None
        private = ANY.decode(data.get("private", _NONE)) if has_private else None
        for name, value in (
            ("__dict__", fields),
            ("__pydantic_fields_set__", set(data["set"])),
            ("__pydantic_extra__", extra),
            ("__pydantic_private__", private),
        ):
            if value is not None or not self._is_root:
                object.__setattr__(made, name, value)
        return made
