"""Take decision tasks from Amazon SWF, and answer them.

The translated history of a run that is alive in a worker here is kept, and fed only what is
new: SWF is asked to begin at the previous decision task, and to bring the next one back to the task
list that only this worker polls. Any other run is read from its first event.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from partita import history as h
from partita.authoring.runtime import LONG_HISTORY
from partita.errors import TaskLostError, UnknownTypeError
from partita.ports.service import DecisionTask
from partita.swf.backend.backoff import Backoff
from partita.swf.backend.calls import Call
from partita.swf.backend.envelopes import Turns, sealed
from partita.swf.backend.history_reader import PAGE, HistoryReader
from partita.swf.backend.ids import escaped, unescaped
from partita.swf.backend.payloads import Payloads
from partita.swf.backend.registration import Registration
from partita.swf.backend.translate_decisions import Answer, Leases, translate
from partita.swf.backend.translate_history import TranslatedHistory
from partita.swf.wire_format import decision_to_swf, execution_from_swf

_PURGE = 1000
"""Histories of live runs beyond which those of runs that are no longer alive are dropped."""

MIN_WAIT = 1.0
"""Seconds that a poll waits at least: an answer may be on its way."""

LONGEST = 25_000
"""Events after which SWF ends a run."""

log = logging.getLogger("partita.swf")

Seen = Callable[[str], int]
"""What a live run was last decided for; see `Host.seen`."""


class Held(Struct):
    """A decision task that is to be answered here."""

    domain: str
    execution: h.WorkflowExecution
    history: TranslatedHistory
    task_list: str | None  # None: the one that only this worker polls


class DecisionTasks:
    """The decision tasks that this process holds. Safe to use from many threads."""

    def __init__(
        self,
        call: Call,
        payloads: Payloads,
        registration: Registration,
        histories: HistoryReader,
        new_history: Callable[..., TranslatedHistory],
        tell: Callable[[], None],
        follow: Callable[[str, h.WorkflowExecution, int], None],
    ) -> None:
        self._call = call
        self._payloads = payloads
        self._registration = registration
        self._histories = histories
        self._new_history = new_history
        self._tell = tell  # called when one was answered
        self._follow = follow  # called of whose execution one is, and after which event of SWF's
        self._lock = threading.Lock()
        self._held: dict[str, Held] = {}  # by token
        self._live: dict[str, TranslatedHistory] = {}  # of live runs
        self._backoffs: dict[tuple[str, str], Backoff] = {}  # by domain and task list
        self._warned: set[tuple[str, str]] = set()  # task lists, and the types of others in them

    @property
    def is_stopping(self) -> bool:
        """Whether polls end at once, because the worker here stops."""
        return self._call.polls.is_stopped

    def poll(
        self,
        domain: str,
        task_list: str,
        identity: str,
        seen: Seen = lambda _: 0,
        *,
        sticky: bool = False,
        wait: float = math.inf,
    ) -> DecisionTask | None:
        """Wait for a task, at most as long as SWF does.

        `sticky`: in a list that only this worker polls.
        """
        name = task_list if sticky else escaped(task_list)
        if wait <= 0 and not self._call.has_pending("decision", domain, name):
            return None
        if not self._begin_poll(domain, None if sticky else task_list, max(wait, MIN_WAIT)):
            return None
        members: dict[str, Any] = {
            "domain": domain,
            "taskList": {"name": name},
            "identity": identity[:256] or None,
            "maximumPageSize": PAGE,
            "startAtPreviousStartedEvent": sticky or None,
        }
        raw = self._call("poll_for_decision_task", **members)
        if not raw.get("taskToken"):
            return None
        return self._task(domain, None if sticky else task_list, raw, members, seen)

    def _begin_poll(self, domain: str, task_list: str | None, wait: float) -> bool:
        """Limit the next poll to `wait` seconds; return False if it was no time to poll."""
        polls, backoff = self._call.polls, self._backoffs.get((domain, task_list or ""))
        if backoff is None:
            polls.wait(wait)
            return True
        if (pause := backoff.pause()) > 0:
            polls.pause(min(pause, wait))
            return False
        deadline = time.monotonic() + wait
        polls.until(lambda: min(deadline, backoff.until()))
        return True

    def _task(
        self,
        domain: str,
        task_list: str | None,
        raw: dict[str, Any],
        members: dict[str, Any],
        seen: Seen,
    ) -> DecisionTask:
        execution = execution_from_swf(raw["workflowExecution"])
        plain = h.WorkflowExecution(unescaped(execution.workflow_id), execution.run_id)
        history = self._live_history(raw, seen)
        live = history is not None
        held = Held(domain, plain, history or self._new_history(domain), task_list)
        previous = held.history.previous_started_event_id
        events = held.history.feed(map(self._histories.event, self._fresh(held, raw, members)))
        self._warn(plain, held.history)
        self._follow(domain, plain, raw.get("previousStartedEventId", 0))
        with self._lock:
            self._held[raw["taskToken"]] = held
        kind = raw["workflowType"]
        return DecisionTask(
            token=raw["taskToken"],
            workflow_execution=plain,
            workflow_type=h.WorkflowType(unescaped(kind["name"]), unescaped(kind["version"])),
            started_event_id=held.history.started_event_id,
            previous_started_event_id=held.history.previous_started_event_id
            if not live
            else previous,
            events=events,
        )

    def whole(self, task: DecisionTask) -> DecisionTask:
        """Return a task that told only what is new with all events of its run.

        Raises:
            TaskLostError: it was answered, or was not taken by this process.
        """
        held = self._find(task.token)
        last, history = held.history.last_swf_id, self._new_history(held.domain)
        raw = self._histories.raw(held.domain, held.execution)
        known = (one for one in raw if one["eventId"] <= last)
        events = history.feed(map(self._histories.event, known))
        held.history = history
        return replace(
            task,
            started_event_id=history.started_event_id,
            previous_started_event_id=history.previous_started_event_id,
            events=events,
        )

    def _live_history(self, raw: dict[str, Any], seen: Seen) -> TranslatedHistory | None:
        """Return what is kept of a live run that has answered the task before this one.

        If that one timed out while it was decided, this may come before the late answer is
        refused, and all that the decider was told must be told again.
        """
        run_id = raw["workflowExecution"]["runId"]
        with self._lock:
            history = self._live.get(run_id)
        if (
            history is None
            or not history.started_event_id
            or seen(run_id) != history.started_event_id
        ):
            return None
        return history if history.is_answered(raw.get("previousStartedEventId", 0)) else None

    def _fresh(
        self, held: Held, raw: dict[str, Any], members: dict[str, Any]
    ) -> Iterable[dict[str, Any]]:
        """Return the events up to the task's own that the kept history has not been fed."""
        last, started = held.history.last_swf_id, raw["startedEventId"]
        given = raw["events"]
        if last and given and given[0]["eventId"] <= last + 1 <= given[-1]["eventId"] + 1:
            if "nextPageToken" not in raw:
                return [one for one in given if one["eventId"] > last]
        if last:
            newer = self._histories.newer(held.domain, held.execution, last)
            return [one for one in newer if one["eventId"] <= started]
        if given and given[0]["eventId"] == 1:
            return self._pages(raw, members)
        whole = self._histories.raw(held.domain, held.execution)
        return [one for one in whole if one["eventId"] <= started]

    def _pages(self, raw: dict[str, Any], members: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """Yield the events of a task, page by page."""
        yield from raw["events"]
        while raw.get("nextPageToken"):
            raw = self._call(
                "poll_for_decision_task", nextPageToken=raw["nextPageToken"], **members
            )
            yield from raw.get("events", ())

    def _warn(self, execution: h.WorkflowExecution, history: TranslatedHistory) -> None:
        if history.last_swf_id >= LONG_HISTORY and not history.warned:
            history.warned = True
            log.warning(
                "execution %s has %d events, and Amazon SWF ends it at %d; let it continue_as_new",
                execution.workflow_id,
                history.last_swf_id,
                LONGEST,
            )

    def complete(
        self,
        token: str,
        decisions: Sequence[h.AnyDecision],
        *,
        sticky: tuple[str, float] | None = None,
        keep: bool = False,
        leases: Leases = lambda _: 0,
    ) -> None:
        """Answer a task; `sticky` is where the next one should wait, and for how many seconds.

        With `keep`, the run is alive here and is fed only what is new from now on. `leases` says
        for how long an activity is lent to whoever takes it.

        Raises:
            TaskLostError: the task is no longer ours, or was not taken by this process.
        """
        held = self._find(token)
        answer = translate(held.history, decisions, leases)
        self._register(held, decisions)
        fitted = map(self._payloads.fitted, answer.decisions)
        given = [decision_to_swf(self._payloads.packed(one)) for one in fitted]
        stays: dict[str, Any] = {}
        if sticky is not None and not (decisions and decisions[-1].closes):
            stays = {
                "taskList": {"name": sticky[0]},
                "taskListScheduleToStartTimeout": str(max(1, round(sticky[1]))),
            }
        try:
            self._call(
                "respond_decision_task_completed",
                taskToken=token,
                decisions=given,
                executionContext=self._context(held.history, answer),
                **stays,
            )
        except TaskLostError:
            self.drop(token)
            raise
        with self._lock:
            self._held.pop(token, None)
            if keep:
                self._live[held.execution.run_id] = held.history
        self._follow(held.domain, held.execution, held.history.last_swf_id)
        self._tell()

    def _register(self, held: Held, decisions: Sequence[h.AnyDecision]) -> None:
        """Make sure of the types without which SWF would refuse what elsewhere only waits."""
        for decision in decisions:
            if isinstance(decision, h.ScheduleActivityTask):
                self._registration.decided(held.domain, decision.activity_type)
            elif isinstance(decision, h.ContinueAsNewWorkflowExecution):
                version, run = decision.workflow_type_version, held.history.started
                if version is not None and run is not None:
                    kind = h.WorkflowType(run.workflow_type.name, version)
                    self._registration.decided(held.domain, kind)

    def _context(self, history: TranslatedHistory, answer: Answer) -> str | None:
        """Return the note of what was taken from another run; see `fork_origin`."""
        if history.origin is None:
            return None
        reuses = any(isinstance(one, str) for one in answer.turn)
        if not (history.turns or reuses or history.origin.has_news):
            return None
        turns = Turns(turns=(*history.turns, answer.turn))
        return self._payloads.pack(sealed(turns), "the note of reused steps")

    def go_on(self, task: DecisionTask, decisions: Sequence[h.AnyDecision]) -> DecisionTask | None:
        """Return what to decide next in the same task, if another run has done all of this.

        Nothing is told to SWF before `complete`.
        """
        held = self._find(task.token)
        history, origin = held.history, held.history.origin
        if origin is None:
            return None
        places = [place for one in decisions if (place := origin.place(one)) is not None]
        if len(places) < len(decisions) or not (places or origin.has_news):
            return None
        events = history.play(tuple(places))
        return replace(
            task,
            events=events,
            started_event_id=history.started_event_id,
            previous_started_event_id=history.previous_started_event_id,
        )

    def _find(self, token: str) -> Held:
        with self._lock:
            held = self._held.get(token)
        if held is None:
            raise TaskLostError(
                "the decision task was answered, or was not taken by this process; Amazon SWF "
                "gives it out again after its timeout"
            )
        return held

    def drop(self, token: str) -> Held | None:
        """Leave a task unanswered: SWF gives it out again when its time is over."""
        with self._lock:
            held = self._held.pop(token, None)
            if held is not None:
                self._live.pop(held.execution.run_id, None)
        return held

    def fail(self, token: str, cause: str) -> None:
        """Leave a task unanswered; one of an unknown type is left to others when it returns."""
        held = self.drop(token)
        if held is None or held.task_list is None or cause != UnknownTypeError.code:
            return
        run = held.history.started
        if run is None or not run.task_start_to_close:
            return  # it never returns
        with self._lock:
            backoff = self._backoffs.setdefault(
                (held.domain, held.task_list), Backoff(self._call.timing)
            )
        backoff.meet(held.execution.run_id, run.task_start_to_close)
        warning = (held.task_list, run.workflow_type.key)
        if warning not in self._warned:
            self._warned.add(warning)
            log.warning(
                "task list %r is shared with other code, which gets tasks of %s only after a "
                "timeout of %g s; give each its own: --task-list",
                *warning,
                run.task_start_to_close,
            )

    def forget(self, run_id: str) -> None:
        """Drop the history of a run that is no longer alive here."""
        with self._lock:
            self._live.pop(run_id, None)

    def purge(self, seen: Seen) -> None:
        """Drop the histories of runs that are no longer alive, if there are many."""
        with self._lock:
            if len(self._live) < _PURGE:
                return
            for run_id in [one for one in self._live if not seen(one)]:
                del self._live[run_id]
