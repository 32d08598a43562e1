"""Make context managers of generators, as contextlib does, for blocks of the user's code.

An exception of the user's class may refuse to be changed, as that of a frozen dataclass does.
`contextlib.contextmanager` sets the traceback of an exception that passes through it by an
assignment, and so raises another exception in its place; this one does not touch it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


def context_manager(
    function: Callable[P, Iterator[T]],
) -> Callable[P, AbstractContextManager[T]]:
    """Return a function that makes a context manager of a generator, which yields once."""

    @functools.wraps(function)
    def make(*args: P.args, **kwargs: P.kwargs) -> AbstractContextManager[T]:
        return _Block(function(*args, **kwargs))

    return make


class _Block(AbstractContextManager[T]):
    """One block, between the halves of a generator."""

    def __init__(self, generator: Any) -> None:
        self._generator = generator

    def __enter__(self) -> T:
        found: T = next(self._generator)
        return found

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        if error is None:
            next(self._generator, None)
            return False
        try:
            self._generator.throw(error)
        except StopIteration as end:
            return end is not error
        except BaseException as raised:
            # a generator cannot raise a StopIteration, which becomes the cause of another error
            if raised is error or (isinstance(error, StopIteration) and _is_cause(error, raised)):
                return False
            raise
        raise RuntimeError(f"{self._generator.__qualname__} yields more than once")


def _is_cause(error: BaseException, raised: BaseException) -> bool:
    return isinstance(raised, RuntimeError) and raised.__cause__ is error
