"""Log what happens to the executions that a worker serves: one line for each thing.

Failed attempts and failed executions are warnings; starts and completions are for level INFO. An
embedded engine tells of it by notices, after the commit. Of a polled service the worker logs what
it sees itself. Lines are limited (`line_limit`), and no payload is ever logged.
"""

from __future__ import annotations

import atexit
import logging
import time
from collections.abc import Callable, Sequence

from partita import history as h
from partita.history.failure import Failure
from partita.ports.notices import Notice
from partita.ports.service import ActivityAnswer, ActivityTask, DecisionTask
from partita.ports.state import OpenActivity
from partita.views.failures import line_of, printable
from partita.worker.line_limit import LineLimit

log = logging.getLogger("partita.executions")
limit = LineLimit(log)
log.addFilter(limit)
atexit.register(limit.flush)

_FAILURES = frozenset(
    {
        "activity_rescheduled",
        "activity_failed",
        "activity_timed_out",
        "process_failed",
        "process_timed_out",
        "process_terminated",
    }
)
_ENDS = frozenset({"process_completed", "process_canceled"})


class ExecutionLog:
    """A listener that logs notices."""

    def __init__(self, *, with_messages: bool) -> None:
        self._with_messages = with_messages
        self.wants = _FAILURES | _ENDS if log.isEnabledFor(logging.INFO) else _FAILURES

    def __call__(self, notice: Notice) -> None:
        """Log one notice; its line is made only if the limit lets it through."""
        event = notice.event
        is_returned = (
            isinstance(event, h.ActivityTaskRescheduled)
            and event.cause is h.RescheduleCause.GIVEN_BACK
        )
        if event is not None and not is_returned:
            level = logging.INFO if notice.name in _ENDS else logging.WARNING
            text = _Line(lambda: _line_of(notice, event, self._with_messages))
            log.log(level, "%s", text, extra=_fields(notice.execution))


class _Line:
    """A line that is made when it is written."""

    def __init__(self, make: Callable[[], str]) -> None:
        self._make = make

    def __str__(self) -> str:
        return self._make()


def log_start(task: DecisionTask) -> None:
    """Log that an execution begins, if this is its first decision task."""
    if task.previous_started_event_id or not log.isEnabledFor(logging.INFO):
        return
    if task.events[0].event_id != 1:
        return  # a live run of Amazon SWF is told only what is new
    if any(type(event) is h.DecisionTaskFailed for event in task.events):
        return  # an earlier try has logged it
    execution = task.workflow_execution
    log.info(
        "execution %s started: %s",
        printable(execution.workflow_id),
        printable(task.workflow_type.key),
        extra=_fields(execution),
    )


def log_polled(
    task: DecisionTask, decisions: Sequence[h.AnyDecision], *, with_messages: bool
) -> None:
    """Log what a polled decision task tells, and how its answer ends the execution."""
    execution = task.workflow_execution
    for event in task.events:
        is_new = event.event_id > task.previous_started_event_id
        if is_new and isinstance(event, h.ActivityTaskTimedOut):
            name = _scheduled_name(task, event.scheduled_event_id)
            _warn(execution, f": {name} timed out ({event.timeout_type.value})")
    match decisions[-1] if decisions else None:
        case h.FailWorkflowExecution(reason=reason, details=details):
            line = line_of(Failure.load(details, reason), with_message=with_messages)
            _warn(execution, f" failed: {line}")
        case h.CompleteWorkflowExecution():
            _log_end(execution, "completed")
        case h.CancelWorkflowExecution():
            _log_end(execution, "was cancelled")


def _scheduled_name(task: DecisionTask, event_id: int) -> str:
    """Return the name of the activity that an event has scheduled."""
    scheduled = (event for event in task.events if event.event_id == event_id)
    event = next(scheduled, None)
    return event.activity_type.name if isinstance(event, h.ActivityTaskScheduled) else "an activity"


