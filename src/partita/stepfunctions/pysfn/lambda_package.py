"""Build the zip of a file of pyawssfn for AWS Lambda; its entry point is `handler.dispatch`.

The same file makes the same bytes. An event names a function and its arguments, as the machines
that pyawssfn compiled send it and ours do.
"""

from __future__ import annotations

import ast
from pathlib import Path

from partita.errors import InvalidOptionError, LoadError
from partita.source.discovery import read
from partita.stepfunctions.bundle.archive import zipped
from partita.stepfunctions.bundle.local_imports import Imports, Module
from partita.stepfunctions.pysfn import definition
from partita.stepfunctions.pysfn.source import MODULES

HANDLER = "handler.dispatch"
"""The function of a zip that Lambda calls."""

_FOLDER = "inner"  # of the zip, with the module
_HANDLER = '''\
"""Call the function of the module that an event names."""

import importlib
import os
import sys

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "inner"))
module = importlib.import_module("inner.{module}")


def dispatch(event, context):
    """Return what the function returns."""
    called = event["call_descr"]
    variables = event["locals"]
    function = getattr(module, called["function"])
    return function(*[variables[name] for name in called["arg_names"]])
'''


def write_zip(code: str, target: str) -> None:
    """Write the zip of a file with code.

    Raises:
        LoadError: the code cannot be read, or is not Python.
        InvalidOptionError: the target exists already, or cannot be written.
    """
    data = zip_of(code)
    try:
        with Path(target).open("xb") as file:
            file.write(data)
    except FileExistsError as error:
        raise InvalidOptionError(
            f"{target} exists already; remove it, or give another name"
        ) from error
    except OSError as error:
        raise InvalidOptionError(f"cannot write {target}: {error.strerror}") from error


def left_out(code: str) -> list[str]:
    """Return the modules beside a file that it imports, which are not in its zip."""
    path = Path(code).resolve()
    found = Imports([path.parent])
    found.add(Module(path.stem, path))
    return sorted(found.modules.keys() - {path.stem, *MODULES})


def zip_of(code: str) -> bytes:
    """Return the bytes of the zip of a file with code."""
    path = Path(code)
    if path.suffix != ".py" or not path.stem.isidentifier():
        raise InvalidOptionError(
            f"{code} is no module that can be imported; its name is letters, digits and _, and .py"
        )
    if path.stem == _FOLDER:
        raise InvalidOptionError(f"{code} has the name of the zip's own folder; rename it")
    _check(code)
    return zipped(
        {
            "handler.py": _HANDLER.format(module=path.stem).encode(),
            f"{_FOLDER}/{path.name}": path.read_bytes(),
            "pysfn.py": Path(definition.__file__).read_bytes(),
        }
    )


def _check(code: str) -> None:
    """Check that a file is Python."""
    path = Path(code)
    if not path.is_file():
        raise LoadError(f"no file {code}; give a path to a Python file")
    try:
        ast.parse(read(path))
    except (SyntaxError, ValueError, RecursionError) as error:
        raise LoadError(f"{code}:{getattr(error, 'lineno', None) or 1}: {error}") from error
