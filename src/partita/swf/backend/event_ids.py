"""Number the events of a run as our deciders see them: some are none of Amazon SWF's."""

from __future__ import annotations

from typing import Any, TypeVar

from msgspec.structs import replace

from partita.history import AnyEvent, Event
from partita.history.references import NAMED

E = TypeVar("E", bound=Event)


class Numbering:
    """The events of one run as we see them, in the order in which they are added."""

    def __init__(self) -> None:
        self.last_event_id = 0  # ours
        self.ids: dict[int, int] = {0: 0}  # SWF's -> ours
        self._out: list[AnyEvent] = []

    def begin(self) -> list[AnyEvent]:
        """Return a new list, to which all events from now on are added."""
        self._out = []
        return self._out

    def emit(self, event: Any) -> AnyEvent:
        """Add an event whose references are ours already."""
        self.last_event_id += 1
        made: AnyEvent = replace(event, event_id=self.last_event_id)
        self._out.append(made)
        return made

    def keep(self, event: E, **changes: Any) -> E:
        """Add one of SWF's events, with our numbers in it."""
        swf_id = event.event_id
        made: Any = self.emit(replace(event, **self.references(event), **changes))
        self.ids[swf_id] = made.event_id
        return made  # type: ignore[no-any-return]

    def keep_as(self, event: AnyEvent, ours: AnyEvent) -> None:
        """Add one of our events for one of SWF's."""
        self.ids[event.event_id] = self.emit(ours).event_id

    def references(self, event: Event) -> dict[str, Any]:
        """Return the fields of SWF's event that name others, with our numbers."""
        return {
            field: self.ids.get(value, 0)
            for field in NAMED[type(event)]
            if isinstance(value := getattr(event, field), int)
        }
