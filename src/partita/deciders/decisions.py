"""Decide with plain values: what a decider answers, and how it becomes a service's decisions.

The decisions of `partita.history` carry payloads and ids that the caller must give; these
take activities, workflows and plain values, and make an id where none is given.
Both kinds may be mixed in one answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from partita import history as h
from partita.authoring.activity_classes import Activity
from partita.authoring.canvas import submittable
from partita.authoring.class_options import WorkflowClass
from partita.authoring.definition import (
    ActivityDefinition,
    LambdaSpec,
    Submittable,
    WorkflowSpec,
)
from partita.authoring.failure import failure_decision
from partita.authoring.messages import Signal
from partita.authoring.options import checked_id, needed_id, policy_of, seconds, tag_list
from partita.authoring.remote import child_workflow, lambda_function, remote_activity
from partita.authoring.runtime import Continuation
from partita.codec import ANY, Converter
from partita.deciders.parts import (
    ActivityExecution,
    ChildProcess,
    ProcessTimer,
)
from partita.deciders.process import Process
from partita.errors import InvalidInputError, InvalidOptionError
from partita.history import CancelTimer as CancelTimerDecision
from partita.history import RecordMarker as RecordMarkerDecision
from partita.history import StartTimer as StartTimerDecision
from partita.history.references import Kind

What = Any
"""An activity, a workflow or a Lambda function: its definition, its class, or its name."""


class Decision:
    """Base of the decisions with plain values."""

    closes = False  # whether it ends the process

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and vars(self) == vars(other)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        given = ", ".join(f"{name}={value!r}" for name, value in vars(self).items() if value)
        return f"{type(self).__name__}({given})"

    def render(self, process: Process[Any]) -> h.AnyDecision:
        """Return the decision as a service takes it.

        Raises:
            UsageError: a value has no JSON form, or does not fit.
        """
        raise NotImplementedError


class ScheduleActivity(Decision):
    """Run an activity, with these arguments.

    Its own settings count; `activity.options(...)` gives others. `data` is for the decider:
    it comes back with the result. An id that is open already is refused.
    """

    def __init__(
        self,
        activity: What,
        *args: Any,
        kwargs: Mapping[str, Any] | None = None,
        id: str | None = None,
        category: str | None = None,
        data: Any = None,
    ) -> None:
        self.activity = _activity(activity)
        self.args = args
        self.kwargs = dict(kwargs or {})
        self.id = id
        self.category = category  # another task list
        self.data = data
        self.takes_input = False  # of the process, as its one argument

    @classmethod
    def with_input(cls, activity: What) -> ScheduleActivity:
        """Return the decision that runs an activity with the process's input, if it takes any."""
        made = cls(activity)
        made.takes_input = True
        return made

    def render(self, process: Process[Any]) -> h.AnyDecision:
        definition = self.activity
        args = self.args
        if self.takes_input and definition.signature.names:
            args = (process.input,)
        if self.category is not None:
            definition = definition.with_settings(task_list=self.category, route=None)
        payload = _payload(process.converter, definition, args, self.kwargs)
        id = self.id or _new_id(process, Kind.ACTIVITY, definition.activity_type.name)
        control = _control(process.converter, self.data)
        return definition.decision(id, args, self.kwargs, payload, control)


class CancelActivity(Decision):
    """Ask an open activity to cancel itself."""

    def __init__(self, activity: ActivityExecution | str) -> None:
        self.id = _id(activity)

    def render(self, process: Process[Any]) -> h.AnyDecision:  # noqa: ARG002
        return h.RequestCancelActivityTask(activity_id=self.id)


class ScheduleLambda(Decision):
    """Invoke an AWS Lambda function; one with a stand-in (`local=`) runs that as an activity."""

    def __init__(self, function: What, input: Any = None, *, id: str | None = None) -> None:
        self.function = lambda_function(function) if isinstance(function, str) else function
        self.input = input
        self.id = id

    def render(self, process: Process[Any]) -> h.AnyDecision:
        spec = self.function
        if not isinstance(spec, LambdaSpec):
            raise InvalidInputError(f"{spec!r} is not a Lambda function; give its name")
        if spec.stand_in is not None:
            return ScheduleActivity(spec.stand_in, self.input, id=self.id).render(process)
        payload = process.converter.dump(self.input, spec.arguments_label)
        id = self.id or _new_id(process, Kind.LAMBDA, spec.name)
        return spec.decision(id, payload)


