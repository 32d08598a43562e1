"""Describe an exception as a `Failure`: its class by name, its state, and what led to it."""

from __future__ import annotations

import os
import traceback
from typing import Any

from partita import errors
from partita.authoring.failure.classes import remember
from partita.authoring.failure.pydantic_errors import is_of_pydantic, pydantic_state
from partita.authoring.failure.shortening import shortened
from partita.authoring.failure.state import (
    ARGS,
    CAUSE,
    CONTEXT,
    PARTS,
    SUPPRESS,
    TITLE,
    TRACEBACK,
    state_of,
)
from partita.authoring.failure.values import Storer
from partita.codec.class_names import module_name
from partita.history import FailWorkflowExecution
from partita.history.failure import Failure

REMOTE = "Where it was raised:\n"
"""The beginning of the note that says where an exception was raised in another process."""

ORIGIN = "_partita_bases"
"""The attribute of a substitute's class that holds the names of the bases of the real one."""

FAILURE = "_partita_failure"
"""The field of a substitute that holds the description it was made from."""

_MAIN = "__main__"

MAX_LINKED = 100
"""Exceptions that are kept with one: causes, parts of groups, attributes."""

LIMIT = 512 * 1024
"""Characters that a description takes at most."""

_LAST_LINE = 1_000
"""Characters of the message that a traceback repeats."""

_PLAIN_OWNERS = (bool, int, float, str, bytes, list, tuple, dict, set, frozenset)
"""Types of objects that an AttributeError keeps."""

_PACKAGE = os.path.dirname(os.path.abspath(errors.__file__))


MARKER_LIMIT = 24_000
"""Characters that a description in a marker takes at most, so that it fits everywhere."""


def describe(
    error: BaseException, limit: int = LIMIT, *, outside: BaseException | None = None
) -> Failure:
    """Return the description of an exception, shortened to so many characters if it is longer.

    Leaves out the context `outside`: what the caller was handling when it made the call.
    """
    try:
        failure = _Described(error, outside).failure()
    except Exception as fault:  # of the class's own code; that it failed must be told all the same
        failure = _bare(error, fault)
    return shortened(failure, limit)


def failure_decision(error: BaseException) -> FailWorkflowExecution:
    """Return the decision that fails an execution with an error."""
    failure = describe(error)
    return FailWorkflowExecution(reason=failure.reason, details=failure.dump())


def _bare(error: BaseException, fault: Exception) -> Failure:
    kind = type(error)
    return Failure(
        form=2,
        type=encodable(kind.__qualname__),
        module=encodable(str(kind.__module__)),
        bases=_bases(kind),
        message=text_of(error),
        left_out=(f"its state ({type(fault).__name__}: {text_of(fault)})",),
    )


