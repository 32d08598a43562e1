"""Check a message against what a workflow's code declares, before it is sent.

Queries and updates are registered by name. A signal is not: its names are those that the code waits
for, of `Signal` objects that the function's module has, and of constants in calls such as
`wait_signal("approve")`. A module that also computes names of signals accepts any.
"""

from __future__ import annotations

import ast
import inspect
import re
import sys
from collections.abc import Callable, Iterable
from difflib import get_close_matches
from types import ModuleType
from typing import Any

import msgspec

from partita.authoring.messages import Signal, signals, wait_signal

CHECK = "$check"
"""The name of the query that checks a message; its input is a `Message`, its answer a `Verdict`."""

WAITS = "$waits"
"""The name of the query whose answer lists, as texts, what the code waits for."""


STACKS = "$stacks"
"""The name of the query whose answer is the code's call stacks, as `CodeStack`s."""


class Message(msgspec.Struct, frozen=True):
    """A message that is to be checked."""

    kind: str  # signal, query or update
    name: str
    input: str | None = None  # its payload


class Verdict(msgspec.Struct, frozen=True):
    """What is wrong with a message; both are empty if nothing is."""

    code: str = ""  # of the error
    problem: str = ""


read_message = msgspec.json.Decoder(Message).decode
read_verdict = msgspec.json.Decoder(Verdict).decode

_CALLS = {"wait_signal": wait_signal, "signals": signals, "Signal": Signal}

MAX_MODULES = 50
"""Modules that are read for names, at most; code that is spread over more accepts any name."""

_LIBRARY = re.compile(r"[/\\]lib[/\\]python3|[/\\]site-packages[/\\]")

Names = dict[str, Signal[Any] | None]


def declared_signals(function: Callable[..., Any]) -> Names | None:
    """Return the signals that a function's module, and those that it uses, name.

    None if a name is computed somewhere, or if that cannot be told.
    """
    first = sys.modules.get(function.__module__)
    if first is None or not _is_of_user(first):
        return None
    found: Names = {}
    left, seen = [first], {first.__name__}
    while left:
        module = left.pop()
        if len(seen) > MAX_MODULES or not _add_names(module, found):
            return None
        used = [other for other in _used(module) if other.__name__ not in seen]
        seen.update(other.__name__ for other in used)
        left += used
    return found


def _used(module: ModuleType) -> list[ModuleType]:
    """Return the user's modules whose functions, classes or names a module has."""
    found: dict[str, ModuleType] = {}
    for value in vars(module).values():
        name = value.__name__ if isinstance(value, ModuleType) else _module_of(value)
        other = sys.modules.get(name) if isinstance(name, str) else None
        if other is not None and other is not module and _is_of_user(other):
            found[other.__name__] = other
    return list(found.values())


def _module_of(value: object) -> object:
    function = getattr(value, "function", value)  # of an activity or a child workflow
    return getattr(function, "__module__", None)


def _is_of_user(module: ModuleType) -> bool:
    file = getattr(module, "__file__", None) or ""
    is_ours = module.__name__.partition(".")[0] == "partita"
    return bool(file) and not is_ours and not _LIBRARY.search(file)


def _add_names(module: ModuleType, found: Names) -> bool:
    """Add the signals that a module names; return False if some name cannot be told."""
    found |= {one.name: one for one in vars(module).values() if isinstance(one, Signal)}
    try:
        source = inspect.getsource(module)
        tree = ast.parse(source) if "ignal" in source else ast.Module([], [])
    except (OSError, TypeError, SyntaxError):
        return False
    called = set()
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and _means_signal(call.func, module):
            called.add(call.func)
            if not call.args or not _add_name(call.args[0], module, found):
                return False
    others = (node for node in ast.walk(tree) if isinstance(node, ast.Name | ast.Attribute))
    return not any(
        node not in called and isinstance(node.ctx, ast.Load) and _is_function(node, module)
        for node in others
    )


def _add_name(name: ast.expr, module: ModuleType, found: Names) -> bool:
    if isinstance(name, ast.Constant) and isinstance(name.value, str):
        found.setdefault(name.value, None)
        return True
    value = vars(module).get(name.id) if isinstance(name, ast.Name) else None
    if isinstance(value, str):
        found.setdefault(value, None)
    return isinstance(value, Signal | str)


def _means_signal(node: ast.expr, module: ModuleType) -> bool:
    """Whether an expression is `wait_signal`, `signals` or `Signal`, under whatever name."""
    if isinstance(node, ast.Subscript):  # Signal[int]("approve")
        return _means_signal(node.value, module)
    if isinstance(node, ast.Attribute):
        return node.attr in _CALLS
    if not isinstance(node, ast.Name):
        return False
    value = vars(module).get(node.id)
    return node.id in _CALLS if value is None else any(value is one for one in _CALLS.values())


def _is_function(node: ast.Name | ast.Attribute, module: ModuleType) -> bool:
    """Whether a name is one of the functions, which may be called from elsewhere then."""
    named = node.attr if isinstance(node, ast.Attribute) else node.id
    value = _CALLS.get(named) if isinstance(node, ast.Attribute) else vars(module).get(named)
    return value is wait_signal or value is signals


def unknown_name(kind: str, name: str, known: Iterable[str]) -> str:
    """Return that a workflow does not take a message of a name, with the nearest one."""
    names = sorted(known)
    close = get_close_matches(name, names, n=1)
    hint = f"did you mean {close[0]!r}? " if close else ""
    verb = "waits for no signal" if kind == "signal" else f"answers no {kind}"
    its = "waits for" if kind == "signal" else "answers"
    return f"the workflow {verb} {name!r}; {hint}it {its}: {', '.join(names) or 'nothing'}"
