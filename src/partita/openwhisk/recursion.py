"""Run recursive functions on trees of any depth, without Python's recursion limit."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, TypeVar

T = TypeVar("T")

Step = Generator[Any, Any, T]
"""A recursive function: it yields the call of itself for a child, and gets that call's result."""


def run_deep(first: Step[T]) -> T:
    """Return the result of a recursive function written as a generator."""
    stack: list[Step[Any]] = [first]
    result: Any = None
    while stack:
        try:
            child = stack[-1].send(result)
        except StopIteration as end:
            stack.pop()
            result = end.value
        else:
            stack.append(child)
            result = None
    value: T = result
    return value
