"""What is wrong with a history is found, and fails the check that made it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, cast

import pytest
from msgspec.structs import replace

from partita import history as h
from partita.engine import Engine
from partita.ports.service import Service
from partita.stores.memory import MemoryStore
from partita.testing import Clock
from partita.testing.conformance import (
    CHECKS,
    activity_task,
    answer,
    charge,
    sound,
    started,
)


@pytest.fixture
def engine() -> Iterator[Engine]:
    made = Engine(MemoryStore(), clock=Clock())
    yield made
    made.close()


@pytest.fixture
def events(engine: Engine) -> list[h.AnyEvent]:
    """A whole life: an activity that is done, a timer that is not, the end."""
    execution = started(engine, charge(), h.StartTimer(timer_id="t", start_to_fire=9.0))
    engine.complete_activity(activity_task(engine).token, "1")
    answer(engine, h.CompleteWorkflowExecution(result="1"))
    return engine.history("default", execution)


def changed(events: list[h.AnyEvent], kind: str, **attributes: Any) -> None:
    """Change the first event of a kind."""
    place = [event.event_type for event in events].index(kind)
    events[place] = replace(events[place], **attributes)


def again(events: list[h.AnyEvent], kind: type[Any]) -> None:
    """Let the last event of a kind happen twice, before the end."""
    event = next(event for event in reversed(events) if isinstance(event, kind))
    end = events.pop()
    events += [replace(event, event_id=end.event_id), replace(end, event_id=end.event_id + 1)]


WRONGS: dict[str, Callable[[list[h.AnyEvent]], Any]] = {
    "ids are not 1 to": lambda events: events.pop(2),
    "ids are not": lambda events: events.pop(0),
    "time goes back": lambda events: changed(events, "TimerStarted", event_timestamp=1.0),
    "something follows the end": lambda events: events.append(
        replace(events[-1], event_id=len(events) + 1)
    ),
    "closed twice": lambda events: again(events, h.ActivityTaskCompleted),
    "names WorkflowExecutionStarted": lambda events: changed(
        events, "ActivityTaskStarted", scheduled_event_id=1
    ),
    "names no earlier": lambda events: changed(
        events, "ActivityTaskCompleted", started_event_id=99
    ),
    "started_event_id names no": lambda events: changed(
        events, "ActivityTaskCompleted", started_event_id=0
    ),
    "two decision tasks": lambda events: two_at_once(events),
}


def two_at_once(events: list[h.AnyEvent]) -> None:
    """Let the timer's start be a second decision task."""
    place = [event.event_type for event in events].index("TimerStarted")
    scheduled = replace(events[1], event_id=place + 1)
    events.insert(place, scheduled)
    del events[place + 1]
    completed = [event.event_type for event in events].index("DecisionTaskCompleted")
    events[completed] = replace(scheduled, event_id=completed + 1)


def test_what_an_engine_writes_is_sound(events: list[h.AnyEvent]) -> None:
    sound(events)


@pytest.mark.parametrize("said", WRONGS)
def test_what_is_wrong_is_named(said: str, events: list[h.AnyEvent]) -> None:
    WRONGS[said](events)
    with pytest.raises(AssertionError, match=said):
        sound(events)


class Forgetful:
    """A service that leaves out the third event of every history."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)

    def history(
        self, domain: str, execution: h.WorkflowExecution, *, after: int = 0
    ) -> list[h.AnyEvent]:
        found = self._engine.history(domain, execution, after=after)
        return found[:2] + found[3:]


def test_an_unsound_history_fails_the_check_that_made_it(engine: Engine) -> None:
    service = cast(Service, Forgetful(engine))
    with pytest.raises(AssertionError, match="ids are not 1 to"):
        CHECKS["a_completed_execution_has_its_result"](service, Clock())


def test_no_history_at_all_is_not_sound() -> None:
    with pytest.raises(AssertionError, match="there is no event"):
        sound([])
