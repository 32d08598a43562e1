"""Send and receive messages in workflow code: signals, queries, updates.

A signal has no answer; none is lost, even if it comes before the workflow waits for it. A query
reads and changes nothing. An update is a message with an answer.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, Generic, TypeVar, overload

from partita.authoring.functions import checked_handler
from partita.authoring.future import Future
from partita.authoring.local import active_runtime
from partita.authoring.options import Deadline, needed_id
from partita.authoring.runtime import current
from partita.authoring.signature import keep_signature
from partita.codec import Converter, known_form, reader_of
from partita.errors import InvalidOptionError, UsageError
from partita.history import WorkflowExecution

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])

_converter = Converter()


class Signal(Generic[T]):
    """A signal's name and the type of its value, for sender and receiver.

    approve = Signal("approve", Decision)
    """

    @overload
    def __init__(self: Signal[Any], name: str) -> None: ...
    @overload
    def __init__(self, name: str, type: type[T]) -> None: ...
    def __init__(self, name: str, type: Any = Any) -> None:
        if not name or name.startswith("$"):
            raise InvalidOptionError(f"a signal cannot be named {name!r}; begin with a letter")
        self.name = name
        self.form = known_form(type)
        self.decode: Callable[[str], Any] = reader_of(self.form)
        self.type = type

    def check(self, value: Any) -> None:
        """Check that a value can be received as this signal's.

        Raises:
            InvalidInputError: it does not fit the type.
        """
        if self.type is not Any:
            what = f"the value of signal {self.name}"
            _converter.load(_converter.dump(value, what, self.form), self.decode, what)

    def __str__(self) -> str:
        return self.name

    def __repr__(self) -> str:
        return f"<signal {self.name}>"


class Channel(Generic[T]):
    """The signals of one name, in the order of their arrival.

    Iterate over it, or take one at a time. A value that does not fit the type is skipped with a
    warning in the log.
    """

    def __init__(self, signal: Signal[T]) -> None:
        self.name = signal.name
        self._decode = signal.decode

    def submit(self) -> Future[T]:
        """Return a future of the next signal's value."""
        return active_runtime().receive(self.name, self._decode)

    def get(self, timeout: Deadline | None = None) -> T:
        """Wait for the next signal and return its value.

        Raises:
            WaitTimeoutError: none came within the time.
        """
        future = self.submit()
        try:
            return future.result(timeout)
        except BaseException:
            future.cancel()
            raise

    def poll(self, default: T | None = None) -> T | None:
        """Return the next signal's value if it is here already, else `default`."""
        future = self.submit()
        if future.done():
            return future.result()
        future.cancel()
        return default

    def __iter__(self) -> Iterator[T]:
        """Yield values without end."""
        while True:
            yield self.get()

    async def __aiter__(self) -> AsyncIterator[T]:
        """Yield values without end, on an event loop."""
        while True:
            yield await self.submit()


@overload
def signals(name: Signal[T]) -> Channel[T]: ...
@overload
def signals(name: str, type: type[T]) -> Channel[T]: ...
@overload
def signals(name: str) -> Channel[Any]: ...
def signals(name: Any, type: Any = Any) -> Channel[Any]:
    """Return the channel of a signal's values, read as `type`."""
    return Channel(name if isinstance(name, Signal) else Signal(name, type))


@overload
def wait_signal(name: Signal[T], *, timeout: Deadline | None = None) -> T: ...
@overload
def wait_signal(name: str, type: type[T], *, timeout: Deadline | None = None) -> T: ...
@overload
def wait_signal(name: str, *, timeout: Deadline | None = None) -> Any: ...
def wait_signal(name: Any, type: Any = Any, *, timeout: Deadline | None = None) -> Any:
    """Wait for the next signal of that name and return its value.

    On an event loop write `await signals(name).submit()`.

    Raises:
        WaitTimeoutError: none came within the time.
    """
    return signals(name, type).get(timeout)


class External:
    """An execution to signal or cancel; whether it exists is not checked before."""

    def __init__(self, execution: WorkflowExecution) -> None:
        self.execution = execution

    def signal(self, name: str | Signal[Any], value: Any = None) -> Future[None]:
        """Send a signal; the future fails with ExecutionNotFoundError if none is open.

        Raises:
            InvalidInputError: the value does not fit the type of a `Signal`.
        """
        if isinstance(name, Signal):
            name.check(value)
        return active_runtime().signal(self.execution, str(name), value)

    def cancel(self) -> Future[None]:
        """Request that it is cancelled; the future fails if none is open."""
        return active_runtime().request_cancel(self.execution)


def external(workflow_id: str | WorkflowExecution, run_id: str = "") -> External:
    """Return the execution of that id, to signal or cancel it; its newest run by default.

    Raises:
        InvalidOptionError: the id is invalid.
    """
    if isinstance(workflow_id, WorkflowExecution):
        run_id, workflow_id = workflow_id.run_id, workflow_id.workflow_id
    if not isinstance(run_id, str):
        raise InvalidOptionError(f"run_id={run_id!r}; give text")
    return External(WorkflowExecution(needed_id(workflow_id), run_id))


# -- queries and updates -------------------------------------------------------------------

ROLES = "_partita_roles"
"""The attribute of a method that lists what it answers: (kind, name) pairs."""


@overload
def query(function: F, /) -> F: ...
@overload
def query(function: F, /, *, name: str) -> F: ...
@overload
def query(*, name: str) -> Callable[[F], F]: ...
def query(function: Any = None, /, *, name: str | None = None) -> Any:
    """Answer queries by a function, which must change nothing and not wait.

    Inside a running workflow it is registered at once; in the body of a `Workflow` class
    it marks a method.
    """
    return _handler("query", function, name)


@overload
def update(function: F, /) -> F: ...
@overload
def update(function: F, /, *, name: str) -> F: ...
@overload
def update(*, name: str) -> Callable[[F], F]: ...
def update(function: Any = None, /, *, name: str | None = None) -> Any:
    """Answer updates by a function, which runs concurrently and may call activities.

    Used as `query` is. Its exceptions are raised where the update was sent.
    """
    return _handler("update", function, name)


def _handler(kind: str, function: Callable[..., Any] | None, name: str | None) -> Any:
    def decorate(given: Any) -> Any:
        function = checked_handler(kind, given, name)
        keep_signature(function)
        where = current.get()
        answers = name or function.__name__
        if where is None:
            roles = [*getattr(function, ROLES, ()), (kind, answers)]
            setattr(function, ROLES, roles)
        elif kind == "query":
            where.on_query(answers, function)
        else:
            where.on_update(answers, function)
        return given

    return decorate if function is None else decorate(function)


def register_methods(instance: object) -> None:
    """Register the marked methods of a `Workflow` instance with the workflow that runs here."""
    where = current.get()
    if where is None:
        raise UsageError("a Workflow's methods answer only while it runs")
    for attribute in dir(type(instance)):
        for kind, name in getattr(getattr(type(instance), attribute), ROLES, ()):
            method = getattr(instance, attribute)
            (where.on_query if kind == "query" else where.on_update)(name, method)
