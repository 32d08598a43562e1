"""Check a message against what a workflow's code declares, before it is sent.

Queries and updates are registered by name. A signal is not: its names are those that the code waits
for, of `Signal` objects that the function's module has, and of constants in calls such as
`wait_signal("approve")`. A module that also computes names of signals accepts any.
"""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Callable, Iterable
from difflib import get_close_matches
from typing import Any

import msgspec

from partita.authoring.messages import Signal

CHECK = "$check"
"""The name of the query that checks a message; its input is a `Message`, its answer a `Verdict`."""

WAITS = "$waits"
"""The name of the query whose answer lists, as texts, what the code waits for."""


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

_CALLS = ("wait_signal", "signals", "Signal")


def declared_signals(function: Callable[..., Any]) -> dict[str, Signal[Any] | None] | None:
    """Return the signals that a function's module names; None if it also computes names."""
    module = sys.modules.get(function.__module__)
    values = vars(module).values() if module is not None else ()
    found: dict[str, Signal[Any] | None] = {
        one.name: one for one in values if isinstance(one, Signal)
    }
    try:
        tree = ast.parse(inspect.getsource(module) if module is not None else "")
    except (OSError, TypeError, SyntaxError):
        return None
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and _called(call) in _CALLS and call.args:
            name = call.args[0]
            if isinstance(name, ast.Constant) and isinstance(name.value, str):
                found.setdefault(name.value, None)
            elif not (isinstance(name, ast.Name) and isinstance(vars(module).get(name.id), Signal)):
                return None
    return found


def _called(call: ast.Call) -> str:
    return str(getattr(call.func, "id", None) or getattr(call.func, "attr", ""))


def unknown_name(kind: str, name: str, known: Iterable[str]) -> str:
    """Return that a workflow does not take a message of a name, with the nearest one."""
    names = sorted(known)
    close = get_close_matches(name, names, n=1)
    hint = f"did you mean {close[0]!r}? " if close else ""
    verb = "waits for no signal" if kind == "signal" else f"answers no {kind}"
    its = "waits for" if kind == "signal" else "answers"
    return f"the workflow {verb} {name!r}; {hint}it {its}: {', '.join(names) or 'nothing'}"
