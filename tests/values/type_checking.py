"""Define functions whose hints are imported under TYPE_CHECKING, or defined further down."""

from __future__ import annotations

import typing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import date as day

    from nowhere_at_all import Ghost  # type: ignore[import-not-found]

    import tests.values.checked_only as other
    from tests.values.checked_only import Parcel, Weights

    from . import checked_only
if typing.TYPE_CHECKING:
    import decimal

    Prices = dict[str, "decimal.Decimal"]


@dataclass
class Order:
    parcel: Parcel | None
    on: day


def one(a: int, parcel: Parcel, on: day) -> list[Parcel]:
    return [parcel]


def modules(a: other.Parcel, b: checked_only.Parcel, c: decimal.Decimal) -> Prices: ...  # type: ignore[empty-body]
def by_field(order: Order) -> Order: ...  # type: ignore[empty-body]
def alias(weights: Weights) -> None: ...
def ghost(known: Late, unknown: Ghost) -> None: ...
def forward(late: Late, quoted: list[Late | None]) -> dict[str, Late]: ...  # type: ignore[empty-body]


@dataclass
class Late:
    n: int
    next: Late | None = None


FUNCTIONS: dict[str, Any] = {
    found.__name__: found for found in (one, modules, by_field, alias, ghost, forward)
}
