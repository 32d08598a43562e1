"""Hold types that another module imports for type checkers only; it imports that one itself."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Parcel:
    weight: float
    label: str = ""


Weights = dict[str, float]
