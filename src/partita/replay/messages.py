"""Deliver a run's messages: signals, queries and updates.

An update is a signal whose name begins with `$update:` and whose answer is a marker, so it
works on every service that has signals and markers.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable
from typing import Any

import msgspec
from greenlet import GreenletExit

from partita import history as h
from partita.authoring.failure import MARKER_LIMIT, describe
from partita.authoring.future import Future
from partita.authoring.mailbox import Mailbox
from partita.authoring.signature import signature_of
from partita.codec import Converter
from partita.errors import ExecutionClosedError, InvalidInputError, UnknownTypeError, UsageError
from partita.replay.declared import Message, declared_signals, unknown_name
from partita.replay.journal import Journal
from partita.replay.payloads import Payloads
from partita.replay.strands import Strands

log = logging.getLogger("partita.replay")

UPDATE = "$update:"
"""The beginning of the name of a signal that carries an update."""

UPDATED = "$updated"
"""The name of the marker that carries an update's answer."""


class UpdateRequest(msgspec.Struct, frozen=True):
    """The input of the signal of an update."""

    id: str
    input: str | None = None  # payload of the arguments


class UpdateAnswer(msgspec.Struct, frozen=True, omit_defaults=True):
    """The details of the marker of an update: a result, or a failure."""

    id: str
    result: str | None = None
    failure: str | None = None


encode = msgspec.json.Encoder().encode
decode_request = msgspec.json.Decoder(UpdateRequest).decode
decode_answer = msgspec.json.Decoder(UpdateAnswer).decode


