"""Keep functions that raise errors of many kinds, by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

KINDS: dict[str, Callable[[], Any]] = {}
"""Functions that raise, by name."""


def kind(function: Callable[[], Any]) -> Callable[[], Any]:
    KINDS[function.__name__] = function
    return function
