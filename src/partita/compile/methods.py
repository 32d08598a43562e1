"""Lower methods of texts, dicts, futures and exceptions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from partita.compile.context import Context
from partita.compile.futures import future_method, is_future
from partita.compile.jsonata import made
from partita.compile.tree import Value
from partita.compile.types import BOOL, NEVER, STR, join, list_of, optional


def lower_method(node: Any, context: Context) -> Value:
    """Lower a method that changes nothing."""
    owner = context.read(node.func.value)
    name = node.func.attr
    if owner.type is NEVER:
        return Value("null", NEVER)
    if is_future(owner.type):
        return future_method(node, owner, context)
    method = _METHODS.get((owner.type.kind, name))
    if method is None or node.keywords:
        raise context.refuse(
            node,
            f"method {name} of {owner.type}",
            "it is not compiled, or not for a value of this type",
            "give a type hint, or use an activity",
        )
    args = [context.read(one) for one in node.args]
    found = method(node, owner, args, context)
    if found is None:
        raise context.refuse(
            node,
            f"arguments of {name}",
            "they are not compiled",
            "see the table of methods in docs/compiling.md",
        )
    return found


def _get(node: Any, owner: Value, args: list[Value], context: Context) -> Value | None:
    if not 1 <= len(args) <= 2 or args[0].type is not STR:
        return None
    key = args[0]
    found = f"$lookup({owner.text}, {key.text})"
    if len(args) == 1:
        text = f"$exists({found}) ? {found} : null"
        return made(text, optional(owner.type.item), owner, key, is_atom=False)
    text = f"$exists({found}) ? {found} : {args[1].atom}"
    type = join(owner.type.item, args[1].type)
    return made(text, type, owner, key, args[1], is_atom=False)


def _copy(node: Any, owner: Value, args: list[Value], context: Context) -> Value | None:
    return None if args else owner


def _cased(function: str) -> Callable[..., Value | None]:
    def lower(node: Any, owner: Value, args: list[Value], context: Context) -> Value | None:
        if args:
            return None
        owner = context.simple(node, owner)
        error = context.guard_text(node, "the case of a text that is not ASCII")
        text = f"$contains({owner.text}, /[^ -~\\s]/) ? {error} : {function}({owner.text})"
        return made(text, STR, owner, is_atom=False)

    return lower


def _join(node: Any, owner: Value, args: list[Value], context: Context) -> Value | None:
    if len(args) != 1 or args[0].type != list_of(STR):
        return None
    return made(f"$join({args[0].text}, {owner.text})", STR, owner, args[0])


def _startswith(node: Any, owner: Value, args: list[Value], context: Context) -> Value | None:
    if len(args) != 1 or not args[0].is_constant or args[0].type is not STR:
        return None
    if not args[0].constant.isascii():
        return None
    length = len(args[0].constant)
    text = f"$substring({owner.text}, 0, {length}) = {args[0].text}"
    return made(text, BOOL, owner, is_atom=False) if length else Value("true", BOOL)


def _split(node: Any, owner: Value, args: list[Value], context: Context) -> Value | None:
    if len(args) != 1 or not args[0].is_constant or not args[0].constant:
        return None
    if args[0].type is not STR:
        return None
    owner = context.simple(node, owner)
    text = f'{owner.text} = "" ? [""] : $append([], $split({owner.text}, {args[0].text}))'
    return made(text, list_of(STR), owner, is_atom=False)


_METHODS: dict[tuple[str, str], Callable[..., Value | None]] = {
    ("dict", "get"): _get,
    ("dict", "copy"): _copy,
    ("list", "copy"): _copy,
    ("str", "upper"): _cased("$uppercase"),
    ("str", "lower"): _cased("$lowercase"),
    ("str", "join"): _join,
    ("str", "startswith"): _startswith,
    ("str", "split"): _split,
}
