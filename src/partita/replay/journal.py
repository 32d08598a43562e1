"""Match the decisions of a run with its history, or collect them in a new turn.

A turn is one decision task. In a replayed turn every decision must agree with the next event
that the history recorded then; in a new one decisions are collected for the service. Knows
nothing of what is decided, nor why.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Sequence
from functools import partial
from time import monotonic

from partita import history as h
from partita.authoring.frames import user_line
from partita.codec import Converter, same
from partita.errors import NonDeterminismError, PartitaError, UsageError
from partita.ports.service import Bounds
from partita.replay.decision_budget import Command, DecisionBudget, Load
from partita.replay.decision_events import agrees, call_key, describe, was_refused
from partita.replay.strands import Strands


class Journal:
    """The decisions of one run."""

    def __init__(self, strands: Strands, converter: Converter, bounds: Bounds) -> None:
        self.time = 0.0  # of the turn, in seconds since the epoch
        self.last_event_id = 0
        self.expected: deque[h.AnyEvent] | None = None  # left in a replayed turn; None: a new one
        self.final: h.AnyDecision | None = None  # how the run ends
        self.continuation: h.ContinueAsNewWorkflowExecution | None = None  # asked for by the code
        self.is_reading = False  # a query or an observing hook runs: nothing may be decided
        self.is_trial = False  # new turns are thrown away, so side effects must not happen
        self.broken: PartitaError | None = None  # fails the decision task
        self._begun = 0.0
        self._strands = strands
        self._converter = converter
        self._budget = DecisionBudget(bounds)
        self._commands: list[Command] = []  # of the new turn
        self._refused: list[h.AnyEvent] = []  # of the last turn
        self._keys: dict[int, str] = {}  # by event id: key of the call that it recorded

    @property
    def is_running(self) -> bool:
        """Whether the code can still decide something."""
        return self.final is None and self.continuation is None and not self._strands.is_evicted

    # -- turns

    def begin(self, time: float, expected: Sequence[h.AnyEvent] | None) -> None:
        """Begin a turn; `expected` is what the history recorded in it, None for a new turn."""
        self.time = time
        self._begun = monotonic()
        self.expected = None if expected is None else deque(expected)
        if expected is None:
            self._commands = []

    def open(self) -> list[h.AnyEvent]:
        """Issue the deferred commands that have room now; return the refusals of the last turn."""
        refused, self._refused = self._refused, []
        for command in self._budget.next_turn():
            self._put(*command)
        return refused

    def close(self) -> None:
        """Ask for another turn if decisions were deferred in this one."""
        if self._budget.is_exceeded and self.broken is None:
            self._put(h.RecordMarker(marker_name=h.MORE), None)

    @property
    def age(self) -> float:
        """Seconds since the turn began, by this machine's clock."""
        return monotonic() - self._begun

    def check_complete(self) -> None:
        """Raise NonDeterminismError unless all expected events were matched."""
        if self.expected:
            raise self._mismatch(None, self.expected[0], self._strands.location())

    @property
    def decisions(self) -> list[h.AnyDecision]:
        """The decisions of the new turn."""
        return [command.decision for command in self._commands]

    def record(self, caused: Sequence[h.AnyEvent]) -> None:
        """Match the last new turn with the events that its decisions caused.

        Raises:
            NonDeterminismError: the history holds others; another decider has answered.
        """
        commands, self._commands = self._commands, []
        if len(caused) != len(commands):
            extra = caused[len(commands)] if len(caused) > len(commands) else None
            raise self._mismatch(None, extra, self._strands.location())
        for (decision, load), event in zip(commands, caused, strict=True):
            if not agrees(decision, event, partial(self._same_arguments, load)):
                raise self._mismatch(decision, event, self._strands.location())
            self._bind(decision, event)

    # -- commands

    def check_open(self) -> None:
        """Refuse commands of code that may only look, was evicted, or continues as new.

        Raises:
            UsageError: the code may only look.
        """
        if not (self.is_reading or self._strands.is_evicted) and self.continuation is None:
            return
        if self.is_reading:
            raise UsageError(
                "a query, or a before_replay or after_replay hook, may only look; "
                "use an update or a signal to change something"
            )
        self._strands.refuse()

    def issue(
        self, decision: h.AnyDecision, load: Load | None = None, *, closing: bool = False
    ) -> None:
        """Decide something; `load` reads the arguments in it, to compare them.

        Raises:
            NonDeterminismError: it is not what the history recorded.
        """
        if not (closing or decision.closes):
            self.check_open()
        if not self._budget.defers(decision, load):
            self._put(decision, load)

    def take_key(self, event_id: int) -> str:
        """Return the key of the call that an event recorded, and forget it; "" if there is none."""
        return self._keys.pop(event_id, "")

    def key_of(self, event_id: int) -> str:
        """Return the key of the call that an event recorded; "" if there is none."""
        return self._keys.get(event_id, "")

    def next_marker(self, name: str) -> h.MarkerRecorded | None:
        """Return the marker of that name that the history holds at this place, if it does."""
        event = self.expected[0] if self.expected else None
        is_marker = isinstance(event, h.MarkerRecorded) and event.marker_name == name
        return event if is_marker else None  # type: ignore[return-value]

    def _put(self, decision: h.AnyDecision, load: Load | None) -> None:
        if self.expected is None:
            self._commands.append(Command(decision, load))
            return
        event = self.expected.popleft() if self.expected else None
        if event is None or not agrees(decision, event, partial(self._same_arguments, load)):
            location = user_line(sys._getframe()) or self._strands.defined_at()
            self._stop(self._mismatch(decision, event, location))
        else:
            self._bind(decision, event)

    def _same_arguments(self, load: Load | None, one: str | None, other: str | None) -> bool:
        """Compare inputs as the function reads them: sets have no order, lists have one."""
        if load is None or same(one, other):
            return same(one, other)
        try:
            return bool(load(self._converter, one) == load(self._converter, other))
        except UsageError:
            return False

    def _bind(self, decision: h.AnyDecision, event: h.AnyEvent) -> None:
        if was_refused(decision, event):
            self._refused.append(event)
        elif key := call_key(decision):
            self._keys[event.event_id] = key

    def _stop(self, error: PartitaError) -> None:
        """Break the run off: its code is never resumed, and the decision task fails."""
        self.broken = self.broken or error
        strand = self._strands.current
        if strand is not None:
            strand.leave()
        raise error

    def _mismatch(
        self, decision: h.AnyDecision | None, event: h.AnyEvent | None, location: str
    ) -> NonDeterminismError:
        return NonDeterminismError(
            location=location,
            expected=describe(event),
            found=describe(decision),
            event_id=0 if event is None else event.event_id,
        )
