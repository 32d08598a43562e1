"""Read and write what the engine keeps in its store's catalogue, by type.

Workers, known workflow types, limits of task lists, retentions, and questions from one process
to another. What is read without a lock may be outdated: each change compares, so that one of
two who change an entry at once begins its transaction anew.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from partita.ports import catalogue as kinds
from partita.ports.catalogue import Answer, LimitRecord, Question, Retention, WorkerRecord
from partita.ports.store import News, Reads, Transaction

_encode = msgspec.json.Encoder().encode
_read_worker = kinds.read_worker
_read_limit = msgspec.json.Decoder(LimitRecord).decode
_read_retention = msgspec.json.Decoder(Retention).decode
_read_question = msgspec.json.Decoder(Question).decode


def _put(transaction: Transaction, kind: str, domain: str, key: str, value: Struct | bool) -> None:
    was = transaction.lock(kind, domain, key)
    transaction.enter(kind, domain, key, _encode(value).decode(), was)


def _drop(
    transaction: Transaction,
    kind: str,
    domain: str,
    key: str,
    wanted: Callable[[str], bool] = lambda _: True,
) -> bool:
    """Remove an entry if it is there and `wanted`; return whether it was."""
    was = transaction.lock(kind, domain, key)
    if was is None or not wanted(was):
        return False
    transaction.enter(kind, domain, key, None, was)
    return True


# -- workers


def workers(reads: Reads) -> list[WorkerRecord]:
    """Return every worker on record."""
    return [_read_worker(body) for body in reads.entries(kinds.WORKER, "").values()]


def put_worker(transaction: Transaction, worker: WorkerRecord) -> None:
    """Insert or replace a worker."""
    _put(transaction, kinds.WORKER, "", worker.id, worker)


def drop_worker(transaction: Transaction, worker: WorkerRecord) -> bool:
    """Remove a worker; return False if its record is gone, or is no longer this one.

    Waits for what it is committing, so that nothing is added to what it `held` afterwards.
    Others must look at what comes due: it may be that only this worker knew.
    """
    transaction.tell(News.WORK)
    return _drop(
        transaction, kinds.WORKER, "", worker.id, lambda body: _read_worker(body) == worker
    )


def require_worker(transaction: Transaction, id: str) -> None:
    """Commit only if this worker is on record: the transaction gives tasks to it."""
    transaction.require(kinds.WORKER, "", id)


# -- workflow types


def add_types(transaction: Transaction, domain: str, keys: Collection[str]) -> None:
    """Remember workflow types."""
    if keys:
        known = transaction.entries(kinds.TYPE, domain)
        for key in sorted(set(keys) - known.keys()):
            transaction.enter(kinds.TYPE, domain, key, "true", None)


def has_type(reads: Reads, domain: str, key: str) -> bool:
    """Return whether a workflow type was ever added."""
    return reads.entry(kinds.TYPE, domain, key) is not None


# -- limits of task lists


def limits(reads: Reads, domain: str) -> dict[str, LimitRecord]:
    """Return the limits of a domain, by task list."""
    found = reads.entries(kinds.LIMIT, domain)
    return {task_list: _read_limit(body) for task_list, body in found.items()}


def lock_limit(
    transaction: Transaction, domain: str, task_list: str
) -> tuple[LimitRecord, str] | None:
    """Return the limits of a task list and their entry; others cannot use them up meanwhile."""
    body = transaction.lock(kinds.LIMIT, domain, task_list)
    return None if body is None else (_read_limit(body), body)


def use_limit(transaction: Transaction, limit: LimitRecord, was: str) -> None:
    """Record what was used up of a limit that is locked; nobody must look at it again for that."""
    body = _encode(limit).decode()
    transaction.enter(kinds.LIMIT, limit.domain, limit.task_list, body, was)


def put_limit(transaction: Transaction, limit: LimitRecord) -> None:
    """Insert or replace a task list's limits; with neither limit, remove them."""
    transaction.tell(News.LIMITS | News.WORK)
    if limit.concurrency is None and limit.per_second is None and limit.paused is None:
        _drop(transaction, kinds.LIMIT, limit.domain, limit.task_list)
    else:
        _put(transaction, kinds.LIMIT, limit.domain, limit.task_list, limit)


# -- retentions


def retentions(reads: Reads) -> list[Retention]:
    """Return the retention of every domain that has one."""
    return [_read_retention(body) for body in reads.entries(kinds.RETENTION, "").values()]


def put_retention(transaction: Transaction, retention: Retention) -> None:
    """Insert or replace a domain's retention."""
    _put(transaction, kinds.RETENTION, "", retention.domain, retention)


def drop_retention(transaction: Transaction, domain: str) -> None:
    """Remove a domain's retention, so that everything is kept."""
    _drop(transaction, kinds.RETENTION, "", domain)


def claim_retention(transaction: Transaction, retention: Retention, next_at: float) -> bool:
    """Postpone a domain's next look; return False if its retention is no longer this one."""
    was = transaction.lock(kinds.RETENTION, "", retention.domain)
    if was is None or _read_retention(was) != retention:
        return False
    body = _encode(replace(retention, next_at=next_at)).decode()
    transaction.enter(kinds.RETENTION, "", retention.domain, body, was)
    return True


# -- questions


def ask(transaction: Transaction, question: Question) -> None:
    """Put a question to whichever worker can answer it."""
    transaction.tell(News.QUESTIONS)
    _put(transaction, kinds.QUESTION, question.domain, question.id, question)


def questions(reads: Reads, domain: str) -> list[Question]:
    """Return the questions of a domain, with and without an answer."""
    return [_read_question(body) for body in reads.entries(kinds.QUESTION, domain).values()]


def answer(transaction: Transaction, domain: str, id: str, answer: Answer) -> None:
    """Answer a question, unless it has been answered or dropped."""
    transaction.tell(News.QUESTIONS)
    body = transaction.lock(kinds.QUESTION, domain, id)
    question = None if body is None else _read_question(body)
    if question is not None and question.answer is None:
        answered = _encode(replace(question, answer=answer)).decode()
        transaction.enter(kinds.QUESTION, domain, id, answered, body)


def take_answer(transaction: Transaction, domain: str, id: str) -> Answer | None:
    """Return the answer to a question and remove both; None if there is none yet."""
    body = transaction.entry(kinds.QUESTION, domain, id)
    found = None if body is None else _read_question(body).answer
    if found is not None:
        drop_question(transaction, domain, id)
    return found


def drop_question(transaction: Transaction, domain: str, id: str) -> None:
    """Remove a question."""
    _drop(transaction, kinds.QUESTION, domain, id)


def drop_questions(
    transaction: Transaction, domain: str, unwanted: Callable[[Question], Any]
) -> None:
    """Remove the questions of a domain that nobody needs any more."""
    for question in questions(transaction, domain):
        if unwanted(question):
            drop_question(transaction, domain, question.id)