class StartTimer(Decision):
    """Wake the decider after a time; `data` comes back with the timer."""

    def __init__(self, delay: float | timedelta, data: Any = None, *, id: str | None = None):
        self.delay = 0.0 if delay == 0 else seconds("StartTimer", delay) or 0.0
        self.data = data
        self.id = id

    def render(self, process: Process[Any]) -> h.AnyDecision:
        id = self.id or _new_id(process, Kind.TIMER, "timer")
        control = _control(process.converter, self.data)
        return StartTimerDecision(timer_id=id, start_to_fire=self.delay, control=control)


class CancelTimer(Decision):
    """Stop a timer that runs."""

    def __init__(self, timer: ProcessTimer | str) -> None:
        self.id = _id(timer)

    def render(self, process: Process[Any]) -> h.AnyDecision:  # noqa: ARG002
        return CancelTimerDecision(timer_id=self.id)


class StartChildProcess(Decision):
    """Start a workflow of any kind as a child, with these arguments.

    Without an id it gets one that no other parent, and no other run of this one, gives.
    """

    def __init__(
        self,
        workflow: What,
        *args: Any,
        kwargs: Mapping[str, Any] | None = None,
        id: str | None = None,
        tags: Sequence[str] | None = None,
        child_policy: h.ChildPolicy | str | None = None,
        data: Any = None,
    ) -> None:
        self.workflow = _workflow(workflow)
        self.args = args
        self.kwargs = dict(kwargs or {})
        self.id = checked_id(id)
        self.tags = None if tags is None else tag_list(tags)
        self.child_policy = None if child_policy is None else policy_of(child_policy)
        self.data = data

    def render(self, process: Process[Any]) -> h.AnyDecision:
        given = {"tag_list": self.tags, "child_policy": self.child_policy}
        changes = {name: value for name, value in given.items() if value is not None}
        spec = self.workflow.with_settings(**changes)
        payload = _payload(process.converter, spec, self.args, self.kwargs)
        stem = f"{process.id}:{process.origin[:8]}:{spec.workflow_type.name}"
        id = self.id or spec.settings.workflow_id or _new_id(process, Kind.CHILD, stem)
        return spec.decision(id, payload, _control(process.converter, self.data))


class SignalExternal(Decision):
    """Signal another execution."""

    def __init__(
        self, workflow_id: str, signal: str | Signal[Any], value: Any = None, *, run_id: str = ""
    ) -> None:
        self.workflow_id = needed_id(workflow_id)
        self.name = str(signal)
        self.value = value
        self.run_id = run_id

    def render(self, process: Process[Any]) -> h.AnyDecision:
        what = f"signal {self.name}"
        return h.SignalExternalWorkflowExecution(
            workflow_id=self.workflow_id,
            run_id=self.run_id or None,
            signal_name=self.name,
            input=None if self.value is None else process.converter.dump(self.value, what, ANY),
        )


class RequestCancelExternal(Decision):
    """Ask another execution, such as a child, to cancel itself."""

    def __init__(self, workflow: ChildProcess | str, *, run_id: str = "") -> None:
        self.workflow_id = needed_id(_id(workflow))
        self.run_id = run_id

    def render(self, process: Process[Any]) -> h.AnyDecision:  # noqa: ARG002
        return h.RequestCancelExternalWorkflowExecution(
            workflow_id=self.workflow_id, run_id=self.run_id or None
        )


class RecordMarker(Decision):
    """Write a note into the history; `process.markers` gives it back."""

    def __init__(self, name: str, details: Any = None) -> None:
        self.name = name
        self.details = details

    def render(self, process: Process[Any]) -> h.AnyDecision:
        details = _control(process.converter, self.details)
        return RecordMarkerDecision(marker_name=self.name, details=details)


