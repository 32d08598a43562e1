"""Number the events of a run as our deciders see them: some are none of Amazon SWF's."""

from __future__ import annotations

from typing import Any, TypeVar

from msgspec.structs import replace

from partita.history import AnyEvent, Event
from partita.history.references import NAMED

E = TypeVar("E", bound=Event)


class EventNumbers:
    """The events of one run as we see them, in the order in which they are added."""

    def __init__(self) -> None:
        self.last_event_id = 0  # ours
        self.ids: dict[int, int] = {0: 0}  # SWF's -> ours
        self._out: list[AnyEvent] = []

    def begin(self) -> list[AnyEvent]:
        """Return a new list, to which all events from now on are added."""
        self._out = []
        return self._out

    def add(self, kind: type[E], time: float, **attributes: Any) -> E:
        """Add an event of ours, whose references are ours already."""
        self.last_event_id += 1
        made: Any = kind(event_id=self.last_event_id, event_timestamp=time, **attributes)
        self._out.append(made)
        return made  # type: ignore[no-any-return]

    def add_copy(self, event: E, time: float, **changes: Any) -> E:
        """Add an event of another run at a new time; its references are ours already."""
        self.last_event_id += 1
        made: Any = replace(event, event_id=self.last_event_id, event_timestamp=time, **changes)
        self._out.append(made)
        return made  # type: ignore[no-any-return]

    def keep(self, event: E, **changes: Any) -> E:
        """Add one of SWF's events, with our numbers in it."""
        made = self.add_copy(event, event.event_timestamp, **self.references(event), **changes)
        self.ids[event.event_id] = made.event_id
        return made

    def keep_as(self, event: AnyEvent, kind: type[E], **attributes: Any) -> E:
        """Add an event of ours in the place of one of SWF's."""
        made = self.add(kind, event.event_timestamp, **attributes)
        self.ids[event.event_id] = made.event_id
        return made

    def references(self, event: Event) -> dict[str, Any]:
        """Return the fields of SWF's event that name others, with our numbers."""
        return {
            field: self.ids.get(value, 0)
            for field in NAMED[type(event)]
            if isinstance(value := getattr(event, field), int)
        }
