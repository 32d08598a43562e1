"""Call a function that may block for long, such as a database query, with a time limit.

Knows nothing of what the function does.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import Generic, TypeVar

T = TypeVar("T")

ANSWER_TIMEOUT_SECONDS = 2.0
"""How long to wait for an answer; about as long as a probe or a scrape waits for ours."""


class BoundedCall(Generic[T]):
    """Run a function on a thread, at most once at a time. May be called from many threads.

    A caller that comes while the function still runs waits for that same call.
    """

    def __init__(self, function: Callable[[], T], timeout: float = ANSWER_TIMEOUT_SECONDS) -> None:
        self._function = function
        self._timeout = timeout
        self._lock = threading.Lock()
        self._call: Future[T] | None = None

    def __call__(self) -> T:
        """Return what the function returns; raise what it raises.

        Raises:
            TimeoutError: it did not return in time, or there is no thread to run it.
        """
        with self._lock:
            call = self._call
            if call is None or call.done():
                call = Future()
                thread = threading.Thread(
                    target=self._run, args=(call,), name="partita-bounded-call", daemon=True
                )
                try:
                    thread.start()
                except RuntimeError as error:
                    raise TimeoutError("no answer: no thread can be started") from error
                self._call = call
        if not wait([call], self._timeout).done:
            raise TimeoutError(f"no answer within {self._timeout:g} s")
        return call.result()

    def _run(self, call: Future[T]) -> None:
        try:
            call.set_result(self._function())
        except Exception as error:
            call.set_exception(error)
