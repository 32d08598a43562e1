"""Bind jlens, a library in Rust.

The only module that knows it. The result is JSON text, and None if it is undefined.

Source: https://thkprado.github.io/jlens/, and the bounds as measured on AWS.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import jlens

from partita.asl.jsonata.contract import (
    MAX_DEPTH,
    MAX_ITEMS,
    MAX_RESULT_BYTES,
    MAX_STRING_BYTES,
    Compiled,
    Settings,
    whole_characters,
)
from partita.asl.jsonata.failures import MEMORY, STACK, TIMEOUT, JsonataError

_BOUNDS = {"D1011": STACK, "D1012": TIMEOUT, "D2014": MEMORY, "D2015": MEMORY, "U1001": MEMORY}
_TOO_DEEP = "nested too deeply"
_WITH_NUMBERS = ("D3060", "D3061")  # whose texts quote numbers: JSONata writes -1, not -1.0
_WHOLE = re.compile(r"(\d)\.0\b")


class JlensText:
    """An expression as the library holds it."""

    def __init__(self, text: str) -> None:
        try:
            self._expression = jlens.Expression(whole_characters(text))
        except jlens.JlensError as error:
            raise _translated(error) from None
        self._reads: dict[str, Any] | None = None

    def bind(self, name: str, function: Callable[..., Any], signature: str | None) -> None:
        """Make a Python function callable as `$name`; a variable of that name hides it."""
        self._expression.register_function(name, function, signature)
        self._reads = None

    def evaluate(self, bindings: Mapping[str, Any], settings: Settings) -> str | None:
        """Return the result as JSON text; None if it is undefined or a function.

        Raises:
            JsonataError: the evaluation failed, or went over one of the bounds.
        """
        try:
            return self._evaluate(self._read(bindings), settings)
        except jlens.JlensError as error:
            raise _translated(error) from None
        except UnicodeError:
            return self.evaluate(whole_characters(dict(bindings)), settings)
        except (ValueError, RecursionError, OverflowError) as error:
            raise JsonataError(None, STACK) from error
        except TypeError as error:  # the only values of JSON that have no binding
            raise JsonataError("D1001", "Number out of range") from error

    def _read(self, bindings: Mapping[str, Any]) -> dict[str, Any]:
        """Return variables without what the expression does not read: to convert it is costly.

        Variables that hide built-in functions are not among those that the library names.
        """
        if self._reads is None:
            self._reads = self._expression.reads()["bindings"]
        reads = self._reads
        others = {name: value for name, value in bindings.items() if name not in reads}
        return others | _part(bindings, reads)

    def _evaluate(self, bindings: dict[str, Any], settings: Settings) -> str | None:
        return self._expression.evaluate_json(
            settings.document,
            bindings,
            timeout=settings.seconds,
            max_depth=MAX_DEPTH,
            max_string_length=MAX_STRING_BYTES,
            max_array_length=MAX_ITEMS,
            max_result_size=MAX_RESULT_BYTES,
            now=settings.now,
        )


def _part(value: Mapping[str, Any], reads: Mapping[str, Any]) -> dict[str, Any]:
    """Return the members of an object that are read; True is the whole of a member."""
    part = {}
    for name, inner in reads.items():
        if name in value:
            member = value[name]
            is_whole = inner is True or not isinstance(member, dict)
            part[name] = member if is_whole else _part(member, inner)
    return part


def compile_text(text: str) -> Compiled:
    """Compile the text of an expression."""
    return JlensText(text)


def _translated(error: jlens.JlensError) -> JsonataError:
    message = str(error)
    if error.code in _BOUNDS:
        return JsonataError(None, STACK if _TOO_DEEP in message else _BOUNDS[error.code])
    if error.code in _WITH_NUMBERS:
        message = _WHOLE.sub(r"\1", message)
    return JsonataError(error.code, message, error.position)
