"""Record in markers what a replay could not repeat: side effects, and changes of the code."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import msgspec

from partita import history as h
from partita.authoring.definition import WorkflowSpec
from partita.authoring.failure import MARKER_LIMIT, Failure, describe, raise_here, rebuild
from partita.codec import decoder
from partita.errors import ActivityFailedError
from partita.replay.journal import Journal
from partita.replay.payloads import Payloads
from partita.replay.strands import Strands

T = TypeVar("T")

_load_any = decoder(Any)
PAUSED = "$paused"
"""The marker of a turn that was interrupted because it lasted long."""

ABANDONED = "$abandoned"
"""The marker of a computation that took too long to be done within a turn."""

REPLAY_FACTOR = 60
"""A computation that was done in time before may take so many times its limit in a replay."""

_FAILED = '{"$failure":'  # the beginning of the details if a side effect raised


class Markers:
    """The markers of one run."""

    def __init__(
        self, workflow: WorkflowSpec, journal: Journal, strands: Strands, payloads: Payloads
    ) -> None:
        self.reused: Mapping[str, str] = {}  # of the run that this one was forked from, by name
        self._workflow = workflow
        self._journal = journal
        self._strands = strands
        self._payloads = payloads
        self._patches: dict[str, bool] = {}
        self._questions = 0  # whether a pause is due
        self._computations = 0

    def side_effect(self, key: str, function: Callable[[], Any]) -> Any:
        """Call the function in a new turn, or read its marker in a replayed one."""
        name = f"side_effect {key}"
        details = None
        recorded = self._journal.next_marker(name)
        if recorded is not None:
            details = recorded.details
        elif self._journal.expected is None:
            if self._journal.is_trial:
                self._strands.needed().leave()  # its result cannot be known
            details = self.reused.get(name) or self._call(function)
        self._issue(name, details)
        if details is not None and details.startswith(_FAILED):
            failure = Failure.load(details[len(_FAILED) : -1], None)
            raise_here(rebuild(failure, (function, self._workflow), ActivityFailedError))
        return self._payloads.converter.load(details, _load_any)

    def _call(self, function: Callable[[], Any]) -> str:
        """Return the payload of what the function returns or raises."""
        try:
            value = function()
        except Exception as error:
            return f"{_FAILED}{describe(error, MARKER_LIMIT).dump()}}}"
        return self._payloads.dump(value, "the value of side_effect")

    def patched(self, id: str) -> bool:
        """Return True in a new turn, and where the history says that it was True then."""
        self._journal.check_open()
        if id not in self._patches:
            name = f"patched {id}"
            is_new = self._journal.expected is None
            self._patches[id] = is_new or self._journal.next_marker(name) is not None
            if self._patches[id]:
                self._issue(name, None)
        return self._patches[id]

    def is_pause_due(self, seconds: float) -> bool:
        """Return whether the turn has lasted so long, and record it; in an old one, what it was.

        The marker has the number of the question, so that a replay pauses at the same one.
        """
        self._questions += 1
        journal = self._journal
        if journal.expected is None:
            is_due = journal.age >= seconds
        else:
            recorded = journal.next_marker(PAUSED)
            is_due = recorded is not None and recorded.details == str(self._questions)
        if is_due:
            journal.check_open()
            self._issue(PAUSED, str(self._questions))
        return is_due

    def bounded(self, function: Callable[[float], T], seconds: float, limit: float) -> T:
        """Call a function with the seconds it may take; record that it raised TimeoutError.

        The marker has the number of the call, so that a replay raises in the same one, without
        calling the function.
        """
        self._computations += 1
        number, journal = str(self._computations), self._journal
        if journal.expected is None:
            try:
                return function(seconds)
            except TimeoutError:
                journal.check_open()
        else:
            recorded = journal.next_marker(ABANDONED)
            if recorded is None or recorded.details != number:
                return function(limit * REPLAY_FACTOR)
        self._issue(ABANDONED, number)
        raise TimeoutError

    def record(self, name: str, value: Any) -> None:
        """Record a marker of the code's own."""
        self._issue(
            name, None if value is None else self._payloads.dump(value, f"marker {name}", None)
        )

    def record_search_attributes(self, attributes: Mapping[str, Any]) -> None:
        """Record a marker that the service reads, so it is never encoded by a codec."""
        self._issue(h.SEARCH_ATTRIBUTES, msgspec.json.encode(dict(attributes)).decode())

    def _issue(self, name: str, details: str | None) -> None:
        self._journal.issue(h.RecordMarker(marker_name=name, details=details))
