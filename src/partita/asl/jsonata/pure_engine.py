"""Bind jsonata-python, the library in pure Python, where jlens is not to be had.

A null of JSON is a value of its own there, and None is undefined.

Source: https://github.com/rayokota/jsonata-python
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from jsonata import Functions, JException, Jsonata, Utils

from partita.asl.jsonata.contract import MAX_DEPTH, MAX_ITEMS, Compiled, Settings, whole_characters
from partita.asl.jsonata.failures import MEMORY, STACK, TIMEOUT, JsonataError

_BOUNDS = {"D1011": STACK, "D1012": TIMEOUT, "D2014": MEMORY}
_INTERNAL = "D3137"
_UNKNOWN = "JSonataException "  # what the library writes before a text that has no code


class PureText:
    """An expression as the library holds it."""

    def __init__(self, text: str) -> None:
        try:
            self._expression = Jsonata(text)
        except Exception as error:
            raise _translated(error, "S0201") from error
        self._expression.set_output_convert_nulls(False)
        self._functions: dict[str, Any] = {}

    def bind(self, name: str, function: Callable[..., Any], signature: str | None) -> None:
        """Make a Python function callable as `$name`; a variable of that name hides it."""
        callee = Jsonata.JLambda(_over_nulls(function))
        self._functions[name] = callee if signature is None else _signed(callee, signature)

    def evaluate(self, bindings: Mapping[str, Any], settings: Settings) -> str | None:
        """Return the result as JSON text; None if it is undefined or a function."""
        document = None if settings.document is None else json.loads(settings.document)
        try:
            found = self._expression.evaluate(_inward(document), self._frame(bindings, settings))
            return None if found is None or _is_function(found) else _json(found)
        except JsonataError:
            raise
        except Exception as error:
            raise _translated(error, _INTERNAL) from error

    def _frame(self, bindings: Mapping[str, Any], settings: Settings) -> Any:
        frame = self._expression.create_frame()
        frame.set_runtime_bounds(int(settings.seconds * 1000), MAX_DEPTH)
        now = settings.now
        frame.bind("millis", Jsonata.JLambda(lambda: now))
        frame.bind("now", Jsonata.JLambda(lambda *form: _formatted(now, *form)))
        for name, function in self._functions.items():
            frame.bind(name, function)
        for name, value in bindings.items():
            frame.bind(name, _bound(value))
        return frame


def compile_text(text: str) -> Compiled:
    """Compile the text of an expression."""
    return PureText(whole_characters(text))


def _signed(function: Any, signature: str) -> Any:
    return Jsonata.JFunction(function, signature)


def _formatted(now: int, picture: str | None = None, zone: str | None = None) -> Any:
    return Functions.datetime_from_millis(now, picture, zone)


def _bound(value: Any) -> Any:
    return Jsonata.JLambda(_over_nulls(value)) if callable(value) else _inward(value)


def _over_nulls(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function over the library's values for one over JSON's."""

    def call(*arguments: Any) -> Any:
        result = function(*map(_outward, arguments))
        return None if result is None else _inward(result)

    return call


def _inward(value: Any) -> Any:
    """Return a JSON value as the library has it."""
    if value is None:
        return Utils.NULL_VALUE
    if isinstance(value, dict):
        return {name: _inward(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_inward(item) for item in value]
    return whole_characters(value) if isinstance(value, str) else value


def _outward(value: Any) -> Any:
    """Return a value of the library as JSON has it; a function as nothing."""
    if value is None or value is Utils.NULL_VALUE or _is_function(value):
        return None
    if isinstance(value, dict):
        kept = {name: member for name, member in value.items() if not _is_function(member)}
        return {name: _outward(member) for name, member in kept.items()}
    if isinstance(value, Iterable) and not isinstance(value, str):
        return [_outward(item) for item in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def _is_function(value: Any) -> bool:
    return isinstance(value, Jsonata.JFunctionCallable) or "Symbol" in type(value).__name__


def _json(value: Any) -> str:
    if isinstance(value, list) and len(value) > MAX_ITEMS:
        raise JsonataError(None, MEMORY)
    return json.dumps(_outward(value), allow_nan=False)


def _translated(error: Exception, code: str) -> JsonataError:
    if isinstance(error, RecursionError):
        return JsonataError(None, STACK)
    if isinstance(error, ZeroDivisionError) or "math domain" in str(error):
        return JsonataError("D1001", "Number out of range")
    if not isinstance(error, JException):
        return JsonataError(code, str(error) or type(error).__name__)
    found = str(error.error)
    if found in _BOUNDS:
        return JsonataError(None, _BOUNDS[found])
    is_code = len(found) == 5 and found[1:].isdigit()
    return JsonataError(found if is_code else code, str(error).removeprefix(_UNKNOWN))
