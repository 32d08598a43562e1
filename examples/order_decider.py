"""Process orders with deciders written by hand: once event by event, once as a set of rules.

    partita run examples/order_decider.py:OrderRules --input '[{"item": "book", "cents": 1500}]'
    python examples/order_decider.py

A decider needs an engine; the second command takes one that lives in memory.

Both charge the card, then pack and send the parcel; a card that is declined fails the order,
a parcel that is late is asked about, and a cancelled order is refunded.
"""

from dataclasses import dataclass

from partita import Activity, activity
from partita.client import Client
from partita.connect import connect
from partita.deciders import (
    ActivityExecution,
    Answer,
    Answers,
    CancelProcess,
    CancelTimer,
    Completed,
    CompleteProcess,
    Failed,
    FailProcess,
    Process,
    ProcessTimer,
    ReceivedSignal,
    RecordMarker,
    Responder,
    Result,
    RuleSet,
    ScheduleActivity,
    StartTimer,
    completed_activity,
    interrupted_activity,
    process_started,
    signal,
    timer,
)
from partita.worker import Worker

LATE = 3 * 86400.0  # seconds after which somebody asks where a parcel is


@dataclass
class Order:
    """What a customer wants."""

    item: str
    cents: int


class Charge(Activity):
    """Take the money."""

    category = "default"
    start_to_close = 30

    def execute(self, order: Order) -> Result:
        """Charge the card; a sum over 1,000 is declined."""
        self.heartbeat()
        if order.cents > 100_000:
            return Failed("CARD_DECLINED", f"{order.cents} cents are too much")
        return Completed(f"receipt for {order.cents}")


@activity
def pack(item: str) -> str:
    return f"parcel with {item}"


@activity
def send(parcel: str) -> str:
    return f"sent {parcel}"


@activity
def ask(item: str) -> str:
    return f"asked where {item} is"


@activity
def refund(receipt: str) -> str:
    return f"money back: {receipt}"


class OrderResponder(Responder[Order]):
    """The order, event by event."""

    def initiate(self, process: Process[Order]) -> Answer:
        return ScheduleActivity(Charge, process.input, id="charge")

    def respond_to_completed_activity(
        self, process: Process[Order], activity: ActivityExecution
    ) -> Answer:
        value = activity.value
        match activity.name:
            case "Charge":
                return [
                    RecordMarker("receipt", value),
                    ScheduleActivity(pack, process.input.item, id="pack"),
                    StartTimer(LATE, "late", id="late"),
                ]
            case "pack":
                return ScheduleActivity(send, value, id="send")
            case "send":
                return [CancelTimer("late"), CompleteProcess(value)]
            case "refund":
                return CancelProcess(value)
        return None

    def respond_to_interrupted_activity(
        self, process: Process[Order], activity: ActivityExecution
    ) -> Answer:
        if isinstance(activity.result, Failed):
            return FailProcess(activity.reason, activity.details)
        return None

    def respond_to_timer(self, process: Process[Order], timer: ProcessTimer) -> Answer:
        return ScheduleActivity(ask, process.input.item)

    def respond_to_signal(self, process: Process[Order], signal: ReceivedSignal) -> Answer:
        if signal.name == "cancel" and "receipt" in process.markers:
            return ScheduleActivity(refund, process.markers["receipt"], id="refund")
        return None


class OrderRules(RuleSet[Order]):
    """The same order, as rules."""

    @process_started
    def begin(self, process: Process[Order]) -> Answer:
        return ScheduleActivity(Charge, process.input, id="charge")

    @completed_activity(Charge)
    def charged(self, process: Process[Order], activity: ActivityExecution) -> Answers:
        yield RecordMarker("receipt", activity.value)
        yield ScheduleActivity(pack, process.input.item, id="pack")
        yield StartTimer(LATE, "late", id="late")

    @completed_activity(pack)
    def packed(self, process: Process[Order], activity: ActivityExecution) -> Answer:
        return ScheduleActivity(send, activity.value, id="send")

    @completed_activity(send)
    def sent(self, process: Process[Order], activity: ActivityExecution) -> Answer:
        return [CancelTimer("late"), CompleteProcess(activity.value)]

    @completed_activity(refund)
    def refunded(self, process: Process[Order], activity: ActivityExecution) -> Answer:
        return CancelProcess(activity.value)

    @interrupted_activity(result=Failed)
    def failed(self, process: Process[Order], activity: ActivityExecution) -> Answer:
        return FailProcess(activity.reason, activity.details)

    @timer("late")
    def is_late(self, process: Process[Order], timer: ProcessTimer) -> Answer:
        return ScheduleActivity(ask, process.input.item)

    @signal("cancel")
    def cancel(self, process: Process[Order], signal: ReceivedSignal) -> Answers:
        if "receipt" in process.markers:
            yield ScheduleActivity(refund, process.markers["receipt"], id="refund")


if __name__ == "__main__":
    with Client(connect("memory://")) as client, Worker(client.service):
        print(client.start_with(OrderRules, [Order("book", 1500)]).result(timeout=60))
