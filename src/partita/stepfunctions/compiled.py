"""Run a workflow's own compiled machine: its Lambda functions are the workflow's activities.

Inputs and results are read and written by the hints of the functions, as replay does. Integers
that JSON's numbers do not hold are passed on exactly, and end the execution where they are used.
"""

from __future__ import annotations

import builtins
import functools
import inspect
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from partita import errors
from partita.asl.failures import RUNTIME, TIMEOUT, StateFailure
from partita.asl.frame import Execution, Function
from partita.asl.machines import compiled_text, identity_of, interpret
from partita.asl.opaque_values import OpaqueValues
from partita.asl.tasks.calls import failure_of
from partita.asl.trail import Trail
from partita.authoring.definition import ActivityDefinition, WorkflowSpec
from partita.authoring.determinism import side_effect
from partita.authoring.workflow import WorkflowDefinition, workflow
from partita.codec import Converter
from partita.compile import compile_workflow
from partita.compile.activity_calls import (
    activities_of,
    calls_of,
    children_of,
    functions_of,
    signals_of,
)
from partita.compile.stand_ins import as_sync, document_of
from partita.compile.tree import Program
from partita.errors import ActivityTimedOutError, CancelledError, MachineFailedError
from partita.integrations import process_services
from partita.integrations.aws_calls import Action
from partita.stepfunctions.emitter import GUARD, emit, optimised
from partita.stepfunctions.emitter.intervals import exact_delays
from partita.stepfunctions.emitter.states import row_of
from partita.stepfunctions.emitter.tasks import SIGNALS
from partita.stepfunctions.nested import (
    cause_of,
    grouped,
    nested_machine,
    own_timeout,
    signal_wait,
    told_by,
    unnested,
)

Places = Sequence[Mapping[str, Any]]
"""The names of the modules whose errors a machine may fail with."""

VERSION = "stepfunctions"
"""The version of the workflow type of compiled workflows."""


def compiled(
    definition: WorkflowDefinition[..., Any],
    filename: str | None = None,
    *,
    is_optimised: bool = False,
    known: dict[str, WorkflowDefinition[..., Any] | None] | None = None,
) -> WorkflowDefinition[..., Any]:
    """Return a workflow that runs the machine compiled from another one, and its children's.

    `known` are compiled workflows by name, and None for those that are being compiled.

    Raises:
        CompileError: the workflow uses what cannot be compiled.
    """
    program = compile_workflow(definition, filename)
    machine = emit(program)
    text = json.dumps(optimised(machine) if is_optimised else machine)
    called = activities_of(program)
    delays = exact_delays(machine, called)
    if any(isinstance(one.activity, Action) for one in calls_of(program)):
        process_services.use_environment()
        compiled_text(text)  # this process has the activities of its services from now on
    children = children_of(program)
    places = [one.namespace for one in (definition, *called.values(), *children.values())]
    functions = {name: lambda_of(one, program) for name, one in called.items()}
    functions |= {name: _stand_in(one) for name, one in functions_of(program).items()}
    known = known if known is not None else {}
    known[definition.workflow_type.name] = None
    for name, one in children.items():
        child: Any = one
        if name not in known:
            shown = _filename(child, definition, filename)
            compiled(child, shown, is_optimised=is_optimised, known=known)
    waits = {SIGNALS: signal_wait(signals_of(program))}
    machines = {name: nested_machine(child, known) for name, child in children.items()}

    @functools.wraps(as_sync(definition.function))
    def run(*args: Any, **kwargs: Any) -> Any:
        kept: str = side_effect(lambda: text)
        document = document_of(definition, args, kwargs)
        inside = _Inside(functions, machines, waits, delays)
        output = _interpret(kept, document, inside, program, places)
        return definition.signature.decode_result(json.dumps(output))

    timeout = definition.settings.execution_start_to_close
    name = definition.workflow_type.name
    made: WorkflowDefinition[..., Any] = workflow(
        name=name, version=VERSION, execution_start_to_close=timeout
    )(run)
    known[name] = made
    return made


@dataclass(frozen=True)
class _Inside:
    """What the states of a machine call here, by name, and how long they wait before retries."""

    functions: Mapping[str, Function]
    machines: Mapping[str, Function]
    waits: Mapping[str, Function]
    delays: Mapping[str, Callable[[int], float]]


def _filename(child: WorkflowSpec, parent: WorkflowSpec, filename: str | None) -> str | None:
    """Return how messages name a child's file: as the parent's, if it is in the same one."""
    is_same = child.namespace is parent.namespace
    return filename if is_same else None


