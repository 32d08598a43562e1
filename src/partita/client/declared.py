"""Ask a living worker, before a message is sent, whether the running code takes it."""

from __future__ import annotations

import msgspec

from partita import errors
from partita import history as h
from partita.client.fallbacks import queries_of
from partita.ports.service import Service
from partita.ports.state import Status
from partita.replay.declared import CHECK, STACKS, WAITS, Message, read_verdict
from partita.replay.stacks import CodeStack

TIMEOUT = 2.0
"""Seconds that a worker has for its answer; without one the message is sent unchecked."""

_UNANSWERED = (
    errors.NoWorkerError,
    errors.QueryFailedError,
    errors.UnknownTypeError,
    errors.UnsupportedError,
    errors.WaitTimeoutError,
)
"""What says that nobody can tell: no worker, one of an older version, or a decider by hand."""


def check_message(
    service: Service, domain: str, execution: h.WorkflowExecution, message: Message
) -> None:
    """Check a message by the code that runs, if a worker is there to tell.

    Raises:
        UnknownTypeError: the code takes none of that name.
        InvalidInputError: its value or arguments do not fit; the message names the field.
    """
    if service.describe(domain, execution).info.status is not Status.OPEN:
        return  # who sends it says so
    answer = _asked(service, domain, execution, CHECK, msgspec.json.encode(message).decode())
    if answer is None:
        return
    verdict = read_verdict(answer)
    if verdict.code == errors.UnknownTypeError.code:
        raise errors.UnknownTypeError(verdict.problem)
    if verdict.code:
        raise errors.InvalidInputError(verdict.problem)


def waits_of_code(
    service: Service, domain: str, execution: h.WorkflowExecution
) -> list[str] | None:
    """Return what the running code waits for, as texts; None if no worker tells."""
    answer = _asked(service, domain, execution, WAITS, None)
    return None if answer is None else msgspec.json.decode(answer, type=list[str])


def stacks_of_code(
    service: Service, domain: str, execution: h.WorkflowExecution
) -> list[CodeStack] | None:
    """Return where the running code waits; None if no worker tells."""
    answer = _asked(service, domain, execution, STACKS, None)
    return None if answer is None else msgspec.json.decode(answer, type=list[CodeStack])


def _asked(
    service: Service, domain: str, execution: h.WorkflowExecution, name: str, input: str | None
) -> str | None:
    try:
        return queries_of(service).query_workflow(domain, execution, name, input, TIMEOUT)
    except _UNANSWERED:
        return None
