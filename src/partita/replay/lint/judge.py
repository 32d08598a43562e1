"""Say what one piece of workflow code does that a replay would not repeat.

Looks at one node at a time, with what its names mean. Knows not which code is a workflow's.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple, TypeAlias

from partita.replay.lint.future_sets import holds_futures
from partita.replay.lint.impure_names import METHODS, PATH_METHODS, called, mentioned
from partita.replay.lint.reach import marks
from partita.source.meaning import Meaning, attributes, kind, paths, resolve
from partita.source.scope import Assigned, Defined, Imported, Scope


class Fault(NamedTuple):
    """Something that cannot be repeated: where, which rule it is against, and what it is."""

    node: ast.AST
    code: str
    what: str


Faults: TypeAlias = Iterator[Fault]

_MUTATORS = {
    *("append", "extend", "insert", "remove", "pop", "popleft", "popitem", "clear", "add"),
    *("appendleft", "extendleft", "discard", "update", "setdefault", "sort", "reverse", "rotate"),
    *("difference_update", "intersection_update", "symmetric_difference_update", "subtract"),
}
_TYPE_QUESTIONS = {"builtins.isinstance", "builtins.issubclass"}
_ORDERED = {
    *("list", "tuple", "enumerate", "zip", "map", "filter", "iter", "bytes", "bytearray"),
}
_IN_ORDER = {f"builtins.{name}" for name in _ORDERED} | {
    *("builtins.dict.fromkeys", "functools.reduce", "collections.deque", "collections.OrderedDict"),
    *("collections.Counter", "itertools.chain", "itertools.chain.from_iterable"),
    *("itertools.islice", "itertools.accumulate", "itertools.product", "itertools.batched"),
    *("itertools.permutations", "itertools.combinations", "itertools.pairwise"),
    *("itertools.zip_longest", "itertools.groupby", "itertools.starmap", "itertools.cycle"),
    *("json.dumps", "builtins.str", "builtins.repr"),
}
_METHODS_IN_ORDER = {"join", "extend", "map", "starmap", "writelines"}
_ORDERLESS = {
    *("sorted", "len", "min", "max", "sum", "any", "all", "set", "frozenset", "bool", "print"),
}
_ANY_ORDER = {f"builtins.{name}" for name in _ORDERLESS} | {"math.fsum", "collections.Counter"}
_PASSING_ON = {f"builtins.{name}" for name in ("list", "tuple", "map", "filter", "iter")}


class Judge:
    """Judge the nodes of a project's files. `calm` holds iterables whose order does not matter."""

    def __init__(self) -> None:
        self._calm: set[ast.AST] = set()

    # -- names and calls

    def call(self, node: ast.Call, scope: Scope) -> Faults:
        """Judge what is called, and what is handed to it."""
        meanings = resolve(node.func, scope)
        known = [meaning for meaning in meanings if isinstance(meaning, str)]
        given = 1_000 if _has_stars(node) else len(node.args) + len(node.keywords)
        fault = next(filter(None, (_of_path(node, path, given, scope) for path in known)), None)
        if fault is None and isinstance(node.func, ast.Attribute):
            fault = _of_method(node, node.func, scope)
        if fault is None and any(_is_bare_program(meaning) for meaning in meanings):
            fault = Fault(node, "PAR303", f"{ast.unparse(node.func)}() without @activity")
        if fault is not None:
            yield fault
        self._soothe(node, known, scope)
        yield from self._handed(node, scope)
        yield from self._ordered(node, known, scope)

    def _handed(self, node: ast.Call, scope: Scope) -> Faults:
        """Judge functions that are handed over to be called."""
        if asks_type(node, scope):
            return
        for part in (*node.args, *(keyword.value for keyword in node.keywords)):
            for path in paths(part, scope):
                code = called(path, 0)
                name = path.rpartition(".")[2]
                if (
                    code
                    and name[:1].islower()
                    and not path.endswith(")")
                    and mentioned(path) is None
                ):
                    yield Fault(part, code, path)
                    break

    def name(self, node: ast.Name | ast.Attribute, scope: Scope) -> Faults:
        """Judge a value that is read."""
        for path in paths(node, scope):
            if code := mentioned(path):
                yield Fault(node, code, path)
                return

    def entered(self, node: ast.expr, scope: Scope) -> Faults:
        """Judge what a `with` enters: a lock, say, that the module made."""
        for path in paths(node, scope):
            if path.endswith("()") and (code := called(path.removesuffix("()"), 0)):
                yield Fault(node, code, f"entering {ast.unparse(node)}, a {path}")
                return

    # -- the order of sets

    def _soothe(self, node: ast.Call, known: list[str], scope: Scope) -> None:
        """Note that the order of what is handed to `sorted`, `sum`, ... does not matter."""
        calm = not _ANY_ORDER.isdisjoint(known)
        if calm or (node in self._calm and not _PASSING_ON.isdisjoint(known)):
            self._calm.update(part for part in node.args if not _commands(part, scope))

    def _ordered(self, node: ast.Call, known: list[str], scope: Scope) -> Faults:
        by_name = isinstance(node.func, ast.Attribute) and node.func.attr in _METHODS_IN_ORDER
        if node not in self._calm and (by_name or not _IN_ORDER.isdisjoint(known)):
            for part in node.args:
                yield from self.iterated(part, scope)

    def iterated(self, node: ast.expr, scope: Scope) -> Faults:
        """Judge what is gone through in its order."""
        if kind(node, scope) == "set" and not holds_futures(node, scope):
            yield Fault(node, "PAR501", "going through a set")

    def comprehension(self, node: ast.expr, generator: ast.comprehension, scope: Scope) -> Faults:
        """Judge a `for` in a comprehension; what becomes a set again need not be ordered."""
        calm = node in self._calm or isinstance(node, ast.SetComp)
        if not calm or _commands(node, scope):
            yield from self.iterated(generator.iter, scope)

    # -- what executions share

    def write(self, target: ast.expr, scope: Scope) -> Faults:
        """Judge what is assigned to, or deleted."""
        if isinstance(target, (ast.Subscript, ast.Attribute)):
            if _is_shared(target.value, scope, any_value=True):
                yield Fault(target, "PAR503", f"writing to {ast.unparse(target)}")


