"""Compute what java.util.Random gives first for a seed: `$random(42)` is 0.7275636800328681.

Source: java.util.Random, Java SE API: a linear congruential generator of 48 bits.
"""

from __future__ import annotations

_MULTIPLIER = 0x5DEECE66D
_INCREMENT = 0xB
_MASK = (1 << 48) - 1


def first_double(seed: int) -> float:
    """Return `new Random(seed).nextDouble()`."""
    state = _next((seed ^ _MULTIPLIER) & _MASK)
    high = state >> (48 - 26)
    low = _next(state) >> (48 - 27)
    return float((high << 27) + low) / float(1 << 53)


def _next(state: int) -> int:
    return (state * _MULTIPLIER + _INCREMENT) & _MASK
