"""Hand out task tokens, and wait for those who send them back."""

from __future__ import annotations

from typing import Any

from partita.asl.failures import StateFailure
from partita.asl.frame import Frame
from partita.asl.tasks.calls import failure_of
from partita.authoring.execution import record_marker, workflow_info
from partita.errors import ActivityTimedOutError
from partita.integrations import waits
from partita.integrations.task_tokens import FAILURE, TaskToken

TASK_OVER = "task over: "
"""What the names of the markers of attempts that have ended without an answer begin with."""


def give_token(frame: Frame) -> None:
    """Give the task of a state's visit a token, and the signal that its answer comes as."""
    execution, info = frame.execution, workflow_info()
    frame.signal = f"task-{next(execution.numbers)}"
    text = TaskToken(info.workflow_id, info.run_id, frame.signal).text()
    seal = execution.serving.seal
    frame.token = text if seal is None else seal(text)


def note_end(signal: str) -> None:
    """Record that an attempt no longer waits for its token, so that nobody answers it any more."""
    record_marker(f"{TASK_OVER}{signal}")


def wait_for_answer(signal: str, timeout: float | None, heartbeat: float | None) -> Any:
    """Return the output that comes with a signal; times are in seconds.

    Raises:
        StateFailure: it comes with a failure, or none comes in time.
    """
    try:
        answer = waits.wait_for_answer("task", signal, timeout, heartbeat)
    except ActivityTimedOutError as late:
        raise failure_of(late) from None
    if answer.kind == FAILURE:
        raise StateFailure(answer.error, answer.cause)
    return answer.output
