"""Compose work: chains, groups, and groups that a function makes.

A shape is data until it is submitted; then it is one future. The keys of its parts are their
places (`4.1.2` is the third task of the second part of shape 4), not the order in which they are
submitted, so that parallel chains never mix up their results.

A part is a task (`task(fetch, url)`, or the tuple `(fetch, url)`), another shape, or a function
that returns a shape (`FuncGroup`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from partita.authoring.definition import ActivityDefinition, LambdaSpec, Submittable, WorkflowSpec
from partita.authoring.future import Future, Futures, copy_outcome, when_done
from partita.authoring.local import active_runtime
from partita.authoring.runtime import Runtime
from partita.errors import CancelledError, InvalidInputError, InvalidOptionError


class Task:
    """A call of an activity, a child workflow or a Lambda function, to be made later."""

    def __init__(
        self, definition: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> None:
        self.definition = submittable(definition)
        self.args = args
        self.kwargs = kwargs or {}

    def begin(self, where: Runtime, key: str, *more: Any) -> Future[Any]:
        """Submit it, with `more` after its arguments."""
        return where.submit(self.definition, (*self.args, *more), self.kwargs, key)

    def submit(self) -> Future[Any]:
        """Begin it by itself."""
        where = active_runtime()
        return self.begin(where, where.next_key())


def task(definition: Any, /, *args: Any, **kwargs: Any) -> Task:
    """Return a call to be made later, as a part of a shape."""
    return Task(definition, args, kwargs)


def submittable(thing: Any) -> Submittable:
    """Return what a runtime can begin; of a class, its definition.

    Raises:
        InvalidInputError: it is none of these.
    """
    found = getattr(thing, "definition", thing) if isinstance(thing, type) else thing
    if isinstance(found, (ActivityDefinition, WorkflowSpec, LambdaSpec)):
        return found
    raise InvalidInputError(f"{thing!r} is not an activity or workflow; put @activity above it")


class Shape:
    """What chains and groups share."""

    def __init__(
        self,
        parts: tuple[Any, ...],
        raises_on_failure: bool,
        break_on_failure: bool,
        bubbles: bool | None,
    ) -> None:
        self.parts: list[Part] = [as_part(part) for part in _listed(parts)]
        self.raises_on_failure = raises_on_failure
        self.break_on_failure = break_on_failure
        self.bubbles = raises_on_failure if bubbles is None else bubbles
        self.max_parallel = 0  # 0: no limit

    def append(self, part: Any, *args: Any, **kwargs: Any) -> None:
        """Add a part, or an activity with its arguments."""
        is_call = args or kwargs
        self.parts.append(Task(part, args, kwargs) if is_call else as_part(part))

    def begin(self, where: Runtime, key: str, *more: Any) -> Future[Any]:
        """Submit it; `more` goes to the first part of a chain, and to every part of a group."""
        return ShapeFuture(where, key, self, more)

    def submit(self) -> ShapeFuture:
        """Begin it and return one future of all its results.

        Raises:
            InvalidInputError: it contains itself.
        """
        _check_cycles(self, ())
        where = active_runtime()
        return ShapeFuture(where, where.next_key(), self, ())

    def __call__(self) -> list[Any]:
        """Submit it, wait, and return its results; cancel it if the wait is cancelled."""
        future = self.submit()
        try:
            results: list[Any] = future.result()
        except CancelledError:
            future.cancel()
            raise
        return results

    def __len__(self) -> int:
        return len(self.parts)


class chain(Shape):  # noqa: N801
    """Parts one after the other; the result is the list of their results.

    Args:
        parts: what to run.
        send_result: pass each part the result of the one before, after its own arguments.
        raises_on_failure: `result()` raises an ExceptionGroup if a part failed; otherwise
            the results of failed parts are None.
        break_on_failure: begin nothing more once a part has failed.
        bubbles_exception_on_failure: count as failed in the shape around this one; as
            `raises_on_failure` unless it is given.
    """

    def __init__(
        self,
        *parts: Any,
        send_result: bool = False,
        raises_on_failure: bool = True,
        break_on_failure: bool = True,
        bubbles_exception_on_failure: bool | None = None,
    ) -> None:
        super().__init__(parts, raises_on_failure, break_on_failure, bubbles_exception_on_failure)
        self.send_result = send_result
        self.max_parallel = 1


class group(Shape):  # noqa: N801
    """Parts in parallel; the result is the list of their results, in their order.

    Args:
        parts: what to run.
        max_parallel: how many may run at a time; None is no limit.
        raises_on_failure: as in `chain`.
        break_on_failure: once a part has failed, begin nothing more and cancel what runs.
        bubbles_exception_on_failure: as in `chain`.
    """

    def __init__(
        self,
        *parts: Any,
        max_parallel: int | None = None,
        raises_on_failure: bool = True,
        break_on_failure: bool = False,
        bubbles_exception_on_failure: bool | None = None,
    ) -> None:
        super().__init__(parts, raises_on_failure, break_on_failure, bubbles_exception_on_failure)
        if max_parallel is not None and max_parallel < 1:
            raise InvalidOptionError(f"max_parallel={max_parallel}; give 1 or more, or None")
        self.max_parallel = max_parallel or 0


class FuncGroup:
    """A shape that a function makes when its turn comes; the function may wait.

    It may also return futures, such as those of `fetch.map`; the part's result is theirs.
    """

    def __init__(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
        self.function = function
        self.args = args
        self.kwargs = kwargs

    def begin(self, where: Runtime, key: str, *more: Any) -> Future[Any]:
        """Call the function concurrently, then submit the shape that it returns."""
        name = getattr(self.function, "__name__", "function")
        made = where.spawn(lambda: self.function(*self.args, *more, **self.kwargs), name)
        return _BuiltFuture(where, key, made, name)

    def submit(self) -> Future[Any]:
        """Begin it by itself."""
        where = active_runtime()
        return self.begin(where, where.next_key())


Part = Task | Shape | FuncGroup


def as_part(thing: Any) -> Part:
    """Return the part that an argument of a chain or group stands for.

    Raises:
        InvalidInputError: it cannot be one.
    """
    if isinstance(thing, (Task, Shape, FuncGroup)):
        return thing
    if isinstance(thing, tuple) and thing:
        return _call(thing[0], thing[1:])
    is_definition = isinstance(thing, (ActivityDefinition, WorkflowSpec, LambdaSpec))
    if is_definition or isinstance(thing, type):
        return Task(thing)
    if callable(thing):
        return FuncGroup(thing)
    raise InvalidInputError(
        f"{thing!r} cannot be a part of a chain or group; write task(activity, argument)"
    )


def _call(thing: Any, args: tuple[Any, ...]) -> Part:
    """Return a tuple's part: a task, or for `(fetch.map, items)` the futures of that call."""
    owner = getattr(thing, "__self__", None)
    is_method = isinstance(owner, (ActivityDefinition, WorkflowSpec, LambdaSpec))
    return FuncGroup(thing, *args) if is_method else Task(thing, args)


