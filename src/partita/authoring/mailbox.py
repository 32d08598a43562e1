"""Keep signals until the code receives them, and the futures of signals to come.

Both runtimes have one for each run. Not thread-safe: its runtime guards it.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable
from typing import Any

from partita.authoring.future import Future
from partita.codec import Converter
from partita.errors import InvalidInputError

Decode = Callable[[str], Any]


class Mailbox:
    """The signals and receivers of one run, by signal name.

    `settle(future, value)` ends a receiver; `on_invalid(error)` is called for a signal that
    does not fit its receiver, which is skipped.
    """

    def __init__(
        self,
        converter: Converter,
        settle: Callable[[Future[Any], Any], object],
        on_invalid: Callable[[InvalidInputError], object],
    ) -> None:
        self._converter = converter
        self._settle = settle
        self._on_invalid = on_invalid
        self._payloads: dict[str, deque[str | None]] = defaultdict(deque)
        self._order: deque[str] = deque()  # names of the signals, as they came
        self._receivers: dict[str, deque[tuple[Future[Any], Decode]]] = defaultdict(deque)

    def put(self, name: str, payload: str | None) -> None:
        """Add a signal."""
        self._payloads[name].append(payload)
        self._order.append(name)
        self._match(name)

    def receive(self, name: str, decode: Decode, future: Future[Any]) -> None:
        """Add a receiver: settle the future with the next signal that nobody else receives."""
        receivers = self._receivers[name]
        while receivers and receivers[-1][0].done():  # it gave up
            receivers.pop()
        receivers.append((future, decode))
        self._match(name)

    def awaited(self) -> list[str]:
        """Return the names of the signals that a receiver waits for."""
        return [
            name
            for name, waiting in self._receivers.items()
            if any(not future.done() for future, _ in waiting)
        ]

    def check(self, name: str, payload: str | None) -> None:
        """Check that a signal fits the receiver that waits for it, if one does.

        Raises:
            InvalidInputError: it does not.
        """
        for future, decode in self._receivers.get(name, ()):
            if not future.done():
                self._converter.load(payload or "null", decode, f"signal {name}")
                return

    def unread(self) -> list[tuple[str, str | None]]:
        """Return name and payload of the signals that were not received, in their order."""
        payloads = {name: iter(waiting) for name, waiting in self._payloads.items()}
        return [(name, next(payloads[name])) for name in self._order]

    def _match(self, name: str) -> None:
        payloads, receivers = self._payloads[name], self._receivers[name]
        while payloads and receivers:
            future, decode = receivers[0]
            if future.done():  # it was cancelled
                receivers.popleft()
                continue
            payload = payloads.popleft()
            self._order.remove(name)
            try:
                value = self._converter.load(payload or "null", decode, f"signal {name}")
            except InvalidInputError as error:
                self._on_invalid(error)
                continue
            receivers.popleft()
            self._settle(future, value)
