"""The order-processing example, in both forms, does the same: event by event, on every backend."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from examples.order_decider import (
    Charge,
    Order,
    OrderResponder,
    OrderRules,
    ask,
    pack,
    refund,
    send,
)

from partita.client import Handle
from partita.deciders import Process
from partita.errors import WorkflowCanceledError, WorkflowFailedError
from partita.history import AnyEvent
from partita.testing import Environment, crash_at_every_step
from tests.language.conftest import Stage

FORMS = [OrderResponder, OrderRules]
BOOK = Order("book", 1500)
__all__ = ["Charge", "OrderResponder", "OrderRules", "ask", "pack", "refund", "send"]


def told(events: list[AnyEvent]) -> list[Any]:
    """Return what must agree about histories: all but times, identities and the type's name."""
    gone = ("event_timestamp", "identity", "workflow_type")
    return [
        (event.event_type, {k: getattr(event, k) for k in event.__struct_fields__ if k not in gone})
        for event in events
    ]


def sent_late(env: Environment) -> Callable[[str], str]:
    def send(parcel: str) -> str:
        env.advance(4 * 86400)
        return parcel

    return send


def one_at_a_time(stage: Stage, form: type[Any], order: Order) -> Handle[Any]:
    handle = stage.start(form, order)
    with pytest.raises(WorkflowFailedError) if order.cents > 100_000 else _nothing():
        handle.result(timeout=20)
    return handle


class _nothing:  # noqa: N801
    def __enter__(self) -> None: ...
    def __exit__(self, *exc: object) -> None: ...


@pytest.mark.parametrize("order", [BOOK, Order("anvil", 200_000)], ids=["sent", "declined"])
def test_both_forms_agree_event_by_event(stage: Stage, order: Order) -> None:
    histories = [told(one_at_a_time(stage, form, order).history()) for form in FORMS]
    assert histories[0] == histories[1]
    assert len(histories[0]) > 8


@pytest.mark.parametrize("form", FORMS)
def test_a_late_parcel_is_asked_about(form: type[Any]) -> None:
    with Environment(workflows=[form], activities=[Charge, pack, send, ask, refund]) as env:
        asked = env.mock(ask, return_value="asked")
        env.mock(send, side_effect=sent_late(env))
        assert env.start(form, BOOK).result() == "parcel with book"
        asked.assert_not_called()  # it was sent in the very moment at which it became late
    with Environment(workflows=[form], activities=[Charge, pack, ask, refund]) as env:
        asked = env.mock(ask, return_value="asked")
        handle = env.start(form, BOOK)  # nobody sends
        env.sleep(4 * 86400)
        asked.assert_called_once_with("book")
        handle.signal("cancel")
        with pytest.raises(WorkflowCanceledError):
            handle.result()
        process = Process.of(handle.history())
        assert [one.name for one in process.activities] == [
            "Charge",
            "pack",
            "send",
            "ask",
            "refund",
        ]
        assert process.is_closed


@pytest.mark.parametrize("form", FORMS)
def test_a_declined_card_fails_the_order_with_its_reason(form: type[Any], stage: Stage) -> None:
    with pytest.raises(WorkflowFailedError) as raised:
        stage.run(form, Order("anvil", 200_000))
    assert raised.value.type == "CARD_DECLINED"
    assert "too much" in raised.value.message


@pytest.mark.parametrize("form", FORMS)
def test_orders_bear_every_crash(form: type[Any]) -> None:
    crash_at_every_step(form, BOOK, workflows=[form], activities=[Charge, pack, send, ask, refund])