def _listed(parts: tuple[Any, ...]) -> Iterator[Any]:
    """Yield the parts; a single iterable that is no part stands for its items."""
    if len(parts) != 1 or isinstance(parts[0], tuple) or not isinstance(parts[0], Iterable):
        yield from parts
        return
    count = 0
    try:
        for part in parts[0]:
            yield part
            count += 1
    except Exception as error:
        raise InvalidInputError(
            f"the parts of a chain or group could not be made: after {count} of them "
            f"{type(error).__name__}: {error}; nothing was begun"
        ) from error


def _check_cycles(shape: Shape, above: tuple[Shape, ...]) -> None:
    if shape in above:
        raise InvalidInputError("a chain or group contains itself, and would never end")
    for part in shape.parts:
        if isinstance(part, Shape):
            _check_cycles(part, (*above, shape))


class ShapeFuture(Future[Any]):
    """The results of a shape; begins its parts, each with its place as key."""

    __slots__ = (
        "_beginning",
        "_begun",
        "_broken",
        "_futures",
        "_more",
        "_open",
        "_where",
        "failures",
        "shape",
    )

    def __init__(self, where: Runtime, key: str, shape: Shape, more: tuple[Any, ...]) -> None:
        super().__init__(where, type(shape).__name__, key)
        self.shape = shape
        self.failures: list[BaseException] = []  # of the parts, in the order of their ends
        self._where = where
        self._more = more  # arguments from the chain around this
        self._futures: list[Future[Any] | None] = [None] * len(shape.parts)
        self._begun = self._open = 0
        self._broken = self._beginning = False
        self._begin_parts()

    def _begin_parts(self) -> None:
        """Begin parts up to the limit; settle once all have ended."""
        if self._beginning:
            return
        self._beginning = True
        shape = self.shape
        try:
            while not self._broken and self._begun < len(shape.parts):
                if shape.max_parallel and self._open >= shape.max_parallel:
                    break
                self._begin_next()
        finally:
            self._beginning = False
        if not self._open and (self._broken or self._begun == len(shape.parts)):
            self._conclude()

    def _begin_next(self) -> None:
        position = self._begun
        self._begun += 1
        part = self.shape.parts[position]
        self._open += 1
        try:
            future = part.begin(self._where, f"{self.key}.{position}", *self._arguments(position))
        except Exception as error:
            future = Future(self.runtime, "part", f"{self.key}.{position}")
            future.settle(error=error)
        self._futures[position] = future
        future.add_done_callback(self._note)

    def _arguments(self, position: int) -> tuple[Any, ...]:
        if position == 0 or not isinstance(self.shape, chain):
            return self._more
        if not self.shape.send_result:
            return ()
        before = self._futures[position - 1]
        assert before is not None
        return (None if before.exception() else before.result(),)

    def _note(self, future: Future[Any]) -> None:
        self._open -= 1
        error = failure_of(future)
        if error is not None:
            self.failures.append(error)
            if self.shape.break_on_failure:
                self._break()
        self._begin_parts()

    def _break(self) -> None:
        """Begin no more parts, and cancel those that run."""
        if self._broken:
            return
        self._broken = self._beginning = True
        try:
            for future in self._futures:
                if future is not None and not future.done():
                    future.cancel()
        finally:
            self._beginning = False

    def _conclude(self) -> None:
        if self.failures and self.shape.raises_on_failure:
            error = gathered(self.failures, len(self._futures), self.label)
            self.runtime.settle(self, error=error)
        else:
            self.runtime.settle(self, [_value(future) for future in self._futures])

    def cancel(self) -> bool:
        """Cancel the parts that run and begin no more."""
        if self.done():
            return False
        self._broken = False  # after a failure, too, cancel what runs
        self.runtime.settle(self, error=CancelledError(f"{self.label} was cancelled"))
        self._break()
        return True


