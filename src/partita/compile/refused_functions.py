"""Say why functions for workflows are not compiled, and what to write instead."""

from __future__ import annotations

import asyncio
from typing import Any

from partita.authoring.determinism import shield, start_timer, timeout
from partita.authoring.execution import (
    continue_as_new,
    parent,
    record_marker,
    upsert_search_attributes,
    wait_until,
    workflow_info,
)
from partita.authoring.future import as_completed
from partita.authoring.messages import external, query, update

_ENDS = "the branches of a state machine all end before it goes on"
_ALONE = "a branch of a state machine sees nothing of what others do"

_REASONS: list[tuple[Any, str, str]] = [
    (as_completed, _ENDS, "go over the futures in their own order"),
    (asyncio.as_completed, _ENDS, "await them in their own order, or by asyncio.gather"),
    (timeout, "it leaves work that is under way", "give the activities a start_to_close"),
    (shield, "a state machine cannot tell of a cancellation", "leave it out"),
    (start_timer, _ENDS, "use sleep, in a spawned function if need be"),
    (wait_until, _ALONE, "wait for a signal by wait_signal"),
    (continue_as_new, "an execution begins no other run", "write a loop, or start a child"),
    (external, "it signals other executions", "signal it in an activity"),
    (parent, "an execution does not know what started it", "pass an id as an argument"),
    (query, "an execution answers no queries", "leave it out"),
    (update, "an execution answers no updates", "wait for a signal by wait_signal"),
    (record_marker, "an execution has no markers", "leave it out, or call an activity"),
    (upsert_search_attributes, "an execution has none", "leave it out, or call an activity"),
    (workflow_info, "an execution has other names", "pass what is needed as arguments"),
    (asyncio.Queue, _ALONE, "return values from the tasks, and go over them"),
    (asyncio.Event, _ALONE, "await the tasks"),
    (asyncio.Lock, _ALONE, "await one call after the other"),
    (asyncio.Semaphore, _ALONE, "use partita.group with max_parallel"),
]


def reason_of(found: Any) -> tuple[str, str] | None:
    """Return why a function is not compiled, and a way out; None if it is another one."""
    return next(((why, way) for one, why, way in _REASONS if one is found), None)
