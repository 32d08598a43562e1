"""Turn Python functions into source text that runs anywhere: functions travel as text.

A lambda is found in its file by the positions of its code. A name that the function takes from
around it is written before it if its value is JSON, or a module of the standard library; any
other is refused.
"""

from __future__ import annotations

import ast
import base64
import binascii
import builtins
import dis
import functools
import inspect
import json
import linecache
import sys
import textwrap
from collections.abc import Callable, Iterator
from types import CodeType, ModuleType
from typing import Any, NamedTuple

from partita.errors import ComposerError

FUNCTION_KIND = "python:3"
"""The kind of functions: Composer for Python reads no other."""

ACTION_KIND = "python:default"
"""The kind of actions that are Python: runtimes of today have no `python:3`."""

_WRAPPER = "func"
_MARSHALLED = (0xE3, 0x63)  # how marshal begins a code object
_Definition = ast.FunctionDef | ast.Lambda


class _Source(NamedTuple):
    """The source of a function."""

    code: str
    name: str
    parameters: int  # with how many arguments it is called


def function_exec(given: Any) -> dict[str, Any]:
    """Return kind, code and name of a function that is called with (env, args).

    Raises:
        ComposerError: it is neither a Python function with source nor source itself.
    """
    source = _source(given, "function")
    if source.parameters == 2:
        return {"kind": FUNCTION_KIND, "code": source.code, "functionName": source.name}
    call = f"{source.name}(args)" if source.parameters else f"{source.name}()"
    code = f"{source.code}\ndef {_WRAPPER}(env, args):\n    return {call}\n"
    return {"kind": FUNCTION_KIND, "code": code, "functionName": _WRAPPER}


def action_exec(given: Any) -> dict[str, Any]:
    """Return kind and code of an action, whose function is `main` and takes the parameters.

    Raises:
        ComposerError: it is neither a Python function with source nor source itself.
    """
    source = _source(given, "action")
    if source.name == "main" and source.parameters == 1:
        return {"kind": ACTION_KIND, "code": source.code}
    name = source.name
    code = source.code
    if name == "main":
        name, code = "_main", f"{code}\n_main = main\n"
    call = {0: f"{name}()", 1: f"{name}(args)", 2: f"{name}({{}}, args)"}[source.parameters]
    return {"kind": ACTION_KIND, "code": f"{code}\ndef main(args):\n    return {call}\n"}


def check_exec(exec: dict[str, Any]) -> None:
    """Refuse byte-code, which only the version of Python that wrote it can read.

    Raises:
        ComposerError: the code is byte-code.
    """
    code, kind = exec.get("code"), str(exec.get("kind"))
    if kind.endswith("+lambda") or (kind.startswith("python") and _is_marshalled(code)):
        raise ComposerError(
            f"Invalid argument: code of kind {kind} is marshalled byte-code, which one version of "
            "Python can read; compile the composition again with partita compose"
        )


def check_function(exec: dict[str, Any]) -> None:
    """Refuse functions that neither Python nor node can call.

    Raises:
        ComposerError: it has no source, or is of another kind.
    """
    check_exec(exec)
    kind = str(exec.get("kind"))
    if not isinstance(exec.get("code"), str) or not kind.startswith(("python", "nodejs")):
        raise ComposerError(
            'Invalid argument "function" in "function" combinator: give source of kind python:3 '
            "or nodejs:default",
            exec,
        )


def _is_marshalled(code: Any) -> bool:
    if not isinstance(code, str):
        return False
    try:
        return base64.b64decode(code, validate=True)[:1] in map(_byte, _MARSHALLED)
    except (binascii.Error, ValueError):
        return False


def _byte(number: int) -> bytes:
    return bytes([number])


