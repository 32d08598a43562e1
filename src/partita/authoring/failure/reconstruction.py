"""Rebuild an exception from its description, with its class and its state.

Its class is found among those that are loaded, and its constructor is not called. An exception
whose class is not here is of a substitute's class.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from partita.authoring.failure import first_form
from partita.authoring.failure.classes import Finder
from partita.authoring.failure.description import FAILURE, REMOTE, text_of
from partita.authoring.failure.pydantic_errors import is_of_pydantic, pydantic_error
from partita.authoring.failure.state import (
    ARGS,
    CAUSE,
    CONTEXT,
    SUPPRESS,
    dict_of,
    new,
    set_state,
)
from partita.authoring.failure.substitutes import is_substitute, substitute
from partita.authoring.failure.values import Reader
from partita.errors import ActivityFailedError
from partita.history.failure import Failure

LEFT_OUT = "Left out when it was stored: "
"""The beginning of the note that says what an exception has lost."""


def rebuild(
    failure: Failure, near: Iterable[Any] = (), otherwise: type[Exception] = ActivityFailedError
) -> Exception:
    """Return the exception that a failure describes.

    Args:
        failure: what `describe` returned, or what was stored of it.
        near: the functions it passes through, where its class is looked for first.
        otherwise: the class that one is derived from whose own class is not loaded here; takes
            a type, a message and a traceback.
    """
    if failure.form == 1:
        return first_form.rebuild(failure, near, otherwise)
    return _Rebuilt(failure, Finder(near, failure.program), otherwise).first()


class _Rebuilt:
    """The exceptions of one failure, by number."""

    def __init__(self, failure: Failure, finder: Finder, otherwise: type[Exception]) -> None:
        self._failure = failure
        self._finder = finder
        self._otherwise = otherwise
        self._made: dict[int, BaseException] = {}
        self._begun: set[int] = set()
        self._missing: dict[int, list[str]] = {}  # classes of values that are not loaded here

    def first(self) -> Exception:
        """Return the exception that the failure is about, complete with all it refers to."""
        error = self._make(0, Exception)
        assert isinstance(error, Exception)
        filled: set[int] = set()
        while missing := [number for number in self._made if number not in filled]:
            for number in missing:
                filled.add(number)
                self._fill(number)
        for number in filled:
            self._annotate(number)
        return error

    def _at(self, number: Any) -> BaseException | None:
        if not isinstance(number, int) or self._failure.at(number) is None:
            return None
        return self._make(number, BaseException)

    def _make(self, number: int, base: type[BaseException]) -> BaseException | None:
        """Return an exception, made if need be, without state; None inside itself."""
        if number in self._made:
            return self._made[number]
        failure = self._failure.at(number)
        if failure is None or number in self._begun:
            return None
        self._begun.add(number)
        kind: Any = self._finder.find(failure.module, failure.type, base)
        error = None if kind is None else self._new(kind, failure)
        if error is None:
            error = self._stand_in(failure)
        self._made[number] = error
        return error

    def _stand_in(self, failure: Failure) -> BaseException:
        kind = substitute(failure, self._otherwise, self._finder, Exception)
        error = self._new(kind, failure)
        if error is None:
            bare = Failure(form=2, type=failure.type, module=failure.module)
            error = new(substitute(bare, self._otherwise, self._finder, Exception))
        setattr(error, FAILURE, failure)
        return error

    def _new(self, kind: type[BaseException], failure: Failure) -> BaseException | None:
        read, fields = Reader(self._finder, self._at).value, failure.fields
        try:
            if is_of_pydantic(kind):
                made = pydantic_error(kind, fields, read, failure.message)
            elif not issubclass(kind, BaseExceptionGroup):
                made = new(kind)
            else:
                title = read(fields.get("message"))
                base = Exception if issubclass(kind, Exception) else BaseException
                parts = [self._make(number, base) for number in failure.parts]
                made = new(kind, title, [part for part in parts if part is not None])
        except Exception:  # a class that cannot be made in this way, such as some written in C
            return None
        return made if isinstance(made, BaseException) else None

    def _fill(self, number: int) -> None:
        """Set the state of an exception that was made."""
        error, failure = self._made[number], self._failure.at(number)
        assert failure is not None
        read = Reader(self._finder, self._at)
        ARGS.__set__(error, tuple(read.value(form) for form in failure.args or ()))
        states = failure.attributes, failure.fields
        set_state(error, *({n: read.value(f) for n, f in part.items()} for part in states))
        if isinstance(error, OSError) and len(error.args) > 1:
            _tell_nothing(error, failure.message)
        if (cause := self._at(failure.cause)) is not None:
            CAUSE.__set__(error, cause)
        if (context := self._at(failure.context)) is not None:
            CONTEXT.__set__(error, context)
        SUPPRESS.__set__(error, failure.suppresses_context)
        self._missing[number] = read.missing

    def _annotate(self, number: int) -> None:
        """Add the notes to an exception that is complete with all it refers to."""
        error, failure = self._made[number], self._failure.at(number)
        assert failure is not None
        if notes := list(_notes(error, failure, self._missing[number])):
            dict_of(error)["__notes__"] = notes
        else:
            dict_of(error).pop("__notes__", None)


def _tell_nothing(error: OSError, message: str) -> None:
    """Set an error's number or text to None where it had that, which its message tells.

    Python shows `OSError(None, "x")` as `[Errno None] x`: None is not the same as no value there.
    """
    if text_of(error) == message:
        return
    unset = [one for one in (_ERRNO, _STRERROR) if one.__get__(error) is None]
    for one in unset:
        one.__set__(error, None)
    if text_of(error) != message:  # it had no values, or has a text of its own
        for one in unset:
            one.__delete__(error)


_ERRNO: Any = OSError.errno
_STRERROR: Any = OSError.strerror


def _notes(error: BaseException, failure: Failure, missing: list[str]) -> Iterable[str]:
    """Return its own notes, and those that say what it has lost and where it was raised."""
    yield from failure.notes
    lost = list(failure.left_out)
    lost += [f"a value ({why})" for why in missing]
    if lost:
        yield LEFT_OUT + "; ".join(lost)
    if not is_substitute(error) and text_of(error) != failure.message:
        yield f"Its message was: {failure.message}"
    if failure.traceback:
        yield REMOTE + failure.traceback.rstrip()
