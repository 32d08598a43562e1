"""Do for services that have only the core operations what others do themselves.

Knows the capabilities' protocols; each function returns the service itself if it has one.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from msgspec.structs import replace

from partita import history as h
from partita.errors import (
    ExecutionAlreadyStartedError,
    ExecutionNotFoundError,
    NoWorkerError,
    StoreUnavailableError,
    WaitTimeoutError,
)
from partita.ports.capabilities import (
    SupportsQueries,
    SupportsSignalWithStart,
    SupportsWaits,
    supports,
)
from partita.ports.service import ExecutionInfo, ReusePolicy, Service, StartRequest, title_of
from partita.ports.state import Status

T = TypeVar("T")

FIRST_INTERVAL, MAX_INTERVAL = 0.02, 1.0
"""Seconds between two reads while waiting: at first, and at most."""

MAX_ATTEMPTS = 5
"""Attempts at a start with a signal, while the workflow id opens and closes."""


def waits_of(service: Service) -> SupportsWaits:
    """Return what waits for events of a service: itself, or what reads it again and again."""
    return service if supports(service, SupportsWaits) else _PolledWaits(service)


def starts_of(service: Service) -> SupportsSignalWithStart:
    """Return what starts with a signal: the service itself, or what does so in two steps."""
    return service if supports(service, SupportsSignalWithStart) else _TwoSteps(service)


def queries_of(service: Service) -> SupportsQueries:
    """Return the service as one that asks live workers.

    Raises:
        NoWorkerError: it asks none, so the history must be replayed.
    """
    if supports(service, SupportsQueries):
        return service
    raise NoWorkerError(
        f"{title_of(service)} asks no worker, and the workflow's code is not here; import it"
    )


class _PolledWaits:
    def __init__(self, service: Service) -> None:
        self._service = service

    def wait_history(
        self, domain: str, execution: h.WorkflowExecution, after: int, timeout: float | None
    ) -> list[h.AnyEvent]:
        """Read the history until there is something new, or the execution is closed."""

        def read() -> list[h.AnyEvent] | None:
            info = self._service.describe(domain, execution).info
            events = self._service.history(domain, execution, after=after)
            return events if events or info.status is not Status.OPEN else None

        return _repeat(read, timeout) or []

    def wait_closed(
        self, domain: str, execution: h.WorkflowExecution, timeout: float | None
    ) -> ExecutionInfo | None:
        """Describe the execution until it is closed."""

        def read() -> ExecutionInfo | None:
            info = self._service.describe(domain, execution).info
            return None if info.status is Status.OPEN else info

        return _repeat(read, timeout)


def _repeat(read: Callable[[], T | None], timeout: float | None) -> T | None:
    """Return what `read` returns in the end; None if it is None for `timeout` seconds.

    Raises:
        StoreUnavailableError: the service was out of reach at the first read.
        WaitTimeoutError: it was out of reach as the time was over.
    """
    deadline = None if timeout is None else time.monotonic() + timeout
    found, interval = read(), FIRST_INTERVAL
    outage: StoreUnavailableError | None = None
    while found is None:
        left = MAX_INTERVAL if deadline is None else deadline - time.monotonic()
        if left <= 0:
            break
        time.sleep(min(interval, left))
        interval = min(MAX_INTERVAL, interval * 1.5)
        try:
            found, outage = read(), None
        except StoreUnavailableError as error:
            outage = error
    if outage is not None:
        raise WaitTimeoutError(
            f"{timeout:g} s are over, and how it stands cannot be told: {outage}"
        ) from outage
    return found


class _TwoSteps:
    def __init__(self, service: Service) -> None:
        self._service = service

    def signal_with_start(
        self, request: StartRequest, signal_name: str, input: str | None
    ) -> h.WorkflowExecution:
        """Signal the open execution of that workflow id, or start one and signal it."""
        newest = h.WorkflowExecution(request.workflow_id, "")
        if request.reuse_policy is ReusePolicy.RETURN_EXISTING:  # a closed one takes no signal
            request = replace(request, reuse_policy=ReusePolicy.ALLOW)
        for _ in range(MAX_ATTEMPTS):  # it may close, or be started, between two calls
            try:
                self._service.signal_workflow_execution(request.domain, newest, signal_name, input)
                info = self._service.describe(request.domain, newest).info
                return h.WorkflowExecution(info.workflow_id, info.run_id)
            except ExecutionNotFoundError:
                pass
            try:
                begun = self._service.start_workflow_execution(request)
                self._service.signal_workflow_execution(request.domain, begun, signal_name, input)
                return begun
            except ExecutionNotFoundError:
                continue
            except ExecutionAlreadyStartedError:
                if request.reuse_policy is not ReusePolicy.ALLOW:
                    raise
        raise ExecutionAlreadyStartedError(
            f"workflow id {request.workflow_id!r} opens and closes all the time; try again"
        )
