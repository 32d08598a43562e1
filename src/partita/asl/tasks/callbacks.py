"""Hand out task tokens, and wait for those who send them back.

A token names the execution and a signal of it, so whoever has one can answer through any client.
"""

from __future__ import annotations

import base64
import json
from typing import Any

import msgspec

from partita.asl.failures import StateFailure
from partita.asl.frame import Frame
from partita.asl.tasks.calls import timed_out
from partita.authoring.determinism import now
from partita.authoring.execution import workflow_info
from partita.authoring.messages import wait_signal
from partita.errors import InvalidTokenError, WaitTimeoutError


class TaskToken(msgspec.Struct, frozen=True):
    """What a task token says."""

    workflow_id: str
    run_id: str
    signal: str

    def text(self) -> str:
        """Return the token as text."""
        parts = json.dumps([self.workflow_id, self.run_id, self.signal], separators=(",", ":"))
        return base64.urlsafe_b64encode(parts.encode()).decode()

    @classmethod
    def parse(cls, text: str) -> TaskToken:
        """Return what a token says.

        Raises:
            InvalidTokenError: it is none.
        """
        try:
            workflow_id, run_id, signal = json.loads(base64.urlsafe_b64decode(text))
            return cls(str(workflow_id), str(run_id), str(signal))
        except (ValueError, TypeError) as error:
            raise InvalidTokenError(f"Invalid Token: '{text[:40]}'") from error


class Answer(msgspec.Struct, frozen=True, omit_defaults=True):
    """What comes back with a token: a success, a failure or a heartbeat."""

    kind: str
    output: Any = None
    error: str | None = None
    cause: str | None = None


SUCCESS, FAILURE, HEARTBEAT = "success", "failure", "heartbeat"


def give_token(frame: Frame) -> None:
    """Give the task of a state's visit a token, and the signal that its answer comes as."""
    execution, info = frame.execution, workflow_info()
    frame.signal = f"task-{next(execution.numbers)}"
    text = TaskToken(info.workflow_id, info.run_id, frame.signal).text()
    seal = execution.serving.seal
    frame.token = text if seal is None else seal(text)


def wait_for_answer(signal: str, timeout: float | None, heartbeat: float | None) -> Any:
    """Return the output that comes with a signal; times are in seconds.

    Raises:
        StateFailure: it comes with a failure, or none comes in time.
    """
    end = None if timeout is None else now().timestamp() + timeout
    while True:
        left = None if end is None else max(0.0, end - now().timestamp())
        limits = [one for one in (left, heartbeat) if one is not None]
        try:
            answer = wait_signal(signal, Answer, timeout=min(limits, default=None))
        except WaitTimeoutError:
            raise timed_out(is_heartbeat=left is None or left > (heartbeat or left)) from None
        if answer.kind == SUCCESS:
            return answer.output
        if answer.kind == FAILURE:
            raise StateFailure(answer.error, answer.cause)