class _Described:
    """An exception and those that it leads to, by number."""

    def __init__(self, error: BaseException, outside: BaseException | None) -> None:
        self._outside = outside
        self._errors: list[BaseException] = []
        self._numbers: dict[int, int] = {}
        self._is_cut = False
        self._number(error)

    def failure(self) -> Failure:
        """Describe all of them; describing one may add others."""
        done: list[dict[str, Any]] = []
        while len(done) < len(self._errors):
            done.append(self._members(self._errors[len(done)]))
        if self._is_cut:
            done[0]["left_out"] += (f"all but {MAX_LINKED} of the exceptions that led to it",)
        others = tuple(Failure(**members) for members in done[1:])
        return Failure(**done[0], others=others, program=self._program(done))

    def _program(self, done: list[dict[str, Any]]) -> str:
        """Return the name that others import this program by, if a class is of it."""
        first = vars(type(self._errors[0]))
        if ORIGIN in first:
            return str(getattr(self._errors[0], FAILURE).program)
        names = (name for one in done for name in (f"{one['module']}.", *one["bases"]))
        return module_name(_MAIN) if any(name.startswith(f"{_MAIN}.") for name in names) else ""

    def _number(self, error: BaseException | None) -> int | None:
        """Return an exception's number; None if there are too many."""
        if error is None:
            return None
        if id(error) not in self._numbers:
            if len(self._errors) > MAX_LINKED:
                self._is_cut = True
                return None
            self._numbers[id(error)] = len(self._errors)
            self._errors.append(error)
        return self._numbers[id(error)]

    def _context(self, error: BaseException) -> BaseException | None:
        """Return the context if a traceback would show it, or if it is the cause as well."""
        context, cause = CONTEXT.__get__(error), CAUSE.__get__(error)
        is_hidden = SUPPRESS.__get__(error) and context is not cause
        return None if is_hidden or context is self._outside else context

    def _members(self, error: BaseException) -> dict[str, Any]:
        kind = type(error)
        if ORIGIN not in vars(kind):
            remember(kind)
        attributes, fields = state_of(error)
        notes, remote = _notes(attributes.pop("__notes__", ()))
        parts: tuple[BaseException, ...] = ()
        if isinstance(error, BaseExceptionGroup):
            parts = PARTS.__get__(error)
            fields["message"] = TITLE.__get__(error)
        numbered = tuple(n for part in parts if (n := self._number(part)) is not None)
        if is_of_pydantic(kind):
            fields |= pydantic_state(error)
        led_by = {"its cause": CAUSE.__get__(error), "its context": self._context(error)}
        store = Storer(self._number)
        if isinstance(error, AttributeError):
            _leave_owner_out(fields, store)
        return {
            "form": 2,
            "type": encodable(kind.__qualname__),
            "module": encodable(kind.__module__),
            "bases": vars(kind).get(ORIGIN) or _bases(kind),
            "message": text_of(error),
            "args": [
                store.form(one, f"argument {at}") for at, one in enumerate(ARGS.__get__(error))
            ],
            "attributes": {name: store.form(one, name) for name, one in attributes.items()},
            "fields": {name: store.form(one, name) for name, one in fields.items()},
            "notes": notes,
            "parts": numbered,
            "cause": self._number(led_by["its cause"]),
            "context": self._number(led_by["its context"]),
            "suppresses_context": SUPPRESS.__get__(error),
            "left_out": (
                *store.left_out,
                *_missing_parts(len(parts) - len(numbered)),
                *(
                    what
                    for what, one in led_by.items()
                    if one is not None and self._number(one) is None
                ),
            ),
            "traceback": _traceback(error, remote),
        }


def _leave_owner_out(fields: dict[str, Any], store: Storer) -> None:
    """Leave out whose attribute was missing unless it is plain: Python keeps it for its hints.

    It may be a whole program's settings, and nobody chose to put it into the exception.
    """
    owner = fields.get("obj")
    if owner is not None and type(owner) not in _PLAIN_OWNERS:
        del fields["obj"]
        store.left_out.append(f"obj (of type {type(owner).__qualname__})")


def _missing_parts(count: int) -> tuple[str, ...]:
    return (f"{count} exceptions of the group",) if count else ()


def _bases(kind: type) -> tuple[str, ...]:
    return tuple(
        encodable(place.__qualname__ if place.__module__ == "builtins" else _name(place))
        for place in kind.__mro__[1:]
        if place not in (BaseException, object)
    )


def _name(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


def _notes(found: Any) -> tuple[tuple[str, ...], str]:
    """Return the notes of the user's, and the traceback from another process."""
    notes = [encodable(note) for note in found if isinstance(note, str)]
    remote = next((note for note in notes if note.startswith(REMOTE)), "")
    return tuple(note for note in notes if not note.startswith(REMOTE)), remote[len(REMOTE) :]


def _traceback(error: BaseException, remote: str) -> str:
    """Return the frames outside this package, above those of other processes."""
    frames = [
        frame
        for frame in traceback.extract_tb(TRACEBACK.__get__(error))
        if not frame.filename.startswith(_PACKAGE)
    ]
    if not frames:
        return remote
    text = text_of(error)
    text = text if len(text) <= _LAST_LINE else f"{text[:_LAST_LINE]}..."
    name = type(error).__qualname__
    last = remote or (f"{name}: {text}\n" if text else f"{name}\n")
    return encodable("".join(traceback.format_list(frames))) + last


def text_of(error: BaseException) -> str:
    """Return an exception's message, whatever its class does."""
    try:
        return encodable(str(error))
    except Exception as fault:
        return f"(its message cannot be had: {type(fault).__name__})"


def encodable(text: str) -> str:
    """Return a text that UTF-8 can encode."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
