"""Answer tasks that wait for their token (`.waitForTaskToken`)."""

from __future__ import annotations

from typing import Any

from partita.client import Client
from partita.integrations.task_tokens import FAILURE, HEARTBEAT, SUCCESS, Answer, TaskToken


def send_task_success(client: Client, token: str, output: Any = None) -> None:
    """Complete a task; its state goes on with the output.

    Raises:
        InvalidTokenError: it is no token.
        ExecutionNotFoundError: the execution is not open any more.
    """
    _send(client, token, Answer(SUCCESS, output))


def send_task_failure(
    client: Client, token: str, error: str | None = None, cause: str | None = None
) -> None:
    """Fail a task; its state may retry or catch that.

    Raises:
        InvalidTokenError: it is no token.
        ExecutionNotFoundError: the execution is not open any more.
    """
    _send(client, token, Answer(FAILURE, None, error, cause))


def send_task_heartbeat(client: Client, token: str) -> None:
    """Tell a state with HeartbeatSeconds that its task is worked on.

    Raises:
        InvalidTokenError: it is no token.
        ExecutionNotFoundError: the execution is not open any more.
    """
    _send(client, token, Answer(HEARTBEAT))


def _send(client: Client, token: str, answer: Answer) -> None:
    read = TaskToken.parse(token)
    client.signal(read.workflow_id, read.signal, answer, run_id=read.run_id)
