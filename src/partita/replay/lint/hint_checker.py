"""Check the hints of activities, workflows and handlers for values that cannot be stored.

Reads the source only. It names what is certain; the definition itself refuses all others.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from partita.replay.lint.node_checker import Violation
from partita.replay.lint.workflow_code import marks, workflow_class
from partita.source.meaning import paths, resolve
from partita.source.scope import Defined, Function, Names, Scope

_STREAMS = ("Iterator", "Generator", "AsyncIterator", "AsyncGenerator", "AsyncIterable")
_RUNNING = ("Callable", "Awaitable", "Coroutine")
_ABSTRACT = {f"{home}.{name}" for home in ("typing", "collections.abc") for name in _STREAMS}
_ABSTRACT |= {f"{home}.{name}" for home in ("typing", "collections.abc") for name in _RUNNING}
_REFUSED = _ABSTRACT | {
    *("builtins.type", "typing.Type", "builtins.memoryview", "builtins.BaseException"),
    *("typing.IO", "typing.TextIO", "typing.BinaryIO", "io.StringIO", "io.BytesIO"),
    *("io.TextIOWrapper", "io.BufferedReader", "io.BufferedWriter", "io.IOBase"),
    *("threading.Lock", "threading.RLock", "threading.Event", "threading.Thread"),
    *("threading.Condition", "threading.Semaphore", "socket.socket", "subprocess.Popen"),
    *("asyncio.Future", "asyncio.Task", "asyncio.Queue", "asyncio.Lock", "asyncio.Event"),
    *("asyncio.AbstractEventLoop", "concurrent.futures.Future", "concurrent.futures.Executor"),
    *("logging.Logger", "types.FunctionType", "types.ModuleType", "types.GeneratorType"),
    *("sqlite3.Connection", "sqlite3.Cursor", "psycopg.Connection", "requests.Session"),
    *("httpx.Client", "httpx.AsyncClient", "sqlalchemy.orm.Session", "sqlalchemy.Engine"),
}
_CONTAINERS = {f"builtins.{name}" for name in ("dict", "list", "set", "frozenset")}
_OWN_FORM = {"model_dump", "model_validate"}
_HANDLERS = {"query", "update"}
_MAX_DEPTH = 50


class Misplaced(NamedTuple):
    """A hint that cannot be carried, and the function that has it."""

    violation: Violation
    place: str


def check_hints(names: Names) -> Iterator[Misplaced]:
    """Yield the hints of a file's activities, workflows and handlers that cannot be carried."""
    for defined in names.definitions:
        if isinstance(defined.node, ast.ClassDef):
            if workflow_class(defined) == "Workflow":
                runs = defined.inner.names.get("run", [])
                for method in [one for one in runs if isinstance(one, Defined)]:
                    yield from _function(method, f"workflow {defined.node.name}")
            continue
        found = marks(defined)
        for kind in ("activity", "workflow", *_HANDLERS):
            if kind in found:
                yield from _function(defined, f"{kind} {defined.node.name}")


def _function(defined: Defined, place: str) -> Iterator[Misplaced]:
    node = defined.node
    assert isinstance(node, Function)
    given = node.args
    every = [*given.posonlyargs, *given.args, *given.kwonlyargs]
    for argument in [*every, *(one for one in (given.vararg, given.kwarg) if one)]:
        for found in _refused(argument.annotation, defined.scope):
            what = f"the hint {ast.unparse(found)} of parameter {argument.arg!r}"
            yield Misplaced(Violation(_at(argument.annotation, found), "PAR601", what), place)
    for found in _refused(node.returns, defined.scope):
        what = f"the hint {ast.unparse(found)} of the result"
        yield Misplaced(Violation(_at(node.returns, found), "PAR601", what), place)


def _at(annotation: ast.expr | None, found: ast.expr) -> ast.AST:
    """Return the node to report: in a string, the string."""
    assert annotation is not None
    return found if any(one is found for one in ast.walk(annotation)) else annotation


def _refused(hint: ast.expr | None, scope: Scope, depth: int = 0) -> Iterator[ast.expr]:
    """Yield the parts of a hint that are certainly refused."""
    match hint:
        case ast.Constant(value=str() as text) if depth < _MAX_DEPTH:
            try:
                yield from _refused(ast.parse(text, mode="eval").body, scope, depth + 1)
            except (SyntaxError, ValueError):
                return
        case ast.BinOp(left=left, right=right):
            yield from _refused(left, scope, depth)
            yield from _refused(right, scope, depth)
        case ast.Subscript(value=head, slice=inside):
            named = {path.rpartition(".")[2] for path in paths(head, scope)}
            if any(_refused(head, scope, depth)):
                yield hint
            elif "Literal" not in named:
                parts = inside.elts if isinstance(inside, ast.Tuple) else [inside]
                for part in parts[:1] if "Annotated" in named else parts:
                    yield from _refused(part, scope, depth)
        case ast.Name() | ast.Attribute():
            if any(_is_refused(meaning) for meaning in resolve(hint, scope)):
                yield hint
        case _:
            return


def _is_refused(meaning: object) -> bool:
    if isinstance(meaning, str):
        return meaning in _REFUSED or _is_error(meaning)
    if not isinstance(meaning, Defined) or not isinstance(meaning.node, ast.ClassDef):
        return False
    node = meaning.node
    if node.decorator_list or node.keywords or _OWN_FORM & set(meaning.inner.names):
        return False
    based = [path for base in node.bases for path in paths(_head(base), meaning.scope)]
    if not node.bases:
        return True
    return any(path in _CONTAINERS or _is_error(path) for path in based)


def _head(base: ast.expr) -> ast.expr:
    return base.value if isinstance(base, ast.Subscript) else base


def _is_error(path: str) -> bool:
    home, _, name = path.rpartition(".")
    return home == "builtins" and name.endswith(("Error", "Exception", "ExceptionGroup"))
