"""Answer decision tasks by asking deciders that were written by hand.

Caches each process between two of its tasks, so that only new events are read. Knows no thread
and no service.
"""

from __future__ import annotations

import traceback
from collections import OrderedDict
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import msgspec

from partita import history as h
from partita.authoring.failure import describe
from partita.authoring.registry import by_key
from partita.codec import Converter
from partita.deciders.answers import listed, rendered
from partita.deciders.decider import DeciderDefinition
from partita.deciders.process import Process
from partita.deciders.process_state import is_of_partita
from partita.errors import DeciderFailedError, PartitaError, UnknownTypeError
from partita.ports.decider import Decider
from partita.ports.service import DecisionTask
from partita.replay.messages import UPDATE, UPDATED, UpdateAnswer, decode_request, encode

DEFAULT_CACHE_BYTES = 128 * 1024 * 1024
"""Bytes that cached processes may take, roughly."""

MESSAGE_LENGTH = 1_000
"""Characters of a decider's error that a message repeats."""

_EVENT_BYTES = 700
"""Bytes that one event and what is made of it take besides its payload, measured."""


class _Cached:
    """A process between two of its tasks."""

    __slots__ = ("cost", "process", "seen")

    def __init__(self, process: Process[Any]) -> None:
        self.process = process
        self.cost = 0
        self.seen = 0  # started_event_id of the last task


class ByHand(Decider):
    """Decides by deciders that were written by hand. Belongs to one thread."""

    def __init__(
        self,
        deciders: Iterable[DeciderDefinition],
        *,
        converter: Converter | None = None,
        cache_bytes: int = DEFAULT_CACHE_BYTES,
    ) -> None:
        self._deciders = by_key(deciders)
        self.keys = frozenset(self._deciders)  # the types that this decides for
        self._converter = converter or Converter()
        self._cache_bytes = cache_bytes
        self._used = 0
        self._cache: OrderedDict[str, _Cached] = OrderedDict()  # least recently used first

    def seen(self, run_id: str) -> int:
        """Return the `started_event_id` that a cached process last saw; 0 without one."""
        cached = self._cache.get(run_id)
        return 0 if cached is None else cached.seen

    def forget(self, run_id: str) -> None:
        """Drop a process; its next task reads the whole history."""
        cached = self._cache.pop(run_id, None)
        if cached is not None:
            self._used -= cached.cost

    def forget_all(self) -> None:
        """Drop every process."""
        self._cache.clear()
        self._used = 0

    def decide(self, task: DecisionTask) -> list[h.AnyDecision]:
        """Answer a task.

        Raises:
            UnknownTypeError: no decider of that type is here.
            DeciderFailedError: the decider raised; the task can be answered later.
        """
        run_id = task.workflow_execution.run_id
        cached = self._cache.pop(run_id, None)
        if cached is not None:
            self._used -= cached.cost
        definition = self._definition(task.workflow_type)
        if cached is None or task.events[0].event_id == 1:
            cached = _Cached(self._new(definition, task.workflow_execution, task.workflow_type))
        process = cached.process
        time = task.events[-1].event_timestamp
        process.add_task(task.events, task.previous_started_event_id, time)
        answer = self._ask(definition, process)
        cached.seen = task.started_event_id
        cached.cost += sum(map(_cost, task.events))
        self._add(run_id, cached)
        return answer

    def query(
        self,
        execution: h.WorkflowExecution,  # noqa: ARG002
        workflow_type: h.WorkflowType,
        history: Callable[[], list[h.AnyEvent]],  # noqa: ARG002
        name: str,
        input: str | None,  # noqa: ARG002
    ) -> str:
        """Refuse a query: whoever asks can read the process from its history."""
        raise no_query(workflow_type, name)

    def _definition(self, workflow_type: h.WorkflowType) -> DeciderDefinition:
        found = self._deciders.get(workflow_type.key)
        if found is None:
            known = ", ".join(sorted(self._deciders)) or "none"
            raise UnknownTypeError(
                f"decider {workflow_type.key} is not known to this worker; it has: {known}"
            )
        return found

    def _new(
        self,
        definition: DeciderDefinition,
        execution: h.WorkflowExecution,
        workflow_type: h.WorkflowType,
    ) -> Process[Any]:
        return Process(
            execution,
            workflow_type,
            converter=self._converter,
            load_input=partial(definition.load_input, self._converter),
        )

    def _ask(self, definition: DeciderDefinition, process: Process[Any]) -> list[h.AnyDecision]:
        decider = definition.decider()  # a new one each time: it has nothing to remember
        try:
            answer = process_answer(decider.decide(process), process, type(decider).__name__)
        except PartitaError:
            raise
        except BaseException as error:  # sys.exit() must not end the thread that decides for all
            raise DeciderFailedError(_described(error)) from error
        return [*refused_updates(process), *answer]

    def _add(self, run_id: str, cached: _Cached) -> None:
        self._cache[run_id] = cached
        self._used += cached.cost
        while self._used > self._cache_bytes and len(self._cache) > 1:
            self.forget(next(iter(self._cache)))


def process_answer(answer: Any, process: Process[Any], who: str) -> list[h.AnyDecision]:
    """Return an answer as a service takes it; `who` has given it."""
    process.discard_decisions()
    found = []
    for one in listed(answer, who):
        decision = rendered(one, process)
        process.add_decision(decision)
        found.append(decision)
    return found


def _cost(event: h.AnyEvent) -> int:
    payload = getattr(event, "input", None) or getattr(event, "result", None) or ""
    return _EVENT_BYTES + 2 * len(payload)


def no_query(workflow_type: h.WorkflowType, name: str) -> UnknownTypeError:
    """Return the error for a query that was put to a decider."""
    return UnknownTypeError(
        f"{workflow_type.name} is a decider, which answers no query {name}; "
        "read its history: Process.of(client.history(workflow_id))"
    )


def refused_updates(process: Process[Any]) -> list[h.AnyDecision]:
    """Return the markers that refuse updates, which deciders do not answer."""
    found: list[h.AnyDecision] = []
    for event in process.history[process.previous_started_event_id :]:
        if not is_of_partita(event) or not event.signal_name.startswith(UPDATE):
            continue
        name = event.signal_name.removeprefix(UPDATE)
        error = UnknownTypeError(
            f"{process.workflow.name} is a decider, which answers no update {name}; "
            "send it a signal"
        )
        try:
            request = decode_request(event.input or "")
        except msgspec.MsgspecError:  # not a client of ours
            continue
        answer = UpdateAnswer(request.id, failure=describe(error).dump())
        found.append(h.RecordMarker(marker_name=UPDATED, details=encode(answer).decode()))
    return found


def _described(error: BaseException) -> str:
    """Return where an exception was raised, and what it says, in one line."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{frames[-1].filename}:{frames[-1].lineno}" if frames else "decide()"
    message = " ".join(describe(error).message.split())[:MESSAGE_LENGTH]
    return f"{place}: {type(error).__name__}: {message}"
