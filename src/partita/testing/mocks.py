"""Replace activities, Lambda functions and child workflows with mocks.

A mock is installed in the worker: the engine schedules, retries and records as usual, and
arguments and results pass through the types of the real function.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar
from unittest.mock import DEFAULT, Mock

from partita.authoring.activity_classes import Activity
from partita.authoring.class_options import WorkflowClass, definition_of
from partita.authoring.definition import (
    ActivityDefinition,
    ActivityOptions,
    LambdaSpec,
    WorkflowSpec,
)
from partita.authoring.failure import failure_decision
from partita.authoring.registry import known, remote
from partita.authoring.results import Completed, Result
from partita.authoring.signature import Signature
from partita.client import Client
from partita.codec import Converter
from partita.errors import UnknownTypeError
from partita.history import ActivityType, AnyDecision, CompleteWorkflowExecution
from partita.history import WorkflowExecutionStarted as Started
from partita.ports.service import DecisionTask
from partita.testing.engine import Stage

Target = ActivityDefinition | LambdaSpec | WorkflowSpec

V = TypeVar("V")


class Mocked(Mock):
    """A mock that replaces something until its `with` block ends."""

    _partita_uninstall: Callable[[], None]

    def _get_child_mock(self, **kwargs: Any) -> Mock:
        return Mock(**kwargs)

    def __enter__(self) -> Mocked:
        """Return the mock, which has been active since it was made."""
        return self

    def __exit__(self, *exc: object) -> None:
        """Restore what it replaces."""
        self.stop()

    def stop(self) -> None:
        """Restore what it replaces."""
        self._partita_uninstall()


def install_mock(
    stage: Stage,
    client: Client,
    target: Target | type[WorkflowClass] | type[Activity] | str,
    return_value: Any,
    side_effect: Any,
) -> Mocked:
    """Make a mock and install it in a worker; see `Environment.mock`."""
    found = _find(target)
    call = _MockedCall(found, client.converter)
    mock = call.mock
    if return_value is not DEFAULT:
        call.check(return_value)
        mock.return_value = return_value
    elif side_effect is None:
        call.check(None)
        mock.return_value = None
    if isinstance(side_effect, (list, tuple)):
        for value in side_effect:
            if not _is_error(value):
                call.check(value)
    mock.side_effect = side_effect
    object.__setattr__(mock, "_partita_uninstall", _install(stage, client, found, call))
    return mock


def _install(stage: Stage, client: Client, target: Target, call: _MockedCall) -> Callable[[], None]:
    """Install a mock in a worker; return a function that uninstalls it."""
    if isinstance(target, WorkflowSpec):
        client.service.register_workflow_type(stage.domain, target.workflow_type)
        return _put(stage.deciders, target.key, call.decide)
    kind = _activity_type(target)
    replacement = ActivityDefinition(call.play, kind, ActivityOptions())
    uninstall = _put(stage.stand_ins, kind.key, replacement)
    if not isinstance(target, LambdaSpec) or target.stand_in is not None:
        return uninstall
    target.stand_in = replacement  # without it, an engine without Lambda would refuse the call

    def uninstall_both() -> None:
        target.stand_in = None
        uninstall()

    return uninstall_both


def _put(replacements: dict[str, V], key: str, replacement: V) -> Callable[[], None]:
    """Add a replacement; return a function that undoes that, unless it was replaced again."""
    before = replacements.get(key)
    replacements[key] = replacement

    def restore() -> None:
        if replacements.get(key) is replacement:
            replacements.pop(key)
            if before is not None:
                replacements[key] = before

    return restore


def _is_error(value: object) -> bool:
    return isinstance(value, BaseException) or (
        isinstance(value, type) and issubclass(value, BaseException)
    )


class _MockedCall:
    """Calls a mock as the real function would be called, and checks what it returns."""

    def __init__(self, target: Target, converter: Converter) -> None:
        self._target = target
        self._converter = converter
        self._signature: Signature = target.signature
        self._what = f"the result of the mock of {target.label}"
        self.play = _with_signature_of(self._signature.function, self._play)
        self.mock = Mocked(name=target.label, spec=self.play)

    def check(self, value: Any) -> None:
        """Raise if the real function could not return `value`."""
        if isinstance(value, Result):
            if not isinstance(value, Completed):
                return
            value = value.value
        payload = self._converter.dump(value, self._what, self._signature.result_form)
        self._converter.load(payload, self._signature.decode_result, self._what)

    def _play(self, *args: Any, **kwargs: Any) -> Any:
        result = self.mock(*args, **kwargs)
        if inspect.isawaitable(result):
            result = asyncio.run(_awaited(result))
        self.check(result)
        return result

    def decide(self, task: DecisionTask) -> list[AnyDecision]:
        """Close the execution with what the mock returns or raises."""
        started = task.events[0]
        assert isinstance(started, Started)
        try:
            args, kwargs = self._signature.load(self._converter, started.input)
            result = self._play(*args, **kwargs)
        except Exception as error:
            return [failure_decision(error)]
        payload = self._converter.dump(result, self._what, self._signature.result_form)
        return [CompleteWorkflowExecution(result=payload)]


async def _awaited(awaitable: Any) -> Any:
    return await awaitable


def _with_signature_of(real: Callable[..., Any], play: Callable[..., Any]) -> Callable[..., Any]:
    """Return a sync function with the parameters and types of another."""

    def function(*args: Any, **kwargs: Any) -> Any:
        return play(*args, **kwargs)

    with suppress(AttributeError):
        functools.update_wrapper(function, real)
    return function


def _activity_type(target: ActivityDefinition | LambdaSpec) -> ActivityType:
    if isinstance(target, ActivityDefinition):
        return target.activity_type
    return ActivityType(f"lambda:{target.name}")


def _find(target: Target | type[WorkflowClass] | type[Activity] | str) -> Target:
    """Return the definition of what a mock replaces.

    Raises:
        UnknownTypeError: there is none of that name, or there are several.
    """
    if isinstance(target, (ActivityDefinition, LambdaSpec)):
        return target
    if isinstance(target, type) and issubclass(target, Activity):
        return target.definition
    if not isinstance(target, str):
        found: WorkflowSpec = definition_of(target)  # type: ignore[arg-type]
        return found
    kinds: list[type[Any]] = [ActivityDefinition, LambdaSpec, WorkflowSpec]
    every = {
        (kind, one.key): one
        for kind in kinds
        for one in [*remote(kind), *known(kind)]
        if not one.key.startswith("lambda:")
    }
    fitting = [one for one in every.values() if target in (_name(one), one.key)]
    if len(fitting) == 1:
        return fitting[0]  # type: ignore[no-any-return]
    if fitting:
        shown = ", ".join(sorted(f"{one!r}" for one in fitting))
        raise UnknownTypeError(f"mock({target!r}) could be {shown}; give the function itself")
    names = ", ".join(sorted({_name(one) for one in every.values()})) or "none"
    raise UnknownTypeError(
        f"mock({target!r}): no activity, Lambda function or workflow of that name is defined "
        f"here, so nothing can call it; there are: {names}"
    )


def _name(target: Target) -> str:
    if isinstance(target, ActivityDefinition):
        return target.activity_type.name
    return target.name if isinstance(target, LambdaSpec) else target.workflow_type.name
