"""Put a query to a worker in another process, by way of the store."""

from __future__ import annotations

import time
import uuid

from partita.engine import catalogue
from partita.engine.scheduler import Scheduler
from partita.engine.transaction import EngineTransaction
from partita.errors import NoWorkerError, QueryFailedError, UnknownTypeError
from partita.ports.catalogue import Answer, Question
from partita.ports.store import Record

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
    if scheduler.store.glance is None or not catalogue.workers(scheduler.store):
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
        since = question.asked_at - FORGOTTEN
        catalogue.drop_questions(tx.stored, question.domain, lambda one: one.asked_at < since)
        catalogue.ask(tx.stored, question)

    scheduler.inbox.ask(ask)
    place = (question.domain, question.id)
    found: list[Answer] = []

    def moved() -> bool:
        answer = scheduler.inbox.ask(lambda tx: catalogue.take_answer(tx.stored, *place))
        if answer is not None:
            found.append(answer)
        return answer is not None

    timeout = scheduler.timing.query_timeout if timeout is None else timeout
    if not scheduler.waiters.follow(moved, timeout):
        scheduler.inbox.ask(lambda tx: catalogue.drop_question(tx.stored, *place))
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
