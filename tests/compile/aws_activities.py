"""What the programs call that are written as AWS's patterns of state machines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from partita import activity, group, sleep, spawn, wait, workflow
from partita.errors import ActivityTimedOutError
from partita.integrations import aws

__all__ = [
    "ActivityTimedOutError",
    "Any",
    "Contention",
    "Failed",
    "Order",
    "Rejected",
    "ask",
    "ask_manager",
    "aws",
    "call_api",
    "charge_card",
    "check_payment",
    "check_stock",
    "group",
    "price_of",
    "process",
    "process_customer",
    "process_order",
    "refund",
    "release",
    "reserve",
    "ship",
    "sleep",
    "spawn",
    "summarise",
    "validate",
    "wait",
    "workflow",
]


class Failed(Exception):
    pass


class Contention(Exception):
    pass


class Rejected(Exception):
    pass


@dataclass
class Order:
    product: str


@activity
def reserve(product: str, quantity: int) -> None:
    if product == "none":
        raise ValueError("none left")


@activity
def charge_card(order: str, total: int) -> str:
    if total > 1000:
        raise ValueError("too much")
    return f"charge of {order}"


@activity
def ship(order: str) -> None:
    if order == "nowhere":
        raise ValueError("no address")


@activity
def refund(charge: str, reason: str) -> None:
    pass


@activity
def release(product: str, quantity: int) -> None:
    pass


@activity
def check_payment(order: Order) -> bool:
    return bool(order.product)


@activity
def check_stock(product: str) -> int:
    return len(product)


@activity
def summarise(results: list[dict[str, Any]]) -> str:
    return f"{len(results)} orders"


@activity
def call_api(record: str) -> str:
    if record == "b":
        raise ValueError(record)
    return record.upper()


@activity
def process(records: list[str]) -> str:
    return ", ".join(records)


@activity
def process_customer(customer: str) -> str:
    if customer == "broken":
        raise ValueError(customer)
    return f"processed {customer}"


@activity(start_to_close=86_400)
def ask(order: str, person: str) -> str:
    if person == "away":
        raise ActivityTimedOutError("ask", "START_TO_CLOSE")
    return "no" if person == "no" else "approved"


@activity(start_to_close=43_200)
def ask_manager(order: str, person: str) -> str:
    if person == "away":
        raise ActivityTimedOutError("ask_manager", "START_TO_CLOSE")
    return "approved"


@activity
def process_order(order: str) -> str:
    return f"processed {order}"


@activity
def validate(order: str) -> str:
    return order


@activity
def price_of(order: str) -> int:
    return len(order)
