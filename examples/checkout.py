"""Check an order out as a saga: if a later step fails, what was done is undone, last first.

    partita run examples/checkout.py:checkout --input '[{"card": "4242", "items": ["pen"]}]'
    python examples/checkout.py

Order an `anvil` and no carrier takes the parcel; order a `unicorn` and it is out of stock.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from partita import Retry, activity, workflow

STOCK = {"pen": 250, "book": 1800, "anvil": 99900}  # cents


class ShopError(Exception):
    """The order cannot be carried out."""


class OutOfStockError(ShopError):
    """There is none left."""


class CarrierDownError(ShopError):
    """No carrier takes the parcel; perhaps a little later."""


@dataclass
class Order:
    """What a customer wants."""

    card: str
    items: list[str]


@dataclass
class Report:
    """What became of an order."""

    parcel: str | None = None
    problem: str | None = None
    undone: list[str] = field(default_factory=list)


@activity(start_to_close=30, retry=Retry(max_attempts=5, non_retryable=(ValueError,)))
def charge(card: str, cents: int) -> str:
    if not card.isdigit():
        raise ValueError(f"not a card number: {card}")
    return f"{cents} cents from card {card[-4:]}"


@activity
def reserve(item: str) -> str:
    if item not in STOCK:
        raise OutOfStockError(item)
    return item


@activity(retry=Retry(max_attempts=2, initial_interval=0.05))
def ship(items: list[str]) -> str:
    if "anvil" in items:
        raise CarrierDownError("the anvil is too heavy")
    return f"a parcel with {', '.join(items)}"


@activity(retry=Retry(max_attempts=0))  # to undo is never given up
def refund(payment: str) -> str:
    return f"refunded {payment}"


@activity(retry=Retry(max_attempts=0))
def release(item: str) -> str:
    return f"released {item}"


@workflow
def checkout(order: Order) -> Report:
    undo: list[Callable[[], str]] = []
    try:
        payment = charge(order.card, sum(STOCK.get(item, 0) for item in order.items))
        undo.append(partial(refund, payment))
        for item in order.items:
            undo.append(partial(release, reserve(item)))
        return Report(parcel=ship(order.items))
    except Exception as error:  # whatever it was, a timeout too: leave nothing half done
        undone = [step() for step in reversed(undo)]
        if not isinstance(error, ShopError):
            raise
        return Report(problem=f"{type(error).__name__}: {error}", undone=undone)


if __name__ == "__main__":
    print(checkout(Order("4242", ["pen"])))
    print(checkout(Order("4242", ["pen", "anvil"])))