class _BuiltFuture(Future[Any]):
    """The result of a shape that a function makes."""

    __slots__ = ("_inner", "_where", "failures", "shape")

    def __init__(self, where: Runtime, key: str, made: Future[Any], name: str) -> None:
        super().__init__(where, name, key)
        self.shape: Any = None
        self.failures: list[BaseException] = []
        self._where = where
        self._inner = made
        made.add_done_callback(self._begin)

    def _begin(self, made: Future[Any]) -> None:
        if self.done():
            return
        error = made.exception()
        try:
            if error is not None:
                raise error
            self._inner = self._begun(made.result())
        except BaseException as raised:
            self.runtime.settle(self, error=raised)
            return
        self._inner.add_done_callback(self._copy)

    def _begun(self, made: Any) -> Future[Any]:
        """Begin the shape that the function made; futures have begun already."""
        if isinstance(made, Future):
            return made
        if isinstance(made, Futures):
            return _AllOf(self._where, self.key, made)
        part = as_part(made)
        if isinstance(part, Shape):
            _check_cycles(part, ())
        self.shape = part
        return part.begin(self._where, self.key)

    def _copy(self, inner: Future[Any]) -> None:
        self.failures = getattr(inner, "failures", [])
        copy_outcome(inner, self)

    def cancel(self) -> bool:
        """Cancel the function, or the shape that it has made."""
        return False if self.done() else self._inner.cancel()


class _AllOf(Future[Any]):
    """The results of the futures of one `map`, or the first error among them in their order."""

    __slots__ = ("_futures",)

    def __init__(self, where: Runtime, key: str, futures: Futures[Any]) -> None:
        super().__init__(where, "map", key)
        self._futures = futures
        when_done(futures, self._conclude)

    def _conclude(self) -> None:
        errors = (future.exception() for future in self._futures)
        error = next((one for one in errors if one is not None), None)
        results = None if error else [future.result() for future in self._futures]
        self.runtime.settle(self, results, error)

    def cancel(self) -> bool:
        """Cancel all that run."""
        cancelled = [future.cancel() for future in self._futures]
        return any(cancelled)


def failure_of(future: Future[Any]) -> BaseException | None:
    """Return the error that a part has for the shape around it."""
    shape = getattr(future, "shape", None)
    if isinstance(shape, Shape):
        failures: list[BaseException] = getattr(future, "failures", [])
        if failures and shape.bubbles:
            return future.exception() or gathered(failures, len(shape.parts), future.label)
        if failures:
            return None
    return future.exception()


def gathered(failures: list[BaseException], of: int, label: str) -> BaseException:
    """Return all errors of a shape as one."""
    message = f"{len(failures)} of {of} parts of a {label} failed"
    errors = [error for error in failures if isinstance(error, Exception)]
    if len(errors) == len(failures):
        return ExceptionGroup(message, errors)
    return BaseExceptionGroup(message, failures)


def _value(future: Future[Any] | None) -> Any:
    return None if future is None or future.exception() is not None else future.result()
