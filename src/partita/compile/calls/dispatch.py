"""Lower calls: find out what is called, and hand the call to the module that lowers it.

Knows no function itself: tables of `builtins`, `library` and `methods` do.
"""

from __future__ import annotations

import ast
import asyncio
import builtins
import dataclasses
from collections.abc import Callable, Hashable
from types import FunctionType, MethodType
from typing import Any

from partita.authoring.canvas import chain, group
from partita.authoring.determinism import now, random, side_effect, sleep, uuid4
from partita.authoring.future import wait
from partita.authoring.messages import signals, wait_signal
from partita.compile.builtins.table import FUNCTIONS
from partita.compile.calls.activities import call_activity
from partita.compile.calls.refused_functions import reason_of
from partita.compile.calls.service_calls import call_service
from partita.compile.classes.enum_lookups import by_value
from partita.compile.classes.members import class_method, super_method
from partita.compile.classes.records import as_dict, instance, is_record, replaced
from partita.compile.concurrency.branches import begin, work_of
from partita.compile.concurrency.coroutines import is_coroutine
from partita.compile.concurrency.futures import lower_map, lower_wait
from partita.compile.concurrency.item_sources import OUTSIDE_OF_MAPS
from partita.compile.concurrency.result_files import lower_results
from partita.compile.concurrency.shapes import (
    appended,
    run_shape,
    shape_of,
    shape_value,
    submit_shape,
)
from partita.compile.concurrency.signals import lower_channel, lower_wait_signal
from partita.compile.context import Context
from partita.compile.exceptions.values import construct, is_exception, own_initialiser
from partita.compile.functions.inlined import inline
from partita.compile.library.chance import lower_random, lower_side_effect, lower_uuid4
from partita.compile.library.table import LIBRARY
from partita.compile.library.times import lower_async_sleep, lower_now, lower_sleep
from partita.compile.lowered import located
from partita.compile.methods.containers import lower_by_class
from partita.compile.methods.dispatch import lower_method
from partita.compile.names.callees import KINDS, callee_of, instance_of
from partita.compile.names.objects import target
from partita.compile.operators.conditions import choose, lower_test, path_of
from partita.compile.tree import Value
from partita.compile.types import BOOL, NEVER
from partita.compile.values.closures import Function, function_value
from partita.compile.values.definitions import arguments_kept
from partita.compile.values.enumerations import is_enum
from partita.compile.values.moments import TIME_CLASSES, is_datetime_method, lower_class_method
from partita.integrations.aws_calls import Action
from partita.integrations.data_sets import ItemReader, ResultWriter


def lower_call(node: Any, context: Context) -> Value:
    """Lower a call."""
    node = _of_instance(node, context)
    shape = _shaped(node, context)
    if shape is not None:
        return shape
    work = work_of(node, context)
    if work is not None:
        return begin(node, work, context)
    found = callee_of(node.func, context) or target(node.func, context)
    is_awaited, context.point.awaited = context.point.awaited is node, None
    if found is None:
        value = _callee(node.func, context)
        if value is not None:
            return _call_value(node, value, is_awaited, context)
    return _call_object(node, found, is_awaited, context)


def _of_instance(node: Any, context: Context) -> Any:
    """Return `what.map(items)` for `self.map(what, items)` of a workflow in class form."""
    function = node.func
    is_method = isinstance(function, ast.Attribute) and node.args
    if not is_method or instance_of(function.value, context) is None:
        return node
    is_shape = function.attr == "submit" and shape_of(node.args[0], context) is not None
    if function.attr not in ("map", "starmap") and not is_shape:
        return node
    method = ast.Attribute(node.args[0], function.attr, ast.Load())
    call = ast.Call(method, node.args[1:], node.keywords)
    return located(call, node)


def _shaped(node: Any, context: Context) -> Value | None:
    """Lower a group or chain, its call and its `submit`; None if it is another call."""
    shape = shape_of(node.func, context)
    if shape is not None:
        return run_shape(shape, context)
    function = node.func
    added = appended(node, context)
    if added is not None:
        return added
    if isinstance(function, ast.Attribute) and function.attr == "submit":
        shape = shape_of(function.value, context)
        return None if shape is None else submit_shape(node, shape, context)
    is_shape = target(node.func, context) in (group, chain)
    return shape_value(node, context) if is_shape else None


def _callee(node: ast.expr, context: Context) -> Value | None:
    """Return the value that is called, if it is a function that is a value."""
    is_value = isinstance(node, ast.Lambda | ast.Call | ast.Subscript | ast.IfExp | ast.BoolOp)
    if not is_value and path_of(node) not in context.variables:
        return None
    return context.read(node)


def _call_value(node: Any, value: Value, is_awaited: bool, context: Context) -> Value:
    """Call a function that is a value: where there are several, the machine chooses."""
    if value.type is NEVER:
        return Value("null", NEVER)
    if value.type.kind != "function" or not value.type.cls:
        raise context.refuse(
            node,
            f"call of {ast.unparse(node.func)[:40]}",
            f"it is no function but {value.type}",
            "call a function; test for None before",
        )
    functions = list(value.type.cls)
    if len(functions) == 1:
        return call_function(node, functions[0], is_awaited, context)
    value = context.simple(node, value)
    with arguments_kept(node, context) as kept:
        return _choice_of(kept, value, functions, is_awaited, context)


