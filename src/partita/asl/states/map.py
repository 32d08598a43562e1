"""Map: run a processor for each item, in this execution or in executions of its own."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

from partita.asl.concurrency import run_parts
from partita.asl.failures import StateFailure
from partita.asl.flows import Flow
from partita.asl.frame import Frame, Probe, Scope
from partita.asl.numbers import Number
from partita.asl.recovery import Recovery
from partita.asl.states.state import Program, RecoveringState
from partita.errors import CancelledError

INLINE_CONCURRENCY = 40
"""Iterations of an inline Map state that run at a time at most."""

Item = dict[str, Any]
"""What `$$.Map.Item` is: Index and Value, and Key if the items are an object's members."""

Items = Callable[[Frame], list[Item]]
"""Returns the items of a Map state."""

Selector = Callable[[Frame], Any]
"""Returns the input of an iteration, seen by a frame that knows the item."""


class MapRun(Protocol):
    """How a distributed Map state runs its items."""

    def run(self, frame: Frame, items: list[Item], select: Callable[[Item], Any]) -> Any:
        """Return the state's result."""

    def note_batches(self, frame: Frame, inputs: list[Any]) -> None:
        """Tell the probe of a test how its ItemBatcher puts inputs together, if it has one."""

    def note_tolerance(self, frame: Frame, probe: Probe) -> None:
        """Tell the probe what is tolerated.

        Raises:
            StateFailure: the test has more iterations fail than that.
        """


class DataSetRun(Protocol):
    """How a distributed Map state runs the items that its ItemReader reads."""

    def run(self, frame: Frame, select: Callable[[Item], Any]) -> Any:
        """Return the state's result."""

    def read(self, frame: Frame, data: str) -> list[Item]:
        """Return the items that a file with this content has.

        Raises:
            StateFailure: they cannot be read.
        """


class MapState(RecoveringState):
    """Run a processor for each item."""

    type = "Map"

    def __init__(
        self,
        name: str,
        next: str | None,
        flow: Flow,
        recovery: Recovery,
        *,
        items: Items,
        selector: Selector | None,
        concurrency: Number,
        program: Program,
        map_run: MapRun | None,
        data_set_run: DataSetRun | None,
    ) -> None:
        super().__init__(name, next, flow, recovery)
        self._items = items
        self._selector = selector
        self._concurrency = concurrency
        self.program = program
        self._map_run = map_run  # None: it is inline
        self.data_set_run = data_set_run  # None: the items are in the data

    def work(self, frame: Frame, arguments: Any) -> Any:  # noqa: ARG002
        if frame.stub is not None:
            return self._stubbed(frame, frame.stub)
        if self.data_set_run is not None:
            frame.emit("MapStateStarted", length=0)
            output = self.data_set_run.run(frame, partial(self.selected, frame))
            frame.emit("MapStateSucceeded")
            return output
        items = self._items(frame)
        limit = int(self._concurrency(frame)) or INLINE_CONCURRENCY
        frame.emit("MapStateStarted", length=len(items))
        if self._map_run is not None:
            output = self._map_run.run(frame, items, partial(self.selected, frame))
        else:
            output = run_parts(
                frame,
                len(items),
                min(limit, INLINE_CONCURRENCY),
                lambda number, scope: self._iterate(frame, items[number], scope),
            )
        frame.emit("MapStateSucceeded")
        return output

    def _stubbed(self, frame: Frame, probe: Probe) -> Any:
        """Return the result that a test gives in place of what the iterations would."""
        items = self._tested_items(frame, probe)
        if items is not None:
            inputs = [self.selected(frame, item) for item in items]
            if self._selector is not None:
                frame.note("afterItemSelector", inputs)
            if self._map_run is not None:
                self._map_run.note_batches(frame, inputs)
        frame.note("maxConcurrency", int(self._concurrency(frame)))
        if self._map_run is not None:
            self._map_run.note_tolerance(frame, probe)
        return probe.result()

    def _tested_items(self, frame: Frame, probe: Probe) -> list[Item] | None:
        """Return the items of a test; None if it does not give those of the ItemReader."""
        if self.data_set_run is not None and probe.item_data is not None:
            return self.data_set_run.read(frame, probe.item_data)
        try:
            items = self._items(frame)
        except StateFailure:
            if self.data_set_run is None:
                raise
            return None
        frame.note("afterItemsPath", [item["Value"] for item in items])
        return items

    def selected(self, frame: Frame, item: Item) -> Any:
        """Return the input of an iteration."""
        if self._selector is not None:
            return self._selector(frame.within(item))
        is_member = "Key" in item
        return {"Key": item["Key"], "Value": item["Value"]} if is_member else item["Value"]

    def _iterate(self, frame: Frame, item: Item, scope: Scope) -> Any:
        named, add = {"name": self.name, "index": item["Index"]}, frame.execution.trail.add
        chain = scope.chain
        chain.end = 0
        add("MapIterationStarted", named, chain)
        input = self.selected(frame, item)
        try:
            output = self.program.run(frame.execution, scope, input, is_branch=True)
        except CancelledError:
            add("MapIterationAborted", named, chain)
            raise
        except StateFailure as failure:
            if not failure.is_fatal:
                add("MapIterationFailed", named, chain)
            raise
        chain.end = add("MapIterationSucceeded", named, chain)
        return output

    def failed(self, frame: Frame, failure: StateFailure) -> None:  # noqa: ARG002
        frame.emit("MapStateFailed")
