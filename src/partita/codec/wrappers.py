"""Stand for another form: while it is being compiled, or with constraints beside it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from partita.codec.form import Form
from partita.codec.tagged import ANY


class AliasForm(Form):
    """The place of a form that is being compiled."""

    def __init__(self, text: str) -> None:
        self.hint = text
        self.form: Form = ANY

    def children(self) -> Iterable[Form]:
        return (self.form,)

    def fits(self, value: Any) -> bool:
        return self.form.fits(value)

    def encode(self, value: Any) -> Any:
        return self.form.encode(value)

    def decode(self, data: Any) -> Any:
        return self.form.decode(data)


class ConstrainedForm(Form):
    """A form with msgspec's constraints, which are checked on reading."""

    def __init__(self, hint: Any, form: Form) -> None:
        self.hint = hint
        self.kinds = form.kinds
        self.is_native = form.is_native
        self.is_key = form.is_key
        self._form = form

    def children(self) -> Iterable[Form]:
        return (self._form,)

    def fits(self, value: Any) -> bool:
        return self._form.fits(value)

    def encode(self, value: Any) -> Any:
        return self._form.encode(value)

    def decode(self, data: Any) -> Any:
        value = self._form.decode(data)
        if self.is_native and type(value) is type(data):
            msgspec.convert(data, self.hint)
        return value
