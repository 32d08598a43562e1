"""Explain why functions and statements are not compiled, and what to write instead."""

from __future__ import annotations

import asyncio
import random
import time
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
from partita.authoring.logs import is_replaying
from partita.authoring.messages import external, query, update

_ENDS = "the branches of a state machine all end before it goes on"
_ALONE = "a branch of a state machine sees nothing of what others do"

_FILES = ("a state machine has no files", "read or write them in an activity")
_NO_CODE = ("a state machine is fixed when it is compiled", "write the code itself, or an activity")
_NO_OBJECTS = (
    "a state machine has values of JSON, and no objects",
    "use a dataclass and its fields, or an activity",
)
_CLOCK = ("a state machine reads the time in its own way", "use now() of partita")
_RANDOM = ("each replay would have another value", "use random() of partita, or an activity")

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
    (is_replaying, "a state machine replays nothing", "leave it out"),
    (workflow_info, "an execution has other names", "pass what is needed as arguments"),
    (asyncio.Queue, _ALONE, "return values from the tasks, and go over them"),
    (asyncio.Event, _ALONE, "await the tasks"),
    (asyncio.Lock, _ALONE, "await one call after the other"),
    (asyncio.Semaphore, _ALONE, "use partita.group with max_parallel"),
    (
        print,
        "a state machine has no output to print to",
        "use a logger, whose calls are left out, or print in an activity",
    ),
    (open, *_FILES),
    (input, "a state machine has no one to ask", "wait for a signal by wait_signal"),
    *((one, *_NO_CODE) for one in (eval, exec, compile, __import__)),
    *((one, *_NO_OBJECTS) for one in (setattr, delattr, vars, dir, id, hash)),
    *((one, *_NO_OBJECTS) for one in (globals, locals, object, super)),
    *((one, *_CLOCK) for one in (time.time, time.monotonic, time.perf_counter)),
    (time.sleep, "a state machine waits in its own way", "use sleep(...) of partita"),
    *((one, *_RANDOM) for one in (random.random, random.randint, random.choice, random.shuffle)),
]
_STATEMENTS = {
    "AsyncFor": ("a state machine has no async generators", "return a list, and go over it"),
    "AsyncWith": ("a state machine has no context managers", "use it in an activity"),
    "ClassDef": ("a state machine makes no classes", "define it at the top of the module"),
    "Global": ("a state machine has no module to change", "return the value, and pass it on"),
    "Import": ("a state machine imports nothing", "import it at the top of the module"),
    "ImportFrom": ("a state machine imports nothing", "import it at the top of the module"),
    "TryStar": ("groups of errors are not taken apart", "write except, and look at the error"),
    "TypeAlias": ("a state machine has no types", "define it at the top of the module"),
    "With": ("a state machine has no context managers", "use it in an activity"),
}


def reason_of(found: Any) -> tuple[str, str] | None:
    """Return why a function is not compiled, and a way out; None if it is another one."""
    return next(((why, way) for one, why, way in _REASONS if one is found), None)


def statement_reason(name: str) -> tuple[str, str]:
    """Return why a kind of statement is not compiled, and what to write instead."""
    return _STATEMENTS.get(
        name,
        (
            "it is not compiled",
            "write it with if, while, for, try and assignments, or put it in an activity",
        ),
    )