class CompleteProcess(Decision):
    """End the process with a result."""

    closes = True

    def __init__(self, result: Any = None) -> None:
        self.result = result

    def render(self, process: Process[Any]) -> h.AnyDecision:
        payload = process.converter.dump(self.result, f"the result of {process.workflow.name}", ANY)
        return h.CompleteWorkflowExecution(result=payload)


class FailProcess(Decision):
    """End the process with an error: an exception, or a reason with details."""

    closes = True

    def __init__(self, reason: str | BaseException | None = None, details: str | None = None):
        self.reason = reason
        self.details = details

    def render(self, process: Process[Any]) -> h.AnyDecision:  # noqa: ARG002
        if isinstance(self.reason, BaseException):
            return failure_decision(self.reason)
        return h.FailWorkflowExecution(reason=self.reason, details=self.details)


class CancelProcess(Decision):
    """End the process as cancelled."""

    closes = True

    def __init__(self, details: str | None = None) -> None:
        self.details = details

    def render(self, process: Process[Any]) -> h.AnyDecision:  # noqa: ARG002
        return h.CancelWorkflowExecution(details=self.details)


_SAME: Any = object()


class ContinueAsNew(Decision):
    """End this run and begin the next, with a fresh history; by default with the same input."""

    closes = True

    def __init__(
        self,
        input: Any = _SAME,
        *,
        version: str | None = None,
        task_list: str | None = None,
        tags: Sequence[str] | None = None,
        child_policy: h.ChildPolicy | str | None = None,
    ) -> None:
        self.input = input
        self.continuation = Continuation(
            version=version,
            task_list=task_list,
            tags=None if tags is None else tag_list(tags),
            child_policy=None if child_policy is None else policy_of(child_policy),
        )

    def render(self, process: Process[Any]) -> h.AnyDecision:
        value = process.input if self.input is _SAME else self.input
        payload = process.converter.dump([value], f"the input of {process.workflow.name}", ANY)
        given = self.continuation
        return h.ContinueAsNewWorkflowExecution(
            input=payload,
            workflow_type_version=given.version,
            task_list=given.task_list,
            tag_list=given.tags,
            child_policy=given.child_policy,
        )


def _activity(what: What) -> ActivityDefinition:
    """Return an activity's definition; a name is one of an activity that lives elsewhere."""
    if isinstance(what, (str, h.ActivityType)):
        name, version = (what, "1") if isinstance(what, str) else (what.name, what.version)
        return remote_activity(name, version)
    if isinstance(what, type) and issubclass(what, Activity):
        return what.definition
    found: Submittable = submittable(what)
    if isinstance(found, LambdaSpec) and found.stand_in is not None:
        found = found.stand_in
    if not isinstance(found, ActivityDefinition):
        raise InvalidInputError(f"{what!r} is not an activity; give one, or the name of one")
    return found


def _workflow(what: What) -> WorkflowSpec:
    """Return a workflow's definition; a name is one of a workflow that lives elsewhere."""
    if isinstance(what, (str, h.WorkflowType)):
        name, version = (what, "1") if isinstance(what, str) else (what.name, what.version)
        return child_workflow(name, version)
    found = what.definition if isinstance(what, type) and issubclass(what, WorkflowClass) else what
    if not isinstance(found, WorkflowSpec):
        raise InvalidInputError(f"{what!r} is not a workflow; give one, or the name of one")
    return found


def _payload(converter: Converter, what: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
    try:
        value = what.signature.bind(args, kwargs)
    except TypeError as error:
        raise InvalidInputError(f"{what.label}: {error}") from error
    return converter.dump(value, what.arguments_label, what.signature.arguments)


def _control(converter: Converter, value: Any) -> str | None:
    return None if value is None else converter.dump(value, "a decision's data", ANY)


def _new_id(process: Process[Any], kind: Kind, stem: str) -> str:
    """Return an id that no open part of that kind has; the same, whenever it is asked again."""
    number = process.asked_for(kind) + 1
    while process.is_taken(kind, f"{stem}-{number}"):
        number += 1
    return f"{stem}-{number}"


def _id(part: Any) -> str:
    id = part if isinstance(part, str) else getattr(part, "id", None)
    if not isinstance(id, str):
        raise InvalidOptionError(f"{part!r} has no id; give a part of the process, or its id")
    return id