def _source(given: Any, combinator: str) -> _Source:
    if isinstance(given, str):
        return _of_text(given, combinator)
    if not inspect.isfunction(given) or inspect.iscoroutinefunction(given):
        raise ComposerError(f'Cannot capture native function in "{combinator}" combinator', given)
    node, lines = _definition(given, combinator)
    text = _text(node, lines)
    name = _WRAPPER if isinstance(node, ast.Lambda) else node.name
    name = f"{name}_" if name == _WRAPPER else name
    code = f"{name} = ({text})\n" if isinstance(node, ast.Lambda) else _renamed(text, node, name)
    prelude = "".join(_captured(given, code, name, combinator))
    return _Source(prelude + code, name, _count(node.args, combinator, given))


def _of_text(text: str, combinator: str) -> _Source:
    """Return the source of a function that is given as text: a lambda, or a def."""
    code = textwrap.dedent(text).strip() + "\n"
    try:
        body = ast.parse(code).body
    except SyntaxError as error:
        raise ComposerError(
            f'Invalid argument "{combinator}" in "{combinator}" combinator: {error}', text
        ) from error
    last = body[-1] if body else None
    if isinstance(last, ast.Expr) and isinstance(last.value, ast.Lambda):
        before = "\n".join(map(ast.unparse, body[:-1]))
        made = f"{before}\n" if before else ""
        made += f"{_WRAPPER}_ = ({ast.unparse(last.value)})\n"
        return _Source(made, f"{_WRAPPER}_", _count(last.value.args, combinator, text))
    found = [one for one in body if isinstance(one, ast.FunctionDef)]
    if not found:
        raise ComposerError(
            f'Invalid argument "{combinator}" in "{combinator}" combinator: no function', text
        )
    chosen = next((one for one in found if one.name == "main"), found[-1])
    return _Source(code, chosen.name, _count(chosen.args, combinator, text))


def _definition(function: Callable[..., Any], combinator: str) -> tuple[_Definition, list[str]]:
    code: CodeType = function.__code__
    linecache.checkcache(code.co_filename)
    lines = linecache.getlines(code.co_filename, function.__globals__)
    try:
        tree = _tree("".join(lines))
    except SyntaxError:
        tree = ast.Module([], [])
    found = _lambda(tree, code) if code.co_name == "<lambda>" else _def(tree, code)
    if found is None:
        raise ComposerError(
            f'Cannot capture native function in "{combinator}" combinator: its source is not at '
            f"{code.co_filename}:{code.co_firstlineno}; give the source as text",
            function,
        )
    return found, lines


@functools.lru_cache(maxsize=16)
def _tree(text: str) -> ast.Module:
    return ast.parse(text)


def _def(tree: ast.Module, code: CodeType) -> ast.FunctionDef | None:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name == code.co_name:
            if min([node.lineno, *(one.lineno for one in node.decorator_list)]) == (
                code.co_firstlineno
            ):
                return node
    return None


def _lambda(tree: ast.Module, code: CodeType) -> ast.Lambda | None:
    """Return the innermost lambda whose body holds all positions of the code."""
    spots = [spot for spot in code.co_positions() if None not in spot and spot[2:] != (0, 0)]
    if not spots:
        return _constant_lambda(tree, code)
    begin = min((spot[0], spot[2]) for spot in spots)
    end = max((spot[1], spot[3]) for spot in spots)
    candidates = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Lambda)
        and (node.body.lineno, node.body.col_offset) <= begin
        and end <= (node.body.end_lineno, node.body.end_col_offset)
    ]
    candidates.sort(key=lambda node: (node.lineno, node.col_offset))
    return candidates[-1] if candidates else None


def _constant_lambda(tree: ast.Module, code: CodeType) -> ast.Lambda | None:
    """Return a lambda with the same code, which returns a constant: Python 3.12 says no more."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Lambda) and node.lineno == code.co_firstlineno:
            (same,) = compiled_code(f"({ast.unparse(node)})").co_consts[:1]
            if (same.co_code, same.co_consts) == (code.co_code, code.co_consts):
                return node
    return None


def _text(node: _Definition, lines: list[str]) -> str:
    """Return a definition's own text if that can stand alone, else an equal one."""
    segment = ast.get_source_segment("".join(lines), node, padded=isinstance(node, ast.FunctionDef))
    text = textwrap.dedent(segment or "")
    try:
        again = ast.parse(text if isinstance(node, ast.FunctionDef) else f"({text})").body[0]
    except SyntaxError:
        return ast.unparse(node)
    same = again.value if isinstance(again, ast.Expr) else again
    return text if _is_plain(node) and ast.dump(same) == ast.dump(node) else _unparsed(node)