def log_polled_attempt(
    task: ActivityTask, answer: ActivityAnswer, retry: h.RetryPolicy, *, with_message: bool
) -> None:
    """Log that an attempt failed which this worker ran for a polled service."""
    if answer.outcome != "failed":
        return
    failure = Failure.load(answer.details, answer.reason)
    final = not answer.retryable or retry.is_final(answer.reason, answer.details)
    is_last = final or task.attempt == retry.max_attempts
    then = "no further try" if is_last else f"next try in {retry.delay(task.attempt):.1f} s"
    attempt = _attempt(task.activity_type.name, task.attempt, retry)
    line = line_of(failure, with_message=with_message)
    _warn(task.workflow_execution, f": {attempt} failed: {line}; {then}")


def _line_of(notice: Notice, event: h.AnyEvent, with_message: bool) -> str:
    """Return the line of a notice."""
    what = f"execution {printable(notice.execution.workflow_id)}"
    match event:
        case h.ActivityTaskRescheduled():
            return f"{what}: {_rescheduled(event, notice.activity, with_message)}"
        case h.ActivityTaskFailed(reason=reason, details=details):
            line = line_of(Failure.load(details, reason), with_message=with_message)
            return f"{what}: {_tried(notice.activity)} failed: {line}; no further try"
        case h.ActivityTaskTimedOut(timeout_type=which):
            return f"{what}: {_tried(notice.activity)} timed out ({which.value}); no further try"
        case h.WorkflowExecutionFailed(reason=reason, details=details):
            line = line_of(Failure.load(details, reason), with_message=with_message)
            return f"{what} failed: {line}"
        case h.WorkflowExecutionTimedOut(timeout_type=which):
            return f"{what} timed out ({which.value})"
        case h.WorkflowExecutionTerminated(reason=reason):
            why = f": {printable(reason)}" if reason and with_message else ""
            return f"{what} was terminated{why}"
        case h.WorkflowExecutionCompleted():
            return f"{what} completed in {event.event_timestamp - notice.started_at:.3f} s"
        case _:
            return f"{what} was cancelled"


def _rescheduled(
    event: h.ActivityTaskRescheduled, activity: OpenActivity | None, with_message: bool
) -> str:
    """Return what became of an attempt that is followed by another."""
    name = "an activity" if activity is None else activity.activity_type.name
    attempt = _attempt(name, event.attempt, None if activity is None else activity.retry_policy)
    if event.cause is h.RescheduleCause.FAILED:
        failure = Failure.load(event.details, event.reason)
        how = f"failed: {line_of(failure, with_message=with_message)}"
    elif event.cause is h.RescheduleCause.TIMED_OUT:
        how = f"timed out ({event.reason})" if event.reason else "timed out"
    else:
        how = "was lost with its worker"
    at = time.strftime("%H:%M:%S", time.localtime(event.event_timestamp + event.backoff))
    return f"{attempt} {how}; next try in {event.backoff:.1f} s, at {at}"


def _tried(activity: OpenActivity | None) -> str:
    if activity is None:
        return "an activity"
    return _attempt(activity.activity_type.name, activity.attempt, activity.retry_policy)


def _attempt(name: str, attempt: int, retry: h.RetryPolicy | None) -> str:
    most = 1 if retry is None else retry.max_attempts
    of = f" of {max(most, attempt)}" if most else ""
    return f"attempt {attempt}{of} of {printable(name)}"


def _fields(execution: h.WorkflowExecution) -> dict[str, str]:
    return {"workflow_id": execution.workflow_id, "run_id": execution.run_id}


def _warn(execution: h.WorkflowExecution, text: str) -> None:
    id = printable(execution.workflow_id)
    log.warning("execution %s%s", id, text, extra=_fields(execution))


def _log_end(execution: h.WorkflowExecution, text: str) -> None:
    log.info("execution %s %s", printable(execution.workflow_id), text, extra=_fields(execution))
