"""Define the error of an expression, with the texts that AWS gives for it."""

from __future__ import annotations

TIMEOUT = "Expression evaluation timeout: Check for infinite loop"
STACK = (
    "Stack overflow error: Check for non-terminating recursive function. "
    "Consider rewriting as tail-recursive"
)
MEMORY = "Expression evaluation memory limit exceeded: Check for excessive memory usage"


class JsonataError(Exception):
    """An expression is malformed, or threw during its evaluation.

    `code` is JSONata's (`T1006`), or None where AWS gives none: the bounds of time, depth and
    memory. `position` counts characters from the start of the expression.
    """

    def __init__(self, code: str | None, message: str, position: int | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.position = position

    @property
    def clause(self) -> str:
        """Return what follows "threw an error during evaluation" in AWS's cause."""
        return f": {self.message}" if self.code is None else f". {self.code}: {self.message}"

    def __str__(self) -> str:
        return self.message if self.code is None else f"{self.code}: {self.message}"
