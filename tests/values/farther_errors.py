"""An error of a module that neither the workflow nor the activity imports."""

from __future__ import annotations


class FartherError(ArithmeticError):
    def __init__(self, *, limit: int) -> None:
        super().__init__(f"over {limit}")
        self.limit = limit
