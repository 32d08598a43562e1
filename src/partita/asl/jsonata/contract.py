"""Define the port of a JSONata engine, its arguments, and the bounds measured on AWS."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

MAX_DEPTH = 100  # of nested evaluations
MAX_ITEMS = 873_782  # of an array
MAX_STRING_BYTES = 8 * MAX_ITEMS  # AWS accepts 2**22 characters and refuses 2**23
MAX_RESULT_BYTES = 1 << 26


@dataclass(frozen=True, slots=True)
class Settings:
    """What an evaluation is given besides its variables."""

    now: int  # milliseconds since 1970, UTC
    seconds: float  # that it may take
    document: str | None = None  # the context `$`, as JSON text


class Compiled(Protocol):
    """An expression as a library holds it."""

    def bind(self, name: str, function: Callable[..., Any], signature: str | None) -> None:
        """Make a Python function callable as `$name`; a variable of that name hides it.

        None stands for nothing in its arguments and in its result.
        """

    def evaluate(self, bindings: Mapping[str, Any], settings: Settings) -> str | None:
        """Return the result as JSON text; None if it is undefined or a function.

        Raises:
            JsonataError: the evaluation failed, or went over one of the bounds.
        """


def whole_characters(value: Any) -> Any:
    """Return a value with U+FFFD for each half of a character, which has no UTF-8 form."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, dict):
        return {whole_characters(name): whole_characters(item) for name, item in value.items()}
    return [whole_characters(item) for item in value] if isinstance(value, list) else value
