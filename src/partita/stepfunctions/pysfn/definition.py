"""Define what files of pyawssfn import as `pysfn`: entry point, calls, errors and predicates.

A file runs with it as plain Python, and means what the machine compiled from it means. It is also
`pysfn.py` in the zip for Lambda, so it needs nothing but Python itself.

Source: Amazon States Language, "Data-test expression".
"""

from __future__ import annotations
import __future__

import ast
import linecache
import operator
import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from types import CodeType
from typing import Any, TypeVar

__all__ = [
    "BooleanEquals",
    "BooleanEqualsPath",
    "Fail",
    "IsBoolean",
    "IsNull",
    "IsNumeric",
    "IsPresent",
    "IsString",
    "IsTimestamp",
    "NumericEquals",
    "NumericEqualsPath",
    "NumericGreaterThan",
    "NumericGreaterThanEquals",
    "NumericGreaterThanEqualsPath",
    "NumericGreaterThanPath",
    "NumericLessThan",
    "NumericLessThanEquals",
    "NumericLessThanEqualsPath",
    "NumericLessThanPath",
    "StringEquals",
    "StringEqualsPath",
    "StringGreaterThan",
    "StringGreaterThanEquals",
    "StringGreaterThanEqualsPath",
    "StringGreaterThanPath",
    "StringLessThan",
    "StringLessThanEquals",
    "StringLessThanEqualsPath",
    "StringLessThanPath",
    "StringMatches",
    "TimestampEquals",
    "TimestampEqualsPath",
    "TimestampGreaterThan",
    "TimestampGreaterThanEquals",
    "TimestampGreaterThanEqualsPath",
    "TimestampGreaterThanPath",
    "TimestampLessThan",
    "TimestampLessThanEquals",
    "TimestampLessThanEqualsPath",
    "TimestampLessThanPath",
    "main",
    "parallel",
    "with_retry_spec",
]

F = TypeVar("F", bound=Callable[..., Any])
Test = Callable[[Any, Any], bool]
RetrySpec = tuple[list[str], float, int, float]
"""Names of errors, seconds before the first attempt anew, how many of them, and their growth."""


class Fail(Exception):  # noqa: N818 - the name in files
    """Ends the execution with the name of an error, and its cause."""

    def __init__(self, label: str, message: str) -> None:
        super().__init__(label, message)
        self.label = label
        self.message = message

    def __str__(self) -> str:
        return f"{self.label}: {self.message}"


def parallel(*functions: Callable[[], Any]) -> list[Any]:
    """Return the results of functions; a machine runs them at the same time."""
    return [function() for function in functions]


def with_retry_spec(
    function: Callable[..., Any], arguments: Iterable[Any], *specs: RetrySpec
) -> Any:
    """Return what a call returns; repeat one that fails, as the first fitting spec says."""
    given = tuple(arguments)
    used = [0] * len(specs)
    while True:
        try:
            return function(*given)
        except Exception as error:
            number = _retrier(type(error).__name__, specs)
            if number is None or used[number] >= specs[number][2]:
                raise
        _, interval, _, backoff = specs[number]
        time.sleep(interval * backoff ** used[number])
        used[number] += 1


def _retrier(name: str, specs: tuple[RetrySpec, ...]) -> int | None:
    for number, spec in enumerate(specs):
        if {name, "States.ALL", "States.TaskFailed"} & set(spec[0]):
            return number
    return None


# -- the predicates of Choice states

TIMESTAMP = (
    r"(?:[0-9]{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|"
    r"(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)|02-(?:0[1-9]|1[0-9]|2[0-8]))|"
    r"(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)-02-29)"
    r"T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:[.][0-9]{1,9})?Z"
)


def _order_of_text(value: Any) -> bytes | None:
    """Return what orders texts as state machines do; None for what is none."""
    return value.encode("utf-16-be", "surrogatepass") if isinstance(value, str) else None


def _number(value: Any) -> float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _instant(value: Any) -> str | None:
    """Return a timestamp with all nine digits of its second, which are in order as texts."""
    if not isinstance(value, str) or not re.fullmatch(TIMESTAMP, value):
        return None
    return f"{value[:19]}.{value[20:-1].ljust(9, '0')}"


