"""Pass an exception to another process as JSON, and rebuild it there with its own type.

The class is looked up by name in the module of the function that raised it, in the modules that
that one has imported, and among the builtins; a name in the data never causes an import. What
cannot be rebuilt becomes the error that `otherwise` makes.
"""

from __future__ import annotations

import builtins
import functools
import os
import traceback
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any, TypeGuard

import msgspec

from partita import errors
from partita.history import FailWorkflowExecution

_PACKAGE = os.path.dirname(os.path.abspath(errors.__file__))
_encoder = msgspec.json.Encoder()

_ARGS_LIMIT = 64 * 1024  # bytes of JSON; larger arguments are dropped, the message is kept


class Failure(msgspec.Struct, frozen=True, omit_defaults=True):
    """One exception, as histories keep it."""

    type: str  # qualified name without its module
    module: str = "builtins"
    message: str = ""
    args: list[Any] | None = None  # None: they have no JSON form, so it cannot be rebuilt
    traceback: str = ""

    @classmethod
    def of(cls, error: BaseException) -> Failure:
        """Describe an exception; its traceback leaves out frames of this package."""
        frames = [
            frame
            for frame in traceback.extract_tb(error.__traceback__)
            if not frame.filename.startswith(_PACKAGE)
        ]
        lines = traceback.format_list(frames)
        message = _text(error)
        lines += traceback.format_exception_only(error)
        return cls(
            type=type(error).__qualname__,
            module=type(error).__module__,
            message=message,
            args=_plain_args(error),
            traceback=_encodable("".join(lines)),
        )

    @classmethod
    def load(cls, details: str | None, reason: str | None) -> Failure:
        """Read what `dump` wrote; any other text becomes a failure without a class."""
        try:
            return _decode(details or "")
        except msgspec.MsgspecError:
            return cls(type=reason or "Failure", module="", message=details or "")

    def dump(self) -> str:
        """Return it as JSON text."""
        return _encoder.encode(self).decode()

    @property
    def reason(self) -> str:
        """The exception's full name, for a history's `reason` (at most 256 characters)."""
        name = self.type if self.module in ("", "builtins") else f"{self.module}.{self.type}"
        return name[-256:]

    def rebuild(
        self, namespace: Mapping[str, Any], otherwise: Callable[..., Exception]
    ) -> Exception:
        """Return the exception that was raised, or else `otherwise(type, message, traceback)`."""
        error = self._rebuilt(namespace) or otherwise(self.type, self.message, self.traceback)
        if self.traceback:
            error.add_note(f"Where it was raised:\n{self.traceback.rstrip()}")
        return error

    def _rebuilt(self, namespace: Mapping[str, Any]) -> Exception | None:
        kind = _find(self.type, self.module, namespace)
        if kind is None or self.args is None:
            return None
        try:
            error = kind(*self.args)
        except Exception:
            return None
        return error if isinstance(error, Exception) else None


_decode = msgspec.json.Decoder(Failure).decode


def failure_decision(error: BaseException) -> FailWorkflowExecution:
    """Return the decision that fails an execution with an error."""
    failure = Failure.of(error)
    return FailWorkflowExecution(reason=failure.reason, details=failure.dump())


def _text(error: BaseException) -> str:
    """Return an exception's message, whatever its class does."""
    try:
        return _encodable(str(error))
    except Exception as fault:
        return f"(its message cannot be had: {type(fault).__name__})"


def _encodable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _plain_args(error: BaseException) -> list[Any] | None:
    """Return the arguments that make the exception again; `__reduce__` may name others."""
    given = error.args
    try:
        made: Any = error.__reduce__()
        if made[0] is type(error):
            given = made[1]
        data = _encoder.encode(given)
        args: list[Any] = msgspec.json.decode(data)
    except Exception:  # no JSON form, or an error in the class's own code
        return None
    return args if len(data) <= _ARGS_LIMIT else None


def _find(qualname: str, module: str, namespace: Mapping[str, Any]) -> type[Exception] | None:
    places = [namespace, *_imported(module, namespace)]
    for found in (_walk(place, qualname) for place in places):
        if _is_exception(found) and module in (found.__module__, "__main__"):
            return found
    if module in ("builtins", errors.__name__):
        found = _walk(vars(builtins if module == "builtins" else errors), qualname)
        if _is_exception(found):
            return found
    return None


def _imported(module: str, namespace: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the modules that the namespace has imported and that may hold the class."""
    top = module.partition(".")[0]
    modules = [value for value in namespace.values() if isinstance(value, ModuleType)]
    found: list[Mapping[str, Any]] = []
    for candidate in modules:
        if candidate.__name__ == module:
            found.append(vars(candidate))
        elif candidate.__name__.partition(".")[0] == top:
            found.append(vars(candidate))
            rest = module.removeprefix(candidate.__name__ + ".")
            inner = _walk(vars(candidate), rest)
            if isinstance(inner, ModuleType):
                found.append(vars(inner))
    return found


def _walk(place: Mapping[str, Any], qualname: str) -> Any:
    first, *rest = qualname.split(".")
    return functools.reduce(lambda at, name: getattr(at, name, None), rest, place.get(first))


def _is_exception(found: Any) -> TypeGuard[type[Exception]]:
    return isinstance(found, type) and issubclass(found, Exception)
