"""Bind the library that evaluates JSONata: jlens, under the bounds that AWS measures.

The only module that knows the library. Texts in and out are JSON; None stands for undefined.

Source: https://thkprado.github.io/jlens/, and the bounds as measured on AWS.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jlens

from partita.asl.jsonata.failures import MEMORY, STACK, TIMEOUT, JsonataError

MAX_DEPTH = 200  # nested calls
MAX_ITEMS = 873_782  # of an array
MAX_STRING_BYTES = 4 << 22  # 2**22 characters of at most four bytes
MAX_RESULT_BYTES = 1 << 26

_BOUNDS = {"D1011": STACK, "D1012": TIMEOUT, "D2014": MEMORY, "D2015": MEMORY, "U1001": MEMORY}
_TOO_DEEP = "nested too deeply"


class CompiledText:
    """An expression as the library holds it."""

    def __init__(self, text: str) -> None:
        try:
            self._expression = jlens.Expression(text)
        except jlens.JlensError as error:
            raise _translated(error) from None

    def bind(self, name: str, function: Any) -> None:
        """Make a Python function callable as `$name`; a variable of that name hides it."""
        self._expression.register_function(name, function)

    def evaluate(self, bindings: Mapping[str, Any], now: int, seconds: float) -> str | None:
        """Return the result as JSON text; None if it is undefined or has no JSON form.

        Raises:
            JsonataError: the evaluation failed, or went over one of the bounds.
        """
        try:
            return self._expression.evaluate_json(
                None,
                dict(bindings),
                timeout=seconds,
                max_depth=MAX_DEPTH,
                max_string_length=MAX_STRING_BYTES,
                max_array_length=MAX_ITEMS,
                max_result_size=MAX_RESULT_BYTES,
                now=now,
            )
        except jlens.JlensError as error:
            raise _translated(error) from None


def _translated(error: jlens.JlensError) -> JsonataError:
    message = str(error)
    if error.code in _BOUNDS:
        return JsonataError(None, STACK if _TOO_DEEP in message else _BOUNDS[error.code])
    return JsonataError(error.code, message, error.position)
