"""Resolve what an expression stands for, where the source alone shows it.

A dotted path such as `time.time`; a function, class or module of the project; or a kind of
value: a set, a path, a container. Anything else has no meaning here.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from typing import Literal, TypeAlias

from partita.source.scope import Assigned, Binding, Defined, Imported, Module, Scope

Meaning: TypeAlias = str | Defined | Module
Kind: TypeAlias = Literal["set", "path", "container", "other"]

_SET_TYPES = {
    *("builtins.set", "builtins.frozenset", "typing.Set", "typing.FrozenSet"),
    *("typing.AbstractSet", "typing.MutableSet"),
    *("collections.abc.Set", "collections.abc.MutableSet"),
}
_PATH_TYPES = {"pathlib.Path", "pathlib.PosixPath", "pathlib.WindowsPath"}
_CONTAINER_TYPES = {
    *("builtins.list", "builtins.dict", "builtins.bytearray", "array.array"),
    *("typing.List", "typing.Dict", "collections.deque", "collections.defaultdict"),
    *("collections.Counter", "collections.OrderedDict", "collections.ChainMap"),
    *("weakref.WeakKeyDictionary", "weakref.WeakValueDictionary"),
}
_SET_METHODS = {"union", "intersection", "difference", "symmetric_difference", "copy"}
_PATH_PARTS = {"parent", "joinpath", "with_name", "with_stem", "with_suffix", "relative_to"}
_PATH_PARTS |= {"resolve", "absolute", "expanduser", "readlink", "with_segments"}

_MAX_DEPTH = 12
"""Names that stand for other names to follow in a row."""


def resolve(node: ast.expr, scope: Scope, depth: int = 0) -> list[Meaning]:
    """Return what a name or an attribute may stand for; nothing for calls."""
    if depth > _MAX_DEPTH:
        return []
    if isinstance(node, ast.NamedExpr):
        return resolve(node.value, scope, depth + 1)
    if isinstance(node, ast.Name):
        found = scope.lookup(node.id)
        bindings = found[1] if found else []
        return [m for binding in bindings for m in _bound(binding, depth + 1)]
    if isinstance(node, ast.Attribute):
        return list(dict.fromkeys(_member(node, scope, depth + 1)))  # reached in several ways
    return []


def _bound(binding: Binding, depth: int) -> list[Meaning]:
    if isinstance(binding, Imported):
        return [binding.path]
    if isinstance(binding, (Defined, Module)):
        return [binding]
    value = binding.value
    if isinstance(value, ast.Call) and binding.scope.is_module:
        made = resolve(value.func, binding.scope, depth)
        return [f"{path}()" for path in made if isinstance(path, str)]
    return [] if value is None else resolve(value, binding.scope, depth)


def _member(node: ast.Attribute, scope: Scope, depth: int) -> Iterator[Meaning]:
    for owner in resolve(node.value, scope, depth):
        if isinstance(owner, str):
            yield from _path_member(f"{owner}.{node.attr}", scope, depth)
        elif isinstance(owner, Module):
            for binding in owner.scope.member(node.attr):
                if not isinstance(binding, Assigned):  # see `attributes`
                    yield from _bound(binding, depth)
        elif isinstance(owner.node, ast.ClassDef):
            yield from method(owner, node.attr, depth)
    for made in instance_of(node.value, scope, depth):
        yield from method(made, node.attr, depth)
    for binding in attributes(node, scope, depth):
        yield from _bound(binding, depth)


def _path_member(path: str, scope: Scope, depth: int) -> list[Meaning]:
    found = scope.follow(path)  # a module in a folder of the project
    return [path] if found is None else [m for binding in found for m in _bound(binding, depth)]


def paths(node: ast.expr, scope: Scope) -> list[str]:
    """Return the dotted paths that an expression may stand for."""
    return [meaning for meaning in resolve(node, scope) if isinstance(meaning, str)]


def method(owner: Defined, name: str, depth: int = 0) -> list[Meaning]:
    """Return a method of a class, or of the first of its bases in the project that has it."""
    assert isinstance(owner.node, ast.ClassDef)
    own = [m for m in owner.inner.names.get(name, []) if isinstance(m, Defined)]
    if own:
        return list(own)
    if depth > _MAX_DEPTH:
        return []
    return [m for base in bases(owner, depth + 1) for m in method(base, name, depth + 1)]


def bases(owner: Defined, depth: int = 0) -> list[Defined]:
    """Return the bases of a class that the project defines."""
    assert isinstance(owner.node, ast.ClassDef)
    named = [subscripted(base) for base in owner.node.bases]
    found = [m for base in named for m in resolve(base, owner.scope, depth)]
    return [m for m in found if isinstance(m, Defined) and isinstance(m.node, ast.ClassDef)]


def subscripted(base: ast.expr) -> ast.expr:
    """Return the class in `class Mine(Base[int])`."""
    return base.value if isinstance(base, ast.Subscript) else base


def instance_of(node: ast.expr, scope: Scope, depth: int = 0) -> list[Defined]:
    """Return the classes of the project that an expression is an instance of."""
    if depth > _MAX_DEPTH:
        return []
    if isinstance(node, ast.Call):
        if isinstance(node.func, ast.Name) and node.func.id == "super":
            return [base for owner in _around(scope) for base in bases(owner, depth + 1)]
        return _classes(resolve(node.func, scope, depth + 1))
    if isinstance(node, ast.Name) and (found := scope.lookup(node.id)):
        owner = found[0].owner(node.id)
        return [owner] if owner else _made(found[1], depth)
    if isinstance(node, ast.Attribute):
        return _made(attributes(node, scope, depth), depth)
    return []


def _classes(meanings: list[Meaning]) -> list[Defined]:
    found = [m for m in meanings if isinstance(m, Defined)]
    return [m for m in found if isinstance(m.node, ast.ClassDef)]


def _made(bindings: Sequence[Binding], depth: int) -> list[Defined]:
    found = []
    for binding in bindings:
        if isinstance(binding, Assigned):
            if binding.value is not None:
                found += instance_of(binding.value, binding.scope, depth + 1)
            if binding.annotation is not None:
                found += _classes(resolve(binding.annotation, binding.scope, depth + 1))
    return found


def _around(scope: Scope) -> list[Defined]:
    """Return the class that this scope is in."""
    at: Scope | None = scope
    while at is not None:
        if isinstance(at.node, ast.ClassDef) and at.parent is not None:
            return [Defined(at.node, at.parent)]
        at = at.parent
    return []


def attributes(node: ast.Attribute, scope: Scope, depth: int = 0) -> list[Assigned]:
    """Return what an attribute is bound to by its class, the methods of that, or its module."""
    found: list[Assigned] = []
    for owner in instance_of(node.value, scope, depth + 1):
        found += owner.inner.attributes.get(node.attr, [])
        bound = owner.inner.names.get(node.attr, [])
        found += [binding for binding in bound if isinstance(binding, Assigned)]
    for module in _modules(node.value, scope, depth + 1):
        bound = module.scope.member(node.attr)
        found += [binding for binding in bound if isinstance(binding, Assigned)]
    return found


def _modules(node: ast.expr, scope: Scope, depth: int) -> list[Module]:
    """Return the modules of the project that an expression such as `shop.prices` is."""
    first = node
    while isinstance(first, ast.Attribute):
        first = first.value
    found = scope.lookup(first.id) if isinstance(first, ast.Name) else None
    if not found or not any(isinstance(binding, (Imported, Module)) for binding in found[1]):
        return []
    return [meaning for meaning in resolve(node, scope, depth) if isinstance(meaning, Module)]


def kind(node: ast.expr, scope: Scope, depth: int = 0) -> Kind:
    """Return the kind of an expression's value."""
    if depth > _MAX_DEPTH:
        return "other"
    match node:
        case ast.Set() | ast.SetComp():
            return "set"
        case ast.List() | ast.Dict() | ast.ListComp() | ast.DictComp():
            return "container"
        case ast.Name(id=name):
            found = scope.lookup(name)
            return _bound_kind(found[1] if found else [], depth + 1)
        case ast.Attribute():
            return _attribute_kind(node, scope, depth + 1)
        case ast.Await(value=value) | ast.NamedExpr(value=value):
            return kind(value, scope, depth + 1)
        case ast.Call():
            return _call_kind(node, scope, depth + 1)
        case ast.BinOp():
            return _operation_kind(node, scope, depth + 1)
        case ast.IfExp(body=body, orelse=orelse):
            return _common([kind(part, scope, depth + 1) for part in (body, orelse)])
        case ast.BoolOp(values=values):
            return _common([kind(part, scope, depth + 1) for part in values])
    return "other"


