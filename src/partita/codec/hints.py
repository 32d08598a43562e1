"""Resolve hints that are strings, each for itself, as Python would where they are written.

A name is looked up in the function's closure, in the calls of functions around its definition,
in its module, and among the builtins. Imports under `if TYPE_CHECKING:` are read from the module's
source, and are carried out when a value first needs them: by then no import can be circular.
"""

from __future__ import annotations

import ast
import functools
import importlib.util
import inspect
import sys
from collections.abc import Callable, Iterator, Mapping
from types import FrameType, ModuleType
from typing import Any, TypeVar, get_origin


class UnresolvedName(Exception):  # noqa: N818  # says what, not that it is an error by itself
    """A hint names something that is not known."""

    def __init__(self, name: str, module: str) -> None:
        super().__init__(name)
        self.name = name
        self.module = module

    @property
    def may_come(self) -> bool:
        """Whether the module's source binds the name, here or under TYPE_CHECKING."""
        source = _source(self.module)
        return source is None or self.name in source.bound or self.name in source.imports


class Scope:
    """Where the names in a hint are looked up."""

    def __init__(
        self,
        module: str,
        names: Mapping[str, Any] | None = None,
        *,
        local: Mapping[str, Any] | None = None,
        may_import: bool = True,
        variables: Mapping[Any, Any] | None = None,
    ) -> None:
        found = sys.modules.get(module)
        self.module = module
        self.names = names if names is not None else vars(found) if found else {}
        self.local = local or {}
        self.may_import = may_import  # what is imported under TYPE_CHECKING
        self.variables = variables or {}  # the forms of a generic class's type variables

    def evaluate(self, text: str) -> Any:
        """Return the hint that a string stands for.

        Raises:
            UnresolvedName: a name in it is not known.
            Exception: whatever evaluating it raises.
        """
        try:
            return eval(text, dict(self.names), _Names(self))
        except NameError as error:
            raise UnresolvedName(error.name or text, self.module) from None

    def inside(self, cls: type[Any], variables: Mapping[Any, Any]) -> Scope:
        """Return the scope of a class's body."""
        local = {**self.local, **_locals_around(cls.__qualname__, cls.__module__), **_body(cls)}
        return Scope(cls.__module__, local=local, may_import=self.may_import, variables=variables)


class _Names(dict[str, Any]):
    """The names that go before a module's own, and those that it lacks."""

    def __init__(self, scope: Scope) -> None:
        super().__init__(scope.local)
        self._scope = scope

    def __missing__(self, name: str) -> Any:
        scope = self._scope
        if name in scope.names or name in vars(sys.modules["builtins"]):
            raise KeyError(name)
        source = _source(scope.module)
        if source is None or name not in source.imports:
            raise KeyError(name)
        return source.imports[name](scope)


def function_scope(
    function: Callable[..., Any], local: Mapping[str, Any], *, may_import: bool = True
) -> Scope:
    """Return the scope of a function's hints; `local` are names around its definition."""
    inner: Any = inspect.unwrap(function)
    code = getattr(inner, "__code__", None)
    cells = zip(code.co_freevars, inner.__closure__ or (), strict=True) if code else ()
    closure = {name: value for name, cell in cells if (value := _content(cell)) is not _EMPTY}
    parameters = {one.__name__: one for one in getattr(inner, "__type_params__", ())}
    module = getattr(inner, "__module__", None) or ""
    names = getattr(inner, "__globals__", None)
    local = {**local, **closure, **parameters}
    return Scope(module, names, local=local, may_import=may_import)


def local_names(function: Callable[..., Any]) -> dict[str, Any]:
    """Return the types among the local names of the calls that are defining a function now."""
    inner: Any = inspect.unwrap(function)
    return _locals_around(getattr(inner, "__qualname__", ""), getattr(inner, "__module__", ""))


def calling_scope(package: str) -> Scope:
    """Return the scope of the first call on the stack that is from outside a package."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_globals.get("__name__", "").startswith(f"{package}."):
        frame = frame.f_back
    if frame is None:
        return Scope("builtins")
    module = frame.f_globals.get("__name__", "")
    return Scope(module, frame.f_globals, local=frame.f_locals)


def raw_annotations(owner: Any) -> dict[str, Any]:
    """Return the annotations of a function, or of a class's own body, unresolved."""
    if sys.version_info >= (3, 14):
        import annotationlib

        return annotationlib.get_annotations(owner, format=annotationlib.Format.FORWARDREF)
    found = vars(owner) if isinstance(owner, type) else owner
    if isinstance(found, Mapping):
        return dict(found.get("__annotations__", {}))
    return dict(getattr(owner, "__annotations__", None) or {})


