"""Do one thing to many executions, each once, however often it is repeated.

What is to be touched is found first, run by run; then it is done to one after the other. What has
been done to an execution already, by an earlier call that was interrupted or by others, is told by
the execution itself, which is then passed over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import msgspec
from msgspec import Struct

from partita import history as h
from partita.client.client import Client
from partita.errors import (
    ExecutionAlreadyStartedError,
    ExecutionNotFoundError,
    InvalidOptionError,
    PartitaError,
    StoreError,
    UnsupportedError,
)
from partita.ports.service import ExecutionInfo
from partita.ports.state import Status
from partita.ports.texts import check_name

AT_ONCE = 8
"""Executions to which something is done at the same time."""

CHUNK = 200
"""Executions that are handed to the threads at a time."""

ENDED_ILL = (Status.FAILED, Status.CANCELED, Status.TERMINATED, Status.TIMED_OUT)


class Bulk(Struct, frozen=True, kw_only=True):
    """Something that is done to executions."""

    verb: str  # "cancel", as questions say it
    done: str  # "asked to cancel themselves"
    statuses: tuple[Status, ...]  # of the executions that it can be done to
    is_done: Callable[[ExecutionInfo], bool] = lambda _: False  # as a list tells it
    newest_only: bool = False  # whether only the newest run of a workflow id is touched
    act: Callable[[Client, ExecutionInfo], str | None]
    """Do it to one; return why it was passed over, or None."""


class Outcome(Struct, frozen=True, kw_only=True):
    """What became of one execution."""

    workflow_id: str
    run_id: str
    outcome: str  # "done", "passed over" or "failed"
    reason: str | None = None


def carry_out(client: Client, bulk: Bulk, infos: Sequence[ExecutionInfo]) -> Iterator[Outcome]:
    """Do it to each of these, some at a time, so that they share transactions; yield what became.

    Whoever stops listening ends it: what has begun is done, and nothing else.

    Raises:
        StoreError: the database is out of reach; what was not yielded may have been done.
        UnsupportedError: the backend cannot do it.
    """
    with ThreadPoolExecutor(AT_ONCE, "partita-bulk") as pool:
        for first in range(0, len(infos), CHUNK):
            yield from pool.map(partial(_one, client, bulk), infos[first : first + CHUNK])


def _one(client: Client, bulk: Bulk, info: ExecutionInfo) -> Outcome:
    outcome, reason = "passed over", None
    try:
        reason = bulk.act(client, info)
        outcome = "done" if reason is None else outcome
    except ExecutionNotFoundError:
        reason = "it has ended, or was removed"
    except ExecutionAlreadyStartedError:
        reason = "a newer run of it is open"
    except (StoreError, UnsupportedError):
        raise
    except PartitaError as error:
        outcome, reason = "failed", str(error)
    return Outcome(workflow_id=info.workflow_id, run_id=info.run_id, outcome=outcome, reason=reason)


# -- what can be done


def _cancel(client: Client, info: ExecutionInfo) -> str | None:
    if client.describe(info.workflow_id, run_id=info.run_id).info.cancel_requested:
        return "it was asked already"
    client.cancel(info.workflow_id, run_id=info.run_id)
    return None


CANCEL = Bulk(
    verb="cancel",
    done="asked to cancel themselves",
    statuses=(Status.OPEN,),
    is_done=lambda info: info.cancel_requested,
    act=_cancel,
)


def terminate(reason: str | None) -> Bulk:
    """Return what ends executions at once."""

    def act(client: Client, info: ExecutionInfo) -> str | None:
        client.terminate(info.workflow_id, reason, run_id=info.run_id)
        return None

    return Bulk(verb="terminate", done="terminated", statuses=(Status.OPEN,), act=act)


def is_newest(client: Client, info: ExecutionInfo) -> bool:
    """Whether it is the newest run of its workflow id."""
    return client.describe(info.workflow_id).info.run_id == info.run_id


def _rerun(client: Client, info: ExecutionInfo) -> str | None:
    if not is_newest(client, info):
        return "a newer run of it is there"
    client.rerun(info.workflow_id, run_id=info.run_id)
    return None


RERUN = Bulk(verb="rerun", done="run again", statuses=ENDED_ILL, newest_only=True, act=_rerun)


def signal(name: str, value: object, *, again: bool) -> Bulk:
    """Return what sends a signal; without `again`, not where the same was received already.

    Raises:
        InvalidOptionError: no signal may have such a name.
    """
    check_name("signal name", name)
    if name.startswith("$"):
        raise InvalidOptionError(f"a signal cannot be named {name}; begin with a letter")

    def act(client: Client, info: ExecutionInfo) -> str | None:
        if not again and _has_received(client, info, name, value):
            return "it has received the same signal already"
        client.signal(info.workflow_id, name, value, run_id=info.run_id)
        return None

    return Bulk(verb=f"signal {name} to", done="signalled", statuses=(Status.OPEN,), act=act)


def _has_received(client: Client, info: ExecutionInfo, name: str, value: object) -> bool:
    execution = h.WorkflowExecution(info.workflow_id, info.run_id)
    return any(
        isinstance(event, h.WorkflowExecutionSignaled)
        and event.signal_name == name
        and _value(client, event.input) == (True, value)
        for event in client.service.history(client.domain, execution)
    )


def _value(client: Client, payload: str | None) -> tuple[bool, object]:
    """Return whether a signal's payload can be read, and its value."""
    if payload is None:
        return True, None
    try:
        text = client.converter.load(payload, str, "the signal")
        return True, msgspec.json.decode(text)
    except (PartitaError, msgspec.DecodeError):
        return False, None


def pause(reason: str | None) -> Bulk:
    """Return what holds executions back."""

    def act(client: Client, info: ExecutionInfo) -> str | None:
        if client.describe(info.workflow_id, run_id=info.run_id).info.paused is not None:
            return "it is paused already"
        client.pause(info.workflow_id, reason, run_id=info.run_id)
        return None

    return Bulk(
        verb="pause",
        done="paused",
        statuses=(Status.OPEN,),
        is_done=lambda info: info.paused is not None,
        act=act,
    )


def _resume(client: Client, info: ExecutionInfo) -> str | None:
    if client.describe(info.workflow_id, run_id=info.run_id).info.paused is None:
        return "it is not paused"
    client.resume(info.workflow_id, run_id=info.run_id)
    return None


RESUME = Bulk(
    verb="resume",
    done="resumed",
    statuses=(Status.OPEN,),
    is_done=lambda info: info.paused is None,
    act=_resume,
)
