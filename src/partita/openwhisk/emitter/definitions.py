"""Collect the source that code of a module needs: functions, classes, constants, imports.

The source of the user's own modules is copied, without hints and without Partita's decorators;
what is installed is imported.
"""

from __future__ import annotations

import ast
import builtins
import inspect
import sys
from collections.abc import Callable, Iterable
from types import ModuleType
from typing import Any

from partita.authoring.activity import ActivityFunction, AsyncActivityFunction
from partita.authoring.context import heartbeat
from partita.authoring.determinism import now, random, side_effect, uuid4
from partita.authoring.workflow import WorkflowDefinition
from partita.openwhisk.emitter.modules import (
    Namespace,
    Origin,
    bindings,
    is_own,
    names_in,
    origin,
)
from partita.openwhisk.function_source import compiled_code, free_names

Refuse = Callable[[str, str, str], Exception]
"""Takes what cannot travel, why, and the way out; returns the error to raise."""

_STAND_INS = (
    (heartbeat, "def {}(*details):\n    return None"),
    (side_effect, "def {}(function):\n    return function()"),
    (uuid4, "from uuid import uuid4 as {}"),
    (random, "import random as _random\n\n\ndef {}():\n    return _random.Random()"),
    (
        now,
        "import datetime as _datetime\n\n\ndef {}():\n"
        "    return _datetime.datetime.now(_datetime.timezone.utc)",
    ),
)
"""What stands for Partita's functions: a step runs once, so that it needs no record of its own."""

_KEPT_HINTS = ("ClassVar", "InitVar", "KW_ONLY")


class Definitions:
    """The definitions of one piece of code, in an order in which they can run."""

    def __init__(self, refuse: Refuse, *, with_activities: bool = False) -> None:
        self._refuse = refuse
        self._with_activities = with_activities
        self._values: dict[str, Any] = {}
        self._texts: dict[str, str] = {}
        self.classes: dict[str, Namespace] = {}  # of one's own, and where they are found

    @property
    def text(self) -> str:
        """The source, definitions apart from one another."""
        return "".join(f"{one}\n\n\n" for one in dict.fromkeys(self._texts.values()))

    def add_all(self, names: Iterable[str], namespace: Namespace) -> None:
        """Add what names of a module stand for."""
        for name in names:
            self.add(name, namespace)

    def add(self, name: str, namespace: Namespace) -> None:
        """Add what a name of a module stands for, and all that this needs."""
        if name not in namespace or name.startswith("__"):
            return
        value = namespace[name]
        if name in self._values:
            if self._values[name] is not value:
                raise self._refuse(
                    f"name {name}",
                    "two modules use it for different things, and their code runs in one place",
                    "rename one of them",
                )
            return
        self._values[name] = value
        if isinstance(value, type) and not self._is_partitas(value):
            self.classes[name] = namespace
        self._define(name, value, namespace)

    def _define(self, name: str, value: Any, namespace: Namespace) -> None:
        if isinstance(value, ActivityFunction | AsyncActivityFunction | WorkflowDefinition):
            if not self._with_activities or isinstance(value, WorkflowDefinition):
                raise self._refuse(
                    f"use of {name}",
                    "a step of a composition can neither call it nor pass it on",
                    "call it in the workflow itself, or in a function of its module",
                )
        elif self._is_partitas(value):
            self._texts[name] = self._stand_in(name, value)
            return
        found = origin(namespace, name)
        if found is not None:
            self._import(name, found)
            return
        statements = bindings(namespace, name)
        if not statements:
            self._texts[name] = f"{name} = {self._literal(name, value)}"
            return
        self._copy(name, statements, namespace)

    def _copy(self, name: str, statements: list[ast.stmt], namespace: Namespace) -> None:
        texts = []
        for one in statements:
            bare = without_hints(one, lambda name: is_decorator(namespace.get(name)))
            text = ast.unparse(bare)
            needed = free_names(compiled_code(text)) | set(_class_names(bare))
            self.add_all(sorted(needed), namespace)
            texts.append(text)
        self._texts[name] = "\n".join(texts)

    def _import(self, name: str, found: Origin) -> None:
        module = sys.modules.get(found.module)
        if found.attribute is None:
            if is_own(module):
                raise self._refuse(
                    f"module {name}",
                    "only definitions of your own modules travel, not modules",
                    f"write from {found.module} import ... with the names that you use",
                )
            top = found.module.partition(".")[0]
            is_top = top == name and "." in found.module
            self._texts[name] = (
                f"import {found.module}" if is_top else f"import {found.module} as {name}"
            )
        elif is_own(module):
            if found.attribute == name:
                self._define(name, vars(module)[name], vars(module))
            else:
                self.add(found.attribute, vars(module))
                self._texts[name] = f"{name} = {found.attribute}"
        else:
            self._texts[name] = f"from {found.module} import {found.attribute} as {name}"

    @staticmethod
    def _is_partitas(value: Any) -> bool:
        return str(getattr(value, "__module__", "")).partition(".")[0] == "partita"

    def _stand_in(self, name: str, value: Any) -> str:
        """Return what stands for a thing of Partita's where Partita is not installed."""
        for one, text in _STAND_INS:
            if value is one:
                return text.format(name)
        if isinstance(value, type) and issubclass(value, BaseException):
            base = next(one for one in value.__mro__[1:] if hasattr(builtins, one.__name__))
            text = f"class {value.__name__}({base.__name__}):\n    pass"
            return text if value.__name__ == name else f"{text}\n\n\n{name} = {value.__name__}"
        raise self._refuse(
            f"use of {name}",
            "Partita is not installed where actions run",
            "leave it out of what a composition runs",
        )

    def _literal(self, name: str, value: Any) -> str:
        try:
            if ast.literal_eval(repr(value)) == value:
                return repr(value)
        except (ValueError, SyntaxError):
            pass
        raise self._refuse(
            f"name {name}", "its definition is not in the source of the module", "define it there"
        )


