"""The engine as a service: each operation is work that the scheduler does in a transaction."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

from msgspec.structs import replace

from partita.codec import DEFAULT_LIMIT
from partita.engine.admin import Admin
from partita.engine.forks import fork
from partita.engine.history_import import import_run
from partita.engine.pauses import Pauses
from partita.engine.reads import Reads
from partita.engine.retention import Sweeper
from partita.engine.scheduler import Rest, Scheduler
from partita.engine.task_polls import TaskPolls
from partita.engine.timing import Timing
from partita.engine.transaction import EngineTransaction
from partita.errors import (
    PartitaError,
)
from partita.history import (
    WorkflowExecution,
    WorkflowType,
)
from partita.history.document import ExportedHistory
from partita.ports.capabilities import Standing
from partita.ports.host import Host
from partita.ports.notices import Listen
from partita.ports.requests import check_type
from partita.ports.service import ActivityAnswer, ForkRequest, ReusePolicy, StartRequest
from partita.ports.session import Committed, QueueListener
from partita.ports.state import (
    PAUSED,
    Backlog,
)
from partita.ports.store import Store
from partita.ports.texts import check_name, check_reason
from partita.rules import commands as c

T = TypeVar("T")


class Engine(TaskPolls, Reads, Admin, Pauses):
    """The embedded orchestrator. Safe to use from any thread."""

    def __init__(
        self,
        store: Store,
        *,
        clock: Callable[[], float] = time.time,
        timing: Timing | None = None,
        payload_limit: int = DEFAULT_LIMIT,
    ) -> None:
        self.store = store
        timing = timing or Timing()
        self._scheduler = Scheduler(store, clock, timing)
        self._sweeper = Sweeper(self, store, self._scheduler.inbox, clock, timing)
        self._payload_limit = payload_limit

    # -- a worker in this process ----------------------------------------------------------

    def attach(self, host: Host) -> None:
        """Serve `host` from now on."""
        self._scheduler.attach(host)
        self._sweeper.start()

    def pause(self) -> None:
        """Hand out no new tasks; results are still taken."""
        self._scheduler.pause()

    def detach(self) -> None:
        """Stop serving the host; what it holds is given back."""
        self._sweeper.stop()
        self._scheduler.detach()

    def on_rest(self, rest: Rest | None) -> None:
        """Call `rest` whenever there is nothing to do right now; for clocks that skip time.

        It is called on the engine's thread with the moment (seconds since the epoch) at which
        something is due, or None, and with whether the engine is idle: no activity runs in
        the worker here, and no request waits. It may move the clock that the engine was given.
        It returns after how many real seconds it wants to be asked again, None for no sooner
        than something happens. Call `wake` to be asked at once.
        """
        self._scheduler.rest = rest

    def wake(self) -> None:
        """Read the clock again, which may have been moved. Does not wait."""
        self._scheduler.inbox.post(lambda _: None, lambda _: None)

    def give_back(self, token: str) -> None:
        """Put an unfinished activity back into its task list at once."""

        def work(tx: EngineTransaction) -> None:
            state, started, id = tx.held(token)
            tx.do(state, c.give_back("activity", id, started))

        self._scheduler.inbox.ask(work)

    def report(self, answer: ActivityAnswer, failed: Callable[[PartitaError], None]) -> None:
        """Record how an activity ended, soon and without waiting."""
        self._scheduler.inbox.post(lambda tx: self._answer(tx, answer), failed)

    # -- a front that speaks another protocol -----------------------------------------------

    @property
    def committed(self) -> Committed:
        """Reads of what is committed."""
        return self.store

    def transact(self, work: Callable[[EngineTransaction], T]) -> T:
        """Call `work` in a transaction; return its result once that is committed."""
        return self._scheduler.inbox.ask(work)

    def submit(self, work: Callable[[EngineTransaction], T]) -> Future[T]:
        """Call `work` in a transaction, without a thread that waits for it."""
        return self._scheduler.inbox.submit(work)

    def subscribe(self, listener: QueueListener) -> Callable[[], None]:
        """Call `listener`, on the engine's thread, when a queue may have something to take."""
        return self._scheduler.waiters.subscribe(listener)

    def listen(self, listener: Listen) -> Callable[[], None]:
        """Pass what this engine commits to `listener`; return a function that ends it."""
        return self._scheduler.notifier.add(listener)

    def standing(self) -> Standing:
        """Return how this engine stands, at once, and wake its thread."""
        inbox = self._scheduler.inbox
        silent_for = time.monotonic() - inbox.turned_at
        inbox.wake()
        return Standing(silent_for=silent_for, is_serving=self._scheduler.is_serving)

    def is_on_record(self) -> bool:
        """Whether the store has the attached worker on record."""
        return self._scheduler.is_on_record()

    def backlogs(self, domain: str) -> list[Backlog]:
        """Return the length of each task list in which something waits."""
        found = self._scheduler.store.backlogs(domain)
        return [
            backlog
            for backlog in found
            if backlog.kind in ("activity", "decision") and not backlog.task_list.startswith(PAUSED)
        ]

    def on_commit(self, meter: Callable[[int, float], None]) -> Callable[[], None]:
        """Call `meter` with requests and seconds of each commit; return a function that ends it."""
        meters = self._scheduler.meters
        meters.append(meter)
        return lambda: meters.remove(meter) if meter in meters else None

    # -- starting executions, and sending to them ----------------------------------------------

    def start_workflow_execution(self, request: StartRequest) -> WorkflowExecution:
        """Start an execution, or return the one that this very request started before."""
        self._check_size(request.input, "the input")
        return self._scheduler.inbox.ask(lambda tx: tx.start(request))

    def signal_with_start(
        self, request: StartRequest, signal_name: str, input: str | None
    ) -> WorkflowExecution:
        """Signal the open execution of that workflow id, or start it with the signal."""
        self._check_size(request.input, "the input")
        self._check_size(input, f"the input of signal {signal_name}")
        check_name("signal", signal_name)

        def work(tx: EngineTransaction) -> WorkflowExecution:
            state = tx.find(request.domain, request.workflow_id)
            if state is None or state.is_closed:
                policy = request.reuse_policy
                if policy is ReusePolicy.RETURN_EXISTING:  # a closed run cannot be signalled
                    policy = ReusePolicy.ALLOW
                tx.start(replace(request, reuse_policy=policy))
                state = tx.find(request.domain, request.workflow_id)
            assert state is not None
            tx.do(state, c.Signal(signal_name=signal_name, input=input))
            return WorkflowExecution(request.workflow_id, state.execution.run_id)

        return self._scheduler.inbox.ask(work)

    def fork_workflow_execution(self, request: ForkRequest) -> WorkflowExecution:
        """Begin a new run that reuses what another has recorded up to an event."""
        self._check_size(request.input, "the input")
        return self._scheduler.inbox.ask(lambda tx: fork(tx, request))

    def import_history(self, domain: str, history: ExportedHistory) -> bool:
        """Store a closed run as another database had it; return False if it is here already."""
        return self._scheduler.inbox.ask(lambda tx: import_run(tx, domain, history))

    def register_workflow_type(self, domain: str, workflow_type: WorkflowType) -> None:
        """Register a workflow type, so that it can be started as a child."""
        check_name("domain", domain)
        check_type(workflow_type)
        self._scheduler.inbox.ask(lambda tx: tx.register_workflow_type(domain, workflow_type))

    def _tell(self, domain: str, execution: WorkflowExecution, command: c.Command) -> None:
        self._scheduler.inbox.ask(lambda tx: tx.do(tx.open(domain, execution), command))

    def signal_workflow_execution(
        self, domain: str, execution: WorkflowExecution, signal_name: str, input: str | None
    ) -> None:
        """Record a signal."""
        check_name("signal", signal_name)
        self._check_size(input, f"the input of signal {signal_name}")
        self._tell(domain, execution, c.Signal(signal_name=signal_name, input=input))

    def request_cancel_workflow_execution(self, domain: str, execution: WorkflowExecution) -> None:
        """Ask the workflow to cancel itself."""
        self._tell(domain, execution, c.RequestCancel())

    def terminate_workflow_execution(
        self, domain: str, execution: WorkflowExecution, reason: str | None
    ) -> None:
        """End the execution at once."""
        check_reason("the reason", reason)
        self._tell(domain, execution, c.Terminate(reason=reason))

    def close(self) -> None:
        """Detach the host if there is one, end the thread, and close the store."""
        self._sweeper.stop()
        self._scheduler.close()
