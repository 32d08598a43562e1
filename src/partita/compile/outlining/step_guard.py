"""Check what generated steps do: they change no argument, and give JSON values.

The text of this module is a part of bundles, so it needs nothing but Python itself.
"""

from __future__ import annotations

import copy
import functools
import inspect
from collections.abc import Callable
from typing import Any


def checked(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that fails rather than let a value be lost."""
    has_hint = "return" in function.__annotations__

    @functools.wraps(function)
    def step(*args: Any, **kwargs: Any) -> Any:
        given = inspect.signature(function).bind(*args, **kwargs).arguments
        before = copy.deepcopy(given)
        result = function(*args, **kwargs)
        changed = [name for name, value in given.items() if value != before[name]]
        if changed:
            raise TypeError(f"{function.__name__} changes {', '.join(changed)} in place")
        if not has_hint:
            check(result, function.__name__)
        return result

    return step


def check(value: Any, name: str) -> None:
    """Refuse a value that JSON does not hold as it is."""
    if type(value) is list:
        for one in value:
            check(one, name)
    elif type(value) is dict and all(type(key) is str for key in value):
        for one in value.values():
            check(one, name)
    elif value is not None and type(value) not in (str, int, float, bool):
        raise TypeError(
            f"{name} makes a {type(value).__name__}, which JSON does not hold; convert it in the "
            "same expression, for example by str() or list()"
        )
