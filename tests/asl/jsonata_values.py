"""Evaluate an expression in a test, with fixed time and chance."""

from __future__ import annotations

from typing import Any

import pytest

from partita.asl.jsonata import JsonataError, compile_expression

NOW = 1_500_000_000_000  # 2017-07-14T02:40:00Z
RANDOM = 0.25
UUID = "6f1c1d3a-0b1e-4c39-9d55-0a6d1c8e7b10"


def value(text: str, seconds: float = 60, **bindings: Any) -> Any:
    return compile_expression(text).evaluate(
        bindings, now=NOW, random=lambda: RANDOM, uuid=lambda: UUID, seconds=seconds
    )


def failure(text: str, seconds: float = 60, **bindings: Any) -> JsonataError:
    with pytest.raises(JsonataError) as caught:
        value(text, seconds, **bindings)
    return caught.value
