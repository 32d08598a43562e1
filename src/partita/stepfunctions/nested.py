"""Tell errors as the causes of compiled machines' failures do, and run machines in machines."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from partita.asl.failures import RUNTIME, StateFailure
from partita.asl.frame import Function
from partita.asl.tasks.calls import timed_out
from partita.authoring.definition import WorkflowSpec
from partita.authoring.messages import Signal, wait_signal
from partita.codec import Converter
from partita.compile.jsonata import LARGEST
from partita.errors import (
    ActivityTimedOutError,
    CancelledError,
    MachineFailedError,
    WaitTimeoutError,
)
from partita.stepfunctions.emitter import GUARD
from partita.stepfunctions.error_texts import SEPARATOR

FAILED = "States.TaskFailed"


def nested_machine(workflow: WorkflowSpec, known: Mapping[str, Any]) -> Function:
    """Return the compiled machine of a workflow as nested executions run it."""

    def call(state: str, given: Any, _: float | None, __: float | None) -> Any:
        made = known[workflow.workflow_type.name]
        args, kwargs = workflow.signature.load(
            Converter(), json.dumps({"args": [], "kwargs": given})
        )
        try:
            result = made.with_settings(workflow_id=workflow.settings.workflow_id)(*args, **kwargs)
        except CancelledError:
            raise
        except Exception as error:
            name, cause = type(error).__name__, cause_of(error, state)
            if isinstance(error, MachineFailedError):
                name, cause = str(error.error), str(error.cause)
            failed = {"ExecutionArn": "", "Status": "FAILED", "Error": name, "Cause": cause}
            raise StateFailure(FAILED, json.dumps(failed)) from error
        form = workflow.signature.result_form
        return json.loads(Converter().dump(result, workflow.result_label, form=form))

    return call


def signal_wait(signals: Mapping[str, Signal[Any]]) -> Function:
    """Return what waits for the signals of a workflow by their names, early ones included."""

    def call(state: str, payload: Any, timeout: float | None, _: float | None) -> Any:
        signal = signals[payload["signal"]]
        try:
            value = wait_signal(signal, timeout=timeout)
        except WaitTimeoutError:
            raise timed_out(is_heartbeat=False) from None
        what = f"the value of signal {signal.name}"
        return json.loads(Converter().dump(value, what, form=signal.form))

    return call


def unnested(error: MachineFailedError) -> MachineFailedError:
    """Return an error as the nested execution has failed, whose failure a machine did not catch."""
    cause = error.cause or ""
    while error.error == FAILED and cause.startswith("{") and '"ExecutionArn"' in cause:
        told = json.loads(cause)
        found = MachineFailedError(told.get("Error"), told.get("Cause"))
        found.__cause__ = error.__cause__
        error, cause = found, found.cause or ""
    return error


def own_timeout(error: BaseException) -> ActivityTimedOutError | None:
    """Return the error of the activity whose time limit ended a machine."""
    failure: BaseException | None = error
    while failure is not None:
        if isinstance(failure, ActivityTimedOutError):
            return failure
        failure = failure.__cause__
    return None


def told_by(cause: str) -> tuple[str, dict[str, Any]]:
    """Return the text of an error, and what else it has, that a cause tells."""
    if not cause.startswith("{") or '"errorType"' not in cause:
        return cause, {}
    text, separator, more = json.loads(cause)["errorMessage"].rpartition(SEPARATOR)
    return (text, json.loads(more)) if separator else (more, {})


def grouped(kind: Any, more: dict[str, Any], kinds: Callable[[str], Any]) -> Exception | None:
    """Return the ExceptionGroup that a cause tells; None: it is another error."""
    if "exceptions" not in more or not issubclass(kind, BaseExceptionGroup):
        return None
    parts = []
    for one in more["exceptions"]:
        part_kind = kinds(one["type"]) or Exception
        part = part_kind.__new__(part_kind)
        part.args = (one["message"],)
        vars(part).update(one.get("attributes", {}))
        parts.append(part)
    found: Exception = kind(more["text"], parts)
    return found


def cause_of(error: Exception, place: str) -> str:
    """Return what Lambda tells of an error."""
    told = text_telling(error, place)
    return json.dumps({"errorType": type(error).__name__, "errorMessage": told})


def text_telling(error: Exception, place: str) -> str:
    """Return an error's text with what handlers need to know besides, for `told_by` to read."""
    bases = [one.__name__ for one in type(error).__mro__ if issubclass(one, Exception)]
    kept = {name: one for name, one in vars(error).items() if _is_kept(one)}
    check_integers(kept, place, f"the attributes of {type(error).__name__}")
    more: dict[str, Any] = {"bases": bases, "attributes": kept}
    if error.args != (str(error),) and _is_kept(list(error.args)):
        check_integers(list(error.args), place, f"the arguments of {type(error).__name__}")
        more |= {"args": error.args, "repr": repr(error)}
    if isinstance(error, BaseExceptionGroup):
        inner = [{"type": type(one).__name__, "message": str(one)} for one in error.exceptions]
        more |= {"text": error.message, "exceptions": inner}
    return f"{error}{SEPARATOR}{json.dumps(more)}"


def _is_kept(value: Any) -> bool:
    """Return whether JSON holds a value as it is."""
    if isinstance(value, list):
        return all(map(_is_kept, value))
    if isinstance(value, dict):
        return all(isinstance(name, str) and _is_kept(one) for name, one in value.items())
    is_scalar = value is None or isinstance(value, str | int | bool)
    return is_scalar or (isinstance(value, float) and value - value == 0)


def check_integers(value: Any, place: str, what: str) -> None:
    """Fail the execution, whatever it catches, if a value holds an integer beyond 2**53."""
    if isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            check_integers(one, place, what)
    elif isinstance(value, int) and abs(value) > LARGEST:
        message = f"{place}: {what} has an integer beyond 2**53: {value}"
        raise StateFailure(RUNTIME, f"{GUARD} {message}")
