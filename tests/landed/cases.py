"""List the landed executions: how each is begun, where it is left, and how it ends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from tests.landed import deciders, flows
from tests.landed.activities import Colour, Parcel

SERVED = ("default", "limited")
"""Task lists of the workers that write the data; `later` is served by the tests only."""

LAST = 3
"""The stage of what blocks the second worker, and so comes last."""

BOOK = Parcel(
    name="buch \u2013 \u672c \U0001f4da",
    colour=Colour.BLUE,
    price=Decimal("12.50"),
    sent=datetime(2026, 2, 3, 4, 5, 6, 789, tzinfo=UTC),
    id=UUID(int=42),
    content=b"\x00\xff pages",
    labels={"to": [1, 2]},
)

Message = tuple[Any, ...]
"""("signal", name, value), ("update", name, argument), ("cancel",) or ("terminate",)."""


@dataclass(frozen=True)
class Case:
    """One execution: what to start, what to send, and what to expect."""

    id: str
    flow: Any
    args: tuple[Any, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    stage: int = 2  # which worker begins it: 1, 2, or 2 as the `LAST`; 0: none is alive then
    sent: tuple[Message, ...] = ()  # while that worker runs
    reached: Mapping[str, int] | None = None  # how many of which events; None: it is closed
    left: tuple[Message, ...] = ()  # when no worker is alive
    news: tuple[Message, ...] = ()  # in the tests
    ends: str = "COMPLETED"
    result: Any = None


def started(activities: int, **more: int) -> dict[str, int]:
    """Return the number of activities that have begun, and of other events."""
    return {"ActivityTaskStarted": activities, **more}


def fired(count: int) -> dict[str, int]:
    """Return the number of timers that have been started."""
    return {"TimerStarted": count}


CLOSED = [
    Case("closed-sequence", flows.sequence, (["a", "b"],), {"tags": ["first", "second"]}),
    Case("closed-fan-out", flows.fan_out, (["a", "b", "c"],), {"task_priority": 3}),
    Case("closed-data-flow", flows.data_flow, ("x",)),
    Case("closed-retried", flows.retried, (2, 0.01)),
    Case("closed-given-up", flows.retried, (9, 0.01), ends="FAILED"),
    Case("closed-repairable", flows.repairable, ("pump",), ends="FAILED"),
    Case("closed-timeouts", flows.timed_out),
    Case("closed-late", flows.waiter, (), {"execution_start_to_close": 0.3}, ends="TIMED_OUT"),
    Case("closed-thrifty", flows.thrifty, ([],)),
    Case("closed-invoked", flows.invoked, ("hello", [])),
    Case("closed-charged", flows.charged, (1500,)),
    Case("closed-declined", flows.charged, (200_000,)),
    Case("closed-weighed", flows.weighed, (BOOK,), {"signal": (flows.PARCEL, BOOK)}),
    Case("closed-sleeper", flows.sleeper, (0.01,)),
    Case("closed-bounded", flows.bounded, (0.01,)),
    Case(
        "closed-listener",
        flows.listener,
        (2,),
        sent=(("signal", "item", 1), ("signal", "noise", "unread"), ("signal", "item", 2)),
    ),
    Case(
        "closed-account",
        flows.account,
        (10,),
        sent=(("update", "deposit", 5), ("update", "deposit", 6), ("signal", "close", None)),
    ),
    Case("closed-family", flows.family, ([],)),
    Case("closed-outcomes", flows.outcomes),
    Case("closed-tidy", flows.tidy, sent=(("cancel",),), ends="CANCELED"),
    Case("closed-guarded", flows.guarded, sent=(("cancel",), ("signal", "go", None))),
    Case("closed-terminated", flows.waiter, sent=(("terminate",),), ends="TERMINATED"),
    Case(
        "closed-careless",
        flows.careless,
        ("open-abandoned",),
        sent=(("terminate",),),
        ends="TERMINATED",
    ),
    Case("closed-countdown", flows.countdown, (2,)),
    Case("closed-chance", flows.chance, ([],), {"search_attributes": {"customer": "Bob"}}),
    Case("closed-shaped", flows.shaped, ([],)),
    Case("closed-stepwise", flows.stepwise, ([],)),
    Case("closed-judged", flows.judged, ([],)),
    Case("closed-crawl", flows.crawl, (3, [])),
    Case("closed-relaying", deciders.Relaying, (["a", "b"],)),
    Case("closed-shipment", deciders.Shipment, ("lamp",), sent=(("signal", "address", "Ada"),)),
    Case("closed-refused", deciders.Delivery, (200_000,), ends="FAILED"),
    Case("closed-greeting", deciders.Greeting, (["Ada", "Bob"],)),
]

OPEN = [
    Case(
        "open-lost",
        flows.sequence,
        (["a"], ["z"]),
        stage=1,
        reached=started(2),
        result=["A", "held z", "END"],
    ),
    Case(
        "open-parcel-by-ship",
        flows.parcel,
        stage=1,
        reached=started(2),
        news=(("signal", "go", None),),
        result=["PACK", "SHIP", "AGAIN BY SHIP"],
    ),
    Case(
        "open-mended",
        flows.mended,
        stage=1,
        reached=started(1),
        result=["ONE", "TWO"],
    ),
    Case(
        "open-parcel-by-rail",
        flows.parcel,
        reached=started(2),
        news=(("signal", "go", None),),
        result=["PACK", "RAIL", "AGAIN BY RAIL"],
    ),
    Case(
        "open-sequence",
        flows.sequence,
        (["a", "b"], ["z"]),
        {"tags": ["first"], "task_priority": 5, "search_attributes": {"customer": "Cy"}},
        reached=started(3),
        result=["A", "B", "held z", "END"],
    ),
    Case(
        "open-fan-out",
        flows.fan_out,
        (["a", "b"], ["y", "z"]),
        reached=started(4),
        result=["A", "B", "held y", "held z"],
    ),
    Case(
        "open-retried",
        flows.retried,
        (1, 3600),
        reached={"ActivityTaskRescheduled": 1},
        result="attempt 2",
    ),
    Case("open-counted", flows.counted, (5,), reached=started(1), result=[4, 5]),
    Case(
        "open-unserved",
        flows.unserved,
        reached={"ActivityTaskScheduled": 1},
        result="nobody served it",
    ),
    Case(
        "open-limited",
        flows.routed,
        ("limited", ["y", "z"], ["a", "b"]),
        reached=started(1),
        result=["held y", "held z", "A", "B"],
    ),
    Case(
        "open-later",
        flows.routed,
        ("later", [], ["a", "b", "c"]),
        reached={"ActivityTaskScheduled": 3},
        result=["A", "B", "C"],
    ),
    Case(
        "open-thrifty",
        flows.thrifty,
        (["z"],),
        reached=started(3),
        result=["a once", "b once", "a once", "held z", "b once", "c once", "d surrounded"],
    ),
    Case("open-isolated", flows.isolated, ("x",), reached=started(1), result="apart x"),
    Case("open-approved", flows.approved, ("plan",), reached=started(1), result="signed"),
    Case("open-invoked", flows.invoked, ("hi", ["YOU"]), reached=started(2), result=["HI", "you"]),
    Case(
        "open-weighed",
        flows.weighed,
        (BOOK,),
        reached=started(1),
        news=(("signal", flows.PARCEL, BOOK),),
        result={
            "name": BOOK.name,
            "colour": "blue",
            "price": "12.50",
            "sent": "2026-02-03T04:05:06.000789Z",
            "id": str(BOOK.id),
            "content": "AP8gcGFnZXM=",
            "labels": {"to": [1, 2], "weighed": [8]},
        },
    ),
    Case("open-sleeper", flows.sleeper, (3600,), reached=fired(1), result="AWAKE"),
    Case("open-century", flows.century, reached=fired(1), ends="OPEN"),
    Case("open-bounded", flows.bounded, (3600,), reached=fired(1), result="late"),
    Case(
        "open-listener",
        flows.listener,
        (4,),
        sent=(("signal", "item", 1),),
        reached={"DecisionTaskCompleted": 2},
        left=(("signal", "item", 2), ("signal", "noise", "unread"), ("signal", "item", 3)),
        news=(("signal", "item", 4),),
        result=[1, 2, 3, 4],
    ),
    Case(
        "open-account",
        flows.account,
        (10,),
        sent=(("update", "deposit", 5), ("update", "deposit_slowly", 100)),
        reached=started(2),
        left=(("update", "deposit", 7),),
        news=(("update", "deposit", 1), ("signal", "close", None)),
        result=123,
    ),
    Case(
        "open-messenger",
        flows.messenger,
        ("open-hearing", "open-dismissed"),
        reached={"DecisionTaskCompleted": 1},
        news=(("signal", "go", None),),
        result="sent",
    ),
    Case("open-hearing", flows.listener, (1,), reached={"DecisionTaskCompleted": 1}, result=[5]),
    Case("open-dismissed", flows.tidy, reached={"DecisionTaskCompleted": 1}, ends="CANCELED"),
    Case(
        "open-beside", flows.beside, (["y", "z"],), reached=started(2), result=["held y", "held z"]
    ),
    Case(
        "open-family",
        flows.family,
        (["z"],),
        reached={"ChildWorkflowExecutionStarted": 5},
        result=[
            *(["CHILD", "END"], ["X"], ["Y"]),
            *("3 cents are too much", "UnknownTypeError", "NAMED", "held z", "END"),
        ],
    ),
    Case(
        "open-gentle",
        flows.gentle,
        ("open-gently-ended",),
        {"execution_start_to_close": 3600},
        reached={"ChildWorkflowExecutionStarted": 1},
        ends="TIMED_OUT",
    ),
    Case(
        "open-tidy",
        flows.tidy,
        reached={"DecisionTaskCompleted": 1},
        left=(("cancel",),),
        ends="CANCELED",
    ),
    Case(
        "open-guarded",
        flows.guarded,
        sent=(("cancel",),),
        reached={"DecisionTaskCompleted": 2},
        news=(("signal", "go", None),),
        result="cancelled after the block",
    ),
    Case(
        "open-dropping",
        flows.dropping,
        sent=(("signal", "drop", None),),
        reached={"ActivityTaskCancelRequested": 1},
        news=(("signal", "go", None),),
        result=[True, "END"],
    ),
    Case(
        "open-relay",
        flows.relay,
        (3,),
        sent=(("signal", "word", "a"), ("signal", "word", "b")),
        reached={"WorkflowExecutionStarted": 1, "DecisionTaskCompleted": 1},
        left=(("signal", "word", "c"), ("signal", "word", "d")),
        result=["a", "b", "c", "d"],
    ),
    Case("open-versioned", flows.old_version, (7,), reached=started(1), result="version 2 with 7"),
    Case("open-chance", flows.chance, (["z"],), reached=started(1)),
    Case(
        "open-shaped",
        flows.shaped,
        (["y", "z"],),
        reached=started(9),
        result=[[1, 3, 6], [0, 1, 2, 3, 4], [], ["held y", "held z", "GROUP"]],
    ),
    Case(
        "open-stepwise",
        flows.stepwise,
        (["z"],),
        reached=started(2),
        result={"map": "MAP", "load": None, "train": ["held z"], "report": None, "end": "END"},
    ),
    Case(
        "open-judged",
        flows.judged,
        (["pump"],),
        reached=fired(1),
        result=[0, "pump is mended"],
    ),
    Case("open-crawl", flows.crawl, (2, [7]), reached=started(4), result=[0, 100, 200, 700]),
    Case(
        "open-relaying",
        deciders.Relaying,
        (["a", "held", "b"],),
        reached=started(2),
        result=["A", "held held", "B"],
    ),
    Case(
        "open-shipment",
        deciders.Shipment,
        ("lamp",),
        reached={"MarkerRecorded": 1},
        news=(("signal", "address", "Ada"),),
        result="LAMP TO ADA",
    ),
    Case(
        "open-delivery",
        deciders.Delivery,
        (1500,),
        reached={"ChildWorkflowExecutionCompleted": 1},
        news=(("signal", "arrived", "safely"),),
        result=["receipt for 1500 from 4242", "safely"],
    ),
    Case(
        "open-greeting",
        deciders.Greeting,
        (["Ada"], True),
        sent=(("update", "greet", "Bob"),),
        reached=started(3),
        news=(("update", "greet", "Eve"), ("signal", "close", None)),
        result=["HELLO ADA", "ALL", "BOB", "EVE"],
    ),
    Case(
        "open-deciding",
        flows.deciding,
        (3,),
        stage=LAST,
        reached={"DecisionTaskStarted": 1},
        result=["0", "1", "2"],
    ),
    Case("open-new", flows.sequence, (["a"],), stage=0, result=["A", "END"]),
    Case(
        "open-new-signalled",
        flows.listener,
        (2,),
        {"signal": ("item", 1)},
        stage=0,
        left=(("signal", "item", 2),),
        result=[1, 2],
    ),
]

MORE_ENDS = {
    "open-abandoned": ("COMPLETED", "free"),
    "open-family-child": ("COMPLETED", ["NAMED", "held z", "END"]),
    "open-gently-ended": ("CANCELED", None),
    "open-fork": ("COMPLETED", ["A", "B", "C", "held z"]),
}
"""How executions end that are begun by others."""
