"""Lower what makes exceptions: their arguments, and the code of their classes' constructors.

An exception is an object with `type`, `message`, `attributes`, and `args` where these are more
than the message.
"""

from __future__ import annotations

import ast
import dataclasses
from types import FunctionType
from typing import Any

from partita.compile.context import Context
from partita.compile.functions.inlined import inline
from partita.compile.jsonata import list_value, literal, made
from partita.compile.texts.representations import as_repr, as_text
from partita.compile.tree import Let, Value
from partita.compile.types import STR, Type, tuple_of
from partita.compile.values.closures import Function
from partita.compile.values.definitions import arguments_kept

_OTHER_TEXTS = ("SystemExit", "StopIteration", "UnicodeError", "SyntaxError", "BaseExceptionGroup")


def is_exception(found: Any) -> bool:
    """Return whether an object is a class of exceptions."""
    return isinstance(found, type) and issubclass(found, Exception)


def construct(node: Any, kind: Any, context: Context) -> Value:
    """Lower `Kind(...)`, or `Kind` alone where it is raised."""
    if not isinstance(node, ast.Call):
        node = ast.copy_location(ast.Call(node, [], []), node)
    _check(node, kind, context)
    if isinstance(kind.__init__, FunctionType):
        return _initialised(node, kind, context)
    if node.keywords or any(isinstance(one, ast.Starred) for one in node.args):
        raise _refused(node, kind, context)
    values = [context.read(one) for one in node.args]
    value = of_arguments(node, kind, values, context)
    return _with_own_text(node, value, kind, context)


def _check(node: ast.Call, kind: Any, context: Context) -> None:
    own = [one for one in kind.__mro__ if one.__module__ != "builtins"]
    builtin = next(one for one in kind.__mro__ if one.__module__ == "builtins")
    bases = {one.__name__ for one in builtin.__mro__}
    is_other = bool(bases & set(_OTHER_TEXTS)) or ("OSError" in bases and len(node.args) > 1)
    if is_other or any("__new__" in vars(one) for one in own):
        raise _refused(node, kind, context)


def _refused(node: ast.AST, kind: Any, context: Context) -> Exception:
    return context.refuse(
        node,
        f"raise {kind.__name__}",
        "how Python makes its text and its attributes is not compiled",
        "raise another class, or raise it in an activity",
    )


def of_arguments(node: ast.AST, kind: Any, values: list[Value], context: Context) -> Value:
    """Return an exception of a class that only keeps its arguments."""
    message = _message(node, kind, values, context)
    _note_arguments(kind, values, context)
    is_plain = len(values) == 1 and values[0].type is STR and message == values[0]
    args = None if is_plain else (list_value(values), _repr(node, kind, values, context))
    value = context.error(kind, message, args=args)
    return _typed(value, kind)


def _typed(value: Value, kind: Any) -> Value:
    return dataclasses.replace(value, type=Type("error", cls=kind))


def _note_arguments(kind: Any, values: list[Value], context: Context) -> None:
    context.compilation.errors.note_attribute(kind, "args", tuple_of(*(one.type for one in values)))


def _message(node: ast.AST, kind: Any, values: list[Value], context: Context) -> Value:
    if not values:
        return context.text("")
    if len(values) > 1:
        whole = list_value(values, tuple_of(*(one.type for one in values)))
        return as_repr(node, whole, context)
    lower = as_repr if issubclass(kind, KeyError) else as_text
    return lower(node, values[0], context)


def _repr(node: ast.AST, kind: Any, values: list[Value], context: Context) -> Value:
    """Return repr() of an exception with these arguments."""
    shown = [as_repr(node, one, context).atom for one in values]
    inner = ' & ", " & '.join(shown) or '""'
    return made(f'"{kind.__name__}(" & {inner} & ")"', STR, *values, is_atom=False)


def _with_own_text(node: Any, value: Value, kind: Any, context: Context) -> Value:
    """Return an exception whose message is what its own `__str__` gives."""
    function = kind.__str__
    if not isinstance(function, FunctionType):
        return value
    python = _variable(node, value, context)
    owner = ast.copy_location(ast.Name(python, ast.Load()), node)
    call = ast.copy_location(ast.Call(owner, [owner], []), node)
    text = inline(call, Function("__str__", target=function), context)
    known = context.variables[python]
    merged = f'$merge([{known.text}, {{"message": {text.text}}}])'
    return made(merged, known.type, Value(known.text, known.type), text)