def _interpret(
    text: str,
    document: Any,
    inside: _Inside,
    program: Program,
    places: Places,
) -> Any:
    execution = Execution(identity_of(), document, Trail())
    opaque = OpaqueValues(lambda state: f"{GUARD} {_place_of(state, program)}")
    execution.opaque, execution.delays = opaque, inside.delays
    execution.functions = _noting(opaque, inside.functions)
    execution.machines = _noting(opaque, inside.machines)
    execution.waits = _noting(opaque, inside.waits)
    opaque.note(document)
    try:
        return interpret(compiled_text(text), execution, document)
    except StateFailure as failure:
        raise _guard(failure) or MachineFailedError(failure.error, failure.cause) from failure
    except MachineFailedError as error:
        raise _guard(error) or _own_error(error, program, places) from error


def _noting(opaque: OpaqueValues, functions: Mapping[str, Function]) -> Mapping[str, Function]:
    """Return functions whose results are looked through for values that JSON does not hold."""
    return {
        name: lambda *given, function=function: opaque.note(function(*given))
        for name, function in functions.items()
    }


def _guard(error: StateFailure | MachineFailedError) -> MachineFailedError | None:
    """Return the error of a guard that stands beside the machine; None: it is another error."""
    _, is_guard, message = (error.cause or "").rpartition(f"{GUARD} ")
    return MachineFailedError(GUARD, message) if error.error == RUNTIME and is_guard else None


def _place(program: Program, row: int) -> str:
    """Return where a line's code begins."""
    line = program.lines[row - 1]
    return f"{program.filename}:{row}:{len(line) - len(line.lstrip()) + 1}"


def _place_of(state: str, program: Program) -> str:
    """Return where the code of a state begins."""
    return _place(program, row_of(state) or program.row)


def _stand_in(function: Any) -> Function:
    """Return the callable that replaces a Lambda function here."""

    def call(_: str, payload: Any, __: float | None, ___: float | None) -> Any:
        try:
            return json.loads(Converter().dump(function(payload), function.result_label))
        except (CancelledError, StateFailure):
            raise
        except ActivityTimedOutError as error:
            raise failure_of(error) from error
        except Exception as error:
            raise StateFailure(type(error).__name__, cause_of(error, function.label)) from error

    return call


def lambda_of(activity: ActivityDefinition, program: Program) -> Function:
    """Return an activity as a Lambda function; histories have the names of the states."""

    def call(state: str, payload: Any, timeout: float | None, heartbeat: float | None) -> Any:
        place = _place_of(state, program)
        args, kwargs = activity.signature.load(
            Converter(), json.dumps({"args": [], "kwargs": payload})
        )
        attempt: Any = activity.with_settings(
            retry_policy=None,
            start_to_close=timeout,
            schedule_to_close=None,
            heartbeat=heartbeat or activity.settings.heartbeat,
            control=state,
        )
        try:
            result = attempt(*args, **kwargs)
            if inspect.iscoroutine(result):  # an async workflow's own code would await it
                result.close()
                result = attempt.submit(*args, **kwargs).result()
        except CancelledError:
            raise
        except ActivityTimedOutError as error:
            raise failure_of(error) from error
        except Exception as error:
            raise StateFailure(type(error).__name__, cause_of(error, place)) from error
        form = activity.signature.result_form
        return json.loads(Converter().dump(result, activity.result_label, form=form))

    return call


def _own_error(error: MachineFailedError, program: Program, places: Places) -> Exception:
    """Return the exception that the workflow would have raised."""
    error = unnested(error)
    timeout = own_timeout(error) if error.error == TIMEOUT else None
    if timeout is not None:
        return timeout
    kind: Any = program.classes.get(error.error or "")
    message, more = told_by(error.cause or "")
    kind = (
        kind or _class_of(error.__cause__, error.error) or _class_named(error.error or "", places)
    )
    if kind is None:
        return error
    group = grouped(kind, more, lambda name: _class_named(name, places))
    if group is not None:
        return group
    attributes = more.get("attributes", {})
    made: Any = kind.__new__(kind)
    made.args = (message,)
    vars(made).update(attributes)
    if str(made) == message:
        found: Exception = made
        return found
    shown: Any = type(
        kind.__name__, (kind,), {"__str__": lambda _: message, "__module__": kind.__module__}
    )
    made = shown.__new__(shown)
    made.args = (message,)
    vars(made).update(attributes)
    named: Exception = made
    return named


def _class_named(name: str, places: Places) -> type | None:
    """Return the class of exceptions that has a name in one of the places."""
    found = [place.get(name) for place in (*places, vars(builtins), vars(errors))]
    kinds = [one for one in found if isinstance(one, type) and issubclass(one, Exception)]
    return kinds[0] if kinds else None


def _class_of(failure: BaseException | None, name: str | None) -> type | None:
    """Return the class of that name of the activity's error that a failure comes from."""
    while failure is not None:
        if type(failure).__name__ == name:
            return type(failure)
        failure = failure.__cause__
    return None
