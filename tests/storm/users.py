"""Those who start, signal, ask, cancel and end executions, and note what they were promised.

Knows what a caller may conclude from each answer, and from none; judges nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple, TypeVar

from partita import WorkflowDefinition, errors
from partita.client import Client
from partita.history import ActivityTaskStarted, DecisionTaskStarted
from tests.storm import flows
from tests.storm.nodes import Node
from tests.storm.promises import (
    Answers,
    Fails,
    IsCanceled,
    IsTerminated,
    Open,
    Passes,
    Promise,
    Promises,
    Relays,
)
from tests.storm.weather import SKY

T = TypeVar("T")

BEGINNINGS = (DecisionTaskStarted, ActivityTaskStarted)
"""Events that a paused execution does not record."""

BOXES = 6
"""Executions that collect values, at most."""


class Sum(NamedTuple):
    """A workflow of one number whose result is known."""

    flow: WorkflowDefinition[..., Any]
    least: int
    most: int
    result: Callable[[int], Any]
    more: tuple[Any, ...] = ()  # arguments


SUMS = {
    "seq": Sum(flows.seq, 0, 6, lambda n: sum(range(n))),
    "fan": Sum(flows.fan, 1, 15, lambda n: sum(range(n)) + n + 18),
    "tries": Sum(flows.tries, 1, 4, lambda n: 2 * sum(range(n)) + 2),
    "timed": Sum(flows.timed, 1, 4, lambda n: 1 + n),
    "parent": Sum(flows.parent, 1, 4, lambda n: [*[sum(range(i)) for i in range(n)], 3]),
    "loop": Sum(flows.loop, 1, 4, lambda n: sum(range(n + 1)), (0,)),
    "slow": Sum(flows.slow, 1, 2, lambda n: n),
    "narrow": Sum(flows.narrow, 1, 8, lambda n: sum(range(n))),
}


class User:
    """One caller, of all engines in turn."""

    def __init__(self, nodes: list[Node], promises: Promises) -> None:
        self._nodes = nodes
        self._promises = promises
        self._actions: dict[Callable[[], None], int] = {
            self._start_sum: 50,
            self._start_box: 2,
            self._start_relay: 3,
            self._cancel: 3,
            self._terminate: 3,
            self._start_bad: 3,
            self._start_passing: 5,
            self._start_fails: 2,
            self._signal: 16,
            self._update: 4,
            self._query: 4,
            self._limit: 2,
            self._pause: 4,
            self._pause_work: 1,
            self._rest: 2,
        }

    def act(self) -> None:
        """Do one thing."""
        (action,) = SKY.dice.choices([*self._actions], [*self._actions.values()])
        action()

    @property
    def _client(self) -> Client:
        return SKY.dice.choice(self._nodes).client

    def acknowledged(self, work: Callable[[Client], T]) -> T:
        """Do it until it is acknowledged."""
        while True:
            try:
                return work(self._client)
            except errors.StoreError as error:
                SKY.count(f"call refused: {type(error).__name__}")
                time.sleep(0.03)

    def _start(
        self, kind: str, flow: WorkflowDefinition[..., Any], args: tuple[Any, ...], promise: Promise
    ) -> str:
        """Start an execution; return its workflow id, which is its only argument by default."""
        id = self._promises.name(kind)
        given = args or (id,)
        self.acknowledged(lambda client: client.start_with(flow, given, workflow_id=id))
        self._promises.executions[id] = promise
        SKY.count(f"started {kind}")
        return id

    def _start_sum(self) -> None:
        kinds = ["seq", "seq", *SUMS]
        kind = SKY.dice.choice(kinds)
        flow, least, most, result, more = SUMS[kind]
        n = SKY.dice.randint(least, most)
        self._start(kind, flow, (n, *more), Answers(result(n)))

    def _start_box(self) -> None:
        if len(self._promises.boxes) < BOXES:
            self._promises.boxes.append(self._start("box", flows.box, ([],), Open()))

    def _start_relay(self) -> None:
        box = self._some_box()
        if box is not None:
            value = self._promises.name("relayed")
            self._start("relay", flows.relay, (box, value), Relays(box, value))

    def _start_bad(self) -> None:
        what = SKY.dice.choice(["called", "signal", "submitted"])
        self._start("bad", flows.bad, (what,), Answers(3))

    def _start_passing(self) -> None:
        self._start("passing", flows.passing, (), Passes())

    def _start_fails(self) -> None:
        self._start("fails", flows.fails, (), Fails())

    def _cancel(self) -> None:
        id = self._start("waits", flows.waits, (), Open())
        try:
            self.acknowledged(lambda client: client.cancel(id))
        except errors.ExecutionNotFoundError:
            pass  # a call without an answer has done it
        self._promises.executions[id] = IsCanceled()
        SKY.count("cancelled")

    def _terminate(self) -> None:
        id = self._promises.name("hangs")
        self.acknowledged(lambda client: client.start_with(flows.hangs, (), workflow_id=id))
        time.sleep(SKY.dice.random() * 0.1)
        try:
            self.acknowledged(lambda client: client.terminate(id, "storm"))
        except errors.ExecutionNotFoundError:
            pass  # a call without an answer has done it
        self._promises.executions[id] = IsTerminated()
        SKY.count("terminated")

    def _pause(self) -> None:
        """Pause an execution for a while; nothing of it may begin meanwhile."""
        n = SKY.dice.randint(3, 6)
        flow, more = SKY.dice.choice([(flows.seq, ()), (flows.fan, ())])
        result = SUMS["seq" if flow is flows.seq else "fan"].result(n)
        id = self._start("paused", flow, (n, *more), Answers(result))
        time.sleep(SKY.dice.random() * 0.05)
        try:
            self.acknowledged(lambda client: client.pause(id, "storm"))
            before = self.acknowledged(lambda client: client.history(id))
            time.sleep(SKY.dice.random() * 0.3)
            later = self.acknowledged(lambda client: client.history(id, after=len(before)))
            self.acknowledged(lambda client: client.resume(id))
        except errors.ExecutionNotFoundError:
            return  # it has ended
        begun = [one for one in later if isinstance(one, BEGINNINGS)]
        if begun:
            self._promises.broken.append(f"{id} is paused, and began {begun[0]}")
        SKY.count("paused")

    def _pause_work(self) -> None:
        """Pause a workflow type, or a task list, for a while."""
        is_type = SKY.dice.random() < 0.5
        name = flows.tries.workflow_type.name if is_type else "narrow"
        pause = Client.pause_type if is_type else Client.pause_task_list
        resume = Client.resume_type if is_type else Client.resume_task_list
        self.acknowledged(lambda client: pause(client, name, "storm"))
        time.sleep(SKY.dice.random() * 0.2)
        self.acknowledged(lambda client: resume(client, name))
        SKY.count("paused a type" if is_type else "paused a task list")

    def _some_box(self) -> str | None:
        """Return one box, if there is any."""
        boxes = self._promises.boxes
        return SKY.dice.choice(boxes) if boxes else None

    def _signal(self) -> None:
        box = self._some_box()
        if box is None:
            return
        value = self._promises.name("signalled")
        refused = self._promises.refused[box]
        self._send(box, value, refused, partial(self._client.signal, box, "go", value))

    def _update(self) -> None:
        box = self._some_box()
        if box is None:
            return
        value = self._promises.name("updated")
        timeout = SKY.dice.choice([0.5, 3, 10])
        # it is more than one transaction: a refusal may be that of a later one
        doubted = self._promises.in_doubt[box]
        update = partial(self._client.update, box, "put", [value], timeout=timeout)
        self._send(box, value, doubted, update)

    def _send(self, box: str, value: str, refused: list[str], work: Callable[[], object]) -> None:
        kind = value.partition("-")[0]
        try:
            work()
            self._promises.sent[box].append(value)
            SKY.count(f"{kind}: acknowledged")
        except (errors.StoreUnavailableError, errors.WaitTimeoutError):
            self._promises.in_doubt[box].append(value)
            SKY.count(f"{kind}: in doubt")
        except errors.StoreError:
            refused.append(value)
            SKY.count(f"{kind}: refused")

    def _query(self) -> None:
        box = self._some_box()
        if box is None:
            return
        try:
            size = self._client.query(box, "size", timeout=3)
            assert isinstance(size, int), size
            SKY.count("query answered")
        except errors.QueryFailedError as error:
            if "not begun" not in str(error):
                raise
            SKY.count("query too early")
        except (errors.NoWorkerError, errors.StoreError):
            SKY.count("query unanswered")

    def _limit(self) -> None:
        concurrency = SKY.dice.choice([1, 2, 3, None])
        rate = SKY.dice.choice([None, 5, 20])
        self.acknowledged(
            lambda client: client.set_limits("narrow", concurrency=concurrency, per_second=rate)
        )
        SKY.count("limits set")

    def _rest(self) -> None:
        time.sleep(SKY.dice.random() * 0.2)
