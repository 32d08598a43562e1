"""Start executions on Amazon SWF, and find the execution that a repeated start means.

SWF has one rule: a workflow id may have one open execution. Our reuse policies depend on what was
there before, too. Finding out and starting are two calls, so two starts at the same moment may both
find nothing, and then SWF's rule decides; its lists may also be some seconds late.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from msgspec.structs import replace

from partita import history as h
from partita.aws.calls import was_repeated
from partita.errors import (
    ExecutionAlreadyStartedError,
    ExecutionNotFoundError,
    UnknownTypeError,
)
from partita.ports.requests import check_results, check_reuse, fork_point, other_start
from partita.ports.service import ExecutionInfo, ForkRequest, ReusePolicy, StartRequest
from partita.ports.state import Status
from partita.swf.backend.calls import Call, DomainNotFoundError
from partita.swf.backend.envelopes import Fork, Start, opened, sealed
from partita.swf.backend.execution_lists import ExecutionLists
from partita.swf.backend.history_reader import HistoryReader
from partita.swf.backend.ids import escaped, plain
from partita.swf.backend.payloads import Payloads
from partita.swf.backend.registration import Registration
from partita.swf.backend.translate_decisions import EXECUTION_LIMIT


class Starts:
    """The starts of one region."""

    def __init__(
        self,
        call: Call,
        payloads: Payloads,
        registration: Registration,
        lists: ExecutionLists,
        histories: HistoryReader,
        begun: Callable[[str, h.WorkflowExecution], None],
    ) -> None:
        self._call = call
        self._payloads = payloads
        self._registration = registration
        self._lists = lists
        self._histories = histories
        self._begun_here = begun  # called with each execution that was begun, and its domain

    def start(self, request: StartRequest) -> h.WorkflowExecution:
        """Start an execution, or return the one that this very request started before.

        Raises:
            ExecutionAlreadyStartedError: the reuse policy forbids it.
        """
        if request.reuse_policy is not ReusePolicy.ALLOW:
            existing = self._existing(request)
            if existing is not None:
                return existing
        try:
            return self.begin(request, Start(text=request.input))
        except ExecutionAlreadyStartedError:
            return self._lost_race(request)

    def check_reuse(self, request: StartRequest) -> None:
        """Check that a workflow id without an open execution may be used again.

        Raises:
            ExecutionAlreadyStartedError: the reuse policy forbids it.
        """
        if request.reuse_policy in (ReusePolicy.REJECT, ReusePolicy.ALLOW_AFTER_FAILURE):
            self._existing(request)

    def begin(self, request: StartRequest, start: Start) -> h.WorkflowExecution:
        """Start an execution whatever was there before, unless one is open."""
        if request.search_attributes:
            start = replace(start, attributes=request.search_attributes)
        try:
            run_id = self._begin_once(request, start)
        except (DomainNotFoundError, UnknownTypeError):
            self._registration.workflow(request.domain, request.workflow_type)
            run_id = self._begin_once(request, start)
        execution = h.WorkflowExecution(request.workflow_id, run_id)
        self._begun_here(request.domain, execution)
        return execution

    def _begin_once(self, request: StartRequest, start: Start) -> str:
        """Start an execution; if the answer was lost, find out whether it was started."""
        try:
            return self._begin(request, start)
        except ExecutionAlreadyStartedError as error:
            last = None
            if was_repeated(error):
                last = self._lists.newest(request.domain, request.workflow_id)
            if last is None or last.status is not Status.OPEN:
                raise
            begun = self._begun(request, last.run_id)
            if (begun.workflow_type, opened(begun.input, Start)) != (request.workflow_type, start):
                raise
            return last.run_id

    def _begun(self, request: StartRequest, run_id: str) -> h.WorkflowExecutionStarted:
        """Return how a run of a start's workflow id began."""
        exact = h.WorkflowExecution(request.workflow_id, run_id)
        begun = self._histories.first(request.domain, exact)
        assert isinstance(begun, h.WorkflowExecutionStarted)
        return plain(begun)

    def _begin(self, request: StartRequest, start: Start) -> str:
        kind, longest = request.workflow_type, request.execution_start_to_close
        answer = self._call(
            "start_workflow_execution",
            domain=request.domain,
            workflowId=escaped(request.workflow_id),
            workflowType={"name": escaped(kind.name), "version": escaped(kind.version)},
            taskList={"name": escaped(request.task_list)},
            taskPriority=str(request.task_priority) if request.task_priority else None,
            input=self._payloads.pack(sealed(start), "the input"),
            executionStartToCloseTimeout=_seconds(longest and min(longest, EXECUTION_LIMIT)),
            taskStartToCloseTimeout=_seconds(request.task_start_to_close),
            childPolicy=request.child_policy.value,
            tagList=list(request.tag_list) or None,
            lambdaRole=request.lambda_role,
        )
        return str(answer["runId"])

    def _existing(self, request: StartRequest) -> h.WorkflowExecution | None:
        """Return the execution that a start means, None if a new run may begin."""
        last = self._lists.newest(request.domain, request.workflow_id)
        if last is None:
            return None
        if request.reuse_policy is ReusePolicy.RETURN_EXISTING:
            return self._same(request, last)
        check_reuse(request, last.status)
        if last.status is Status.OPEN:
            self._terminate(request.domain, last, "replaced by a new start")
        return None

    def _lost_race(self, request: StartRequest) -> h.WorkflowExecution:
        """Return the open execution that a start has found, if it is its own, repeated."""
        if request.reuse_policy is ReusePolicy.RETURN_EXISTING:
            last = self._lists.newest(request.domain, request.workflow_id)
            if last is not None:
                return self._same(request, last)
        raise ExecutionAlreadyStartedError(
            f"workflow id {request.workflow_id!r} is open "
            f"and the reuse policy is {request.reuse_policy.value!r}; choose another id or policy"
        )

    def _same(self, request: StartRequest, last: ExecutionInfo) -> h.WorkflowExecution:
        """Return the run if it, or the first of those that it continues, began by this request."""
        run_id: str | None = last.run_id
        while run_id is not None:
            try:
                begun = self._begun(request, run_id)
            except ExecutionNotFoundError:
                break  # no longer kept
            input = opened(begun.input, Start).text
            if begun.workflow_type == request.workflow_type and input == request.input:
                return h.WorkflowExecution(last.workflow_id, last.run_id)
            run_id = begun.continued_execution_run_id
        raise other_start(request, last.workflow_type)

    def fork(
        self, request: ForkRequest, source: ExecutionInfo, events: Sequence[h.AnyEvent]
    ) -> h.WorkflowExecution:
        """Begin a run that reuses the recorded steps of another.

        Raises:
            UnknownForkPointError: the source has no such event, or no such activity.
            ExecutionAlreadyStartedError: the new workflow id is taken by an open execution.
        """
        until = fork_point(request, len(events))
        new_id = request.new_workflow_id or request.workflow_id
        resets = new_id == request.workflow_id
        begun = events[0]
        assert isinstance(begun, h.WorkflowExecutionStarted)
        fork = Fork(
            workflow_id=source.workflow_id,
            run_id=source.run_id,
            own_id=new_id,
            until=until,
            failures=request.reuse_failures,
            all_signals=resets,
            results=request.results,
        )
        inherited = self._inherited(request, source, events)
        if inherited is None:
            check_results(request, request.workflow_id, events)
        start = Start(
            text=begun.input if request.input is None else request.input,
            attributes=source.search_attributes,
            fork=fork if inherited is None else replace(inherited, own_id=new_id),
        )
        if resets:
            newest = self._lists.newest(request.domain, new_id)
            if newest is not None and newest.status is Status.OPEN:
                self._terminate(request.domain, newest, "replaced by a reset")
        again = _as_started(begun, new_id, request.domain)
        return self.begin(replace(again, task_list=request.task_list or again.task_list), start)

    def _inherited(
        self, request: ForkRequest, source: ExecutionInfo, events: Sequence[h.AnyEvent]
    ) -> Fork | None:
        """Return what the source was to reuse, if it is a fork itself and has decided nothing."""
        asked = any(isinstance(one, h.DecisionTaskCompleted) for one in events)
        if asked or request.event_id is not None:
            return None
        exact = h.WorkflowExecution(source.workflow_id, source.run_id)
        begun = self._histories.first(request.domain, exact)
        fork = opened(getattr(begun, "input", None), Start).fork
        if fork is None:
            return None
        origin = h.WorkflowExecution(fork.workflow_id, fork.run_id)
        try:
            theirs = self._histories.events(request.domain, origin)
        except ExecutionNotFoundError:
            return None  # no longer kept
        check_results(request, request.workflow_id, theirs)
        return replace(
            fork, failures=request.reuse_failures, results=fork.results | request.results
        )

    def _terminate(self, domain: str, info: ExecutionInfo, reason: str) -> None:
        try:
            self._call(
                "terminate_workflow_execution",
                domain=domain,
                workflowId=escaped(info.workflow_id),
                runId=info.run_id,
                reason=reason,
            )
        except ExecutionNotFoundError:
            pass  # it has closed by itself


def _seconds(value: Any) -> str | None:
    return None if value is None else str(math.ceil(value))


def _as_started(begun: h.WorkflowExecutionStarted, workflow_id: str, domain: str) -> StartRequest:
    return StartRequest(
        workflow_id=workflow_id,
        workflow_type=begun.workflow_type,
        domain=domain,
        task_list=begun.task_list,
        task_priority=begun.task_priority or 0,
        child_policy=begun.child_policy,
        task_start_to_close=begun.task_start_to_close,
        execution_start_to_close=begun.execution_start_to_close,
        tag_list=begun.tag_list,
        lambda_role=begun.lambda_role,
    )
