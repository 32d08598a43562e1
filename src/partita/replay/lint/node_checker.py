"""Check single nodes of workflow code for what a replay would not repeat.

Knows the rules and what names mean. Knows not which code belongs to a workflow.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple, TypeAlias

from partita.replay.lint.future_sets import holds_futures
from partita.replay.lint.rules import METHODS, PATH_METHODS, called, mentioned
from partita.replay.lint.workflow_code import marks
from partita.source.meaning import Meaning, attributes, kind, paths, resolve
from partita.source.scope import Assigned, Defined, Imported, Scope


class Violation(NamedTuple):
    """A node that breaks a rule, and a few words about what it does."""

    node: ast.AST
    code: str
    what: str


Violations: TypeAlias = Iterator[Violation]

_MUTATORS = {
    *("append", "extend", "insert", "remove", "pop", "popleft", "popitem", "clear", "add"),
    *(
        "appendleft",
        "extendleft",
        "discard",
        "update",
        "setdeviolation",
        "sort",
        "reverse",
        "rotate",
    ),
    *("difference_update", "intersection_update", "symmetric_difference_update", "subtract"),
}
_TYPE_TESTS = {"builtins.isinstance", "builtins.issubclass"}
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
_WITHOUT_ORDER = {
    *("sorted", "len", "min", "max", "sum", "any", "all", "set", "frozenset", "bool", "print"),
}
_ANY_ORDER = {f"builtins.{name}" for name in _WITHOUT_ORDER} | {"math.fsum", "collections.Counter"}
_KEEPING_ORDER = {f"builtins.{name}" for name in ("list", "tuple", "map", "filter", "iter")}


class NodeChecker:
    """Check the nodes of a project's files."""

    def __init__(self) -> None:
        self._unordered: set[ast.AST] = set()  # iterables whose order does not matter

    # -- names and calls

    def call(self, node: ast.Call, scope: Scope) -> Violations:
        """Check a call: the function, and what is passed to it."""
        meanings = resolve(node.func, scope)
        known = [meaning for meaning in meanings if isinstance(meaning, str)]
        given = 1_000 if _has_stars(node) else len(node.args) + len(node.keywords)
        violation = next(filter(None, (_of_path(node, path, given, scope) for path in known)), None)
        if violation is None and isinstance(node.func, ast.Attribute):
            violation = _of_method(node, node.func, scope)
        if violation is None and any(_is_bare_program(meaning) for meaning in meanings):
            violation = Violation(node, "PAR303", f"{ast.unparse(node.func)}() without @activity")
        if violation is not None:
            yield violation
        self._note_unordered(node, known, scope)
        yield from self._passed(node, scope)
        yield from self._ordered(node, known, scope)

    def _passed(self, node: ast.Call, scope: Scope) -> Violations:
        """Check functions that are passed to be called."""
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
                    yield Violation(part, code, path)
                    break

    def name(self, node: ast.Name | ast.Attribute, scope: Scope) -> Violations:
        """Check a value that is read."""
        for path in paths(node, scope):
            if code := mentioned(path):
                yield Violation(node, code, path)
                return

    def entered(self, node: ast.expr, scope: Scope) -> Violations:
        """Check what a `with` enters, such as a lock of the module."""
        for path in paths(node, scope):
            if path.endswith("()") and (code := called(path.removesuffix("()"), 0)):
                yield Violation(node, code, f"entering {ast.unparse(node)}, a {path}")
                return

    # -- the order of sets

    def _note_unordered(self, node: ast.Call, known: list[str], scope: Scope) -> None:
        """Note that the order of the arguments of `sorted`, `sum`, ... does not matter."""
        unordered = not _ANY_ORDER.isdisjoint(known)
        if unordered or (node in self._unordered and not _KEEPING_ORDER.isdisjoint(known)):
            self._unordered.update(part for part in node.args if not _commands(part, scope))

    def _ordered(self, node: ast.Call, known: list[str], scope: Scope) -> Violations:
        by_name = isinstance(node.func, ast.Attribute) and node.func.attr in _METHODS_IN_ORDER
        if node not in self._unordered and (by_name or not _IN_ORDER.isdisjoint(known)):
            for part in node.args:
                yield from self.iterated(part, scope)

    def iterated(self, node: ast.expr, scope: Scope) -> Violations:
        """Check an iterable that is iterated over in its order."""
        if kind(node, scope) == "set" and not holds_futures(node, scope):
            yield Violation(node, "PAR501", "going through a set")

    def comprehension(
        self, node: ast.expr, generator: ast.comprehension, scope: Scope
    ) -> Violations:
        """Check a `for` in a comprehension; one that makes a set needs no order."""
        unordered = node in self._unordered or isinstance(node, ast.SetComp)
        if not unordered or _commands(node, scope):
            yield from self.iterated(generator.iter, scope)

    # -- what executions share

    def write(self, target: ast.expr, scope: Scope) -> Violations:
        """Check what is assigned to, or deleted."""
        if isinstance(target, (ast.Subscript, ast.Attribute)):
            if _is_shared(target.value, scope, any_value=True):
                yield Violation(target, "PAR503", f"writing to {ast.unparse(target)}")


