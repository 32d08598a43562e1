"""Run one function in another Python; see `interpreter`.

This script is passed with `-c` to an interpreter of 3.8 or newer that may not have Partita, so it
needs the standard library only and is never imported. It reads a request from stdin and writes
the outcome, as the last line, to a copy of its original stdout. What is printed goes to stderr.
"""

from __future__ import annotations

import enum
import functools
import importlib.abc
import importlib.machinery
import importlib.util
import json
import os
import sys
import traceback
from types import ModuleType
from typing import Any


def main() -> None:
    """Answer the one request on stdin."""
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    outcome = _outcome(json.loads(sys.stdin.buffer.read()))
    with out:
        out.write(b"\n" + outcome + b"\n")


def _outcome(request: dict[str, Any]) -> bytes:
    try:
        function = _find(request)
        result = function(*request["args"], **request["kwargs"])
    except BaseException as error:
        return _dump({"error": _describe(error)})
    try:
        return _dump({"result": result})
    except (TypeError, ValueError, RecursionError) as error:
        message = f"the result of {request['qualname']} cannot be returned: {error}"
        failure = {"type": "SerializationError", "module": "partita.errors"}
        return _dump({"error": {**failure, "message": message, "args": [message]}})


def _find(request: dict[str, Any]) -> Any:
    """Load the file and return the function without its `python` wrappers."""
    if sys.path[:1] == [""]:
        del sys.path[0]
    sys.path.insert(0, request["folder"])
    _provide_partita()
    name = request["module"]
    spec = importlib.util.spec_from_file_location(name, request["file"])
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    found = functools.reduce(getattr, request["qualname"].split("."), module)
    while hasattr(found, request["mark"]):
        found = found.__wrapped__
    return found


# -- a stand-in for partita --------------------------------------------------------------------


def _provide_partita() -> None:
    """Install a stand-in if partita cannot be imported or is too old."""
    try:
        from partita import python  # noqa: F401
    except Exception:
        for name in [name for name in sys.modules if name.partition(".")[0] == "partita"]:
            del sys.modules[name]
        sys.meta_path.insert(0, _StandIn())


class _StandIn(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Find partita and all its modules, empty but with any name."""

    def find_spec(self, name: str, *_: Any) -> Any:
        if name.partition(".")[0] != "partita":
            return None
        return importlib.machinery.ModuleSpec(name, self, is_package=True)

    def exec_module(self, module: ModuleType) -> None:
        vars(module)["__getattr__"] = _attribute


def _attribute(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(name)
    return _error(name) if name.endswith("Error") else _ANYTHING


@functools.lru_cache(maxsize=None)  # noqa: UP033  # 3.8 has no `cache`
def _error(name: str) -> type:
    base = Exception if name == "PartitaError" else _error("PartitaError")
    return type(name, (base,), {"__module__": "partita.errors"})


class _Anything:
    """Stand in for any name of partita, mostly decorators with or without options."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        is_decoration = len(args) == 1 and not kwargs and callable(args[0])
        return args[0] if is_decoration else self

    def __getattr__(self, name: str) -> Any:
        return _attribute(name)

    def __getitem__(self, _: Any) -> Any:
        return self

    def __or__(self, _: Any) -> Any:
        return self

    __ror__ = __or__

    def __mro_entries__(self, _: Any) -> tuple[()]:
        return ()


_ANYTHING = _Anything()


# -- what goes back ----------------------------------------------------------------------------


def _describe(error: BaseException) -> dict[str, Any]:
    """Return what `failure.Failure` holds."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename != "<string>"]
    lines = traceback.format_list(frames)
    lines += traceback.format_exception_only(type(error), error)
    return {
        "type": type(error).__qualname__,
        "module": type(error).__module__,
        "message": _text(error),
        "args": _plain_args(error),
        "traceback": _encodable("".join(lines)),
    }


def _text(error: BaseException) -> str:
    try:
        return _encodable(str(error))
    except Exception as fault:
        return f"(its message cannot be had: {type(fault).__name__})"


def _encodable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _plain_args(error: BaseException) -> Any:
    given = error.args
    try:
        made: Any = error.__reduce__()
        if made[0] is type(error):
            given = made[1]
        _dump(given)
    except Exception:  # there is no JSON form, or the class's own code is at fault
        return None
    return given


def _dump(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, default=_form).encode("utf-8")


def _form(value: Any) -> Any:
    """Return the JSON form of a value that `json` does not support."""
    if hasattr(value, "__dataclass_fields__") and not isinstance(value, type):
        return {name: getattr(value, name) for name in value.__dataclass_fields__}
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, (set, frozenset)):
        return list(value)
    if isinstance(value, (bytes, bytearray)):
        import base64

        return base64.b64encode(value).decode()
    for method in ("isoformat", "__fspath__", "tolist"):  # times; paths; what numpy has
        if hasattr(value, method):
            return getattr(value, method)()
    if type(value).__name__ in ("Decimal", "UUID"):
        return str(value)
    raise TypeError(f"{type(value).__qualname__} has no JSON form")


if __name__ == "__main__":
    main()