def _boolean(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


def _compared(kind: Callable[[Any], Any], compare: Callable[[Any, Any], bool]) -> Test:
    def test(value: Any, other: Any) -> bool:
        one, two = kind(value), kind(other)
        return one is not None and two is not None and compare(one, two)

    return test


def _typed(kind: Callable[[Any], bool]) -> Test:
    return lambda value, wanted: kind(value) is wanted


StringEquals = StringEqualsPath = _compared(_order_of_text, operator.eq)
StringLessThan = StringLessThanPath = _compared(_order_of_text, operator.lt)
StringGreaterThan = StringGreaterThanPath = _compared(_order_of_text, operator.gt)
StringLessThanEquals = StringLessThanEqualsPath = _compared(_order_of_text, operator.le)
StringGreaterThanEquals = StringGreaterThanEqualsPath = _compared(_order_of_text, operator.ge)
NumericEquals = NumericEqualsPath = _compared(_number, operator.eq)
NumericLessThan = NumericLessThanPath = _compared(_number, operator.lt)
NumericGreaterThan = NumericGreaterThanPath = _compared(_number, operator.gt)
NumericLessThanEquals = NumericLessThanEqualsPath = _compared(_number, operator.le)
NumericGreaterThanEquals = NumericGreaterThanEqualsPath = _compared(_number, operator.ge)
TimestampEquals = TimestampEqualsPath = _compared(_instant, operator.eq)
TimestampLessThan = TimestampLessThanPath = _compared(_instant, operator.lt)
TimestampGreaterThan = TimestampGreaterThanPath = _compared(_instant, operator.gt)
TimestampLessThanEquals = TimestampLessThanEqualsPath = _compared(_instant, operator.le)
TimestampGreaterThanEquals = TimestampGreaterThanEqualsPath = _compared(_instant, operator.ge)
BooleanEquals = BooleanEqualsPath = _compared(_boolean, operator.eq)
IsNull = _typed(lambda value: value is None)
IsNumeric = _typed(lambda value: _number(value) is not None)
IsString = _typed(lambda value: isinstance(value, str))
IsBoolean = _typed(lambda value: isinstance(value, bool))
IsTimestamp = _typed(lambda value: _instant(value) is not None)


def StringMatches(value: Any, pattern: str) -> bool:  # noqa: N802 - the name in state machines
    r"""Return whether a text fits a pattern, in which `*` stands for any text, `\*` for a star."""
    texts = [".*" if one is None else re.escape(one) for one in pieces(pattern)]
    return isinstance(value, str) and re.fullmatch("".join(texts), value, re.DOTALL) is not None


def pieces(pattern: str) -> list[str | None]:
    """Return the parts of a pattern: texts, and None for what any text fits."""
    parts = [one for one in re.split(r"(\\[*\\]|\*)", pattern) if one]
    return [None if one == "*" else _unescaped(one) for one in parts]


def _unescaped(part: str) -> str:
    return part[1:] if part in ("\\*", "\\\\") else part


def IsPresent(value: Any, wanted: bool) -> bool:  # noqa: N802 - the name in state machines
    """Return whether there is a value; `main` passes the lookup as a function."""
    try:
        if callable(value):
            value()
    except (KeyError, TypeError, IndexError):
        return not wanted
    return wanted


# -- the entry point


def main(function: F) -> F:
    """Mark the function that is compiled; return it, or what means in Python what it says.

    Python computes arguments before a call. So the lookup in `IsPresent` is done by a function,
    and the path in predicates such as `StringEqualsPath` is written as a lookup.
    """
    if any(name == "IsPresent" or name.endswith("Path") for name in _names(function.__code__)):
        function = _with_lookups(function)
    vars(function)["is_pysfn_main"] = True
    return function


def _with_lookups(function: F) -> F:
    """Return a function whose predicates look up as they say; the same where it has no source."""
    code = function.__code__
    tree = ast.parse("".join(linecache.getlines(code.co_filename)))
    name, line = function.__name__, code.co_firstlineno
    found = next((one for one in tree.body if _begins(one, name, line)), None)
    if found is None:
        return function
    assert isinstance(found, ast.FunctionDef)
    found.decorator_list = []
    made = ast.fix_missing_locations(ast.Module([_Lookups().visit(found)], []))
    space: dict[str, Any] = {}
    flags = code.co_flags & __future__.annotations.compiler_flag
    exec(compile(made, code.co_filename, "exec", flags, True), function.__globals__, space)
    result: F = space[name]
    return result


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for one in code.co_consts:
        if isinstance(one, CodeType):
            yield from _names(one)


def _begins(node: ast.stmt, name: str, line: int) -> bool:
    if not isinstance(node, ast.FunctionDef) or node.name != name:
        return False
    return line in (node.lineno, *(one.lineno for one in node.decorator_list))


class _Lookups(ast.NodeTransformer):
    """Writes what predicates look up as Python does."""

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        called: str = getattr(node.func, "attr", getattr(node.func, "id", ""))
        if len(node.args) == 2 and called == "IsPresent":
            none = ast.arguments([], [], None, [], [], None, [])
            node.args[0] = ast.copy_location(ast.Lambda(none, node.args[0]), node.args[0])
        elif len(node.args) == 2 and called.endswith("Path"):
            node.args[1] = lookup(node.args[1]) or node.args[1]
        return node


def lookup(node: ast.expr) -> ast.expr | None:
    """Return the lookup that a path such as "$.locals.a.b" stands for; None: it is no path."""
    text = node.value if isinstance(node, ast.Constant) else None
    if not isinstance(text, str) or not re.fullmatch(r"\$\.locals(\.\w+)+", text):
        return None
    name, *keys = text.split(".")[2:]
    found: ast.expr = ast.copy_location(ast.Name(name, ast.Load()), node)
    for key in keys:
        found = ast.copy_location(ast.Subscript(found, ast.Constant(key), ast.Load()), node)
    for part in ast.walk(found):
        ast.copy_location(part, node)
    return found


definition = sys.modules.get(__name__)  # for files that import `definition` from the zip's `pysfn`
