"""Run workflows as plain Python: activities are called, `submit` uses threads, `sleep` sleeps.

Nothing is stored. What an engine would do to an activity, this does as well: the futures
among its arguments are waited for, and its retry policy is kept.
"""

from __future__ import annotations

import functools
import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

from partita.authoring.context import ActivityContext, ActivityInfo, context
from partita.authoring.definition import Definition
from partita.authoring.failure import Failure
from partita.authoring.future import Future, pending_in, resolved, when_done
from partita.errors import CancelledError, UsageError

THREADS = 32
"""Activities that `submit` runs at a time."""


class LocalRuntime:
    """The runtime of a workflow that is simply called."""

    def __init__(self) -> None:
        self._settled = threading.Condition(threading.RLock())
        self._random = random.Random()

    @functools.cached_property
    def _pool(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(THREADS, thread_name_prefix="partita-local")

    def submit(
        self, definition: Definition, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Future[Any]:
        """Run the activity on a thread once the futures among its arguments are done."""
        definition.signature.bind(args, kwargs)
        future: Future[Any] = Future(self, definition.activity_type.name)
        work = functools.partial(self._run, future, definition, args, kwargs)
        with self._settled:
            waits_for = pending_in((args, kwargs))
            when_done(waits_for, lambda: self._pool.submit(work))
        return future

    def call(self, definition: Definition, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Run the activity here."""
        for future in pending_in((args, kwargs)):
            future.result()
        return self._attempts(definition, resolved(args), resolved(kwargs))

    def _run(
        self,
        future: Future[Any],
        definition: Definition,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> None:
        value, error = None, None
        try:
            if not future.done():
                value = self._attempts(definition, resolved(args), resolved(kwargs))
        except Exception as raised:
            error = raised
        with self._settled:
            future.settle(value, error)
            self._settled.notify_all()

    def _attempts(
        self, definition: Definition, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        policy = definition.options.retry_policy
        attempt = 0
        while True:
            attempt += 1
            info = ActivityInfo(
                workflow_id="local",
                run_id="local",
                activity_id="local",
                name=definition.activity_type.name,
                attempt=attempt,
            )
            token = context.set(ActivityContext(info, lambda _: None))
            try:
                result = definition.function(*args, **kwargs)
                return _awaited(result) if definition.is_async else result
            except Exception as error:
                if policy is None or isinstance(error, (UsageError, CancelledError)):
                    raise
                if policy.is_final(Failure.of(error).reason):
                    raise
                if policy.max_attempts and attempt >= policy.max_attempts:
                    raise
            finally:
                context.reset(token)
            time.sleep(policy.delay(attempt))

    def cancel(self, future: Future[Any]) -> bool:
        """Give the future up; a thread that has begun goes on, and nobody looks."""
        with self._settled:
            future.settle(error=CancelledError(f"{future.label} was cancelled"))
            self._settled.notify_all()
        return True

    def wait(self, ready: Callable[[], bool], timeout: float | None) -> bool:
        """Wait for other threads."""
        with self._settled:
            return self._settled.wait_for(ready, timeout)

    def sleep(self, seconds: float) -> None:
        """Sleep."""
        time.sleep(seconds)

    def now(self) -> datetime:
        """Return the time."""
        return datetime.now(UTC)

    def random(self) -> random.Random:
        """Return a source of random numbers."""
        return self._random

    def side_effect(self, function: Callable[[], Any]) -> Any:
        """Call the function."""
        return function()


@functools.cache
def runtime() -> LocalRuntime:
    """Return the one runtime of this process."""
    return LocalRuntime()


def _awaited(coroutine: Any) -> Any:
    import asyncio  # 25 ms that most programs need not pay at `import partita`

    return asyncio.run(coroutine)
