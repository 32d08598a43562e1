"""Keep a run's messages: signals until they are received, updates until they are answered.

An update is a signal whose name begins with `$update:` and whose answer is a marker; so it
works on every service that has signals and markers.
"""

from __future__ import annotations

import inspect
import logging
from collections import defaultdict, deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec
from greenlet import GreenletExit

from partita.authoring.failure import Failure
from partita.authoring.future import Future
from partita.authoring.signature import Signature
from partita.errors import ExecutionClosedError, InvalidInputError, UnknownTypeError, UsageError
from partita.history import RecordMarker, SignalInput, WorkflowExecutionSignaled

if TYPE_CHECKING:
    from partita.replay.run import Run

log = logging.getLogger("partita.replay")

UPDATE = "$update:"
"""How the name of a signal that carries an update begins."""

UPDATED = "$updated"
"""The marker that carries an update's answer."""


class UpdateRequest(msgspec.Struct, frozen=True):
    """What the signal of an update carries."""

    id: str
    input: str | None = None  # payload of the arguments


class UpdateAnswer(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the marker of an update carries: a result, or a failure."""

    id: str
    result: str | None = None
    failure: str | None = None


encode = msgspec.json.Encoder().encode
decode_request = msgspec.json.Decoder(UpdateRequest).decode
decode_answer = msgspec.json.Decoder(UpdateAnswer).decode

_Receiver = tuple[Future[Any], Callable[[str], Any]]


class Inbox:
    """The messages of one run."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._signals: dict[str, deque[str | None]] = defaultdict(deque)  # payloads
        self._order: deque[str] = deque()  # names, in the order of what was not received
        self._receivers: dict[str, deque[_Receiver]] = defaultdict(deque)
        self._queries: dict[str, Callable[..., Any]] = {}
        self._updates: dict[str, Callable[..., Any]] = {}
        self._unanswered: list[tuple[str, UpdateRequest]] = []
        self._handling: dict[str, tuple[str, UpdateRequest, bool]] = {}  # True: it has begun

    @property
    def is_awaited(self) -> bool:
        """Whether a message could make the workflow go on."""
        return bool(self._updates or self.awaited)

    @property
    def awaited(self) -> list[str]:
        """The names of the signals that the code waits for."""
        return [
            name
            for name, waiting in self._receivers.items()
            if any(not future.done() for future, _ in waiting)
        ]

    # -- signals

    def take(self, event: WorkflowExecutionSignaled) -> None:
        """Keep a signal, or give it to who waits for it."""
        name = event.signal_name
        if name.startswith(UPDATE):
            self._take_update(name.removeprefix(UPDATE), event.input)
            return
        if event.input is not None:
            self._run.cost += len(event.input)
        self._signals[name].append(event.input)
        self._order.append(name)
        self._match(name)

    def receive(self, name: str, decode: Callable[[str], Any], future: Future[Any]) -> None:
        """Give the next signal of that name to the future."""
        receivers = self._receivers[name]
        while receivers and receivers[-1][0].done():  # it gave up
            receivers.pop()
        receivers.append((future, decode))
        self._match(name)

    def _match(self, name: str) -> None:
        payloads, receivers = self._signals[name], self._receivers[name]
        while payloads and receivers:
            future, decode = receivers[0]
            if future.done():  # it was cancelled
                receivers.popleft()
                continue
            payload = payloads.popleft()
            self._order.remove(name)
            try:
                value = self._run.converter.load(payload or "null", decode, f"signal {name}")
            except InvalidInputError as error:
                if self._run.expected is None:
                    log.warning(
                        "execution %s left a signal out: %s",
                        self._run.execution.workflow_id,
                        error,
                    )
                continue
            receivers.popleft()
            future.settle(value)

    def unread(self) -> tuple[SignalInput, ...]:
        """Return the signals that nobody has received, in their order."""
        positions: dict[str, int] = defaultdict(int)
        found = []
        for name in self._order:
            found.append(SignalInput(name, self._signals[name][positions[name]]))
            positions[name] += 1
        waiting = [(name, request) for name, request, _ in self._handling.values()]
        for name, request in self._unanswered + waiting:
            found.append(SignalInput(UPDATE + name, encode(request).decode()))
        return tuple(found)

    # -- queries

    def on_query(self, name: str, function: Callable[..., Any]) -> None:
        """Let `function` answer queries of that name."""
        _check_sync("query", name, function)
        self._queries[name] = function

    def query(self, name: str, payload: str | None) -> str:
        """Answer a query; nothing may be decided meanwhile.

        Raises:
            UnknownTypeError: nothing answers queries of that name.
            Exception: whatever the handler raises.
        """
        function = self._queries.get(name)
        if function is None:
            raise UnknownTypeError(_unknown("query", name, self._queries))
        args, kwargs = Signature(function).load(self._run.converter, payload)
        return self._run.converter.dump(function(*args, **kwargs), f"the answer to query {name}")

    # -- updates

    def on_update(self, name: str, function: Callable[..., Any]) -> None:
        """Let `function` answer updates of that name, also those that have come already."""
        _check_sync("update", name, function)
        self._updates[name] = function
        waiting, self._unanswered = self._unanswered, []
        for other, request in waiting:
            self._answer(other, request)

    def _take_update(self, name: str, payload: str | None) -> None:
        try:
            request = decode_request(payload or "")
        except msgspec.DecodeError:
            return  # not sent by `Client.update`; nobody waits for an answer
        self._answer(name, request)

    def _answer(self, name: str, request: UpdateRequest) -> None:
        function = self._updates.get(name)
        if function is None:
            self._unanswered.append((name, request))
            return
        self._handling[request.id] = (name, request, False)
        self._run.add_strand(lambda: self._handle(function, name, request), f"update {name}")

    def _handle(self, function: Callable[..., Any], name: str, request: UpdateRequest) -> None:
        """Call the handler in its strand and record what came of it."""
        run = self._run
        self._handling[request.id] = (name, request, True)
        try:
            args, kwargs = Signature(function).load(run.converter, request.input)
            result = function(*args, **kwargs)
            payload = run.converter.dump(result, f"the answer to update {name}")
            answer = UpdateAnswer(request.id, result=payload)
        except GreenletExit:
            raise
        except BaseException as error:  # sys.exit() must not end the thread that decides for all
            answer = UpdateAnswer(request.id, failure=Failure.of(error).dump())
        self._record(answer)

    def _record(self, answer: UpdateAnswer, *, closing: bool = False) -> None:
        self._handling.pop(answer.id, None)
        marker = RecordMarker(marker_name=UPDATED, details=encode(answer).decode())
        self._run.issue(marker, closing=closing)

    def abandon_updates(self, *, all: bool) -> None:
        """Answer the updates that the run's end cuts off; with `all`, also those not begun."""
        for name, request, has_begun in list(self._handling.values()):
            if has_begun or all:
                error = ExecutionClosedError(f"the run ended without an answer to update {name!r}")
                answer = UpdateAnswer(request.id, failure=Failure.of(error).dump())
                self._record(answer, closing=True)

    def refuse_unknown_updates(self) -> None:
        """Answer what no handler was registered for by the time that the workflow waits."""
        waiting, self._unanswered = self._unanswered, []
        for name, request in waiting:
            error = UnknownTypeError(_unknown("update", name, self._updates))
            self._record(UpdateAnswer(request.id, failure=Failure.of(error).dump()))


def _check_sync(kind: str, name: str, function: Callable[..., Any]) -> None:
    if inspect.iscoroutinefunction(function):
        raise UsageError(f"{kind} {name!r} is answered by an async def; write a plain def")


def _unknown(kind: str, name: str, known: dict[str, Any]) -> str:
    names = ", ".join(sorted(known)) or "nothing"
    return f"the workflow answers no {kind} {name!r}; it answers: {names}"


__all__ = [
    "UPDATE",
    "UPDATED",
    "Inbox",
    "UpdateAnswer",
    "UpdateRequest",
    "decode_answer",
    "decode_request",
    "encode",
]
