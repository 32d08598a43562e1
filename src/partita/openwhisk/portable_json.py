"""Write compositions as JSON, and read them, in the dialects of both Composers.

They differ in the names of combinators; Composer for Python also marks each node with
`.combinator`. Reading takes either, with or without that mark, and derived combinators too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from partita.errors import ComposerError
from partita.openwhisk.action_names import qualified_name
from partita.openwhisk.combinators import COMBINATORS, Dialect, name_in, type_of
from partita.openwhisk.deriving import lowered
from partita.openwhisk.function_source import check_exec, check_function
from partita.openwhisk.recursion import Step, run_deep
from partita.openwhisk.tree import Tree

C = TypeVar("C", bound=Tree)

VERSION = "0.15.1"
"""The version of the format: that of the last Composer for Python, which it follows."""

_MARK = ".combinator"
_KNOWN_IN_JAVASCRIPT = [name for name in COMBINATORS if name != "composition"]


def checked_dialect(name: str) -> Dialect:
    """Return the dialect of a name.

    Raises:
        ComposerError: there is none.
    """
    if name == "js":
        return "js"
    if name == "python":
        return "python"
    raise ComposerError('Invalid argument "dialect" in "compile": give "python" or "js"', name)


def compiled(composition: Tree, dialect: Dialect = "python") -> dict[str, Any]:
    """Return a composition's portable JSON; definitions of actions are taken out of it."""
    actions: list[dict[str, Any]] = []
    bare = run_deep(_without_definitions(labelled(composition), actions))
    written = lowered(composition, _KNOWN_IN_JAVASCRIPT) if dialect == "js" else composition
    made = {
        "composition": as_json(lowered(bare, (), dialect), dialect),
        "ast": as_json(written, dialect),
        "version": VERSION,
    }
    return {**made, "actions": actions} if actions else made


def labelled(composition: C) -> C:
    """Return a copy in which each node has its place in the tree as its path."""
    return run_deep(_labelled(composition, ""))


def as_json(composition: Tree, dialect: Dialect = "python") -> dict[str, Any]:
    """Return a composition as the dictionary that stands for it in a dialect."""
    return run_deep(_as_json(composition, dialect))


def parsed(value: Any, made: type[C]) -> C:
    """Return the composition of a dictionary, in either dialect, or of the portable JSON.

    Raises:
        ComposerError: it is none.
    """
    if not isinstance(value, dict):
        raise ComposerError('Invalid argument "composition" in "parse" combinator', value)
    if "type" in value or not ("ast" in value or "composition" in value):
        return run_deep(_parsed(value, made))
    tree = value["ast"] if isinstance(value.get("ast"), dict) else value["composition"]
    return run_deep(_with_definitions(run_deep(_parsed(tree, made)), _definitions(value)))


def _labelled(composition: C, path: str) -> Step[C]:
    children = []
    for child, name in composition.children():
        step = f"[{name}]" if isinstance(name, int) else f".{name}"
        children.append((yield _labelled(child, path + step)))
    copy = composition.rebuilt(children)
    copy.path = path
    return copy


def _without_definitions(composition: C, actions: list[dict[str, Any]]) -> Step[C]:
    children = []
    for child, _ in composition.children():
        children.append((yield _without_definitions(child, actions)))
    if composition.type != "action" or composition.action is None:
        return composition.rebuilt(children)
    actions.append({"name": composition.name, "action": composition.action})
    return type(composition)("action", (composition.name,), composition.path)


def _definitions(value: dict[str, Any]) -> dict[str, Any]:
    """Return the definitions in `actions` by name."""
    listed = value.get("actions") or []
    try:
        return {qualified_name(one["name"]): one["action"] for one in listed}
    except (TypeError, KeyError) as error:
        message = 'Invalid argument "actions" in "parse" combinator'
        raise ComposerError(message, value["actions"]) from error


def _with_definitions(composition: C, definitions: dict[str, Any]) -> Step[C]:
    """Put definitions back where a composition has the names alone."""
    children = []
    for child, _ in composition.children():
        children.append((yield _with_definitions(child, definitions)))
    if composition.type == "action" and composition.action is None:
        given = definitions.get(composition.name)
        _check_code([given], check_exec)
        return type(composition)("action", (composition.name, given), composition.path)
    return composition.rebuilt(children)


def _as_json(composition: Tree, dialect: Dialect) -> Step[dict[str, Any]]:
    made: dict[str, Any] = {"type": name_in(dialect, composition.type)}
    if dialect == "python":
        made[_MARK] = {}
    for argument in COMBINATORS[composition.type].arguments:
        value = getattr(composition, argument.name)
        if argument.kind == "composition":
            made[argument.name] = yield _as_json(value, dialect)
        elif argument.kind != "action" or value is not None:
            made[argument.name] = value
    if COMBINATORS[composition.type].has_components:
        made["components"] = []
        for child in composition.components:
            made["components"].append((yield _as_json(child, dialect)))
    if composition.path is not None:
        made["path"] = composition.path
    return made


def _parsed(value: Any, made: type[C]) -> Step[C]:
    if not isinstance(value, dict):
        raise ComposerError('Invalid argument "composition" in "parse" combinator', value)
    type = type_of(value.get("type"))
    if type is None:
        raise ComposerError('Invalid composition type in "parse" combinator', value.get("type"))
    arguments: list[Any] = []
    for argument in COMBINATORS[type].arguments:
        if argument.name not in value and not argument.is_optional:
            raise ComposerError(f'Invalid argument "{argument.name}" in "{type}" combinator')
        given = value.get(argument.name)
        is_child = argument.kind == "composition" and isinstance(given, dict)
        arguments.append((yield _parsed(given, made)) if is_child else given)
    _check_code(arguments, check_function if type == "function" else check_exec)
    components = value.get("components", ())
    if not isinstance(components, list | tuple):
        raise ComposerError(f'Invalid argument "components" in "{type}" combinator', components)
    if COMBINATORS[type].has_components:
        for child in components:
            arguments.append((yield _parsed(child, made)))
    path = value.get("path")
    return made(type, arguments, path if isinstance(path, str) else None)


def _check_code(arguments: list[Any], check: Callable[[dict[str, Any]], None]) -> None:
    for one in arguments:
        if isinstance(one, dict) and isinstance(one.get("exec"), dict):
            check(one["exec"])
