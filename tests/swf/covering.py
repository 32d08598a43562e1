"""Say which operations a test proves, and hold it to that."""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Callable
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])

OPERATIONS: dict[str, list[str]] = defaultdict(list)
"""Tests by the operation that they prove."""


def proves(*operations: str) -> Callable[[F], F]:
    """Say which operations a test proves; it must call each of them, by the fixture's client."""

    def mark(test: F) -> F:
        for operation in operations:
            OPERATIONS[operation].append(test.__name__)

        @functools.wraps(test)
        def run(*args: Any, **given: Any) -> None:
            test(*args, **given)
            held = given.get("endpoint") or next(
                value.endpoint for value in given.values() if hasattr(value, "endpoint")
            )
            assert set(operations) <= held.called

        return run  # type: ignore[return-value]

    return mark
