"""Describe how far the states of an execution are, so that another run can go on there. Plain data.

A machine goes on with the state that it entered last. If that is a Parallel or an inline Map state,
its branches or iterations that have succeeded keep their outputs; the others go on likewise.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct


class Resumption(Struct, frozen=True, omit_defaults=True):
    """The state with which a machine, a branch or an iteration goes on."""

    state: str
    input: Any
    variables: dict[str, Any] = {}  # of this scope alone
    parts: list[Part | None] = []  # the state's branches or iterations; None: it has not begun


class Part(Struct, frozen=True, omit_defaults=True):
    """A branch or an iteration: its output, or where it goes on."""

    output: Any = None
    rest: Resumption | None = None  # None: it has succeeded
