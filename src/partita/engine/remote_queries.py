"""Put a query to a worker in another process, by way of the store."""

from __future__ import annotations

import time
import uuid

from partita.engine.scheduler import Scheduler
from partita.engine.transaction import EngineTransaction
from partita.errors import NoWorkerError, QueryFailedError, UnknownTypeError
from partita.ports.store import Answer, Question, Record

FORGOTTEN = 3600.0
"""Seconds after which a question is taken for that of a process that has died."""


def ask_others(
    scheduler: Scheduler, record: Record, name: str, input: str | None, timeout: float | None
) -> str:
    """Ask, and wait for the answer.

    Raises:
        NoWorkerError: no worker is alive, or none answered in time.
        QueryFailedError: the code that was to answer raised.
        UnknownTypeError: the workflow answers no query of that name.
    """
    if not scheduler.store.shared or not scheduler.store.workers():
        raise NoWorkerError(_nobody(record))
    execution = record.execution
    question = Question(
        id=uuid.uuid4().hex,
        domain=execution.domain,
        run=record.run,
        type_key=execution.workflow_type.key,
        name=name,
        input=input,
        asked_at=time.time(),
    )

    def ask(tx: EngineTransaction) -> None:
        tx.stored.drop_questions_before(question.asked_at - FORGOTTEN)
        tx.stored.ask(question)

    scheduler.inbox.ask(ask)
    found: list[Answer] = []

    def moved() -> bool:
        answer = scheduler.inbox.ask(lambda tx: tx.stored.take_answer(question.id))
        if answer is not None:
            found.append(answer)
        return answer is not None

    timeout = scheduler.timing.query_timeout if timeout is None else timeout
    if not scheduler.waiters.follow(moved, timeout):
        scheduler.inbox.ask(lambda tx: tx.stored.drop_question(question.id))
        raise NoWorkerError(_nobody(record))
    return _read(found[0])


def _read(answer: Answer) -> str:
    if answer.result is not None:
        return answer.result
    if answer.code == UnknownTypeError.code:
        raise UnknownTypeError(answer.message)
    raise QueryFailedError(answer.message)


def _nobody(record: Record) -> str:
    key = record.execution.workflow_type.key
    return (
        f"no worker that has workflow {key} answers; start one, or give the workflow's code "
        "so that its history can be replayed here"
    )
