"""Those who work on what has ended: fork it, run it again, copy it elsewhere, remove it.

Knows what of it may be gone by then; judges nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from partita.client import Client
from partita.engine import Engine
from partita.errors import (
    ExecutionAlreadyStartedError,
    ExecutionNotFoundError,
    StoreError,
    StoreUnavailableError,
    UnknownForkPointError,
)
from partita.ports.capabilities import PruneRequest
from partita.ports.state import Status
from tests.storm.nodes import Node
from tests.storm.promises import Promises
from tests.storm.users import User
from tests.storm.weather import SKY


class Keeper:
    """One who looks for closed executions, and does something with one."""

    def __init__(self, nodes: list[Node], promises: Promises) -> None:
        self._nodes = nodes
        self._promises = promises
        self._acknowledged = User(nodes, promises).acknowledged
        self._actions: list[Callable[[], None]] = [
            self._fork,
            self._rerun,
            self._prune,
            self._transfer,
        ]

    def act(self) -> None:
        """Do one thing."""
        SKY.dice.choice(self._actions)()

    def _closed(self, *kinds: str) -> str | None:
        """Return the workflow id of a closed execution of one of these kinds; None: none found."""
        ids = self._promises.of_kind(SKY.dice.choice(kinds))
        for id in SKY.dice.sample(ids, min(3, len(ids))):
            try:
                client = SKY.dice.choice(self._nodes).client
                if client.describe(id).info.status is not Status.OPEN:
                    return id
            except (ExecutionNotFoundError, StoreError):
                continue
        return None

    def _fork(self) -> None:
        id = self._closed("seq", "fan", "parent", "tries")
        if id is None:
            return
        new = self._promises.name("fork")
        events = self._acknowledged(lambda client: client.history(id))
        at = SKY.dice.choice([None, SKY.dice.choice(events).event_id])
        try:
            self._acknowledged(lambda client: client.fork(id, event_id=at, new_workflow_id=new))
        except UnknownForkPointError:
            SKY.count("fork point unknown")
            return
        except ExecutionAlreadyStartedError:
            pass  # a call without an answer has done it
        self._promises.executions[new] = self._promises.executions[id]
        SKY.count("forked")

    def _rerun(self) -> None:
        id = self._closed("fails")
        if id is None:
            return
        try:
            self._acknowledged(lambda client: client.rerun(id))
            SKY.count("rerun")
        except ExecutionAlreadyStartedError:
            SKY.count("rerun before")

    def _prune(self) -> None:
        before = time.time() - SKY.dice.random() * 3
        request = PruneRequest(closed_before=before, type_name="passing")

        def prune(client: Client) -> int:
            engine = client.service
            assert isinstance(engine, Engine)
            page = engine.prunable(request, (0, 0))
            return engine.prune(request, [each.key for group in page.groups for each in group])

        SKY.count("pruned", self._acknowledged(prune))

    def _transfer(self) -> None:
        """Copy an execution into the other domain."""
        id = self._closed("seq", "fan", "parent", "passing", "loop", "tries")
        if id is None:
            return
        try:
            history = self._acknowledged(lambda client: client.export_history(id))
        except ExecutionNotFoundError:
            return
        if history.is_open:
            return

        def into(client: Client) -> None:
            for node in self._nodes:
                if node.client is client:
                    node.other.import_history(history)
                    return
            raise StoreUnavailableError("that engine was closed just now")

        self._acknowledged(into)
        self._promises.imported[id, history.execution.run_id] = history
        SKY.count("imported")
