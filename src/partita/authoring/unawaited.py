"""Find the coroutines of workflow code that were never awaited.

A workflow that ends with one has left something out, such as a payment. Calls of activities and
children are known by their own records; any other coroutine by what Python warns of when it
is dropped.
"""

from __future__ import annotations

import inspect
import itertools
import sys
from collections.abc import Callable, Coroutine
from types import CoroutineType
from typing import Any, NamedTuple

from partita.authoring.frames import user_line
from partita.errors import NotAwaitedError


class _Call(NamedTuple):
    coroutine: Coroutine[Any, Any, Any]
    label: str
    line: str


class Unawaited:
    """The coroutines of one run that have not begun."""

    def __init__(self) -> None:
        self._numbers = itertools.count()
        self._calls: dict[int, _Call] = {}
        self._dropped: list[str] = []  # what the error says of each

    def call(self, label: str, begin: Callable[[], Any]) -> Coroutine[Any, Any, Any]:
        """Return a coroutine of `await begin()`, and note where it was made until it begins."""
        number = next(self._numbers)
        coroutine = self._begun(number, begin)
        self._calls[number] = _Call(coroutine, label, user_line(sys._getframe()) or "")
        return coroutine

    async def _begun(self, number: int, begin: Callable[[], Any]) -> Any:
        self._calls.pop(number, None)
        return await begin()

    def drop(self, name: str, line: str) -> None:
        """Note that a coroutine has been dropped."""
        self._dropped.append(_described(line, f"coroutine {name}"))

    def check(self, label: str, result: Any = None) -> None:
        """Find what the code has left out, at the end of a workflow.

        Raises:
            NotAwaitedError: there is a coroutine that was not awaited, perhaps as the result.
        """
        found = [_described(call.line, call.label) for call in self._forgotten()]
        self.close()
        if found or self._dropped:
            raise NotAwaitedError((found + self._dropped)[0])
        check_result(label, result)

    def close(self) -> None:
        """Forget all, so that Python does not warn of it."""
        for call in self._forgotten():
            call.coroutine.close()
        self._calls.clear()

    def _forgotten(self) -> list[_Call]:
        """Return the calls that have not begun, and that no task is about to begin."""
        if not self._calls:
            return []
        begun_by_tasks = _coroutines_of_tasks()
        return [
            call
            for call in self._calls.values()
            if inspect.getcoroutinestate(call.coroutine) == inspect.CORO_CREATED
            and call.coroutine not in begun_by_tasks
        ]


def _coroutines_of_tasks() -> set[Any]:
    """Return the coroutines of all tasks of the event loop that runs here, if one does."""
    asyncio = sys.modules.get("asyncio")
    if asyncio is None or asyncio.events._get_running_loop() is None:
        return set()
    return {task.get_coro() for task in asyncio.all_tasks()}


def _described(line: str, what: str) -> str:
    at = f"{line}: " if line else ""
    return f"{at}{what} was called and never awaited, so it did not run; write await before it"


def check_result(label: str, result: Any) -> None:
    """Check that what code returned is no coroutine.

    Raises:
        NotAwaitedError: it is one.
    """
    if isinstance(result, CoroutineType):
        name = result.__qualname__
        result.close()
        raise NotAwaitedError(
            f"{label} returned the coroutine {name}, which nobody awaits; "
            f"define it by async def, and return await {name}(...)"
        )
