"""Run one function in another Python; see `interpreter`.

This script is passed with `-c` to an interpreter of 3.8 or newer that may not have Partita, so it
needs the standard library only and is never imported. It reads a request from stdin and writes
the outcome, as the last line, to a copy of its original stdout. What is printed goes to stderr.
"""

from __future__ import annotations

import base64
import enum
import functools
import importlib.abc
import importlib.machinery
import importlib.util
import json
import os
import sys
import traceback
from types import MemberDescriptorType, ModuleType
from typing import Any, Iterator  # noqa: UP035  # 3.8


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
        return _dump({"error": _Errors(error).described()})
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


class _Errors:
    """The exceptions that one leads to, by number, in the form of `history.failure.Failure`."""

    def __init__(self, error: BaseException) -> None:
        self._found = [error]

    def described(self) -> dict[str, Any]:
        """Return the first one, with the others; describing one may add more."""
        done: list[dict[str, Any]] = []
        while len(done) < len(self._found):
            done.append(self._described(self._found[len(done)]))
        return {**done[0], "others": done[1:]}

    def _number(self, error: Any) -> Any:
        if error is None:
            return None
        for number, one in enumerate(self._found):
            if one is error:
                return number
        self._found.append(error)
        return len(self._found) - 1 if len(self._found) <= 100 else None

    def _described(self, error: BaseException) -> dict[str, Any]:
        frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename != "<string>"]
        parts = getattr(error, "exceptions", ()) if hasattr(error, "derive") else ()
        context = error.__context__
        if error.__suppress_context__ and context is not error.__cause__:
            context = None
        kind, attributes = type(error), dict(vars(error))
        notes = [str(note) for note in attributes.pop("__notes__", [])]
        fields = {name: value for name, value in _fields(error) if value is not None}
        if parts:
            fields["message"] = error.message  # type: ignore[attr-defined]
        return {
            "form": 2,
            "type": kind.__qualname__,
            "module": kind.__module__,
            "bases": [_name(base) for base in kind.__mro__[1:-2]],
            "message": _text(error),
            "args": [self._form(value) for value in error.args],
            "attributes": {name: self._form(value) for name, value in attributes.items()},
            "fields": {name: self._form(value) for name, value in fields.items()},
            "notes": list(map(_encodable, notes)),
            "parts": [number for number in map(self._number, parts) if number is not None],
            "cause": self._number(error.__cause__),
            "context": self._number(context),
            "suppresses_context": error.__suppress_context__,
            "traceback": _encodable("".join(traceback.format_list(frames)) + _last_line(error)),
        }

    def _form(self, value: Any, depth: int = 0) -> Any:
        """Return a value as JSON, in the forms of partita's codec."""
        kind = type(value)
        if value is None or kind in (bool, int) or (kind is float and value - value == 0):
            return value
        if depth > 40:
            return _tagged("left out", _text(value))
        if kind is str:
            return _text_form(value)
        if isinstance(value, type):
            return _tagged("class", [value.__module__, value.__qualname__])
        if kind is list:
            return [self._form(one, depth + 1) for one in value]
        if kind in (tuple, set, frozenset):
            return _tagged(kind.__name__, [self._form(one, depth + 1) for one in value])
        if kind is dict:
            pairs = [[self._form(k, depth + 1), self._form(v, depth + 1)] for k, v in value.items()]
            is_plain = _TAG not in value and all(type(key) is str for key in value)
            return dict(pairs) if is_plain else _tagged("dict", pairs)
        if isinstance(value, BaseException):
            return _tagged("exception", self._number(value))
        path = kind.__module__ + ":" + kind.__qualname__
        if hasattr(kind, "__dataclass_fields__"):
            names = kind.__dataclass_fields__
            return _tagged(path, {n: self._form(getattr(value, n), depth + 1) for n in names})
        if isinstance(value, enum.Enum):
            return _tagged(path, _member(value))
        return _leaf(value, kind)


_TAG = "$partita"


def _tagged(name: str, data: Any) -> Any:
    return {_TAG: name, "value": data}


def _member(value: enum.Enum) -> Any:
    """Return an enumeration's member by value if all are strings or all are ints, else by name."""
    kinds = {type(member.value) for member in type(value)}
    return value.value if isinstance(value, enum.Flag) or kinds in ({str}, {int}) else value.name


def _text_form(text: str) -> Any:
    try:
        text.encode()
    except UnicodeEncodeError:
        return _tagged("text", base64.b64encode(text.encode("utf-8", "surrogatepass")).decode())
    return text


def _leaf(value: Any, kind: type) -> Any:
    name = kind.__name__
    if name in ("float", "Decimal", "UUID", "Fraction"):
        return _tagged(name, str(value))
    if kind in (bytes, bytearray):
        return _tagged(name, base64.b64encode(value).decode())
    if kind.__module__ == "datetime" and name in ("date", "datetime", "time", "timedelta"):
        return _tagged(name, _time(value))
    if name in ("PosixPath", "WindowsPath", "PurePosixPath", "PureWindowsPath"):
        return _tagged(name if name.startswith("Pure") else "Path", str(value))
    if kind is complex:
        return _tagged(name, [value.real, value.imag])
    if kind is range:
        return _tagged(name, [value.start, value.stop, value.step])
    if name == "ZoneInfo":
        return _tagged(name, value.key)
    return _tagged("left out", _encodable(ascii(value))[:200])


def _time(value: Any) -> Any:
    """Return a date, a time or a span as ISO 8601; a list where that would lose the time zone."""
    if hasattr(value, "total_seconds"):
        whole = abs(value)
        seconds = "%d.%06d" % (whole.days * 86400 + whole.seconds, whole.microseconds)  # noqa: UP031
        return ("-" if value.days < 0 else "") + "PT" + seconds + "S"
    zone: Any = getattr(value, "tzinfo", None)
    if getattr(zone, "key", None):
        return [value.replace(tzinfo=None, fold=0).isoformat(), zone.key, value.fold]
    return value.isoformat()


def _fields(error: BaseException) -> Iterator[tuple[str, Any]]:
    """Return what an exception keeps outside its `__dict__`."""
    for place in type(error).__mro__:
        for name, found in vars(place).items():
            is_field = isinstance(found, MemberDescriptorType) and not name.startswith("__")
            if is_field and name not in ("exceptions", "message"):
                try:
                    yield name, found.__get__(error)
                except AttributeError:
                    continue


def _name(kind: type) -> str:
    is_builtin = kind.__module__ == "builtins"
    return kind.__qualname__ if is_builtin else kind.__module__ + "." + kind.__qualname__


def _last_line(error: BaseException) -> str:
    text = _text(error)
    name = type(error).__qualname__
    return "%s: %s\n" % (name, text) if text else name + "\n"  # noqa: UP031


def _text(value: object) -> str:
    try:
        return _encodable(str(value))
    except Exception as fault:
        return f"(its message cannot be had: {type(fault).__name__})"


def _encodable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


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
        return base64.b64encode(value).decode()
    for method in ("isoformat", "__fspath__", "tolist"):  # times; paths; what numpy has
        if hasattr(value, method):
            return getattr(value, method)()
    if type(value).__name__ in ("Decimal", "UUID"):
        return str(value)
    raise TypeError(f"{type(value).__qualname__} has no JSON form")


if __name__ == "__main__":
    main()