def _common(kinds: list[Kind]) -> Kind:
    return kinds[0] if kinds and all(other == kinds[0] for other in kinds) else "other"


def _bound_kind(bindings: Sequence[Binding], depth: int) -> Kind:
    return _common([_binding_kind(binding, depth) for binding in bindings])


def _binding_kind(binding: Binding, depth: int) -> Kind:
    if not isinstance(binding, Assigned):
        return "other"
    annotated = type_kind(binding.annotation, binding.scope) if binding.annotation else "other"
    if annotated != "other" or binding.value is None:
        return annotated
    return kind(binding.value, binding.scope, depth)


def _attribute_kind(node: ast.Attribute, scope: Scope, depth: int) -> Kind:
    if node.attr in _PATH_PARTS and kind(node.value, scope, depth) == "path":
        return "path"
    return _bound_kind(attributes(node, scope, depth), depth)


def _call_kind(node: ast.Call, scope: Scope, depth: int) -> Kind:
    for meaning in resolve(node.func, scope, depth):
        if isinstance(meaning, Module):
            return "other"
        if isinstance(meaning, Defined):
            returns = getattr(meaning.node, "returns", None)
            return type_kind(returns, meaning.scope) if returns else "other"
        if meaning in _SET_TYPES:
            return "set"
        if meaning in _PATH_TYPES or meaning in {"pathlib.Path.cwd", "pathlib.Path.home"}:
            return "path"
        if meaning.removesuffix("()") in _CONTAINER_TYPES:
            return "container"
    if isinstance(node.func, ast.Attribute):
        receiver = kind(node.func.value, scope, depth)
        if receiver == "set" and node.func.attr in _SET_METHODS:
            return "set"
        if receiver == "path" and node.func.attr in _PATH_PARTS:
            return "path"
    return "other"


