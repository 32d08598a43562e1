"""Describe how a compiled workflow is called: with which parameters, and its arguments as JSON."""

from __future__ import annotations

import functools
import inspect
import json
from types import FunctionType
from typing import Any

from partita.authoring.workflow import WorkflowDefinition
from partita.codec import Converter


def as_sync(function: Any) -> Any:
    """Return a function whose parameters are those of an async one; it is never called."""
    if not inspect.iscoroutinefunction(function):
        return function
    code = function.__code__
    plain = FunctionType(
        code.replace(co_flags=code.co_flags & ~inspect.CO_COROUTINE),
        function.__globals__,
        function.__name__,
        function.__defaults__,
        function.__closure__,
    )
    plain.__kwdefaults__ = function.__kwdefaults__
    functools.update_wrapper(plain, function, updated=())
    vars(plain).pop("__wrapped__")
    return plain


def document_of(
    definition: WorkflowDefinition[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> dict[str, Any]:
    """Return the input of what a workflow is compiled to, for a call of the workflow."""
    signature = definition.signature
    names = list(inspect.signature(definition.function).parameters)
    given = {**dict(zip(names, args, strict=False)), **kwargs}
    call = Converter().dump({"args": [], "kwargs": given}, signature.name, form=signature.arguments)
    document: dict[str, Any] = json.loads(call)["kwargs"]
    return document
