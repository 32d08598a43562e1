"""Bind the library that evaluates JSONata: jlens, under the bounds that AWS measures.

The only module that knows the library. The result is JSON text, and None if it is undefined.

Source: https://thkprado.github.io/jlens/, and the bounds as measured on AWS.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import jlens

from partita.asl.jsonata.failures import MEMORY, STACK, TIMEOUT, JsonataError

MAX_DEPTH = 100  # of nested evaluations
MAX_ITEMS = 873_782  # of an array
MAX_STRING_BYTES = 8 * MAX_ITEMS  # AWS accepts 2**22 characters and refuses 2**23
MAX_RESULT_BYTES = 1 << 26

_BOUNDS = {"D1011": STACK, "D1012": TIMEOUT, "D2014": MEMORY, "D2015": MEMORY, "U1001": MEMORY}
_TOO_DEEP = "nested too deeply"


@dataclass(frozen=True, slots=True)
class Settings:
    """What an evaluation is given besides its variables."""

    now: int  # milliseconds since 1970, UTC
    seconds: float  # that it may take
    document: str | None = None  # the context `$`, as JSON text


class CompiledText:
    """An expression as the library holds it."""

    def __init__(self, text: str) -> None:
        try:
            self._expression = jlens.Expression(_whole_characters(text))
        except jlens.JlensError as error:
            raise _translated(error) from None

    def bind(self, name: str, function: Callable[..., Any], signature: str | None) -> None:
        """Make a Python function callable as `$name`; a variable of that name hides it."""
        self._expression.register_function(name, function, signature)

    def evaluate(self, bindings: Mapping[str, Any], settings: Settings) -> str | None:
        """Return the result as JSON text; None if it is undefined or a function.

        Raises:
            JsonataError: the evaluation failed, or went over one of the bounds.
        """
        try:
            return self._evaluate(dict(bindings), settings)
        except jlens.JlensError as error:
            raise _translated(error) from None
        except UnicodeError:
            return self.evaluate(_whole_characters(bindings), settings)
        except (ValueError, RecursionError, OverflowError) as error:
            raise JsonataError(None, STACK) from error

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


def _translated(error: jlens.JlensError) -> JsonataError:
    message = str(error)
    if error.code in _BOUNDS:
        return JsonataError(None, STACK if _TOO_DEEP in message else _BOUNDS[error.code])
    return JsonataError(error.code, message, error.position)


def _whole_characters(value: Any) -> Any:
    """Return a value with U+FFFD for each half of a character, which has no UTF-8 form."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, Mapping):
        return {_whole_characters(name): _whole_characters(item) for name, item in value.items()}
    return [_whole_characters(item) for item in value] if isinstance(value, list) else value
