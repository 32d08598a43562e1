"""Pass values and errors through their stored form, as between a workflow and its activities.

On an engine, arguments, results and errors become JSON text and are read back by type hints.
Plain Python does the same, so that a program gives the same result there: what has no JSON form
is refused, and a change of an argument is not seen by the caller.
"""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from partita.authoring.definition import LambdaSpec, Submittable, WorkflowSpec
from partita.authoring.failure import Failure, describe, rebuild
from partita.authoring.failure.state import CAUSE, TRACEBACK
from partita.authoring.local.base_exceptions import as_exception
from partita.authoring.results import Result
from partita.codec import Converter, carry
from partita.errors import ActivityFailedError, WorkflowFailedError

_converter = Converter()
_is_enabled = True


def carry_values(enabled: bool) -> None:
    """Set whether plain Python passes values and errors through their stored form.

    It does by default, at a few microseconds a call. Without it, functions share the very
    objects, as ordinary Python functions do, and results may differ from an engine's.
    """
    global _is_enabled
    _is_enabled = enabled


class Arguments:
    """The arguments of one call, as they were when it was made."""

    __slots__ = ("_definition", "_payload", "args", "kwargs")

    def __init__(
        self, definition: Submittable, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        """Store the arguments.

        Raises:
            TypeError: they do not fit the parameters.
            SerializationError: one of them has no JSON form.
        """
        self.args, self.kwargs = args, kwargs
        self._definition = definition
        self._payload = self._stored() if _is_enabled else None

    def identity(self) -> str:
        """Return the same text for the same call of the same activity."""
        payload = self._stored() if self._payload is None else self._payload
        return f"{self._definition.key} {payload}"

    def _stored(self) -> str:
        definition = self._definition
        value = definition.signature.bind(self.args, self.kwargs)
        form = None if isinstance(definition, LambdaSpec) else definition.signature.arguments
        return _converter.dump(value, definition.arguments_label, form)

    def read(self) -> tuple[Any, dict[str, Any]]:
        """Return the arguments as the function receives them, new objects for each attempt.

        Raises:
            InvalidInputError: an argument does not fit its hint.
        """
        if self._payload is None:
            return self.args, self.kwargs
        return self._definition.signature.load(_converter, self._payload)


def carried_result(definition: Submittable, value: Any) -> Any:
    """Return a result as the caller receives it.

    Raises:
        SerializationError: it has no JSON form.
        InvalidInputError: it does not fit the hint.
    """
    if not _is_enabled:
        return value
    label = definition.result_label
    signature = definition.signature
    form = None if isinstance(definition, LambdaSpec) else signature.result_form
    return signature.load_result(_converter, _converter.dump(value, label, form), label)


def carried_value(value: Any, what: str) -> Any:
    """Return a value without a hint as it is read from a history.

    Raises:
        SerializationError: it has no JSON form.
    """
    return carry(value, Any, what) if _is_enabled else value


def carried_error(
    definition: Submittable, error: BaseException, outside: BaseException | None
) -> Exception:
    """Return an error as the caller receives it, with the traceback of the one that was raised.

    `outside` is the exception that the caller is handling, if it is.
    """
    is_workflow = isinstance(definition, WorkflowSpec)
    otherwise = WorkflowFailedError if is_workflow else ActivityFailedError
    if not isinstance(error, Exception):
        return as_exception(error, (definition.function,), otherwise)
    if not _is_enabled or isinstance(CAUSE.__get__(error), Result):
        return error
    failure = replace(describe(error, outside=outside), traceback="")
    stored = Failure.load(failure.dump(), failure.reason)
    carried = rebuild(stored, (definition.function,), otherwise)
    TRACEBACK.__set__(carried, TRACEBACK.__get__(error))
    return carried