def is_decorator(value: Any) -> bool:
    """Return whether what a decorator's name begins with is Partita's."""
    home = value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", "")
    return str(home).partition(".")[0] == "partita"


def _class_names(node: ast.AST) -> list[str]:
    return list(names_in(node)) if isinstance(node, ast.ClassDef) else []


class _Bare(ast.NodeTransformer):
    """Takes out hints, which name what need not be there, and Partita's decorators."""

    def __init__(self, is_left_out: Callable[[str], bool]) -> None:
        self._is_left_out = is_left_out
        self._in_class = False

    def _function(self, node: Any) -> Any:
        outer, self._in_class = self._in_class, False
        node.returns = None
        node.decorator_list = [one for one in node.decorator_list if self._is_kept(one)]
        self.generic_visit(node)
        self._in_class = outer
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> Any:
        return self._function(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> Any:
        return self._function(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> Any:
        outer, self._in_class = self._in_class, True
        self.generic_visit(node)
        self._in_class = outer
        return node

    def visit_arg(self, node: ast.arg) -> Any:
        node.annotation = None
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> Any:
        self.generic_visit(node)
        if self._in_class:
            if not any(one in ast.unparse(node.annotation) for one in _KEPT_HINTS):
                node.annotation = ast.Name("object", ast.Load())
            return node
        if node.value is None:
            return ast.copy_location(ast.Pass(), node)
        return ast.copy_location(ast.Assign([node.target], node.value), node)

    def _is_kept(self, node: ast.expr) -> bool:
        root = node.func if isinstance(node, ast.Call) else node
        while isinstance(root, ast.Attribute):
            root = root.value
        return not (isinstance(root, ast.Name) and self._is_left_out(root.id))


def without_hints(node: ast.stmt, is_left_out: Callable[[str], bool]) -> ast.stmt:
    """Return a copy of a statement without hints, and without some decorators."""
    copy = ast.parse(ast.unparse(node)).body[0]
    bare: ast.stmt = ast.fix_missing_locations(_Bare(is_left_out).visit(copy))
    return bare


def namespace_of(value: Any, fallback: Namespace) -> tuple[str, Namespace] | None:
    """Return the name by which a class is found, and the module that has it."""
    name = str(value.__name__)
    for place in (fallback, vars(sys.modules.get(getattr(value, "__module__", ""), inspect))):
        if place.get(name) is value:
            return name, place
    return None
