"""Lower calls: of activities, of functions that Python has, of methods."""

from __future__ import annotations

import ast
import asyncio
import builtins
import dataclasses
from types import FunctionType
from typing import Any

from partita.authoring.determinism import sleep
from partita.compile.activities import call_activity
from partita.compile.callees import KINDS, callee_of
from partita.compile.concurrency import begin, work_of
from partita.compile.context import Context
from partita.compile.coroutines import is_coroutine
from partita.compile.functions import FUNCTIONS
from partita.compile.futures import lower_map
from partita.compile.inlined import inline
from partita.compile.jsonata import literal, object_value
from partita.compile.methods import lower_method
from partita.compile.module_names import target
from partita.compile.tree import Sleep, Value
from partita.compile.types import NONE, UnknownHintError, fits, of_hint
from partita.errors import InvalidOptionError


def lower_call(node: Any, context: Context) -> Value:
    """Lower a call."""
    work = work_of(node, context)
    if work is not None:
        return begin(node, work, context)
    found = callee_of(node.func, context) or target(node.func, context)
    is_awaited, context.awaited = context.awaited is node, None
    if is_coroutine(found, context) and not is_awaited:
        raise context.refuse(
            node,
            f"call of {ast.unparse(node.func)[:40]} without await",
            "it makes a coroutine, which is no value of a state machine",
            "write await before it",
        )
    if isinstance(found, KINDS):
        return call_activity(node, found, context)
    if found in (sleep, asyncio.sleep):
        return _sleep(node, context)
    if isinstance(found, type) and dataclasses.is_dataclass(found):
        return _instance(node, found, context)
    if isinstance(node.func, ast.Attribute):
        return _method(node, context)
    if isinstance(found, FunctionType):
        return inline(node, found, context)
    name = getattr(found, "__name__", "")
    if name in FUNCTIONS and found is getattr(builtins, name, None):
        return FUNCTIONS[name](node, context)
    raise context.refuse(
        node,
        f"call of {ast.unparse(node.func)[:40]}",
        "it is neither an activity nor a function that is compiled",
        "make it an activity, or write its code here",
    )


def _method(node: Any, context: Context) -> Value:
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


def _sleep(node: Any, context: Context) -> Value:
    if len(node.args) != 1 or node.keywords:
        raise context.refuse(node, "sleep", "it takes seconds", "give one argument")
    seconds = context.read(node.args[0])
    if not seconds.type.is_number:
        raise context.refuse(
            node, "sleep", "its argument is no number", "give seconds as int or float"
        )
    seconds = context.simple(node, seconds)
    if not seconds.is_constant:
        message = context.text("the time is negative")
        context.check(node, f"{seconds.atom} >= 0", InvalidOptionError, message, seconds)
    elif seconds.constant < 0:
        raise context.refuse(node, "sleep", "the time is negative", "give seconds from 0 on")
    context.block.append(Sleep(node.lineno, seconds))
    return Value("null", NONE)


def _instance(node: Any, cls: Any, context: Context) -> Value:
    """Lower the call of a dataclass."""
    try:
        type = of_hint(cls)
    except UnknownHintError as error:
        raise context.refuse(node, cls.__name__, f"it has {error}", "use simpler hints") from None
    fields = {one.name: one for one in dataclasses.fields(cls)}
    given = _given(node, cls, list(fields), context)
    members = {}
    for name, wanted in type.fields:
        value = given.get(name)
        if value is None and fields[name].default is not dataclasses.MISSING:
            value = literal(fields[name].default)
        if value is None or not fits(value.type, wanted) or not fields[name].init:
            raise context.refuse(
                node,
                f"field {name} of {cls.__name__}",
                "it is missing, or its type is not the one of the hint",
                f"give a value of type {wanted}",
            )
        members[name] = value
    return object_value(members, type)


def _given(node: Any, cls: Any, names: list[str], context: Context) -> dict[str, Value]:
    given = {}
    if node.args and any(one.kw_only for one in dataclasses.fields(cls)):
        raise context.refuse(node, "arguments", "some fields are keyword-only", "use keywords")
    for name, one in zip(names, node.args, strict=False):
        given[name] = context.lower(one)
    for keyword in node.keywords:
        if keyword.arg not in names or keyword.arg in given:
            raise context.refuse(node, "arguments", "they do not fit", "give each field once")
        given[keyword.arg] = context.lower(keyword.value)
    if len(node.args) > len(names):
        raise context.refuse(node, "arguments", "they are too many", "give each field once")
    return given