def asks_type(node: ast.Call, scope: Scope) -> bool:
    """Return whether it is `isinstance` or the like, whose first argument is a value."""
    return bool(node.args) and not _TYPE_QUESTIONS.isdisjoint(paths(node.func, scope))


def _has_stars(node: ast.Call) -> bool:
    return any(isinstance(part, ast.Starred) for part in node.args) or any(
        keyword.arg is None for keyword in node.keywords
    )


def _of_path(node: ast.Call, path: str, given: int, scope: Scope) -> Fault | None:
    code = called(path, given)
    if code is None or _is_mention(node.func, scope):
        return None
    if path == "builtins.hash" and _in_hash_method(scope):
        return None
    return Fault(node, code, f"{path.removeprefix('builtins.')}()")


def _is_mention(node: ast.expr, scope: Scope) -> bool:
    """Return whether something in `os.environ.get` is judged as a value already."""
    while isinstance(node, (ast.Attribute, ast.Name)):
        if any(mentioned(path) for path in paths(node, scope)):
            return True
        if isinstance(node, ast.Name):
            return False
        node = node.value
    return False


def _in_hash_method(scope: Scope) -> bool:
    return getattr(scope.node, "name", "") == "__hash__"


def _of_method(node: ast.Call, function: ast.Attribute, scope: Scope) -> Fault | None:
    name, receiver = function.attr, kind(function.value, scope)
    if receiver == "path" and name in PATH_METHODS:
        return Fault(node, "PAR301", f"Path.{name}()")
    if receiver == "set" and name == "pop" and not holds_futures(function.value, scope):
        return Fault(node, "PAR501", "taking any element of a set")
    if name in METHODS and not (name == "astimezone" and (node.args or node.keywords)):
        return Fault(node, METHODS[name], f".{name}()")
    if name in _MUTATORS and _is_shared(function.value, scope):
        return Fault(node, "PAR503", f"changing {ast.unparse(function.value)}")
    return None


def _is_bare_program(meaning: Meaning) -> bool:
    if not isinstance(meaning, Defined):
        return False
    found = marks(meaning)
    return bool(found & {"program", "python"}) and "activity" not in found


def _commands(node: ast.expr, scope: Scope) -> bool:
    """Return whether evaluating it may ask for something: then its order is in the history."""
    for part in ast.walk(node):
        if isinstance(part, ast.Await):
            return True
        if isinstance(part, ast.Call):
            if isinstance(part.func, ast.Attribute) and part.func.attr in {"submit", "result"}:
                return True
            functions = [m for m in resolve(part.func, scope) if isinstance(m, Defined)]
            if any(marks(function) for function in functions):
                return True
    return False


def _is_shared(node: ast.expr, scope: Scope, *, any_value: bool = False) -> bool:
    """Return whether it is the module's, or the class's: every execution sees one and the same.

    A container in any case; with `any_value`, all that a module or an import holds.
    """
    if isinstance(node, ast.Name):
        found = scope.lookup(node.id)
        if found is None or not found[0].is_module or not found[1]:
            return False
        return any(_is_changeable(binding, any_value) for binding in found[1]) and (
            any_value or kind(node, scope) in {"container", "set"}
        )
    if isinstance(node, ast.Subscript):
        return _is_shared(node.value, scope, any_value=any_value)
    if isinstance(node, ast.Attribute):
        return _is_kept(node, scope) or (
            any_value and _is_shared(node.value, scope, any_value=True)
        )
    return False


def _is_changeable(binding: object, any_value: bool) -> bool:
    if isinstance(binding, Imported):
        return any_value and not binding.path.startswith("builtins.")
    return any_value or isinstance(binding, Assigned)


def _is_kept(node: ast.Attribute, scope: Scope) -> bool:
    """Return whether it is a container of a module, or of a class that no method replaces."""
    found = attributes(node, scope)
    return bool(found) and all(_is_kept_container(binding) for binding in found)


def _is_kept_container(binding: Assigned) -> bool:
    if not isinstance(binding.scope.node, (ast.ClassDef, ast.Module)) or binding.value is None:
        return False
    return kind(binding.value, binding.scope) in {"container", "set"}
