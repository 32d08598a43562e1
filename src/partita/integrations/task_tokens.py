"""Represent task tokens, and the answers that come back with them.

A token names the execution and a signal of it, so whoever has one can answer through any client.
"""

from __future__ import annotations

import base64
import json
from typing import Any

import msgspec

from partita.errors import InvalidTokenError, UnsupportedError


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


class TaskTokenMark:
    """A value that stands for the token of a task, by itself and not as a part of a text."""

    def __repr__(self) -> str:
        return "aws.TASK_TOKEN"

    def __str__(self) -> str:
        raise UnsupportedError(
            "aws.TASK_TOKEN is no text; give it by itself, as in MessageBody={'token': "
            "aws.TASK_TOKEN}"
        )


TASK_TOKEN = TaskTokenMark()
"""Stands in arguments for the token that `.wait_for_task_token` waits for."""
