"""Rules for Lambda functions: schedule, invoke, end, time out.

Nobody retries a Lambda function, and nobody is asked to give it back: whoever invoked it and
then died lets it run into its timeout, as in SWF.

Source: Amazon SWF Developer Guide, "Using AWS Lambda tasks in Amazon SWF".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from partita import history as h
from partita.errors import TaskLostError
from partita.ports.state import LAMBDA_TASK_LIST, OpenLambda
from partita.rules.commands import CompleteLambdaFunction, FailLambdaFunction, StartLambdaFunction
from partita.rules.draft import Draft
from partita.rules.refusals import refuse

DEFAULT_START_TO_CLOSE = 300.0
"""Seconds that a Lambda function may run if the decision does not say."""


def schedule_lambda(draft: Draft, decision: h.ScheduleLambdaFunction, completed: int) -> None:
    cause = _objection(draft, decision)
    if cause is not None:
        refuse(draft, decision, cause, completed)
        return
    scheduled = draft.event(
        h.LambdaFunctionScheduled,
        id=decision.id,
        name=decision.name,
        control=decision.control,
        input=decision.input,
        start_to_close=decision.start_to_close,
        decision_task_completed_event_id=completed,
    )
    draft.count("open_lambdas", 1)
    item = OpenLambda(
        id=decision.id,
        name=decision.name,
        queue=LAMBDA_TASK_LIST,
        since=draft.now,
        scheduled_event_id=scheduled,
        input=decision.input,
        start_to_close=decision.start_to_close,
    )
    draft.put(item)


def _objection(draft: Draft, decision: h.ScheduleLambdaFunction) -> str | None:
    if not draft.terms.lambdas:
        return "LAMBDA_SERVICE_NOT_AVAILABLE_IN_REGION"
    if draft.get("lambda", decision.id) is not None:
        return "ID_ALREADY_IN_USE"
    return "OPEN_LAMBDA_FUNCTIONS_LIMIT_EXCEEDED" if draft.is_full("open_lambdas") else None


def start_lambda(draft: Draft, command: StartLambdaFunction) -> None:
    item: OpenLambda | None = draft.get("lambda", command.id)
    if item is None or item.started_event_id:
        raise TaskLostError(f"Lambda function {command.id} is invoked, or not there any more")
    if command.failure is not None:
        _end(
            draft,
            item,
            h.StartLambdaFunctionFailed,
            cause="ASSUME_ROLE_FAILED",
            message=command.failure,
        )
        return
    started = draft.event(h.LambdaFunctionStarted, scheduled_event_id=item.scheduled_event_id)
    timeout = DEFAULT_START_TO_CLOSE if item.start_to_close is None else item.start_to_close
    draft.put(replace(item, queue=None, started_event_id=started, due=draft.now + timeout))


def _held(draft: Draft, id: str, started_event_id: int) -> OpenLambda:
    item: OpenLambda | None = draft.get("lambda", id)
    if item is None or item.started_event_id != started_event_id:
        raise TaskLostError(f"Lambda function {id} has ended, or timed out")
    return item


def _end(
    draft: Draft, item: OpenLambda, make: Callable[..., h.AnyEvent], **attributes: Any
) -> None:
    if item.started_event_id:
        attributes["started_event_id"] = item.started_event_id
    draft.event(make, scheduled_event_id=item.scheduled_event_id, **attributes)
    draft.drop_item("lambda", item.id)
    draft.count("open_lambdas", -1)
    draft.wake()


def complete_lambda(draft: Draft, command: CompleteLambdaFunction) -> None:
    item = _held(draft, command.id, command.started_event_id)
    _end(draft, item, h.LambdaFunctionCompleted, result=command.result)


def fail_lambda(draft: Draft, command: FailLambdaFunction) -> None:
    item = _held(draft, command.id, command.started_event_id)
    _end(draft, item, h.LambdaFunctionFailed, reason=command.reason, details=command.details)


def lambda_due(draft: Draft, item: OpenLambda) -> None:
    _end(draft, item, h.LambdaFunctionTimedOut, timeout_type=h.TimeoutType.START_TO_CLOSE)
