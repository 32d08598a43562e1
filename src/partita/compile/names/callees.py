"""Find what a call begins outside of the machine: an activity, a workflow or a Lambda function.

It may be named by itself, as a class, or with `.options(...)` of constants.
"""

from __future__ import annotations

import ast
from typing import Any

from partita.authoring.activity import ActivityFunction, AsyncActivityFunction
from partita.authoring.activity_classes import Activity
from partita.authoring.remote import LambdaFunction
from partita.authoring.workflow import WorkflowDefinition
from partita.authoring.workflow_classes import Workflow
from partita.compile.context import Context
from partita.compile.names.objects import target
from partita.errors import InvalidOptionError
from partita.integrations.aws_calls import Action

Callee = (
    ActivityFunction[..., Any]
    | AsyncActivityFunction[..., Any]
    | WorkflowDefinition[..., Any]
    | LambdaFunction
)
KINDS = (ActivityFunction, AsyncActivityFunction, WorkflowDefinition, LambdaFunction)


def callee_of(node: ast.expr, context: Context) -> Callee | None:
    """Return what an expression names; None if it is nothing of the kind."""
    if isinstance(node, ast.Call):
        return _with_options(node, context)
    found = target(node, context)
    if isinstance(found, KINDS):
        return found
    if isinstance(node, ast.Attribute):
        owner = instance_of(node.value, context) or target(node.value, context)
        if isinstance(owner, type):
            return _of_class(owner, node.attr)
    return None


def instance_of(node: ast.expr, context: Context) -> Any:
    """Return the class of the workflow that `self` is an instance of; None for other values."""
    known = context.variables.get(node.id) if isinstance(node, ast.Name) else None
    return known.type.cls if known is not None and known.type.kind == "workflow" else None


def _of_class(owner: type, name: str) -> Callee | None:
    """Return what a member of a class begins: an activity in it, or the class itself."""
    found = getattr(owner, name, None)
    if isinstance(found, KINDS):
        return found
    if name == "call" and issubclass(owner, Activity | Workflow):
        definition: Callee = owner.definition
        return definition
    return None


def class_of(node: ast.expr, context: Context) -> Callee | None:
    """Return the definition of a class of activities or workflows."""
    found = target(node, context)
    if isinstance(found, type) and issubclass(found, Activity | Workflow):
        definition: Callee = found.definition
        return definition
    return None


def _with_options(node: ast.Call, context: Context) -> Callee | None:
    function = node.func
    if not isinstance(function, ast.Attribute) or function.attr != "options":
        return None
    owner: Any = callee_of(function.value, context) or class_of(function.value, context)
    named = target(function.value, context)
    owner = named if isinstance(named, Action) else owner
    if owner is None or isinstance(owner, LambdaFunction):
        return None
    names = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
    if node.args or any(one.arg is None for one in node.keywords) or names & context.local:
        raise context.refuse(
            node,
            "options",
            "a state's times and retries are fixed when it is compiled",
            "give constants, or names of the module",
        )
    given: Any = {one.arg: _evaluated(one.value, context) for one in node.keywords}
    try:
        changed: Callee = owner.options(**given)
    except (InvalidOptionError, TypeError) as error:
        raise context.refuse(node, "options", str(error), "correct them") from error
    return changed


def _evaluated(node: ast.expr, context: Context) -> Any:
    try:
        code = compile(ast.Expression(node), "<option>", "eval")
        return eval(code, dict(context.module.namespace))  # the user's own module is loaded
    except Exception as error:
        raise context.refuse(
            node, "option", f"it is not known when compiled: {error}", "give a constant"
        ) from error
