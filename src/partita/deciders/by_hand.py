"""Answer decision tasks by asking deciders that were written by hand.

Keeps each process between two of its tasks, so that only what is new is read; without it the
whole history is. Knows no thread and no service.
"""

from __future__ import annotations

import traceback
from collections import OrderedDict
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import msgspec

from partita import history as h
from partita.authoring.failure import Failure
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
"""Bytes that kept processes may take, roughly."""

MESSAGE_LIMIT = 1_000
"""Characters of a decider's error that a message repeats."""

_EVENT_COST = 700
"""Bytes that one event and what is made of it take besides its payload, measured."""


class _Kept:
    """A process between two of its tasks."""

    __slots__ = ("cost", "process", "seen")

    def __init__(self, process: Process[Any]) -> None:
        self.process = process
        self.cost = 0
        self.seen = 0  # started_event_id of the last task


class ByHand(Decider):
    """A set of deciders. Belongs to one thread."""

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
        self._kept: OrderedDict[str, _Kept] = OrderedDict()  # least recently used first

    def seen(self, run_id: str) -> int:
        """Return the `started_event_id` that a kept process last saw; 0 without one."""
        kept = self._kept.get(run_id)
        return 0 if kept is None else kept.seen

    def forget(self, run_id: str) -> None:
        """Drop a process; its next task reads the whole history."""
        kept = self._kept.pop(run_id, None)
        if kept is not None:
            self._used -= kept.cost

    def forget_all(self) -> None:
        """Drop every process."""
        self._kept.clear()
        self._used = 0

    def decide(self, task: DecisionTask) -> list[h.AnyDecision]:
        """Answer a task.

        Raises:
            UnknownTypeError: no decider of that type is here.
            DeciderFailedError: the decider raised; the task can be answered later.
        """
        run_id = task.workflow_execution.run_id
        kept = self._kept.pop(run_id, None)
        if kept is not None:
            self._used -= kept.cost
        definition = self._definition(task.workflow_type)
        if kept is None or task.events[0].event_id == 1:
            kept = _Kept(self._new(definition, task.workflow_execution, task.workflow_type))
        process = kept.process
        time = task.events[-1].event_timestamp
        process.take(task.events, task.previous_started_event_id, time)
        answer = self._ask(definition, process)
        kept.seen = task.started_event_id
        kept.cost += sum(map(_cost, task.events))
        self._keep(run_id, kept)
        return answer

    def query(
        self,
        execution: h.WorkflowExecution,  # noqa: ARG002
        workflow_type: h.WorkflowType,
        history: Callable[[], list[h.AnyEvent]],  # noqa: ARG002
        name: str,
        input: str | None,  # noqa: ARG002
    ) -> str:
        """Refuse a query: a process can be read from its history by whoever asks."""
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
            raise DeciderFailedError(_told(error)) from error
        return [*refused_updates(process), *answer]

    def _keep(self, run_id: str, kept: _Kept) -> None:
        self._kept[run_id] = kept
        self._used += kept.cost
        while self._used > self._cache_bytes and len(self._kept) > 1:
            self.forget(next(iter(self._kept)))


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
    return _EVENT_COST + 2 * len(payload)


def no_query(workflow_type: h.WorkflowType, name: str) -> UnknownTypeError:
    """Return the error for a query that was put to a decider."""
    return UnknownTypeError(
        f"{workflow_type.name} is a decider, which answers no query {name}; "
        "read its history: Process.of(client.history(workflow_id))"
    )


def refused_updates(process: Process[Any]) -> list[h.AnyDecision]:
    """Return what tells those who sent updates that a decider answers none."""
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
        answer = UpdateAnswer(request.id, failure=Failure.of(error).dump())
        found.append(h.RecordMarker(marker_name=UPDATED, details=encode(answer).decode()))
    return found


def _told(error: BaseException) -> str:
    """Return where an exception was raised, and what it says, in one line."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{frames[-1].filename}:{frames[-1].lineno}" if frames else "decide()"
    message = " ".join(Failure.of(error).message.split())[:MESSAGE_LIMIT]
    return f"{place}: {type(error).__name__}: {message}"