class Messages:
    """The messages of one run."""

    def __init__(
        self, workflow_id: str, journal: Journal, strands: Strands, payloads: Payloads
    ) -> None:
        self._workflow_id = workflow_id
        self._journal = journal
        self._strands = strands
        self._payloads = payloads
        self._mailbox = Mailbox(payloads.converter, Future.settle, self._skip)
        self._queries: dict[str, Callable[..., Any]] = {}
        self._updates: dict[str, Callable[..., Any]] = {}
        self._unanswered: list[tuple[str, UpdateRequest]] = []  # without a handler so far
        self._handling: dict[str, tuple[str, UpdateRequest, bool]] = {}  # True: it has begun

    @property
    def is_awaited(self) -> bool:
        """Whether a message could make the workflow go on."""
        return bool(self._updates or self.awaited)

    @property
    def awaited(self) -> list[str]:
        """The names of the signals that the code waits for."""
        return self._mailbox.awaited()

    # -- signals

    def deliver(self, event: h.WorkflowExecutionSignaled) -> None:
        """Give a signal to the code that waits for it, or keep it."""
        name = event.signal_name
        if name.startswith(UPDATE):
            self._take_update(name.removeprefix(UPDATE), event.input)
            return
        if event.input is not None:
            self._payloads.size += len(event.input)
        self._mailbox.put(name, event.input)

    def receive(self, name: str, decode: Callable[[str], Any], future: Future[Any]) -> None:
        """Settle the future with the next signal of that name."""
        self._mailbox.receive(name, decode, future)

    def _skip(self, error: InvalidInputError) -> None:
        if self._journal.expected is None:
            log.warning("execution %s left a signal out: %s", self._workflow_id, error)

    def unread(self) -> tuple[h.SignalInput, ...]:
        """Return the signals that were not received, in their order, and open updates."""
        found = [h.SignalInput(name, payload) for name, payload in self._mailbox.unread()]
        handling = [(name, request) for name, request, _ in self._handling.values()]
        for name, request in self._unanswered + handling:
            found.append(h.SignalInput(UPDATE + name, encode(request).decode()))
        return tuple(found)

    # -- queries

    def on_query(self, name: str, function: Callable[..., Any]) -> None:
        """Answer queries of that name by the function."""
        _check_sync("query", name, function)
        self._queries[name] = function

    def query(self, name: str, payload: str | None) -> str:
        """Return the payload of the answer to a query.

        Raises:
            UnknownTypeError: there is no handler of that name.
            Exception: whatever the handler raises.
        """
        function = self._queries.get(name)
        if function is None:
            raise UnknownTypeError(unknown_name("query", name, self._queries))
        converter = self._payloads.converter
        return _answered(function, converter, payload, f"the answer to query {name}")

    def check(self, message: Message, function: Callable[..., Any]) -> None:
        """Check a message that is not sent yet; `function` is the workflow's.

        Raises:
            UnknownTypeError: the code knows none of that name.
            InvalidInputError: its value or arguments do not fit.
        """
        kind, name, converter = message.kind, message.name, self._payloads.converter
        if kind == "signal":
            declared = declared_signals(function)
            if declared is not None and name not in {*declared, *self.awaited}:
                raise UnknownTypeError(unknown_name(kind, name, {*declared, *self.awaited}))
            self._mailbox.check(name, message.input)
            found = (declared or {}).get(name)
            if found is not None and found.type is not Any:
                what = f"the value of signal {name}"
                converter.load(message.input or "null", found.decode, what)
            return
        handlers = self._queries if kind == "query" else self._updates
        if name not in handlers:
            raise UnknownTypeError(unknown_name(kind, name, handlers))
        signature_of(handlers[name]).load(converter, message.input)

    # -- updates

    def on_update(self, name: str, function: Callable[..., Any]) -> None:
        """Answer updates of that name by the function, also those that came before."""
        _check_sync("update", name, function)
        self._updates[name] = function
        waiting, self._unanswered = self._unanswered, []
        for other, request in waiting:
            self._answer(other, request)

    def _take_update(self, name: str, payload: str | None) -> None:
        try:
            request = decode_request(payload or "")
        except msgspec.DecodeError:
            return  # not sent by `Client.update`, so nobody waits for an answer
        self._answer(name, request)

    def _answer(self, name: str, request: UpdateRequest) -> None:
        function = self._updates.get(name)
        if function is None:
            self._unanswered.append((name, request))
            return
        self._handling[request.id] = (name, request, False)
        self._strands.add(lambda: self._handle(function, name, request), f"update {name}")

    def _handle(self, function: Callable[..., Any], name: str, request: UpdateRequest) -> None:
        """Call a handler in its strand and record the answer."""
        self._handling[request.id] = (name, request, True)
        converter = self._payloads.converter
        try:
            what = f"the answer to update {name}"
            payload = _answered(function, converter, request.input, what)
            answer = UpdateAnswer(request.id, result=payload)
        except GreenletExit:
            raise
        except BaseException as error:  # sys.exit() must not end the thread of all runs
            answer = _failed(request, error)
        self._record(answer)

    def _record(self, answer: UpdateAnswer, *, closing: bool = False) -> None:
        self._handling.pop(answer.id, None)
        marker = h.RecordMarker(marker_name=UPDATED, details=encode(answer).decode())
        self._journal.issue(marker, closing=closing)

    def abandon_updates(self, *, all: bool) -> None:
        """Fail the updates that the end of the run cuts off; with `all`, also those not begun."""
        for name, request, has_begun in list(self._handling.values()):
            if has_begun or all:
                error = ExecutionClosedError(f"the run ended without an answer to update {name!r}")
                self._record(_failed(request, error), closing=True)

    def refuse_unknown_updates(self) -> None:
        """Fail the updates for which the workflow has registered no handler before it waits."""
        waiting, self._unanswered = self._unanswered, []
        for name, request in waiting:
            error = UnknownTypeError(unknown_name("update", name, self._updates))
            self._record(_failed(request, error))


def _answered(
    function: Callable[..., Any], converter: Converter, input: str | None, what: str
) -> str:
    """Call a handler; return the payload of its answer, for a client that knows no hint."""
    signature = signature_of(function)
    args, kwargs = signature.load(converter, input)
    return signature.dump_answer(converter, function(*args, **kwargs), what)


def _failed(request: UpdateRequest, error: BaseException) -> UpdateAnswer:
    return UpdateAnswer(request.id, failure=describe(error, MARKER_LIMIT).dump())


def _check_sync(kind: str, name: str, function: Callable[..., Any]) -> None:
    if inspect.iscoroutinefunction(function):
        raise UsageError(f"{kind} {name!r} is answered by an async def; write a plain def")
