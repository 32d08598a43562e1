"""Answer queries: on the engine's thread, where the runs are alive, but outside its transactions.

A query runs the user's code, which may take long, and no transaction is to stay open meanwhile.
So a transaction only notes what is asked, and the answer is made once it is over.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial

from partita.engine import catalogue
from partita.engine.inbox import Inbox
from partita.engine.timing import Timing
from partita.engine.transaction import EngineTransaction
from partita.engine.watchdog import Watchdog
from partita.errors import PartitaError, QueryFailedError
from partita.history import AnyEvent, WorkflowExecution
from partita.ports.catalogue import Answer
from partita.ports.host import Host
from partita.ports.state import Execution
from partita.ports.store import Store

log = logging.getLogger("partita.engine")


class Queries:
    """The queries that one engine answers. Belongs to the engine's thread."""

    def __init__(self, store: Store, inbox: Inbox, timing: Timing) -> None:
        self._store = store
        self._slow_query = timing.slow_query
        self.may_be_waiting = False  # whether other processes may have asked
        self._inbox = inbox
        self._noted: list[Callable[[], None]] = []
        self._taken: set[str] = set()  # questions whose answers are not in the store yet

    def ask(
        self, tx: EngineTransaction, host: Host, run: int, name: str, input: str | None
    ) -> Future[str] | None:
        """Note a query of this process; None if the host does not know the workflow's type."""
        state = tx.load(run)
        if state is None or state.execution.workflow_type.key not in host.workflow_keys():
            return None
        answered: Future[str] = Future()
        tx.after_commit.append(
            partial(self._answer_here, answered, host, run, state.execution, name, input)
        )
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
                asked = (host, question.run, state.execution, question.name, question.input)
                tx.after_commit.append(partial(self._answer_other, question.id, *asked))

    def committed(self, tx: EngineTransaction) -> None:
        """Take over what a committed transaction has noted."""
        self._noted += tx.after_commit

    def rolled_back(self) -> None:
        """Read the questions of other processes again: a transaction failed."""
        self.may_be_waiting = True
        self._taken.clear()

    def answer(self, watchdog: Watchdog | None) -> None:
        """Answer what is noted; the `watch` renews the worker's lease while it takes long."""
        noted, self._noted = self._noted, []
        for one in noted:
            if watchdog is not None:
                watchdog.begin()
            try:
                one()
            finally:
                if watchdog is not None:
                    watchdog.finish()

    def _answer_here(
        self,
        answered: Future[str],
        host: Host,
        run: int,
        execution: Execution,
        name: str,
        input: str | None,
    ) -> None:
        try:
            answered.set_result(self._query(host, run, execution, name, input))
        except Exception as error:
            answered.set_exception(error)
        except BaseException as error:  # sys.exit() in a query must not end the asker either
            told = f"the query {name} broke: {type(error).__name__}: {error}"
            answered.set_exception(QueryFailedError(told))

    def _answer_other(
        self, id: str, host: Host, run: int, execution: Execution, name: str, input: str | None
    ) -> None:
        try:
            answer = Answer(result=self._query(host, run, execution, name, input))
        except BaseException as error:
            code = getattr(error, "code", "QUERY_FAILED")
            answer = Answer(code=code, message=f"{error}")

        def keep(tx: EngineTransaction) -> None:
            catalogue.answer(tx.stored, execution.domain, id, answer)
            tx.after_commit.append(partial(self._taken.discard, id))

        def failed(error: PartitaError) -> None:
            log.warning("the answer to a query of another process could not be kept: %s", error)

        self._inbox.post(keep, failed)

    def _query(
        self, host: Host, run: int, execution: Execution, name: str, input: str | None
    ) -> str:
        """Ask the host to answer a query, from a cached run or by replay."""

        def history() -> list[AnyEvent]:
            return self._store.events(run, 0)

        begun = time.monotonic()
        try:
            return host.query(
                WorkflowExecution(execution.workflow_id, execution.run_id),
                execution.workflow_type,
                history,
                name,
                input,
            )
        finally:
            took = time.monotonic() - begun
            if took > self._slow_query:
                log.warning(
                    "query %s of execution %s took %.1f s, and all else that this worker does "
                    "waited; let it only look",
                    name,
                    execution.workflow_id,
                    took,
                )
