"""Run the command line in this process as if it were a new one.

A process takes half a second to begin. So a command runs here: with its own folder, environment,
streams, logging, and definitions, and loading the user's files anew. What is started by real
processes instead needs one: signals, `kill -9`, streams that are terminals or closed pipes, what
a process imports, and activities that end their own process.
"""

from __future__ import annotations

import importlib
import io
import linecache
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, chdir, contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

from partita.authoring import registry
from partita.cli import main
from partita.openwhisk import local_actions


def run(
    folder: Path, arguments: list[str], environment: dict[str, str], stdin: str
) -> tuple[str, str, int]:
    """Run `partita ARGUMENTS` in a folder; return its stdout, its stderr and its status."""
    given, out, err = _stream(stdin.encode()), _stream(), _stream()
    with ExitStack() as stack:
        stack.enter_context(chdir(folder))
        stack.enter_context(mock.patch.dict(os.environ, environment, clear=True))
        stack.enter_context(mock.patch.multiple(sys, stdin=given, stdout=out, stderr=err))
        stack.enter_context(mock.patch.dict(local_actions._definitions, clear=True))
        for isolated in (_modules, _definitions, _logging):
            stack.enter_context(isolated())
        status = main(arguments)
    return _text(out), _text(err), status


def _stream(data: bytes = b"") -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(data), encoding="utf-8")


def _text(stream: io.TextIOWrapper) -> str:
    stream.seek(0)
    return stream.read()


@contextmanager
def _modules() -> Iterator[None]:
    """Forget the user's modules at the end, and where they were looked for."""
    importlib.invalidate_caches()
    linecache.clearcache()
    before, path = set(sys.modules), list(sys.path)
    try:
        yield
    finally:
        folders = set(sys.path) - set(path)
        sys.path[:] = path
        for name in set(sys.modules) - before:
            file = getattr(sys.modules[name], "__file__", None) or ""
            if any(file.startswith(folder) for folder in folders):
                del sys.modules[name]


@contextmanager
def _definitions() -> Iterator[None]:
    """Begin with Partita's own activities and workflows alone."""
    kept: list[tuple[dict[Any, Any], dict[Any, Any]]] = [
        (table, dict(table)) for table in (registry._known, registry._remote)
    ]
    for table, all in kept:
        table.clear()
        table.update({key: one for key, one in all.items() if _is_ours(one.function)})
    try:
        yield
    finally:
        for table, all in kept:
            table.clear()
            table.update(all)


def _is_ours(function: Any) -> bool:
    """Whether it is Partita's own, and not made of a user's machine or composition."""
    code = getattr(function, "__code__", None)
    is_made = code is not None and "<locals>" in code.co_qualname
    return str(getattr(function, "__module__", "")).startswith("partita.") and not is_made


@contextmanager
def _logging() -> Iterator[None]:
    """Begin as Python does: no handlers, warnings and worse."""
    root, ours = logging.getLogger(), logging.getLogger("partita")
    before = [(one, one.handlers, one.level) for one in (root, ours)]
    root.handlers, root.level = [], logging.WARNING
    try:
        yield
    finally:
        for one, handlers, level in before:
            one.handlers = handlers
            one.setLevel(level)
