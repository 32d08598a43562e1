"""Find out whether a copy of the outer parts of a value shares inner parts that are changed.

`list(rows)`, `rows[:]` and `[*rows]` are new lists of the same rows: Python shows a change of
`copy[0]` in `rows`, too, and a state machine does not. Such changes are refused.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from partita.compile.analysis.aliases import Aliases, root_of
from partita.compile.context import Context
from partita.compile.types import ANY, NEVER, Type


class Share(NamedTuple):
    """Where a value holds a part of a variable, at least."""

    fresh: int  # new containers around the part
    depth: int  # how deep in the variable the part is


Shares = dict[str, Share]
_Of = Callable[..., Shares]

_COPIES = ("list", "tuple", "sorted", "reversed", "copy", "dict", "chain", "filter", "replace")
_ELEMENTS = ("min", "max", "next", "reduce", "get", "setdefault", "choice")
_PAIRS = ("items", "enumerate", "zip")
_JOINED = ("extend", "update")
_PUT = ("append", "insert", "setdefault")


def check_shared_parts(statement: ast.stmt, context: Context) -> None:
    """Refuse a copy if a part that it shares with another name is changed later."""
    aliases = context.code.aliases
    if aliases is None or id(statement) not in aliases.later.changed_then:
        return
    for name, shares in _given(statement, aliases):
        for other, share in shares.items():
            is_open = _holds_changeable(other, share.depth, context)
            if is_open and _holds_changeable(name, share.fresh, context):
                _check(statement, name, other, share, context)


def check_repeated(node: ast.AST, item: Type, context: Context) -> None:
    """Refuse `[[0]] * n` if an element is changed later, since all are one and the same."""
    one: Context | None = context
    while one is not None and item.is_mutable:
        statement, aliases = one.point.statement, one.code.aliases
        if aliases is not None and statement is not None:
            later = aliases.later.changed_then.get(id(statement), frozenset())
            names = [name for name, _ in _given(statement, aliases, {"*": Share(0, 0)})]
            if any(name in later and aliases.depths.get(name, 9) >= 1 for name in names):
                raise context.refuse(
                    node,
                    f"repeated {item}",
                    "an element is changed in place, which all would show: they are the same one",
                    "write a comprehension, such as [[0] * n for _ in range(n)]",
                )
        one = one.frame.caller if isinstance(statement, ast.Return) else None


def _check(statement: ast.stmt, name: str, other: str, share: Share, context: Context) -> None:
    aliases = context.code.aliases
    assert aliases is not None
    partners = {other, *(one for one, held in aliases.sources.items() if other in held)} - {name}
    is_changed = name in aliases.later.changed_then[id(statement)]
    read = aliases.later.read[id(statement)]
    if context.frame.caller is not None:
        read |= aliases.arguments
    depth = aliases.depths.get(name, 9)
    if is_changed and share.fresh and depth >= share.fresh and partners & read:
        raise _refused(statement, name, sorted(partners & read)[0], context)
    changed = aliases.later.changed[id(statement)]
    depth = aliases.depths.get(other, 9)
    if other != name and other in changed and share.depth and depth >= share.depth:
        raise _refused(statement, other, name, context)


def _refused(node: ast.AST, changed: str, other: str, context: Context) -> Exception:
    return context.refuse(
        node,
        f"shared parts of {changed} and {other}",
        f"what is in {changed} is changed in place, which {other} would show, too",
        "copy the parts as well: copy.deepcopy(...), or a comprehension",
    )


def _holds_changeable(name: str, depth: int, context: Context) -> bool:
    """Return whether parts of a variable's value are values that Python changes in place."""
    known = context.variables.get(name)
    return known is not None and _changeable(known.type, max(depth, 1))


def _changeable(type: Type, depth: int) -> bool:
    if type in (ANY, NEVER) or type.kind in ("record", "union", "mixed"):
        return True
    if depth == 0:
        return type.is_mutable
    if type.kind == "optional":
        return _changeable(type.item, depth)
    return any(_changeable(part, depth - 1) for part in type.parts)


# -- what a statement gives to which name


def _given(
    statement: ast.stmt, aliases: Aliases, more: Shares | None = None
) -> list[tuple[str, Shares]]:
    """Return the names that a statement gives shares to; `more` go to each, too."""
    match statement:
        case ast.Assign():
            pairs = [(target, statement.value) for target in statement.targets]
        case ast.AnnAssign() if statement.value is not None:
            pairs = [(statement.target, statement.value)]
        case ast.AugAssign(target=ast.Name(id=name)):
            return [(name, _copied(_shares(statement.value, {}, aliases)))]
        case ast.Expr(value=ast.Call(func=ast.Attribute() as function, args=args)):
            return _stored(function, args, aliases)
        case _:
            return []
    return [
        one
        for target, value in pairs
        for one in _targets(target, {**_shares(value, {}, aliases), **(more or {})})
        if not isinstance(value, ast.Name) or not isinstance(target, ast.Name)
    ]


