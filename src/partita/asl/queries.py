"""Evaluate the expressions of JSONPath states: paths, context paths, variables, intrinsics.

A path begins with `$` (the state's data), `$$` (the context object) or `$name` (a variable).
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from typing import Any, Protocol

from partita.asl.failures import INTRINSIC_FAILURE, EvaluationFault
from partita.asl.intrinsic_functions import FUNCTIONS, IntrinsicError
from partita.asl.intrinsics import Call, Literal, parse_call
from partita.asl.json_text import json_text
from partita.asl.path_reader import PathMissingError, PathSyntaxError
from partita.asl.paths import parse_path
from partita.asl.view import View

_VARIABLE = re.compile(r"\$([A-Za-z_]\w*)")


class Query(Protocol):
    """A parsed expression."""

    text: str

    def evaluate(self, view: View) -> Any:
        """Return its value.

        Raises:
            PathMissingError: a definite path leads to nothing.
            EvaluationFault: an intrinsic function failed.
        """


class PathQuery:
    """A path from `$`, `$$` or a variable."""

    def __init__(self, text: str) -> None:
        self.text = text
        variable = _VARIABLE.match(text)
        self._variable = None if variable is None else variable[1]
        if variable is not None:
            rest, self._root = "$" + text[variable.end() :], self._variable_root
        elif text.startswith("$$"):
            rest, self._root = text[1:], _context_root
        else:
            rest, self._root = text, _data_root
        self.is_of_data = self._root is _data_root
        self.path = parse_path(rest)
        self.definite = self.path.definite

    def evaluate(self, view: View) -> Any:
        """Return what the path leads to."""
        return self.path.find(self._root(view))

    def _variable_root(self, view: View) -> Any:
        name = self._variable or ""
        try:
            return view.variables[name]
        except KeyError:
            raise PathMissingError(f"No variable named '{name}' is assigned") from None


def check_input(query: Query, view: View) -> None:
    """Refuse a path from `$` if that is null.

    Raises:
        EvaluationFault: it is.
    """
    if view.data is None and isinstance(query, PathQuery) and query.is_of_data:
        raise EvaluationFault(NULL_INPUT)


def _context_root(view: View) -> Any:
    return view.context


def _data_root(view: View) -> Any:
    return view.data


class CallQuery:
    """A call of an intrinsic function, perhaps with others inside."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._evaluate = _compiled(parse_call(text))

    def evaluate(self, view: View) -> Any:
        """Return what the function returns."""
        try:
            return self._evaluate(view)
        except _ArgumentMissingError as missing:
            raise EvaluationFault(
                f"The function '{self.text}' had the following error: The JsonPath argument for "
                f"the field '{missing.args[0]}' could not be found in the input "
                f"'{json_text(view.data)}'"
            ) from missing
        except IntrinsicError as error:
            raise EvaluationFault(
                f"The function '{self.text}' had the following error: {error}", INTRINSIC_FAILURE
            ) from error


class _ArgumentMissingError(Exception):
    """The path of an argument leads to nothing."""


def _compiled(call: Call) -> Callable[[View], Any]:
    function = FUNCTIONS[call.name]
    arguments = [_argument(one, is_template=call.name == "Format") for one in call.arguments]
    function.check_count(len(arguments))
    return lambda view: function.call([argument(view) for argument in arguments], view.random)


def _argument(argument: Call | Literal | str, *, is_template: bool) -> Callable[[View], Any]:
    if isinstance(argument, Call):
        return _compiled(argument)
    if isinstance(argument, Literal):
        value = argument.template if is_template else argument.value
        return lambda _view: value
    query = PathQuery(argument)

    def find(view: View) -> Any:
        try:
            return query.evaluate(view)
        except PathMissingError as error:
            raise _ArgumentMissingError(query.text) from error

    return find


@functools.lru_cache(maxsize=4096)
def parse_query(text: str) -> Query:
    """Return the expression that a text stands for.

    Raises:
        PathSyntaxError: it is neither a path nor a call of an intrinsic function.
    """
    if text.startswith("$"):
        return PathQuery(text)
    if text.startswith("States."):
        return CallQuery(text)
    raise PathSyntaxError(f"{text!r} is neither a path, which begins with $, nor a function call")


NULL_INPUT = "Unable to apply Path transformation to null or empty input."


def found(query: Query, view: View) -> Any:
    """Return the value of a field that is a path, such as InputPath.

    Raises:
        EvaluationFault: there is none, or the input is null.
    """
    check_input(query, view)
    try:
        return query.evaluate(view)
    except PathMissingError as error:
        raise EvaluationFault(f"Invalid path '{query.text}' : {error}") from error
