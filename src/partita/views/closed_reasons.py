"""Find why a closed execution ended as it did: the first cause, not what wrapped it.

Pure: what a service tells of the execution and its newest events in, a verdict out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from partita import history as h
from partita.errors import ActivityTimedOutError
from partita.history.failure import Failure
from partita.history.references import Kind
from partita.history.timeline import Operation, Timeline
from partita.ports.service import ExecutionInfo
from partita.ports.state import Status
from partita.views.failures import places_of, printable, type_and_message
from partita.views.standing import reason as said_in
from partita.views.surroundings import at_line
from partita.views.verdicts import Verdict, command

MAX_CAUSES = 20
"""Exceptions of a chain of causes that are followed."""


def verdict_of_closed(
    info: ExecutionInfo, events: Sequence[h.AnyEvent], child: Verdict | None = None
) -> Verdict:
    """Return how an execution ended; `events` are its newest, `child` is why its child failed."""
    code, reason, evidence, next = _ending(info, events)
    if child is not None and code == "FAILED":
        code = "CHILD_FAILED"
        reason = f"its child {printable(child.workflow_id)} {_END[child.status]} {child.reason}"
        evidence, next = {**evidence, "child_id": child.workflow_id}, child.next
        next = command("rerun", info.workflow_id)
    return Verdict(
        code=code,
        workflow_id=info.workflow_id,
        run_id=info.run_id,
        status=info.status.name,
        reason=reason,
        evidence={name: one for name, one in evidence.items() if one is not None},
        next=next,
        child=child,
    )


_END = {
    "FAILED": "failed because",
    "TIMED_OUT": "timed out because",
    "CANCELED": "was cancelled:",
    "TERMINATED": "was terminated:",
}


def failed_child(events: Sequence[h.AnyEvent]) -> h.WorkflowExecution | None:
    """Return the child whose end the newest events show, if a failed one is why they end."""
    for event in reversed(events):
        match event:
            case (
                h.ChildWorkflowExecutionFailed(workflow_execution=child)
                | h.ChildWorkflowExecutionTimedOut(workflow_execution=child)
                | h.ChildWorkflowExecutionTerminated(workflow_execution=child)
                | h.ChildWorkflowExecutionCanceled(workflow_execution=child)
            ):
                return child
            case h.ActivityTaskFailed() | h.ActivityTaskTimedOut():
                return None
    return None


def _ending(
    info: ExecutionInfo, events: Sequence[h.AnyEvent]
) -> tuple[str, str, dict[str, Any], str]:
    id = info.workflow_id
    said = said_in(events)
    match info.status:
        case Status.COMPLETED:
            return "COMPLETED", "it has a result", {}, command("result", id)
        case Status.CONTINUED_AS_NEW:
            run = getattr(events[-1], "new_execution_run_id", None) if events else None
            return "CONTINUED", f"run {run}", {"new_run_id": run}, command("why", id)
        case Status.TIMED_OUT:
            what = said or "it was open for longer than it may be"
            return "TIMED_OUT", what, {}, command("profile", id, "--run", info.run_id)
        case Status.CANCELED:
            return "CANCELED", said or "it was asked to", {}, command("rerun", id)
        case Status.TERMINATED:
            return "TERMINATED", said or "no reason was given", {"said": said}, command("rerun", id)
    return ("FAILED", *_failed(id, events))


def _failed(id: str, events: Sequence[h.AnyEvent]) -> tuple[str, dict[str, Any], str]:
    last = events[-1] if events else None
    if not isinstance(last, h.WorkflowExecutionFailed):
        return "no reason is recorded", {}, command("history", id)
    whole = Failure.load(last.details, last.reason)
    chain = list(causes(whole))
    first = chain[0]
    evidence: dict[str, Any] = {
        "error": printable(first.type),
        "message": printable(first.summary),
        **next(filter(None, map(_place, chain)), {}),  # a part of a group may have none
    }
    text = f"{type_and_message(first)} was raised{at_line(evidence)}"
    step = _failed_step(events)
    if step is not None and _is_among(step, chain):
        evidence |= {"activity": step.name or None, "activity_id": step.id}
        evidence |= {"attempts": step.attempts} if step.begun is not None else {}
        if isinstance(step.closed, h.ActivityTaskFailed):
            text += f" in activity {printable(step.name or step.id)}"
    if len(chain) > 1:
        evidence["became"] = [_became(one) for one in chain[1:]]
        text += ", and became " + ", then ".join(_became(one) for one in chain[1:])
    return text, evidence, command("rerun", id)


def causes(failure: Failure) -> Iterator[Failure]:
    """Yield the exceptions of a chain of causes, the first cause first."""
    chain = [failure]
    numbers = {0}
    while len(chain) < MAX_CAUSES:
        one = chain[-1]
        number = one.parts[0] if one.parts else one.cause
        if number is None and not one.suppresses_context:
            number = one.context
        before = failure.at(number)
        if number is None or before is None or number in numbers:
            break
        numbers.add(number)
        chain.append(before)
    yield from reversed(chain)


def _is_among(step: Operation, chain: Sequence[Failure]) -> bool:
    """Whether what an activity failed with is one of these exceptions."""
    closed = step.closed
    if not isinstance(closed, h.ActivityTaskFailed):
        return any(one.type == ActivityTimedOutError.__name__ for one in chain)
    failure = Failure.load(closed.details, closed.reason)
    return any(one.type == failure.type for one in chain)


def _place(failure: Failure) -> dict[str, Any]:
    places = places_of(failure.traceback)
    if not places:
        return {}
    last = places[-1]
    return {"file": last.file, "line": last.line, "function": last.function}


def _became(failure: Failure) -> str:
    return type_and_message(failure) + at_line(_place(failure))


_FAILURES = (h.ActivityTaskFailed, h.ActivityTaskTimedOut)


def _failed_step(events: Sequence[h.AnyEvent]) -> Operation | None:
    """Return the activity that failed last, if one did."""
    found = [
        one
        for one in Timeline(events).operations.values()
        if one.kind is Kind.ACTIVITY and isinstance(one.closed, _FAILURES)
    ]
    return max(found, key=lambda one: one.closed.event_id, default=None)