def _stored(
    function: ast.Attribute, args: list[ast.expr], aliases: Aliases
) -> list[tuple[str, Shares]]:
    name, depth = root_of(function.value)
    if not name or not args or function.attr not in (*_JOINED, *_PUT):
        return []
    found = _shares(args[-1], {}, aliases)
    found = _copied(found) if function.attr in _JOINED else _wrapped(found)
    return [(name, _wrapped(found, depth))]


def _targets(target: ast.expr, shares: Shares) -> Iterable[tuple[str, Shares]]:
    if isinstance(target, ast.Name):
        yield target.id, shares
    elif isinstance(target, ast.Tuple | ast.List):
        for one in target.elts:
            if isinstance(one, ast.Starred):
                yield from _targets(one.value, _copied(shares))
            else:
                yield from _targets(one, _element(shares))
    elif isinstance(target, ast.Subscript | ast.Attribute):
        name, depth = root_of(target)
        if name:
            yield name, _wrapped(shares, depth)


# -- what an expression shares with variables


def _element(shares: Shares) -> Shares:
    return {
        name: Share(fresh - 1, depth) if fresh else Share(0, depth + 1)
        for name, (fresh, depth) in shares.items()
    }


def _wrapped(shares: Shares, levels: int = 1) -> Shares:
    return {name: Share(fresh + levels, depth) for name, (fresh, depth) in shares.items()}


def _copied(shares: Shares) -> Shares:
    return _wrapped(_element(shares))


def _joined(parts: Iterable[Shares]) -> Shares:
    found: Shares = {}
    for part in parts:
        for name, one in part.items():
            known = found.get(name, one)
            found[name] = Share(min(one.fresh, known.fresh), min(one.depth, known.depth))
    return found


def _shares(node: ast.AST | None, inner: Mapping[str, Shares], aliases: Aliases) -> Shares:
    """Return what a value shares; `inner` is what variables of comprehensions share."""

    def of(*nodes: ast.AST | None) -> Shares:
        return _joined(_shares(one, inner, aliases) for one in nodes)

    match node:
        case ast.Name():
            return inner.get(node.id, {node.id: Share(0, 0)})
        case ast.Attribute():
            return _element(of(node.value))
        case ast.Subscript():
            is_slice = isinstance(node.slice, ast.Slice)
            return _copied(of(node.value)) if is_slice else _element(of(node.value))
        case ast.List() | ast.Tuple() | ast.Set():
            return _wrapped(of(*node.elts))
        case ast.Starred():
            return _element(of(node.value))
        case ast.Dict():
            parts = zip(node.keys, node.values, strict=True)
            return _joined(_copied(of(v)) if k is None else _wrapped(of(v)) for k, v in parts)
        case ast.BinOp():
            return _copied(of(node.left, node.right))
        case ast.IfExp():
            return of(node.body, node.orelse)
        case ast.BoolOp():
            return of(*node.values)
        case ast.NamedExpr() | ast.Await():
            return of(node.value)
        case ast.ListComp() | ast.SetComp() | ast.GeneratorExp() | ast.DictComp():
            return _of_comprehension(node, inner, aliases)
        case ast.Call():
            return _of_call(node, of, aliases)
        case _:
            return {}


def _of_comprehension(
    node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp,
    inner: Mapping[str, Shares],
    aliases: Aliases,
) -> Shares:
    known = dict(inner)
    for one in node.generators:
        known |= dict(_targets(one.target, _element(_shares(one.iter, known, aliases))))
    item = node.value if isinstance(node, ast.DictComp) else node.elt
    return _wrapped(_shares(item, known, aliases))


def _of_call(node: ast.Call, of: _Of, aliases: Aliases) -> Shares:
    function = node.func
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    owner = function.value if isinstance(function, ast.Attribute) else None
    given = [*node.args, *(one.value for one in node.keywords)]
    if name in _PAIRS:
        return _wrapped(_element(of(owner, *given)), 2)
    if name == "values":
        return _copied(of(owner))
    if name == "map":
        return _copied(of(*node.args[1:]))
    if name in ("get", "setdefault"):
        return _joined([_element(of(owner)), of(*node.args[1:])])
    if name in _ELEMENTS:
        return _element(of(*given))
    if name in _COPIES:
        return _copied(of(owner, *given))
    if name in aliases.helpers:
        return _copied(of(*given))
    return _wrapped(of(*given)) if name[:1].isupper() else {}