def _operation_kind(node: ast.BinOp, scope: Scope, depth: int) -> Kind:
    sides = [kind(node.left, scope, depth), kind(node.right, scope, depth)]
    if isinstance(node.op, ast.Div):
        return "path" if "path" in sides else "other"
    if isinstance(node.op, (ast.BitOr, ast.BitAnd, ast.BitXor, ast.Sub)):
        return "set" if "set" in sides or _is_keys(node.left) else "other"
    return "other"


def _is_keys(node: ast.expr) -> bool:
    """Return whether it is `d.keys()`, of which operators make a set."""
    is_call = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    return is_call and node.func.attr == "keys" and not node.args  # type: ignore[attr-defined]


def type_kind(node: ast.expr, scope: Scope) -> Kind:
    """Return the kind of value that an annotation names."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        try:
            return type_kind(ast.parse(node.value, mode="eval").body, scope)
        except SyntaxError:
            return "other"
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):  # `set[str] | None`
        parts = [part for part in (node.left, node.right) if not _is_none(part)]
        return _common([type_kind(part, scope) for part in parts])
    if isinstance(node, ast.Subscript):
        if any(path.endswith(("Optional", "Final")) for path in paths(node.value, scope)):
            return type_kind(node.slice, scope)
        node = node.value
    for path in paths(node, scope):
        if path in _SET_TYPES:
            return "set"
        if path in _PATH_TYPES:
            return "path"
        if path in _CONTAINER_TYPES:
            return "container"
    return "other"


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None
