"""Call Amazon SWF, and say in our errors what it refuses.

Calls are tried again as `partita.aws.calls` says. Who tries again for longer than that anyway, or
must be able to stop, has each call made once.

Source: Amazon SWF API Reference (2012-01-25).
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from partita import errors
from partita.aws import calls
from partita.aws.calls import INVALID, Refusal
from partita.ports.outage import Outage
from partita.swf.backend.polls import Polls
from partita.swf.backend.timing import DEFAULT_TIMING, Timing
from partita.swf.backend.url import Address

TITLE = "Amazon SWF"

log = logging.getLogger("partita.swf")


class Call:
    """SWF's operations. Safe to use from many threads."""

    def __init__(self, address: Address, timing: Timing = DEFAULT_TIMING) -> None:
        self.timing = timing
        configs = (calls.RETRIED, calls.ONCE_BRIEFLY, calls.ONCE)
        self.session, self._clients = calls.connect(
            "swf", address.region, address.profile, address.endpoint, *configs
        )
        self._swf, self._brief, self._poller = self._clients
        self.outage = Outage(TITLE, log)  # who tries again says so here
        self.polls = Polls(
            [self._swf, self._poller], calls.CONNECT_TIMEOUT, calls.READ_TIMEOUT, timing
        )
        self._here = threading.local()

    def __call__(self, operation: str, **members: Any) -> dict[str, Any]:
        """Call one operation, such as `start_workflow_execution`, with its members.

        Members that are None are left out.

        Raises:
            PartitaError: what SWF's fault means to us.
        """
        given = {name: value for name, value in members.items() if value is not None}
        answer = calls.call(self._client(operation, given), operation, given, TITLE, _meaning)
        self.outage.over()
        return answer

    def pages(self, operation: str, found: str, **members: Any) -> Iterator[list[dict[str, Any]]]:
        """Yield page by page what an operation lists in its member `found`."""
        token: str | None = None
        while True:
            page = self(operation, nextPageToken=token, **members)
            yield page[found]
            token = page.get("nextPageToken")
            if token is None:
                return

    def has_pending(self, kind: str, domain: str, task_list: str) -> bool:
        """Return whether a task list of SWF's name has "activity" or "decision" tasks.

        SWF's polls wait a minute, so a poll that must not wait asks first.
        """
        members = {"domain": domain, "taskList": {"name": task_list}}
        try:
            return bool(self(f"count_pending_{kind}_tasks", **members)["count"])
        except DomainNotFoundError:
            return False

    def _client(self, operation: str, given: Mapping[str, Any]) -> Any:
        if operation.startswith("poll_for_") and "nextPageToken" not in given:  # else it has a task
            return self._poller if getattr(self._here, "polls_once", False) else self._swf
        return self._brief if getattr(self._here, "is_brief", False) else self._swf

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """Make this thread's calls once, without further attempts; not for polls."""
        self._here.is_brief = True
        try:
            yield
        finally:
            self._here.is_brief = False

    def poll_once(self) -> None:
        """Make each of this thread's polls once from now on, without further attempts.

        For a thread that tries again by itself, and that may be told to stop while it waits: the
        SDK's own waits, of up to 20 seconds, cannot be ended.
        """
        self._here.polls_once = True

    def close(self) -> None:
        """End polls, and close the connections."""
        self.polls.close()
        for client in self._clients:
            client.close()


_ABOUT_TASKS = {
    "respond_decision_task_completed",
    "respond_activity_task_completed",
    "respond_activity_task_failed",
    "respond_activity_task_canceled",
    "record_activity_task_heartbeat",
}

_FAULTS: dict[str, type[errors.PartitaError]] = {
    "DefaultUndefinedFault": errors.InvalidOptionError,
    "DomainDeprecatedFault": errors.OperationRefusedError,
    "SerializationException": errors.InvalidOptionError,
    "TypeDeprecatedFault": errors.OperationRefusedError,
    "ValidationException": errors.InvalidOptionError,
    "WorkflowExecutionAlreadyStartedFault": errors.ExecutionAlreadyStartedError,
}

_REMEDIES = {
    "DomainDeprecatedFault": ": the domain is deprecated, so nothing new can begin in it; "
    "take another, or undeprecate it with AWS's tools",
    "TypeDeprecatedFault": ": the type is deprecated, so nothing new of it can begin; give it a "
    "new version, or: partita swf deprecate --undo workflow|activity NAME VERSION",
}
"""What a fault means, and how to mend it, where Amazon SWF only names what it is about."""


def _meaning(refusal: Refusal) -> errors.PartitaError | None:
    """Return what a refusal of SWF's means; None if any service may refuse it."""
    code, text = refusal.code, refusal.text
    is_about_task = refusal.operation in _ABOUT_TASKS
    if code == "UnknownResourceFault":
        return _unknown(text, is_about_task)
    if is_about_task and code == INVALID:
        return errors.InvalidTokenError(f"{TITLE} cannot be asked: {text}")
    if is_about_task and code == "ValidationException":
        if "oken" in text:
            return errors.InvalidTokenError(f"{TITLE} knows no such task: {text}")
        if refusal.operation == "respond_decision_task_completed":
            return errors.DecisionRefusedError(f"{TITLE} refuses the decisions: {text}")
    if code not in _FAULTS:
        return None
    return _FAULTS[code](f"{TITLE}: {text} ({code}){_REMEDIES.get(code, '')}")


def _unknown(text: str, is_about_task: bool) -> errors.PartitaError:
    if is_about_task:
        return errors.TaskLostError(f"the task is no longer this worker's: {text}")
    if "type" in text.lower() and not text.startswith("Unknown execution"):
        return errors.UnknownTypeError(
            f"{TITLE}: {text}; start a worker that has it, or register it: partita swf register"
        )
    if "domain" in text.lower() and "execution" not in text.lower():
        return DomainNotFoundError(
            f"{TITLE}: {text}; a worker registers it, or: partita swf register --domain"
        )
    return errors.ExecutionNotFoundError(
        f"{TITLE}: {text}; `partita list` shows those that there are"
    )


class DomainNotFoundError(errors.ExecutionNotFoundError):
    """The domain is not registered, so nothing is in it."""