def asks_type(node: ast.Call, scope: Scope) -> bool:
    """Return whether it is `isinstance` or `issubclass`, whose first argument is a value."""
    return bool(node.args) and not _TYPE_TESTS.isdisjoint(paths(node.func, scope))


def _has_stars(node: ast.Call) -> bool:
    return any(isinstance(part, ast.Starred) for part in node.args) or any(
        keyword.arg is None for keyword in node.keywords
    )


def _of_path(node: ast.Call, path: str, given: int, scope: Scope) -> Violation | None:
    code = called(path, given)
    if code is None or _is_mention(node.func, scope):
        return None
    if path == "builtins.hash" and _in_hash_method(scope):
        return None
    return Violation(node, code, f"{path.removeprefix('builtins.')}()")


def _is_mention(node: ast.expr, scope: Scope) -> bool:
    """Return whether a part, as in `os.environ.get`, is checked as a value already."""
    while isinstance(node, (ast.Attribute, ast.Name)):
        if any(mentioned(path) for path in paths(node, scope)):
            return True
        if isinstance(node, ast.Name):
            return False
        node = node.value
    return False


def _in_hash_method(scope: Scope) -> bool:
    return getattr(scope.node, "name", "") == "__hash__"


def _of_method(node: ast.Call, function: ast.Attribute, scope: Scope) -> Violation | None:
    name, receiver = function.attr, kind(function.value, scope)
    if receiver == "path" and name in PATH_METHODS:
        return Violation(node, "PAR301", f"Path.{name}()")
    if receiver == "set" and name == "pop" and not holds_futures(function.value, scope):
        return Violation(node, "PAR501", "taking any element of a set")
    if name in METHODS and not (name == "astimezone" and (node.args or node.keywords)):
        return Violation(node, METHODS[name], f".{name}()")
    if name in _MUTATORS and _is_shared(function.value, scope):
        return Violation(node, "PAR503", f"changing {ast.unparse(function.value)}")
    return None


def _is_bare_program(meaning: Meaning) -> bool:
    if not isinstance(meaning, Defined):
        return False
    found = marks(meaning)
    return bool(found & {"program", "python"}) and "activity" not in found


def _commands(node: ast.expr, scope: Scope) -> bool:
    """Return whether evaluating it may issue commands, whose order is in the history."""
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
    """Return whether it belongs to the module or a class, so that all executions share it.

    Counts containers only, or with `any_value` all that a module or an import holds.
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
        return _is_lasting(node, scope) or (
            any_value and _is_shared(node.value, scope, any_value=True)
        )
    return False


def _is_changeable(binding: object, any_value: bool) -> bool:
    if isinstance(binding, Imported):
        return any_value and not binding.path.startswith("builtins.")
    return any_value or isinstance(binding, Assigned)


def _is_lasting(node: ast.Attribute, scope: Scope) -> bool:
    """Return whether it is a container of a module, or of a class and never replaced."""
    found = attributes(node, scope)
    return bool(found) and all(_is_lasting_container(binding) for binding in found)


def _is_lasting_container(binding: Assigned) -> bool:
    if not isinstance(binding.scope.node, (ast.ClassDef, ast.Module)) or binding.value is None:
        return False
    return kind(binding.value, binding.scope) in {"container", "set"}