def _variable(node: Any, value: Value, context: Context) -> str:
    """Assign an exception to a new variable; return its name."""
    name = context.names.new("error")
    python = f"new {name}"
    context.names.name_as(python, name)
    context.local = context.local | {python}
    context.block.append(Let(node.lineno, {context.bind(python, value.type): value}))
    return python


def _initialised(node: ast.Call, kind: Any, context: Context) -> Value:
    """Run the constructor of a class."""
    with arguments_kept(node, context) as call:
        given = [one for one in call.args if not isinstance(one, ast.Starred)]
        if kind.__init__.__code__.co_filename == "<string>":
            return _of_fields(call, kind, [context.read(one) for one in given], context)
        if _calls_super(kind, context):
            value = _typed(context.error(kind, context.text("")), kind)
        else:
            value = of_arguments(node, kind, [context.read(one) for one in given], context)
        python = _variable(node, value, context)
        owner = ast.copy_location(ast.Name(python, ast.Load()), node)
        whole = ast.copy_location(ast.Call(node.func, [owner, *call.args], call.keywords), node)
        inline(whole, Function(kind.__name__, target=kind.__init__), context)
    known = context.variables[python]
    return _with_own_text(node, Value(known.text, known.type), kind, context)


def _calls_super(kind: Any, context: Context) -> bool:
    definition = context.module.functions.get(kind.__init__.__qualname__)
    calls = [] if definition is None else [ast.unparse(one.func) for one in _calls(definition)]
    return any(name.endswith(".__init__") for name in calls)


def _calls(definition: ast.AST) -> list[ast.Call]:
    return [one for one in ast.walk(definition) if isinstance(one, ast.Call)]


def _of_fields(node: ast.Call, kind: Any, values: list[Value], context: Context) -> Value:
    """Return an exception whose class is a dataclass."""
    fields = [one for one in dataclasses.fields(kind) if one.init]
    found = dict(zip([one.name for one in fields], values, strict=False))
    found |= {one.arg: context.read(one.value) for one in node.keywords if one.arg is not None}
    for one in fields:
        default = literal(one.default) if one.default is not dataclasses.MISSING else None
        if one.name not in found and default is not None:
            found[one.name] = default
    if len(found) != len(fields) or len(values) > len(fields):
        raise _refused(node, kind, context)
    message = _message(node, kind, values, context)
    _note_arguments(kind, values, context)
    args = list_value(values), _repr(node, kind, values, context)
    value = context.error(kind, message, found, args=args)
    types = tuple((name, one.type) for name, one in found.items())
    for name, type in types:
        context.compilation.errors.note_attribute(kind, name, type)
    typed = dataclasses.replace(value, type=Type("error", fields=types, cls=kind))
    return _with_own_text(node, typed, kind, context)


def set_arguments(node: ast.Call, args: list[ast.expr], name: str, context: Context) -> Value:
    """Lower `super().__init__(...)` of Python's own class: it sets the arguments and the text."""
    known = context.variables[name]
    values = [context.read(one) for one in args]
    message = _message(node, known.type.cls, values, context)
    _note_arguments(known.type.cls, values, context)
    given, shown = list_value(values), _repr(node, known.type.cls, values, context)
    members = f'"message": {message.text}, "args": {given.text}, "repr": {shown.text}'
    text = f"$merge([{known.text}, {{{members}}}])"
    value = made(text, known.type, Value(known.text, known.type), message, given, shown)
    context.block.append(Let(node.lineno, {context.bind(name, known.type): value}))
    return Value("null", Type("none"))


def own_initialiser(node: Any, found: Any, context: Context) -> Value | None:
    """Lower `super().__init__(...)` of Python's own classes; None: it is another call."""
    function = node.func
    if not isinstance(function, ast.Attribute) or function.attr != "__init__" or node.keywords:
        return None
    known = context.variables.get("self")
    if known is None or known.type.kind != "error" or isinstance(found, FunctionType):
        return None
    if ast.unparse(function.value) == "super()":
        return set_arguments(node, node.args, "self", context)
    is_self = bool(node.args) and isinstance(node.args[0], ast.Name) and node.args[0].id == "self"
    return set_arguments(node, node.args[1:], "self", context) if is_self else None
