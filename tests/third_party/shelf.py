"""A service of somebody else's, at `shelf://`: executions in a list, under one lock.

Written from docs/writing-a-service.md, over the public `partita.rules`. It offers what `Service`
asks for and nothing besides, so everything optional is left to the fallbacks of its users.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from msgspec.structs import replace

from partita import history as h
from partita.errors import ExecutionNotFoundError, InvalidTokenError
from partita.ports.requests import check_reuse, check_types, other_start
from partita.ports.service import (
    ActivityTask,
    DecisionTask,
    ExecutionDetail,
    ExecutionInfo,
    ExecutionPage,
    ReusePolicy,
    StartRequest,
)
from partita.ports.state import (
    AnyItem,
    Execution,
    ExecutionFilter,
    OpenActivity,
    OpenChild,
    OpenDecision,
    OpenTimer,
    Progress,
    State,
    Status,
)
from partita.rules import apply, decide
from partita.rules import commands as c

SHELVES: dict[str, ShelfService] = {}
"""Those that were opened, by URL: within a process, one URL is one shelf."""


def open_shelf(url: str) -> ShelfService:
    """Return the service for a URL; the entry point names this function."""
    return SHELVES.setdefault(url, ShelfService())


class ShelfService:
    """Executions in memory. Safe to use from many threads."""

    title = "The shelf"

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._lock = threading.Condition()
        self._types: set[tuple[str, str]] = set()  # domains and type keys
        self._runs: list[State] = []  # by their number
        self._histories: list[list[h.AnyEvent]] = []

    # -- the one way in which anything changes

    def _do(self, state: State, command: c.Command) -> None:
        change = decide(state, command, self._clock())
        children = [one for one in state.items.values() if isinstance(one, OpenChild)]
        apply(state, change)
        self._histories[state.run] += state.new_events
        state.settle()
        for message in sorted(change.outgoing, key=lambda one: not isinstance(one, c.ContinueRun)):
            self._deliver(state, message, children)
        self._lock.notify_all()

    def _deliver(self, sender: State, message: c.Outgoing, children: list[OpenChild]) -> None:
        domain = sender.execution.domain
        match message:
            case c.TellParent(parent=parent, closed=closed):
                self._tell(self._find(domain, parent), closed)
            case c.StartChild():
                self._tell(sender, self._start_child(message))
            case c.ContinueRun(execution=execution):
                heir = self._new(
                    execution,
                    c.Start(
                        input=message.input,
                        continued_execution_run_id=sender.execution.run_id,
                        search_attributes=message.search_attributes,
                    ),
                )
                for one in message.signals:
                    self._do(heir, c.Signal(signal_name=one.signal_name, input=one.input))
                if message.cancel:
                    self._do(heir, c.RequestCancel())
            case c.SendSignal() | c.SendCancel():
                self._tell(sender, self._send(sender, message))
            case c.ApplyChildPolicy(policy=policy):
                for child in children:
                    self._close_child(sender, child, policy)

    def _tell(self, state: State | None, command: c.Command) -> None:
        if state is not None and not state.is_closed:
            self._do(state, command)

    def _start_child(self, message: c.StartChild) -> c.Command:
        wanted = message.execution
        existing = self._find(wanted.domain, h.WorkflowExecution(wanted.workflow_id, ""))
        cause = None
        if (wanted.domain, wanted.workflow_type.key) not in self._types:
            cause = "WORKFLOW_TYPE_DOES_NOT_EXIST"
        elif existing is not None and not existing.is_closed:
            cause = "WORKFLOW_ALREADY_RUNNING"
        if cause is not None:
            return c.ChildNotStarted(
                workflow_id=wanted.workflow_id,
                workflow_type=wanted.workflow_type,
                initiated_event_id=message.initiated_event_id,
                decision_task_completed_event_id=message.decision_task_completed_event_id,
                cause=cause,
                control=message.control,
            )
        child = replace(wanted, run_id=uuid.uuid4().hex)
        self._new(child, c.Start(input=message.input))
        return c.ChildStarted(
            execution=h.WorkflowExecution(child.workflow_id, child.run_id),
            workflow_type=child.workflow_type,
            initiated_event_id=message.initiated_event_id,
            control=message.control,
        )

    def _send(self, sender: State, message: c.SendSignal | c.SendCancel) -> c.Command:
        execution = sender.execution
        receiver = h.WorkflowExecution(message.workflow_id, message.run_id or "")
        target = self._find(execution.domain, receiver)
        if target is None or target.is_closed:
            cause = "UNKNOWN_EXTERNAL_WORKFLOW_EXECUTION"
            return c.ExternalAnswered(outgoing=message, cause=cause)
        source: dict[str, Any] = {
            "source": h.WorkflowExecution(execution.workflow_id, execution.run_id),
            "source_initiated_event_id": message.initiated_event_id,
        }
        if isinstance(message, c.SendSignal):
            name, input = message.signal_name, message.input
            self._do(target, c.Signal(signal_name=name, input=input, **source))
        else:
            self._do(target, c.RequestCancel(**source))
        return c.ExternalAnswered(outgoing=message, run_id=target.execution.run_id)

    def _close_child(self, parent: State, child: OpenChild, policy: h.ChildPolicy) -> None:
        newest = h.WorkflowExecution(child.execution.workflow_id, "")
        state = self._find(parent.execution.domain, newest)
        if state is None or state.execution.parent_initiated_event_id != child.initiated_event_id:
            return
        if policy is h.ChildPolicy.TERMINATE:
            self._tell(state, c.Terminate(cause="CHILD_POLICY_APPLIED"))
        elif policy is h.ChildPolicy.REQUEST_CANCEL:
            self._tell(state, c.RequestCancel(cause="CHILD_POLICY_APPLIED"))

    def _new(self, execution: Execution, start: c.Start) -> State:
        state = State(len(self._runs), execution, Progress(), lambda *_: [], is_new=True)
        self._runs.append(state)
        self._histories.append([])
        self._do(state, start)
        return state

    def _catch_up(self) -> None:
        """Do what has become due, in the order in which it did."""
        while due := sorted(
            (item.due, state.run, item.kind, item.id)
            for state in self._runs
            for item in _items(state)
            if item.due is not None and item.due <= self._clock()
        ):
            _, run, kind, id = due[0]
            self._do(self._runs[run], c.Due(kind=kind, id=id))

    # -- finding

    def _find(self, domain: str, execution: h.WorkflowExecution) -> State | None:
        for state in reversed(self._runs):
            found = state.execution
            if (found.domain, found.workflow_id) == (domain, execution.workflow_id):
                if execution.run_id in ("", found.run_id):
                    return state
        return None

    def _known(self, domain: str, execution: h.WorkflowExecution) -> State:
        self._catch_up()
        state = self._find(domain, execution)
        if state is None:
            raise ExecutionNotFoundError(f"no execution {execution.workflow_id!r} on this shelf")
        return state

    def _held(self, token: str) -> tuple[State, int, str]:
        self._catch_up()
        run, _, rest = token.partition("/")
        started, _, id = rest.partition("/")
        if not (run.isdecimal() and started.isdecimal() and int(run) < len(self._runs)):
            raise InvalidTokenError(f"not a token of this shelf: {token[:40]!r}")
        return self._runs[int(run)], int(started), id

    # -- executions

    def register_workflow_type(self, domain: str, workflow_type: h.WorkflowType) -> None:
        with self._lock:
            self._types.add((domain, workflow_type.key))

    def start_workflow_execution(self, request: StartRequest) -> h.WorkflowExecution:
        check_types(request)
        with self._lock:
            self._catch_up()
            last = self._find(request.domain, h.WorkflowExecution(request.workflow_id, ""))
            if last is not None:
                if request.reuse_policy is ReusePolicy.RETURN_EXISTING:
                    return self._same(request, last)
                check_reuse(request, last.progress.status)
                self._tell(last, c.Terminate(reason="replaced by a new start"))
            names = Execution.__struct_fields__
            given = {name: getattr(request, name) for name in names if hasattr(request, name)}
            given |= {"run_id": uuid.uuid4().hex, "started_at": self._clock()}
            start = c.Start(input=request.input, search_attributes=request.search_attributes)
            return _name(self._new(Execution(**given), start))

    def _same(self, request: StartRequest, last: State) -> h.WorkflowExecution:
        """Return the newest run of the chain that this very request began."""
        first: State | None = last
        while first is not None:
            begun = self._histories[first.run][0]
            assert isinstance(begun, h.WorkflowExecutionStarted)
            if (begun.workflow_type, begun.input) == (request.workflow_type, request.input):
                return _name(last)
            run_id = begun.continued_execution_run_id
            before = h.WorkflowExecution(request.workflow_id, run_id or "")
            first = self._find(request.domain, before) if run_id else None
        raise other_start(request, last.execution.workflow_type)

    def signal_workflow_execution(
        self, domain: str, execution: h.WorkflowExecution, signal_name: str, input: str | None
    ) -> None:
        with self._lock:
            command = c.Signal(signal_name=signal_name, input=input)
            self._do(self._known(domain, execution), command)

    def request_cancel_workflow_execution(
        self, domain: str, execution: h.WorkflowExecution
    ) -> None:
        with self._lock:
            self._do(self._known(domain, execution), c.RequestCancel())

    def terminate_workflow_execution(
        self, domain: str, execution: h.WorkflowExecution, reason: str | None
    ) -> None:
        with self._lock:
            self._do(self._known(domain, execution), c.Terminate(reason=reason))

    # -- tasks

    def _poll(
        self, kind: str, domain: str, task_list: str, wait: float
    ) -> tuple[State, Any] | None:
        """Wait for the next item of a queue."""
        deadline = time.monotonic() + wait
        while True:
            self._catch_up()
            waiting = [
                (-item.priority, item.since, state.run, item.id)
                for state in self._runs
                for item in _items(state)
                if (item.kind, state.execution.domain, item.queue) == (kind, domain, task_list)
            ]
            if waiting:
                _, _, run, id = min(waiting)
                return self._runs[run], self._runs[run].get(kind, id)
            if (left := deadline - time.monotonic()) <= 0:
                return None
            self._lock.wait(min(left, 0.05))  # a timer may become due

    def poll_decision_task(
        self, domain: str, task_list: str, *, identity: str = "", wait: float = 0.0
    ) -> DecisionTask | None:
        with self._lock:
            found = self._poll("decision", domain, task_list, wait)
            if found is None:
                return None
            state = found[0]
            self._do(state, c.StartDecisionTask(identity=identity or None))
            started = state.progress.last_event_id
            return DecisionTask(
                token=f"{state.run}/{started}/",
                workflow_execution=_name(state),
                workflow_type=state.execution.workflow_type,
                started_event_id=started,
                previous_started_event_id=state.progress.previous_started_event_id,
                events=list(self._histories[state.run]),
                domain=domain,
                trace_context=state.execution.trace_context,
            )

    def complete_decision(self, token: str, decisions: Sequence[h.AnyDecision]) -> None:
        with self._lock:
            state, started, _ = self._held(token)
            given = list(decisions)
            self._do(state, c.CompleteDecisionTask(started_event_id=started, decisions=given))

    def fail_decision(self, token: str, cause: str, message: str) -> None:
        with self._lock:
            state, started, _ = self._held(token)
            command = c.FailDecisionTask(started_event_id=started, cause=cause, message=message)
            self._do(state, command)

    def poll_activity_task(
        self, domain: str, task_list: str, *, identity: str = "", wait: float = 0.0
    ) -> ActivityTask | None:
        with self._lock:
            found = self._poll("activity", domain, task_list, wait)
            if found is None:
                return None
            state, id = found[0], found[1].id
            self._do(state, c.StartActivityTask(activity_id=id, identity=identity or None))
            item = state.get("activity", id)
            assert isinstance(item, OpenActivity)
            return ActivityTask(
                token=f"{state.run}/{item.started_event_id}/{id}",
                workflow_execution=_name(state),
                activity_id=id,
                activity_type=item.activity_type,
                started_event_id=item.started_event_id,
                attempt=item.attempt,
                input=item.input,
                details=item.details,
                start_to_close=item.start_to_close,
                heartbeat=item.heartbeat,
                domain=domain,
                trace_context=state.execution.trace_context,
            )

    def _answer(self, token: str, kind: type[c.Command], **attributes: Any) -> State:
        state, started, id = self._held(token)
        self._do(state, kind(activity_id=id, started_event_id=started, **attributes))
        return state

    def complete_activity(self, token: str, result: str | None) -> None:
        with self._lock:
            self._answer(token, c.CompleteActivityTask, result=result)

    def fail_activity(
        self, token: str, reason: str | None, details: str | None, *, retryable: bool = True
    ) -> None:
        with self._lock:
            more: dict[str, Any] = {"reason": reason, "details": details, "retryable": retryable}
            self._answer(token, c.FailActivityTask, **more)

    def cancel_activity(self, token: str, details: str | None) -> None:
        with self._lock:
            self._answer(token, c.CancelActivityTask, details=details)

    def heartbeat_activity(self, token: str, details: str | None) -> bool:
        with self._lock:
            state = self._answer(token, c.Heartbeat, details=details)
            item = state.get("activity", token.split("/", 2)[2])
            return isinstance(item, OpenActivity) and item.cancel_requested_event_id > 0

    # -- reading

    def describe(self, domain: str, execution: h.WorkflowExecution) -> ExecutionDetail:
        with self._lock:
            state = self._known(domain, execution)
            decision = state.get("decision", "")
            return ExecutionDetail(
                info=_info(state),
                activities=tuple(one for one in _items(state) if isinstance(one, OpenActivity)),
                timers=tuple(one for one in _items(state) if isinstance(one, OpenTimer)),
                decision=decision if isinstance(decision, OpenDecision) else None,
                open_children=state.progress.open_children,
            )

    def history(
        self, domain: str, execution: h.WorkflowExecution, *, after: int = 0
    ) -> list[h.AnyEvent]:
        with self._lock:
            return self._histories[self._known(domain, execution).run][after:]

    def _matching(self, wanted: ExecutionFilter) -> Iterator[State]:
        self._catch_up()
        for state in reversed(self._runs):
            execution, attributes = state.execution, state.progress.search_attributes
            if (
                execution.domain == wanted.domain
                and wanted.workflow_id in (None, execution.workflow_id)
                and wanted.type_name in (None, execution.workflow_type.name)
                and (not wanted.statuses or state.progress.status in wanted.statuses)
                and (wanted.tag is None or wanted.tag in execution.tag_list)
                and all(_has(attributes, *one) for one in wanted.attributes)
                and (wanted.started_after or 0.0) <= execution.started_at
                and execution.started_at <= (wanted.started_before or float("inf"))
                and (wanted.before_run is None or state.run < wanted.before_run)
            ):
                yield state

    def list_executions(self, filter: ExecutionFilter) -> ExecutionPage:
        with self._lock:
            found = list(self._matching(filter))[: filter.limit]
            more = found[-1].run if found and len(found) == filter.limit else None
            return ExecutionPage(executions=tuple(map(_info, found)), next_page=more)

    def count_executions(self, filter: ExecutionFilter) -> int:
        with self._lock:
            return len(list(self._matching(filter)))

    def close(self) -> None:
        pass


def _items(state: State) -> list[AnyItem]:
    return [item for item in state.items.values() if item is not None]


def _name(state: State) -> h.WorkflowExecution:
    return h.WorkflowExecution(state.execution.workflow_id, state.execution.run_id)


def _has(attributes: dict[str, Any], name: str, value: Any) -> bool:
    found = attributes.get(name)
    return type(found) is type(value) and found == value


def _info(state: State) -> ExecutionInfo:
    execution, progress = state.execution, state.progress
    return ExecutionInfo(
        workflow_id=execution.workflow_id,
        run_id=execution.run_id,
        workflow_type=execution.workflow_type,
        status=Status(progress.status),
        started_at=execution.started_at,
        closed_at=progress.closed_at,
        task_list=execution.task_list,
        tag_list=execution.tag_list,
        event_count=progress.last_event_id,
        cancel_requested=progress.cancel_requested,
        parent=execution.parent,
        search_attributes=progress.search_attributes,
    )
