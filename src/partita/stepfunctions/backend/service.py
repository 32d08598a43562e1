"""Start and follow executions of AWS Step Functions, or of another endpoint with its API.

    stepfunctions://REGION?endpoint=http://HOST:PORT&profile=NAME&machine=NAME

A workflow is a machine of that name, or of the URL's, and an execution's id is `MACHINE:NAME`.
Machines run there, so there is nothing to decide and no task to take; whoever tries is refused.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Sequence
from typing import Any, NoReturn
from urllib.parse import parse_qsl, urlsplit

from botocore.config import Config

from partita import errors
from partita import history as h
from partita.aws.calls import RETRIED, Refusal, call, connect
from partita.ports.service import (
    ActivityTask,
    DecisionTask,
    ExecutionDetail,
    ExecutionInfo,
    ExecutionPage,
    StartRequest,
)
from partita.ports.state import ExecutionFilter, Status
from partita.stepfunctions.backend.history_reader import events_of
from partita.stepfunctions.backend.open_waits import open_waits

TITLE = "AWS Step Functions"

_STATUSES = {
    "RUNNING": Status.OPEN,
    "SUCCEEDED": Status.COMPLETED,
    "FAILED": Status.FAILED,
    "TIMED_OUT": Status.TIMED_OUT,
    "ABORTED": Status.TERMINATED,
    "PENDING_REDRIVE": Status.OPEN,
}
_GONE = ("ExecutionDoesNotExist", "InvalidArn", "StateMachineDoesNotExist")


def _meaning(refusal: Refusal) -> errors.PartitaError | None:
    if refusal.code == "ExecutionAlreadyExists":
        return errors.ExecutionAlreadyStartedError(f"{refusal.text}; choose another --id")
    if refusal.code == "StateMachineDoesNotExist":
        return errors.UnknownTypeError(f"{TITLE}: {refusal.text}; `partita deploy` makes one")
    if refusal.code in _GONE:
        return errors.ExecutionNotFoundError(f"{TITLE}: {refusal.text}")
    return None


_HOW = "write stepfunctions://REGION, with ?endpoint=URL, &profile=NAME and &machine=NAME"


class StepFunctionsService:
    """Client commands on Step Functions."""

    title = TITLE

    def __init__(self, url: str) -> None:
        """Read the URL.

        Raises:
            InvalidOptionError: it has no region, or an unknown option.
        """
        try:
            parts = urlsplit(url)
        except ValueError as error:
            raise errors.InvalidOptionError(f"{url!r}: {error}; {_HOW}") from None
        options = dict(parse_qsl(parts.query))
        unknown = sorted(set(options) - {"endpoint", "profile", "machine"})
        if not parts.netloc or unknown or parts.path.strip("/"):
            raise errors.InvalidOptionError(f"{url!r}: {_HOW}")
        config = RETRIED.merge(Config(inject_host_prefix=False))
        profile, endpoint = options.get("profile"), options.get("endpoint")
        _, (self._client,) = connect("stepfunctions", parts.netloc, profile, endpoint, config)
        self._name = options.get("machine")  # of the machine to start
        self._arns: dict[str, str] = {}  # of machines, by name
        self._express: set[str] = set()

    def _call(self, operation: str, **members: Any) -> dict[str, Any]:
        return call(self._client, operation, members, TITLE, _meaning)

    def _every(self, operation: str, member: str, **members: Any) -> Iterator[dict[str, Any]]:
        token: dict[str, Any] = {}
        while True:
            answer = self._call(operation, **members, **token)
            yield from answer[member]
            if "nextToken" not in answer:
                return
            token = {"nextToken": answer["nextToken"]}

    def _machine(self, name: str) -> str:
        """Return the ARN of a machine."""
        if name not in self._arns:
            found = list(self._every("list_state_machines", "stateMachines"))
            self._arns = {one["name"]: one["stateMachineArn"] for one in found}
            self._express = {one["name"] for one in found if one["type"] == "EXPRESS"}
        if name not in self._arns:
            raise errors.UnknownTypeError(
                f"{TITLE} has no state machine {name}; `partita deploy` makes one"
            )
        return self._arns[name]

    def _execution(self, execution: h.WorkflowExecution) -> tuple[str, str]:
        """Return the machine's name and the execution's ARN."""
        machine, colon, name = execution.workflow_id.partition(":")
        if not colon:
            raise errors.ExecutionNotFoundError(
                f"{execution.workflow_id!r} is no execution; write MACHINE:NAME"
            )
        own = self._machine(machine)
        if machine in self._express:
            raise errors.UnsupportedError(
                f"{machine} is an Express machine, whose executions {TITLE} does not describe; "
                "look into its log, or deploy it without --express"
            )
        return machine, f"{own.replace(':stateMachine:', ':execution:')}:{name}"

    # -- what it does

    def register_workflow_type(self, domain: str, workflow_type: h.WorkflowType) -> None:
        """Do nothing: machines are created by Step Functions' own clients."""

    def input_by_name(self, names: Sequence[str], payload: str) -> str:
        """Return a call's arguments as a machine's input, an object with a member for each."""
        call = json.loads(payload)
        given = call if isinstance(call, list) else call["args"]
        named = {} if isinstance(call, list) else call["kwargs"]
        return json.dumps([{**dict(zip(names, given, strict=False)), **named}])

    def start_workflow_execution(self, request: StartRequest) -> h.WorkflowExecution:
        """Start an execution of the machine that is named as the type is."""
        machine = self._name or request.workflow_type.name
        name = request.workflow_id.removeprefix(f"{machine}:") or str(uuid.uuid4())
        arguments = json.loads(request.input or "[]")
        document = arguments[0] if isinstance(arguments, list) and arguments else {}
        answer = self._call(
            "start_execution",
            stateMachineArn=self._machine(machine),
            name=name,
            input=json.dumps(document),
        )
        return h.WorkflowExecution(f"{machine}:{name}", answer["executionArn"].split(":")[-1])

    def terminate_workflow_execution(
        self, domain: str, execution: h.WorkflowExecution, reason: str | None
    ) -> None:
        """Stop the execution."""
        _, arn = self._execution(execution)
        self._call(
            "stop_execution", executionArn=arn, **({} if reason is None else {"error": reason})
        )

    def request_cancel_workflow_execution(
        self, domain: str, execution: h.WorkflowExecution
    ) -> None:
        """Stop the execution: a machine cannot be asked to cancel itself."""
        _, arn = self._execution(execution)
        self._call("stop_execution", executionArn=arn, error="Canceled", cause="by partita cancel")

    def signal_workflow_execution(
        self, domain: str, execution: h.WorkflowExecution, signal_name: str, input: str | None
    ) -> None:
        """Send the token of the oldest task that waits for this signal back, with the value.

        Raises:
            OperationRefusedError: none waits for it; Step Functions keeps no early signals.
        """
        _, arn = self._execution(execution)
        events = self._every("get_execution_history", "events", executionArn=arn, maxResults=1000)
        waits = open_waits(events)
        for wait in waits:
            if wait.signal == signal_name:
                self._call("send_task_success", taskToken=wait.token, output=input or "null")
                return
        names = ", ".join(sorted({one.signal for one in waits})) or "none"
        raise errors.OperationRefusedError(
            f"{execution.workflow_id} waits for no signal {signal_name} now (it waits for: {names})"
            f", and {TITLE} keeps none for later; send it again when it waits"
        )

    def describe(self, domain: str, execution: h.WorkflowExecution) -> ExecutionDetail:
        """Return how the execution stands."""
        machine, arn = self._execution(execution)
        found = self._call("describe_execution", executionArn=arn)
        events = self._call(
            "get_execution_history", executionArn=arn, reverseOrder=True, maxResults=1
        )
        count = events["events"][0]["id"] if events["events"] else 0
        return ExecutionDetail(info=_info(machine, found, count))

    def history(
        self, domain: str, execution: h.WorkflowExecution, *, after: int = 0
    ) -> list[h.AnyEvent]:
        """Return the events after number `after`, in order."""
        machine, arn = self._execution(execution)
        found = self._every("get_execution_history", "events", executionArn=arn, maxResults=1000)
        return events_of([one for one in found if one["id"] > after], machine)

    def list_executions(self, filter: ExecutionFilter) -> ExecutionPage:
        """List the executions of a machine, or of all, newest first."""
        found = sorted(self._executions(filter), key=lambda one: -one.started_at)
        first = filter.before_run or 0
        shown = found[first : first + filter.limit]
        more = first + filter.limit if len(found) > first + filter.limit else None
        return ExecutionPage(executions=tuple(shown), next_page=more)

    def count_executions(self, filter: ExecutionFilter) -> int:
        """Count executions, by listing them."""
        return sum(1 for _ in self._executions(filter))

    def _executions(self, filter: ExecutionFilter) -> Iterator[ExecutionInfo]:
        if filter.tag is not None or filter.attributes or filter.matches:
            raise errors.UnsupportedError(
                f"{TITLE} cannot find executions by tags or search attributes; "
                "look for them by id, type, status or time"
            )
        for machine in self._every("list_state_machines", "stateMachines"):
            if machine["type"] == "EXPRESS" or filter.type_name not in (None, machine["name"]):
                continue
            arn = machine["stateMachineArn"]
            for one in self._every("list_executions", "executions", stateMachineArn=arn):
                info = _info(machine["name"], one, 0)
                if _matches(info, filter):
                    yield info

    def close(self) -> None:
        """Release connections."""
        self._client.close()

    # -- what it does not do

    def refuse_workers(self) -> None:
        """Refuse: a worker would find nothing to do."""
        _refuse("workers")

    def poll_decision_task(
        self, domain: str, task_list: str, *, identity: str = "", wait: float = 0.0
    ) -> DecisionTask | None:
        """Refuse: there is nothing to decide."""
        _refuse("workers")

    def complete_decision(self, token: str, decisions: Sequence[h.AnyDecision]) -> None:
        """Refuse."""
        _refuse("workers")

    def fail_decision(self, token: str, cause: str, message: str) -> None:
        """Refuse."""
        _refuse("workers")

    def poll_activity_task(
        self, domain: str, task_list: str, *, identity: str = "", wait: float = 0.0
    ) -> ActivityTask | None:
        """Refuse: workers of activities use Step Functions' API."""
        _refuse("workers")

    def complete_activity(self, token: str, result: str | None) -> None:
        """Refuse."""
        _refuse("workers")

    def fail_activity(
        self, token: str, reason: str | None, details: str | None, *, retryable: bool = True
    ) -> None:
        """Refuse."""
        _refuse("workers")

    def cancel_activity(self, token: str, details: str | None) -> None:
        """Refuse."""
        _refuse("workers")

    def heartbeat_activity(self, token: str, details: str | None) -> bool:
        """Refuse."""
        _refuse("workers")


def _refuse(what: str) -> NoReturn:
    raise errors.UnsupportedError(
        f"{TITLE} runs its machines itself and has no {what}; "
        "start, result, show, history, signal, list, cancel and terminate work there"
    )


def _info(machine: str, found: dict[str, Any], count: int) -> ExecutionInfo:
    stopped = found.get("stopDate")
    return ExecutionInfo(
        workflow_id=f"{machine}:{found['name']}",
        run_id=found["name"],
        workflow_type=h.WorkflowType(machine),
        status=_STATUSES[found["status"]],
        started_at=found["startDate"].timestamp(),
        closed_at=None if stopped is None else stopped.timestamp(),
        event_count=count,
    )


def _matches(info: ExecutionInfo, filter: ExecutionFilter) -> bool:
    if filter.statuses and info.status not in filter.statuses:
        return False
    if filter.workflow_id is not None and info.workflow_id != filter.workflow_id:
        return False
    if filter.started_after is not None and info.started_at < filter.started_after:
        return False
    return filter.started_before is None or info.started_at < filter.started_before
