"""Check an order out as a saga: what was done is undone if a later step fails.

    partita run examples/checkout.py:checkout --input '[{"card": "4242", "items": ["pen"]}]'
    python examples/checkout.py

An order for an `anvil` cannot be shipped: its stock is released and its payment refunded.
"""

from collections.abc import Callable
from dataclasses import dataclass

from partita import Retry, activity, workflow

PRICES = {"pen": 250, "book": 1800, "anvil": 99900}


class CarrierDownError(Exception):
    """No carrier takes the parcel."""


@dataclass
class Order:
    """What a customer wants."""

    card: str
    items: list[str]


@dataclass
class Receipt:
    """What became of an order."""

    payment: str
    parcel: str | None
    undone: list[str]


@activity(start_to_close=30, retry=Retry(max_attempts=5, non_retryable=(ValueError,)))
def charge(card: str, cents: int) -> str:
    if not card.isdigit():
        raise ValueError(f"not a card number: {card}")
    return f"payment of {cents} from {card[-4:]}"


@activity
def refund(payment: str) -> str:
    return f"refunded: {payment}"


@activity
def reserve(item: str) -> str:
    return f"stock of {item}"


@activity
def release(stock: str) -> str:
    return f"released: {stock}"


@activity(retry=Retry(max_attempts=2, initial_interval=0.05))
def ship(items: list[str]) -> str:
    if "anvil" in items:
        raise CarrierDownError("too heavy")
    return f"parcel with {', '.join(items)}"


@workflow
def checkout(order: Order) -> Receipt:
    undo: list[Callable[[], str]] = []
    payment = charge(order.card, sum(PRICES[item] for item in order.items))
    undo.append(lambda: refund(payment))
    try:
        for stock in reserve.map(order.items).result():
            undo.append(lambda stock=stock: release(stock))  # type: ignore[misc]
        return Receipt(payment, ship(order.items), [])
    except CarrierDownError:
        return Receipt(payment, None, [step() for step in reversed(undo)])


if __name__ == "__main__":
    print(checkout(Order("4242", ["pen", "book"])))
    print(checkout(Order("4242", ["pen", "anvil"])))
