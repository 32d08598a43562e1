"""Check what can be an activity, a workflow or a handler: functions, which a worker finds again.

What cannot is refused where it is defined. Anything else would be found out by an execution
that cannot go on, or only by another process than the one that defined it.
"""

from __future__ import annotations

import ast
import functools
import inspect
import textwrap
from collections.abc import Awaitable, Callable
from types import BuiltinFunctionType
from typing import Any, NamedTuple, get_origin

from partita.authoring.definition import ActivityDefinition, WorkflowSpec
from partita.errors import InvalidOptionError, UsageError

Function = Callable[..., Any]


class _Kind(NamedTuple):
    article: str  # "an activity"
    base: str  # the class to derive from
    method: str  # what to write in it


_KINDS = {
    "activity": _Kind("an activity", "partita.Activity", "execute()"),
    "workflow": _Kind("a workflow", "partita.Workflow", "run()"),
}

_RUNNERS = {"run", "run_until_complete", "run_sync", "async_to_sync", "run_coroutine_threadsafe"}
"""What a plain function calls that runs a coroutine to its end."""


def checked_function(decorator: str, given: Any, name: str | None) -> Function:
    """Return the function that `@activity` or `@workflow` is put on.

    Raises:
        InvalidOptionError: it is none, or one that no worker could call.
    """
    is_static = isinstance(given, staticmethod)
    given = given.__func__ if is_static else given
    why = _no_function(decorator, given) or _no_name(given, name)
    why = why or _method(decorator, given, is_static=is_static) or _unusable(decorator, given)
    if why is not None:
        raise InvalidOptionError(f"@{decorator}: {why}")
    function: Function = given
    return function


def check_code(label: str, function: Function) -> None:
    """Check that the code of a class returns once.

    Raises:
        InvalidOptionError: it yields, or is abstract.
    """
    why = _not_once(label, function)
    if why is not None:
        raise InvalidOptionError(why)


def checked_handler(kind: str, given: Any, name: str | None) -> Function:
    """Return the function that answers a query or an update, below a static or class method.

    Raises:
        UsageError: it cannot be one, such as a coroutine function.
    """
    function = given.__func__ if isinstance(given, (staticmethod, classmethod)) else given
    if not callable(function) or inspect.isclass(function):
        raise InvalidOptionError(f"@{kind} is for functions, not {function!r}; write one by def")
    shown = name or getattr(function, "__name__", None)
    if shown is None:
        raise InvalidOptionError(f"@{kind}: {function!r} has no name; give name=, or write a def")
    if inspect.iscoroutinefunction(function):
        raise UsageError(f"{kind} {shown!r} is answered by an async def; write a plain def")
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise UsageError(f"{kind} {shown!r} is answered by a generator; return the answer once")
    found: Function = function
    return found


# -- why not ---------------------------------------------------------------------------------


def _no_function(decorator: str, given: Any) -> str | None:
    kind = _KINDS[decorator]
    if isinstance(given, (ActivityDefinition, WorkflowSpec)):
        return f"{given.label} is defined already; take one of the decorators away"
    if inspect.isclass(given):
        return (
            f"{given.__qualname__} is a class; derive it from {kind.base} and write "
            f"{kind.method}, or write a function"
        )
    if isinstance(given, functools.partial):
        inner = getattr(given.func, "__name__", "function")
        return (
            f"functools.partial of {inner} is no function with a name and parameters of its own; "
            f"write a def that calls {inner}"
        )
    if isinstance(given, classmethod) or inspect.ismethod(given):
        return (
            f"{given.__qualname__} is bound to an object, which no other worker has; write a "
            f"function that calls it, or derive the class from {kind.base}"
        )
    if inspect.isfunction(given) or (decorator == "activity" and _is_builtin(given)):
        return None
    if callable(given):
        return (
            f"an instance of {type(given).__qualname__} can be called, but is no function; write "
            f"a def that calls it, or derive the class from {kind.base}"
        )
    return f"it is for functions, not {given!r}"


def _is_builtin(given: Any) -> bool:
    if not isinstance(given, BuiltinFunctionType):
        return False
    try:
        inspect.signature(given)
    except ValueError:
        return False
    return True


def _no_name(function: Any, name: str | None) -> str | None:
    if function.__name__ == "<lambda>" and name is None:
        return "a lambda has no name for histories; give name=, or write a def"
    if function.__name__ == "_overload_dummy" and function.__module__ == "typing":
        return "an @overload has no code; decorate the implementation below the overloads"
    return None


def _method(decorator: str, function: Function, *, is_static: bool) -> str | None:
    """Return why a function in a class's body is a method, unless it is said to be static."""
    kind = _KINDS[decorator]
    owner, _, _ = function.__qualname__.rpartition(".")
    first = next(iter(inspect.signature(function).parameters.values()), None)
    if not owner or owner.endswith("<locals>") or first is None or not _takes_self(first, owner):
        return None
    if first.name not in ("self", "cls") and (is_static or _is_said_to_be_static(function)):
        return None
    return (
        f"{function.__qualname__} is a method, whose {first.name} is in no history; write a "
        f"function or a @staticmethod, or derive the class from {kind.base}"
    )


def _takes_self(first: inspect.Parameter, owner: str) -> bool:
    """Whether a parameter may be a method's first: `self`, one without a type, or of its class."""
    hint = first.annotation
    shown = hint if isinstance(hint, str) else getattr(hint, "__name__", "")
    is_own = hint is first.empty or shown in (owner.rpartition(".")[2], "Self")
    return first.name in ("self", "cls") or (is_own and first.kind in _POSITIONAL)


_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


def _is_said_to_be_static(function: Function) -> bool:
    """Whether the source has a @staticmethod above the decorator that runs now."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, TypeError, SyntaxError):  # typed into an interpreter, say
        return True
    found = getattr(tree.body[0], "decorator_list", [])
    return any(isinstance(one, ast.Name) and one.id == "staticmethod" for one in found)


def _unusable(decorator: str, function: Function) -> str | None:
    return _not_once(function.__qualname__, function) or _hidden_coroutine(decorator, function)


def _not_once(label: str, function: Function) -> str | None:
    if getattr(function, "__isabstractmethod__", False):
        return f"{label} is abstract; decorate what implements it, or give the class abstract=True"
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        return f"{label} is a generator, but its result is returned once; return a list"
    return None


def _hidden_coroutine(decorator: str, function: Function) -> str | None:
    """Return why a plain function that gives a coroutine cannot be called right."""
    if inspect.iscoroutinefunction(function):
        return None
    inner = inspect.unwrap(function)
    names = set(getattr(getattr(function, "__code__", None), "co_names", ()))
    if inspect.iscoroutinefunction(inner) and not names & _RUNNERS:
        return (
            f"{function.__qualname__} is an async def inside a plain function, which a "
            f"decorator put around it; write that wrapper by async def, or put @{decorator} below"
        )
    if _gives_awaitable(function):
        return f"{function.__qualname__} returns a coroutine; write it by async def"
    return None


def _gives_awaitable(function: Function) -> bool:
    hint = getattr(function, "__annotations__", {}).get("return")
    if isinstance(hint, str):
        head = hint.partition("[")[0].rpartition(".")[2]
        return head in ("Coroutine", "Awaitable")
    kind = get_origin(hint) or hint
    return isinstance(kind, type) and issubclass(kind, Awaitable)
