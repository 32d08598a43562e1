"""The Service port over Amazon SWF.

Every method is one call of SWF's or a few, and a translation. What SWF cannot do at all raises
UnsupportedError and says what does instead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from msgspec.structs import replace

from partita import history as h
from partita.errors import (
    ExecutionAlreadyStartedError,
    ExecutionNotFoundError,
    NoWorkerError,
    StoreUnavailableError,
    UnsupportedError,
    closed_error,
)
from partita.history.references import is_closed
from partita.ports.host import Host, QueryAnswer
from partita.ports.notices import Listen
from partita.ports.requests import check_types
from partita.ports.service import (
    ActivityTask,
    Bounds,
    DecisionTask,
    ExecutionDetail,
    ExecutionInfo,
    ExecutionPage,
    ForkRequest,
    StartRequest,
    TaskListLimits,
)
from partita.ports.state import DEFAULT_DOMAIN, ExecutionFilter, Status
from partita.swf.backend.activity_tasks import ActivityTasks
from partita.swf.backend.calls import Call, DomainNotFoundError
from partita.swf.backend.decision_tasks import DecisionTasks
from partita.swf.backend.envelopes import Fork, Start
from partita.swf.backend.execution_lists import ExecutionLists, plain_info
from partita.swf.backend.followed_histories import FollowedHistories
from partita.swf.backend.fork_origin import ForkOrigin
from partita.swf.backend.history_reader import HistoryReader
from partita.swf.backend.ids import escaped, unescaped
from partita.swf.backend.live_decisions import LiveDecisions
from partita.swf.backend.objects import Domains, Executions, Types
from partita.swf.backend.open_items import detail_of
from partita.swf.backend.payloads import Payloads, large_store
from partita.swf.backend.registration import Registration
from partita.swf.backend.starts import Starts
from partita.swf.backend.timing import DEFAULT_TIMING, Timing
from partita.swf.backend.translate_decisions import REASON_LIMIT
from partita.swf.backend.translate_history import TranslatedHistory
from partita.swf.backend.url import Address
from partita.swf.backend.waits import Waits


class SwfService:
    """A domain on Amazon SWF. Safe to use from any thread."""

    title = "Amazon SWF"  # for people
    bounds = Bounds(decisions=99, characters=400_000, activities=1000, lambdas=True)

    def __init__(self, address: Address | str, *, timing: Timing = DEFAULT_TIMING) -> None:
        self.address = Address.of(address) if isinstance(address, str) else address
        self.call = Call(self.address, timing)
        self._waits = Waits(self.call)
        self.payloads = Payloads(large_store(self.address.large, self.call.session))
        self._registration = Registration(self.call, self.address.retention)
        self._lists = ExecutionLists(self.call)
        self._histories = HistoryReader(self.call, self.payloads, self._new_history)
        self._followed = FollowedHistories(self.call, self._histories, self._new_history)
        self.decision_tasks = DecisionTasks(
            self.call,
            self.payloads,
            self._registration,
            self._histories,
            self._new_history,
            self.tell,
            self._followed.follow,
        )
        self._starts = Starts(
            self.call,
            self.payloads,
            self._registration,
            self._lists,
            self._histories,
            self._followed.follow,
        )
        self.activity_tasks = ActivityTasks(self.call, self.payloads, self.tell, self._followed)
        self._queries: QueryAnswer | None = None
        self._is_closed = False
        self.outage = self.call.outage
        self.pollers = self.address.pollers  # see `Poller`

    # -- for people ------------------------------------------------------------------------

    @property
    def domains(self) -> Domains:
        """The domains of the region."""
        return Domains(self.call, self._registration)

    @property
    def workflow_types(self) -> Types:
        """The workflow types of the URL's domain."""
        return Types(self.call, self._registration, self.address.domain, "workflow")

    @property
    def activity_types(self) -> Types:
        """The activity types of the URL's domain."""
        return Types(self.call, self._registration, self.address.domain, "activity")

    @property
    def executions(self) -> Executions:
        """The executions of the URL's domain."""
        domain = self.address.domain
        return Executions(
            lambda wanted: self._lists.every(replace(wanted, domain=domain)),
            lambda execution: self.describe(domain, execution),
            lambda execution: self.history(domain, execution),
        )

    def domain(self, domain: str) -> str:
        """Return SWF's name of a domain: the URL's, unless another was asked for by name."""
        return self.address.domain if domain == DEFAULT_DOMAIN else escaped(domain)

    def _new_history(self, domain: str) -> TranslatedHistory:
        def find(fork: Fork) -> ForkOrigin:
            origin = h.WorkflowExecution(fork.workflow_id, fork.run_id)
            try:
                return ForkOrigin(fork, self._histories.events(domain, origin))
            except ExecutionNotFoundError as error:
                raise ExecutionNotFoundError(
                    f"run {fork.run_id} of {fork.workflow_id!r}, from which this one was forked, "
                    f"is no longer kept: {error}"
                ) from error

        return TranslatedHistory(find)

    def _exact(self, domain: str, execution: h.WorkflowExecution) -> h.WorkflowExecution:
        """Return which run is meant: the newest if none was named."""
        if execution.run_id:
            return execution
        newest = self._lists.newest(domain, execution.workflow_id)
        if newest is None:
            raise ExecutionNotFoundError(
                f"no execution {execution.workflow_id!r} in domain {domain!r} of Amazon SWF; "
                "`partita list` shows those that there are"
            )
        return h.WorkflowExecution(execution.workflow_id, newest.run_id)

    # -- starting, and speaking to executions ----------------------------------------------

    def start_workflow_execution(self, request: StartRequest) -> h.WorkflowExecution:
        """Start an execution, or return the one that this very request started before."""
        check_types(request)
        return self._starts.start(replace(request, domain=self.domain(request.domain)))

    def signal_with_start(
        self, request: StartRequest, signal_name: str, input: str | None
    ) -> h.WorkflowExecution:
        """Signal the open execution of that workflow id, or start it with the signal."""
        check_types(request)
        domain = self.domain(request.domain)
        for _ in range(5):  # it may close, or be started, between the two calls
            try:
                any_run = h.WorkflowExecution(request.workflow_id, "")
                self._signal(domain, any_run, signal_name, input)
                return self._exact(domain, any_run)
            except ExecutionNotFoundError:
                pass
            self._starts.check_reuse(replace(request, domain=domain))
            try:
                return self._start_with(request, domain, signal_name, input)
            except ExecutionAlreadyStartedError:
                continue
        raise ExecutionAlreadyStartedError(
            f"workflow id {request.workflow_id!r} opens and closes all the time; try again"
        )

    def _start_with(
        self, request: StartRequest, domain: str, signal_name: str, input: str | None
    ) -> h.WorkflowExecution:
        start = Start(text=request.input, signals=(h.SignalInput(signal_name, input),))
        return self._starts.begin(replace(request, domain=domain), start)

    def fork_workflow_execution(self, request: ForkRequest) -> h.WorkflowExecution:
        """Begin a run that reuses what another has recorded, up to one of its events."""
        check_types(request)
        request = replace(request, domain=self.domain(request.domain))
        execution = h.WorkflowExecution(request.workflow_id, request.run_id)
        detail = self.describe(request.domain, execution)
        exact = h.WorkflowExecution(request.workflow_id, detail.info.run_id)
        events = self._histories.events(request.domain, exact)
        return self._starts.fork(request, detail.info, events)

    def register_workflow_type(self, domain: str, workflow_type: h.WorkflowType) -> None:
        """Register a workflow type, and the domain, where they are not."""
        self._registration.workflow(self.domain(domain), workflow_type)

    def register_activity_type(self, domain: str, activity_type: h.ActivityType) -> None:
        """Register an activity type, and the domain, where they are not."""
        self._registration.activity(self.domain(domain), activity_type)

    def set_limits(self, domain: str, task_list: str, limits: TaskListLimits) -> None:  # noqa: ARG002
        """Refuse: SWF hands out a task to whoever asks."""
        raise UnsupportedError(
            "Amazon SWF cannot limit how fast a task list is worked off; give fewer workers, "
            "or fewer --slots, to that task list"
        )

    def limits(self, domain: str) -> dict[str, TaskListLimits]:  # noqa: ARG002
        """Return nothing: SWF has no limits."""
        return {}

    def signal_workflow_execution(
        self, domain: str, execution: h.WorkflowExecution, signal_name: str, input: str | None
    ) -> None:
        """Record a signal."""
        with self._needs_open(domain, execution):
            self._signal(domain, execution, signal_name, input)

    def _signal(
        self, domain: str, execution: h.WorkflowExecution, signal_name: str, input: str | None
    ) -> None:
        self.call(
            "signal_workflow_execution",
            domain=self.domain(domain),
            workflowId=escaped(execution.workflow_id),
            runId=execution.run_id or None,
            signalName=signal_name,
            input=self.payloads.pack(input, f"the input of signal {signal_name}"),
        )

    def request_cancel_workflow_execution(
        self, domain: str, execution: h.WorkflowExecution
    ) -> None:
        """Ask the workflow to cancel itself."""
        with self._needs_open(domain, execution):
            self.call(
                "request_cancel_workflow_execution",
                domain=self.domain(domain),
                workflowId=escaped(execution.workflow_id),
                runId=execution.run_id or None,
            )

    def terminate_workflow_execution(
        self, domain: str, execution: h.WorkflowExecution, reason: str | None
    ) -> None:
        """End the execution at once."""
        with self._needs_open(domain, execution):
            self.call(
                "terminate_workflow_execution",
                domain=self.domain(domain),
                workflowId=escaped(execution.workflow_id),
                runId=execution.run_id or None,
                reason=None if reason is None else reason[:REASON_LIMIT],
            )
        self.tell()

    @contextmanager
    def _needs_open(self, domain: str, execution: h.WorkflowExecution) -> Iterator[None]:
        """Raise that an execution is closed where SWF says that it does not know it."""
        try:
            yield
        except DomainNotFoundError:
            raise
        except ExecutionNotFoundError:
            info = self.info(domain, execution)
            if info.status is Status.OPEN:  # SWF's answers may be late
                raise
            raise closed_error(info.workflow_id, info.run_id, info.status.name) from None

    # -- tasks, for those who poll ---------------------------------------------------------

    def poll_decision_task(
        self, domain: str, task_list: str, *, identity: str = "", wait: float = 0.0
    ) -> DecisionTask | None:
        """Take the oldest decision task, with the whole history."""
        self._check_open()
        return self.decision_tasks.poll(self.domain(domain), task_list, identity, wait=wait)

    def poll_activity_task(
        self, domain: str, task_list: str, *, identity: str = "", wait: float = 0.0
    ) -> ActivityTask | None:
        """Take the oldest activity of the highest priority."""
        self._check_open()
        return self.activity_tasks.poll(self.domain(domain), task_list, identity, wait=wait)

    def _check_open(self) -> None:
        if self._is_closed:
            raise StoreUnavailableError("this service is closed; connect another")

    def complete_decision(self, token: str, decisions: Sequence[h.AnyDecision]) -> None:
        """Apply all the decisions at once."""
        self.decision_tasks.complete(token, decisions)

    def fail_decision(self, token: str, cause: str, message: str) -> None:  # noqa: ARG002
        """Leave the task unanswered: SWF gives it out again after its `task_start_to_close`."""
        self.decision_tasks.fail(token, cause)

    def complete_activity(self, token: str, result: str | None) -> None:
        """Record a result, once."""
        self.activity_tasks.complete(token, result)

    def fail_activity(
        self, token: str, reason: str | None, details: str | None, *, retryable: bool = True
    ) -> None:
        """Record an error; the decider tries again by the activity's retry policy."""
        self.activity_tasks.fail(token, reason, details, retryable=retryable)

    def cancel_activity(self, token: str, details: str | None) -> None:
        """Record that the activity obeyed a cancel request."""
        self.activity_tasks.cancel(token, details)

    def heartbeat_activity(self, token: str, details: str | None) -> bool:
        """Record that the activity is alive; return whether it should cancel itself."""
        answer = self.activity_tasks.heartbeat(token, details)
        self.activity_tasks.tell_of_heartbeat(token, details)
        return answer

    def is_unwanted(self, token: str) -> bool:
        """Return whether an activity should cancel itself, without a heartbeat of its own."""
        return self.activity_tasks.heartbeat(token, None)

    # -- looking ---------------------------------------------------------------------------

    def listen(self, listener: Listen) -> Callable[[], None]:
        """Tell a listener of executions that this process starts, decides for, acts for or follows.

        Their histories are read again and again. Of heartbeats it hears those of this process.
        """
        return self._followed.listen(listener)

    def follow(self, domain: str, execution: h.WorkflowExecution) -> None:
        """Tell listeners of all events of an execution, whoever works on it."""
        domain = self.domain(domain)
        self._followed.follow(domain, self._exact(domain, execution))

    def info(self, domain: str, execution: h.WorkflowExecution) -> ExecutionInfo:
        """Return one line about an execution, by one call where its run id is known."""
        domain = self.domain(domain)
        exact = self._exact(domain, execution)
        answer = self.call(
            "describe_workflow_execution",
            domain=domain,
            execution={"workflowId": escaped(exact.workflow_id), "runId": exact.run_id},
        )
        task_list = answer["executionConfiguration"]["taskList"]["name"]
        return replace(plain_info(answer["executionInfo"]), task_list=unescaped(task_list))

    def describe(self, domain: str, execution: h.WorkflowExecution) -> ExecutionDetail:
        """Return how the execution stands; what is open is read from its history."""
        domain = self.domain(domain)
        info = self.info(domain, execution)
        exact = h.WorkflowExecution(info.workflow_id, info.run_id)
        events = self._histories.events(domain, exact)
        return detail_of(info, self._histories.history(domain, exact), events)

    def history(
        self, domain: str, execution: h.WorkflowExecution, *, after: int = 0
    ) -> list[h.AnyEvent]:
        """Return the events after number `after`, in order."""
        domain = self.domain(domain)
        events = self._histories.events(domain, self._exact(domain, execution))
        return list(events[max(0, after) :])

    def wait_history(
        self, domain: str, execution: h.WorkflowExecution, after: int, timeout: float | None
    ) -> list[h.AnyEvent]:
        """Wait for events after number `after`; empty if none came, or the run is closed."""
        domain = self.domain(domain)
        exact = self._exact(domain, execution)

        def look() -> list[h.AnyEvent] | None:
            events = self._histories.events(domain, exact)
            found = list(events[max(0, after) :])
            return found if found or is_closed(events) else None

        return self._waits.follow(look, timeout) or []

    def wait_closed(
        self, domain: str, execution: h.WorkflowExecution, timeout: float | None
    ) -> ExecutionInfo | None:
        """Wait until the execution is closed; None if `timeout` seconds pass before."""
        domain = self.domain(domain)
        exact = self._exact(domain, execution)

        def look() -> ExecutionInfo | None:
            info = self.info(domain, exact)
            if info.status is Status.OPEN:
                return None
            return replace(info, event_count=len(self._histories.events(domain, exact)))

        return self._waits.follow(look, timeout)

    def tell(self) -> None:
        """Wake waiting threads, since something was done."""
        self._waits.tell()

    def query_workflow(
        self,
        domain: str,
        execution: h.WorkflowExecution,
        name: str,
        input: str | None,
        timeout: float | None = None,
    ) -> str:
        """Return the answer of a worker in this process; SWF cannot ask one elsewhere."""
        domain = self.domain(domain)
        info = self.info(domain, execution)
        exact = h.WorkflowExecution(info.workflow_id, info.run_id)
        queries = self._queries
        if queries is None or info.workflow_type.key not in queries.workflow_keys():
            raise NoWorkerError(
                f"no worker for {info.workflow_type.key} runs in this process, and Amazon SWF "
                "cannot ask one elsewhere; start one here, or import the workflow's code"
            )

        def events() -> list[h.AnyEvent]:
            return list(self._histories.events(domain, exact))

        def begun() -> bool | None:
            return any(isinstance(one, h.DecisionTaskCompleted) for one in events()) or None

        self._waits.follow(begun, timeout)
        return queries.query(exact, info.workflow_type, events, name, input, timeout)

    def list_executions(self, filter: ExecutionFilter) -> ExecutionPage:
        """List executions, newest first."""
        return self._lists.page(replace(filter, domain=self.domain(filter.domain)))

    def count_executions(self, filter: ExecutionFilter) -> int:
        """Count executions."""
        return self._lists.count(replace(filter, domain=self.domain(filter.domain)))

    # -- a worker in this process ----------------------------------------------------------

    @contextmanager
    def polling(self) -> Iterator[None]:
        """Try each poll of this thread once, and close its connection at the end."""
        self.call.poll_once()
        try:
            yield
        finally:
            self.call.polls.release()

    def stop_polls(self) -> None:
        """End every poll now, and those that begin later at once."""
        self.call.polls.stop()

    def resume_polls(self) -> None:
        """Allow polls to wait again."""
        self.call.polls.resume()

    def decision_channel(self, host: Host) -> LiveDecisions:
        """Return the channel that feeds live runs of a host only what is new."""
        address, domain = self.address, self.domain(host.domain)
        return LiveDecisions(
            self.decision_tasks, host, domain, sticky=address.sticky, lease=address.lease
        )

    def answer_queries(self, answer: QueryAnswer | None) -> None:
        """Put queries to the worker in this process."""
        self._queries = answer

    def give_back(self, token: str) -> None:
        """Give an unfinished activity back for another worker."""
        self.activity_tasks.give_back(token)

    def close(self) -> None:
        """End polls and waits, and close the connections."""
        self._followed.close()
        self._is_closed = True
        self._waits.close()
        self.activity_tasks.close()
        self.call.close()