_EMPTY: Any = object()


def _content(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not yet assigned
        return _EMPTY


def _body(cls: type[Any]) -> dict[str, Any]:
    """Return the types that a class's body defines, and the class by its own name."""
    found = {name: one for name, one in vars(cls).items() if isinstance(one, type)}
    parameters = {one.__name__: one for one in getattr(cls, "__type_params__", ())}
    return {cls.__name__: cls, **found, **parameters}


def _locals_around(qualname: str, module: str) -> dict[str, Any]:
    if "<locals>" not in qualname:
        return {}
    found: dict[str, Any] = {}
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        inside = qualname.startswith(f"{frame.f_code.co_qualname}.<locals>.")
        if inside and frame.f_globals.get("__name__") == module:
            for name, value in frame.f_locals.items():
                if _is_hint(value):
                    found.setdefault(name, value)
        frame = frame.f_back
    return found


def _is_hint(value: Any) -> bool:
    if isinstance(value, (type, TypeVar)) or type(value).__module__ == "typing":
        return True
    return get_origin(value) is not None or isinstance(value, ModuleType)


# -- the source of a module ----------------------------------------------------------------


class _Source:
    """The names that a module's source binds, and those that only type checkers import."""

    def __init__(self, tree: ast.Module) -> None:
        self.bound = {name for node in _statements(tree.body) for name in _bound_by(node)}
        self.imports: dict[str, Callable[[Scope], Any]] = {}
        for node in ast.walk(tree):
            if isinstance(node, ast.If) and _is_type_checking(node.test):
                for inner in _statements(node.body):
                    self.imports |= _imported_by(inner)


@functools.lru_cache(maxsize=1024)
def _source(module: str) -> _Source | None:
    try:
        return _Source(ast.parse(inspect.getsource(sys.modules[module])))
    except (KeyError, OSError, TypeError, SyntaxError):  # typed into a REPL, say
        return None


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements of a block and of the blocks in it that open no scope."""
    for node in body:
        yield node
        if isinstance(node, (ast.If, ast.Try, ast.With, ast.For, ast.While)):
            inner = [one for one in ast.iter_child_nodes(node) if isinstance(one, ast.stmt)]
            handlers = [one for one in ast.iter_child_nodes(node) if hasattr(one, "body")]
            yield from _statements(inner)
            for handler in handlers:
                if not isinstance(handler, ast.stmt):
                    yield from _statements(handler.body)


def _bound_by(node: ast.stmt) -> Iterator[str]:
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        yield node.name
    elif isinstance(node, (ast.Import, ast.ImportFrom)):
        for alias in node.names:
            yield alias.asname or alias.name.partition(".")[0]
    elif isinstance(node, (ast.Assign, ast.AnnAssign)) or type(node).__name__ == "TypeAlias":
        for inner in ast.walk(node):
            if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store):
                yield inner.id


def _is_type_checking(test: ast.expr) -> bool:
    return getattr(test, "id", getattr(test, "attr", "")) == "TYPE_CHECKING"


def _imported_by(node: ast.stmt) -> dict[str, Callable[[Scope], Any]]:
    if isinstance(node, ast.Import):
        return {
            alias.asname or alias.name.partition(".")[0]: functools.partial(
                _import, name=alias.name, member="", shown=alias.asname
            )
            for alias in node.names
        }
    if isinstance(node, ast.ImportFrom):
        name = "." * node.level + (node.module or "")
        return {
            alias.asname or alias.name: functools.partial(
                _import, name=name, member=alias.name, shown=alias.asname
            )
            for alias in node.names
        }
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
        text = ast.unparse(node.value)
        return {node.targets[0].id: lambda scope: scope.evaluate(text)}
    return {}


def _import(scope: Scope, *, name: str, member: str, shown: str | None) -> Any:
    """Carry out an import that the source makes for type checkers."""
    package = scope.names.get("__package__") or scope.module.rpartition(".")[0]
    full = importlib.util.resolve_name(name, package)
    if not scope.may_import and full not in sys.modules:
        raise KeyError(member or shown or name)
    try:
        module = importlib.import_module(full)
        if member:
            found = getattr(module, member, _EMPTY)
            if found is _EMPTY:
                found = importlib.import_module(f"{full}.{member}")
            return found
    except (ImportError, AttributeError):
        raise KeyError(member or name) from None
    return module if shown else sys.modules[full.partition(".")[0]]
