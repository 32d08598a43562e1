"""Define deciders written by hand, and a workflow in class form."""

from __future__ import annotations

from typing import Any

from partita import TaskFailure, Workflow, query, remote_activity, update, wait_signal
from partita.deciders import (
    ActivityExecution,
    Answer,
    Answers,
    CancelProcess,
    CancelTimer,
    CompleteProcess,
    Decider,
    Failed,
    FailProcess,
    Process,
    ProcessTimer,
    ReceivedSignal,
    RecordMarker,
    Responder,
    RuleSet,
    ScheduleActivity,
    StartChildProcess,
    StartTimer,
    completed_activity,
    interrupted_activity,
    process_started,
    signal,
    timer,
)
from tests.landed.activities import SHOUT, Charge, hold, step
from tests.landed.flows import CENTURY, sequence


class Relaying(Decider[list[str]]):
    """Run an activity for each name of the input, one after the other."""

    version = "1"

    def decide(self, process: Process[list[str]]) -> Answer:
        """Schedule the next activity; those that begin with `held` block."""
        if process.unfinished_activities():
            return None
        done = [one.value for one in process.activities]
        if len(done) == len(process.input):
            return CompleteProcess(done)
        name = process.input[len(done)]
        return ScheduleActivity(hold if name.startswith("held") else step, name)


class Shipment(Responder[str]):
    """Send a parcel once its address is known."""

    def initiate(self, process: Process[str]) -> Answer:
        """Pack, and wait a century for the address."""
        return [ScheduleActivity(step, process.input, id="pack"), StartTimer(CENTURY, id="late")]

    def respond_to_completed_activity(
        self, process: Process[str], activity: ActivityExecution
    ) -> Answer:
        """Note what was packed; end when it is sent."""
        if activity.id == "send":
            return [CancelTimer("late"), CompleteProcess(activity.value)]
        return [RecordMarker("packed", activity.value), *self.send(process)]

    def respond_to_signal(self, process: Process[str], signal: ReceivedSignal) -> Answer:
        """Send it to the address."""
        return self.send(process)

    def send(self, process: Process[str]) -> list[Any]:
        """Return the decision to send, if all is known for it."""
        packed = [one.value for one in process.activities if one.id == "pack" and one.value]
        addresses = process.signals("address")
        if not (packed and addresses):
            return []
        return [ScheduleActivity(step, f"{packed[0]} to {addresses[0].value}", id="send")]


class Delivery(RuleSet[int]):
    """Charge, wait for a child process and a signal, in rules."""

    @process_started
    def begin(self, process: Process[int]) -> Answers:
        """Charge the card and give up after a century."""
        yield ScheduleActivity(Charge, "4242", process.input, id="charge")
        yield StartTimer(CENTURY, "too late", id="late")

    @completed_activity(Charge)
    def charged(self, process: Process[int], activity: ActivityExecution) -> Answers:
        """Start a child process."""
        yield RecordMarker("receipt", activity.value)
        yield StartChildProcess(sequence, ["delivery"], id=f"{process.id}-child")

    @interrupted_activity(result=Failed)
    def failed(self, process: Process[int], activity: ActivityExecution) -> Answer:
        """Fail with the activity's reason."""
        return FailProcess(activity.reason, activity.details)

    @signal("arrived")
    def arrived(self, process: Process[int], signal: ReceivedSignal) -> Answers:
        """End with the receipt."""
        yield CancelTimer("late")
        yield CompleteProcess([process.markers["receipt"], signal.value])

    @timer("too late")
    def give_up(self, process: Process[int], timer: ProcessTimer) -> Answer:
        """Cancel the process."""
        return CancelProcess("too late")


class Greeting(Workflow):
    """A workflow in class form."""

    name = "greeting"
    version = "3"
    tags = ("polite",)
    voice = remote_activity("step", "1")
    shout = SHOUT

    def __init__(self) -> None:
        self.said: list[str] = []

    def run(self, guests: list[str], is_open: bool = False) -> list[str]:
        """Greet guests; those who come late by updates."""
        word = self.invoke_once(str, "hello")
        self.said += self.starmap(self.voice, ((f"{word} {guest}",) for guest in guests)).result()
        self.said.append(self.submit(self.shout, "all").result())
        if is_open:
            wait_signal("close")
        return self.said

    @query
    def greeted(self) -> list[str]:
        """Return who was greeted."""
        return self.said

    @update
    def greet(self, guest: str) -> str:
        """Greet one more."""
        said: str = self.submit(self.voice, guest).result()
        self.said.append(said)
        return said

    def on_task_failure(self, failure: TaskFailure) -> Any:
        """Ignore what fails."""
        return failure.ignore()

    def on_completed(self, result: list[str]) -> None:
        """Say goodbye."""
        step(f"goodbye to {len(result)}")
