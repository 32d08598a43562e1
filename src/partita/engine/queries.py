"""Answer queries on the engine's thread, outside its transactions, and ask those of others.

A query runs the user's code, which may take long, and no transaction is to stay open meanwhile.
So a transaction only notes what is asked, and the answer is made once it is over. A worker in
another process is asked by way of the store's catalogue.
"""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial

from msgspec import Struct

from partita.authoring.failure import MARKER_LIMIT, Failure, describe, rebuild
from partita.engine import catalogue
from partita.engine.inbox import Inbox
from partita.engine.leases import living
from partita.engine.timing import Timing
from partita.engine.transaction import EngineTransaction
from partita.engine.waiters import Waiters
from partita.engine.watchdog import Watchdog
from partita.errors import NoWorkerError, PartitaError, QueryFailedError, UnknownTypeError
from partita.history import WorkflowExecution
from partita.ports.catalogue import Answer, Question
from partita.ports.host import Host
from partita.ports.state import Execution
from partita.ports.store import Record, Store

QUESTION_LIFETIME = 3600.0
"""Seconds after which a question is taken for that of a process that has died."""

log = logging.getLogger("partita.engine")


class _Query(Struct, frozen=True):
    """What the attached host is asked."""

    host: Host
    run: int
    execution: Execution
    name: str
    input: str | None


class Queries:
    """The queries that one engine answers and asks."""

    def __init__(self, store: Store, inbox: Inbox, waiters: Waiters, timing: Timing) -> None:
        self._store = store
        self._inbox = inbox
        self._waiters = waiters
        self._timing = timing
        self.may_be_waiting = False  # whether other processes may have asked
        self._noted: list[Callable[[], None]] = []
        self._taken: set[str] = set()  # questions whose answers are not in the store yet

    # -- answering, on the engine's thread

    def ask(
        self, tx: EngineTransaction, host: Host, run: int, name: str, input: str | None
    ) -> Future[str] | None:
        """Note a query of this process; None if the host does not know the workflow's type."""
        state = tx.load(run)
        if state is None or state.execution.workflow_type.key not in host.workflow_keys():
            return None
        answered: Future[str] = Future()
        asked = _Query(host, run, state.execution, name, input)
        tx.after_commit.append(partial(self._answer_here, answered, asked))
        return answered

    def take(self, tx: EngineTransaction, host: Host) -> None:
        """Note the queries of other processes about the host's executions, if there may be any."""
        if not self.may_be_waiting:
            return
        self.may_be_waiting = False
        for question in catalogue.questions(tx.stored, host.domain):
            if question.answer is not None or question.type_key not in host.workflow_keys():
                continue
            state = tx.load(question.run)
            if state is not None and question.id not in self._taken:
                self._taken.add(question.id)
                asked = _Query(host, question.run, state.execution, question.name, question.input)
                tx.after_commit.append(partial(self._answer_remote, question.id, asked))

    def committed(self, tx: EngineTransaction) -> None:
        """Take over what a committed transaction has noted."""
        self._noted += tx.after_commit

    def rolled_back(self) -> None:
        """Read the questions of other processes again: a transaction failed."""
        self.may_be_waiting = True
        self._taken.clear()

    def answer(self, watchdog: Watchdog | None) -> None:
        """Answer what is noted; the watchdog renews the worker's lease if that takes long."""
        noted, self._noted = self._noted, []
        for one in noted:
            if watchdog is not None:
                watchdog.begin()
            try:
                one()
            finally:
                if watchdog is not None:
                    watchdog.finish()

    def _answer_here(self, answered: Future[str], asked: _Query) -> None:
        try:
            answered.set_result(self._result_of(asked))
        except Exception as error:
            answered.set_exception(error)
        except BaseException as error:  # sys.exit() in a query must not end the asker either
            told = f"the query {asked.name} broke: {type(error).__name__}: {error}"
            answered.set_exception(QueryFailedError(told))

    def _answer_remote(self, id: str, asked: _Query) -> None:
        try:
            answer = Answer(result=self._result_of(asked))
        except BaseException as error:
            code = getattr(error, "code", "QUERY_FAILED")
            answer = Answer(code=code, message=f"{error}", failure=_cause(error))

        def write(tx: EngineTransaction) -> None:
            catalogue.answer(tx.stored, asked.execution.domain, id, answer)
            tx.after_commit.append(partial(self._taken.discard, id))

        def failed(error: PartitaError) -> None:
            log.warning("the answer to a query of another process could not be kept: %s", error)

        self._inbox.post(write, failed)

    def _result_of(self, asked: _Query) -> str:
        """Ask the host, which answers from a cached run or by replay."""
        execution = asked.execution
        run = WorkflowExecution(execution.workflow_id, execution.run_id)
        history = partial(self._store.events, asked.run, 0)
        begun = time.monotonic()
        try:
            return asked.host.query(run, execution.workflow_type, history, asked.name, asked.input)
        finally:
            took = time.monotonic() - begun
            if took > self._timing.slow_query:
                log.warning(
                    "query %s of execution %s took %.1f s, and all else that this worker does "
                    "waited; let it only look",
                    asked.name,
                    execution.workflow_id,
                    took,
                )

    # -- asking workers in other processes, on any thread

    def ask_remote(
        self, record: Record, name: str, input: str | None, timeout: float | None
    ) -> str:
        """Put a question into the store, and wait for the answer.

        Raises:
            NoWorkerError: no worker is alive, or none answered in time.
            QueryFailedError: the code that was to answer raised.
            UnknownTypeError: the workflow answers no query of that name.
        """
        if self._store.glance is None or not living(catalogue.workers(self._store)):
            raise _no_worker(record)
        question = Question(
            id=uuid.uuid4().hex,
            domain=record.execution.domain,
            run=record.run,
            type_key=record.execution.workflow_type.key,
            name=name,
            input=input,
            asked_at=time.time(),
        )
        self._inbox.ask(partial(_put_question, question))
        place = (question.domain, question.id)
        found: list[Answer] = []

        def is_answered() -> bool:
            answer = self._inbox.ask(lambda tx: catalogue.take_answer(tx.stored, *place))
            if answer is not None:
                found.append(answer)
            return answer is not None

        timeout = self._timing.query_timeout if timeout is None else timeout
        if not self._waiters.follow(is_answered, timeout):
            self._inbox.ask(lambda tx: catalogue.drop_question(tx.stored, *place))
            raise _no_worker(record)
        return _read(found[0])


def _put_question(question: Question, tx: EngineTransaction) -> None:
    since = question.asked_at - QUESTION_LIFETIME
    catalogue.drop_questions(tx.stored, question.domain, lambda one: one.asked_at < since)
    catalogue.ask(tx.stored, question)


def _read(answer: Answer) -> str:
    if answer.result is not None:
        return answer.result
    if answer.code == UnknownTypeError.code:
        raise UnknownTypeError(answer.message)
    if answer.failure is None:
        raise QueryFailedError(answer.message)
    raise QueryFailedError(answer.message) from rebuild(Failure.load(answer.failure, None))


def _cause(error: BaseException) -> str | None:
    """Return the description of what the workflow's code raised."""
    if error.__cause__ is None:
        return None
    return describe(error.__cause__, MARKER_LIMIT).dump()


def _no_worker(record: Record) -> NoWorkerError:
    key = record.execution.workflow_type.key
    return NoWorkerError(
        f"no worker that has workflow {key} answers; start one, or give the workflow's code "
        "(--code FILE, or workflow=) so that its history can be replayed here"
    )