def _is_plain(node: _Definition) -> bool:
    """Return whether a definition has neither decorators nor hints: their names are elsewhere."""
    functions = [one for one in ast.walk(node) if isinstance(one, ast.FunctionDef)]
    hinted = [one for one in ast.walk(node) if isinstance(one, ast.arg) and one.annotation]
    return not hinted and not any(one.returns or one.decorator_list for one in functions)


def _unparsed(node: _Definition) -> str:
    """Write a definition anew, without its decorators and without hints."""
    bare = ast.parse(ast.unparse(node)).body[0]
    for one in ast.walk(bare):
        if isinstance(one, ast.arg):
            one.annotation = None
        elif isinstance(one, ast.FunctionDef):
            one.returns = None
    if isinstance(bare, ast.FunctionDef):
        bare.decorator_list = []
    return ast.unparse(bare)


def _renamed(text: str, node: ast.FunctionDef, name: str) -> str:
    return f"{text}\n" if node.name == name else f"{text}\n{name} = {node.name}\n"


def _count(arguments: ast.arguments, combinator: str, given: Any) -> int:
    """Return with how many arguments to call it: none, the parameters, or env and these."""
    every = [*arguments.posonlyargs, *arguments.args]
    needed = len(every) - len(arguments.defaults)
    count = needed or min(len(every), 1) or (1 if arguments.vararg else 0)
    if count > 2 or len(arguments.kwonlyargs) > len([x for x in arguments.kw_defaults if x]):
        raise ComposerError(
            f'Invalid argument "{combinator}" in "{combinator}" combinator: a function takes the '
            "parameters, or env and the parameters",
            given,
        )
    return count


def _captured(function: Callable[..., Any], code: str, name: str, combinator: str) -> Iterator[str]:
    """Write the values of names that the function takes from around it."""
    refused = []
    for free in sorted(free_names(compiled_code(code)) - {name}):
        try:
            value = _value(function, free)
        except LookupError:
            continue
        written = _inlined(free, value)
        if written is None:
            refused.append(free)
        else:
            yield written
    if refused:
        raise ComposerError(
            f'Invalid argument "{combinator}" in "{combinator}" combinator: the function captures '
            f"{', '.join(refused)}, which will not be there when it runs; use composer.let, or "
            "define it inside of the function",
            function,
        )


def compiled_code(code: str) -> CodeType:
    """Return the code object of source."""
    return compile(code, "<composition>", "exec", dont_inherit=True)


def free_names(code: CodeType) -> set[str]:
    """Return the names that code takes from its module."""
    stored: set[str] = set()
    found: set[str] = set()
    for one in dis.get_instructions(code):
        if one.opname in ("STORE_NAME", "STORE_GLOBAL"):
            stored.add(one.argval)
        elif one.opname in ("LOAD_GLOBAL", "LOAD_NAME") and one.argval not in stored:
            found.add(one.argval)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            found |= free_names(constant) - stored
    return {name for name in found if not hasattr(builtins, name)}


def _value(function: Callable[..., Any], name: str) -> Any:
    code: CodeType = function.__code__
    if name in code.co_freevars:
        cells = function.__closure__ or ()
        try:
            return cells[code.co_freevars.index(name)].cell_contents
        except ValueError as error:  # not assigned yet
            raise LookupError(name) from error
    return function.__globals__[name]


def _inlined(name: str, value: Any) -> str | None:
    if isinstance(value, ModuleType):
        module = value.__name__
        is_standard = module.partition(".")[0] in sys.stdlib_module_names
        return f"import {module} as {name}\n" if is_standard else None
    try:
        same = json.loads(json.dumps(value, allow_nan=False))
    except (TypeError, ValueError, RecursionError):
        return None
    return f"{name} = {value!r}\n" if same == value and type(same) is type(value) else None