def _choice_of(
    node: Any, value: Value, functions: list[Function], is_awaited: bool, context: Context
) -> Value:
    first = functions[0]
    if len(functions) == 1:
        return call_function(node, first, is_awaited, context)
    tag = function_value(first, context)
    test = Value(f"{value.text} = {tag.text}", BOOL, False)
    return choose(
        node,
        test,
        context,
        lambda: call_function(node, first, is_awaited, context),
        lambda: _choice_of(node, value, functions[1:], is_awaited, context),
    )


def call_function(node: Any, function: Function, is_awaited: bool, context: Context) -> Value:
    """Call one function."""
    if function.definition is None:
        return _call_object(node, function.target, is_awaited, context)
    if isinstance(function.definition, ast.AsyncFunctionDef) and not is_awaited:
        raise _without_await(node, context)
    return inline(node, function, context)


def _without_await(node: Any, context: Context) -> Exception:
    return context.refuse(
        node,
        f"call of {ast.unparse(node.func)[:40]} without await",
        "it makes a coroutine, which is no value of a state machine",
        "write await before it",
    )


def _call_object(node: Any, found: Any, is_awaited: bool, context: Context) -> Value:
    """Call an object of the module or of Python."""
    if is_coroutine(found, context) and not is_awaited:
        raise _without_await(node, context)
    if isinstance(found, KINDS):
        return call_activity(node, found, context)
    if isinstance(found, Action):
        return call_service(node, found, context)
    if isinstance(found, ResultWriter):
        return lower_results(node, context)
    reason = OUTSIDE_OF_MAPS if isinstance(found, ItemReader) else reason_of(found)
    if reason is not None:
        raise context.refuse(node, ast.unparse(node.func)[:40], *reason)
    for lower in (_of_library, _of_class, _of_program, _of_value, _builtin):
        value = lower(node, found, context)
        if value is not None:
            return value
    raise context.refuse(
        node,
        f"call of {ast.unparse(node.func)[:40]}",
        "it is neither an activity nor a function that is compiled",
        "make it an activity, or write its code here",
    )


def _of_library(node: Any, found: Any, context: Context) -> Value | None:
    """Lower a call of a function of Partita or of Python's library."""
    if not callable(found) or not isinstance(found, Hashable):
        return None
    lower = _OWN.get(found) or LIBRARY.get(found)
    return None if lower is None else lower(node, context)


def _of_class(node: Any, found: Any, context: Context) -> Value | None:
    """Lower what is asked of a class, and calls that make instances."""
    by_class = lower_by_class(node, context) if isinstance(node.func, ast.Attribute) else None
    if by_class is not None:
        return by_class
    if found is isinstance:
        return lower_test(node, context).value
    if is_exception(found):
        return construct(node, found, context)
    if is_enum(found):
        return by_value(node, found, context)
    return instance(node, found, context) if is_record(found) else None


def _of_program(node: Any, found: Any, context: Context) -> Value | None:
    """Lower a call of a function of the program, a class method, or one of `super()`."""
    if isinstance(found, MethodType) and isinstance(found.__self__, type):
        return class_method(node, found, context)
    if isinstance(found, FunctionType):
        return inline(node, Function(found.__name__, target=found), context)
    return super_method(node, context) or own_initialiser(node, found, context)


def _of_value(node: Any, found: Any, context: Context) -> Value | None:
    """Lower a call of a method of a value."""
    if not isinstance(node.func, ast.Attribute):
        return None
    is_method = found is None or is_datetime_method(node.func, context)
    return _method(node, context) if is_method else None


def _builtin(node: Any, found: Any, context: Context) -> Value | None:
    """Lower a call of one of Python's own functions."""
    name = getattr(found, "__name__", "")
    is_own = name in FUNCTIONS and found is getattr(builtins, name, None)
    return FUNCTIONS[name](node, context) if is_own else None


_OWN: dict[Any, Callable[[Any, Context], Value]] = {
    sleep: lower_sleep,
    asyncio.sleep: lower_async_sleep,
    wait: lower_wait,
    asyncio.wait: lower_wait,
    wait_signal: lower_wait_signal,
    signals: lower_channel,
    now: lower_now,
    uuid4: lower_uuid4,
    random: lower_random,
    side_effect: lower_side_effect,
    **TIME_CLASSES,
    dataclasses.replace: replaced,
    dataclasses.asdict: as_dict,
}
"""Functions for the code of workflows."""


def _method(node: Any, context: Context) -> Value:
    if is_datetime_method(node.func, context):
        return lower_class_method(node, context)
    owner = callee_of(node.func.value, context)
    if owner is not None:
        if node.func.attr in ("map", "starmap"):
            return lower_map(node, context)
        raise context.refuse(
            node,
            f"activity.{node.func.attr}",
            "it is not compiled",
            "call the activity, or use submit, map, starmap or options",
        )
    return lower_method(node, context)
