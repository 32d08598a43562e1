"""Define what expressions see: the state's data, the context object, variables, chance."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any, Protocol


class View(Protocol):
    """What the expressions of one state can refer to."""

    @property
    def data(self) -> Any:
        """What `$` stands for."""

    @property
    def context(self) -> Mapping[str, Any]:
        """The context object, `$$`."""

    @property
    def variables(self) -> Mapping[str, Any]:
        """The variables that the state can read, by name."""

    def random(self) -> random.Random:
        """Return the execution's source of random numbers, the same in every replay."""

    def with_data(self, data: Any) -> View:
        """Return a view in which `$` stands for something else."""
