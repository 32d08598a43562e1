# What mypy must say is in the comments: `R:` a revealed type, `E:` the code of an error.
from dataclasses import dataclass

from partita import (
    Future,
    Retry,
    Signal,
    activity,
    signals,
    spawn,
    wait,
    wait_signal,
    workflow,
)
from partita.client import Client


@dataclass
class Order:
    card: str


@activity
def charge(card: str, cents: int) -> str:
    return card


@activity(start_to_close=30, retry=Retry(max_attempts=5))
def ship(order: Order) -> list[int]:
    return [1]


@activity
async def notify(order: Order, label: list[int]) -> None: ...


@workflow(name="buy", tags=("shop",))
def checkout(order: Order, count: int = 1) -> float:
    return 1.0


order = Order("4242")
label = ship.submit(order)

reveal_type(charge("4242", 1))  # R: str
reveal_type(charge.submit("4242", 1))  # R: partita.authoring.future.Future[str]
reveal_type(charge.submit(card="4242", cents=1))  # R: partita.authoring.future.Future[str]
reveal_type(ship(order))  # R: list[int]
reveal_type(label.result())  # R: list[int]
reveal_type(ship.map([order]))  # R: partita.authoring.future.Futures[list[int]]
reveal_type(ship.map([order]).result())  # R: list[list[int]]
reveal_type(notify.submit(order, label))  # R: partita.authoring.future.Future[None]
reveal_type(wait([label]).done)  # R: set[partita.authoring.future.Future[list[int]]]
reveal_type(checkout(order))  # R: float


async def later() -> None:
    reveal_type(await notify(order, [1]))  # R: None


def start(client: Client) -> None:
    handle = client.start(checkout, order, count=2)
    reveal_type(handle.result())  # R: float
    reveal_type(client.start(track, order).result())  # R: str
    client.start(checkout, "order")  # E: arg-type
    client.start(checkout, order, number=2)  # E: call-arg


charge("4242", "1")  # E: arg-type
charge("4242")  # E: call-arg
charge.submit("4242", "1")  # E: call-overload
charge.submit("4242")  # E: call-overload
charge.submit("4242", cent=1)  # E: call-overload
charge.submit(label, 1)  # E: arg-type
charge.submit(charge.submit("4242", 1), 1)
ship.map(["order"])  # E: list-item
notify.submit(order, charge.submit("4242", 1))  # E: arg-type
number: Future[int] = charge.submit("4242", 1)  # E: assignment
activity(start_to_close="soon")(ship)  # E: call-overload


@workflow
def pack(order: Order) -> int:
    return 1


@workflow
async def track(order: Order) -> str:
    return ""


APPROVE = Signal("approve", Order)

reveal_type(pack.submit(order))  # R: partita.authoring.future.ChildFuture[int]
reveal_type(pack.map([order]))  # R: partita.authoring.future.Futures[int]
reveal_type(track.submit(order))  # R: partita.authoring.future.ChildFuture[str]
reveal_type(wait_signal(APPROVE))  # R: tests.typing.cases.authoring.Order
reveal_type(wait_signal("n", int))  # R: int
reveal_type(signals(APPROVE))  # R: partita.authoring.messages.Channel[tests.typing.cases.authoring.Order]
reveal_type(ship.options(task_list="gpu").submit(order))  # R: partita.authoring.future.Future[list[int]]
reveal_type(spawn(charge, "4242", 1))  # R: partita.authoring.future.Future[str]
pack.submit(3)  # E: call-overload
fetch_options = ship.options(task_lst="gpu")  # E: call-arg
spawn(charge, "4242")  # E: call-arg
