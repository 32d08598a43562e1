"""Call a function in another Python interpreter: write the request and read the outcome.

The other side is `remote_script`, passed with `-c`. Both use JSON: arguments on stdin, so that no
process list shows them, and the outcome on a copy of stdout.
"""

from __future__ import annotations

import functools
import inspect
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from partita.authoring.failure import Failure, rebuild
from partita.authoring.programs.process import shortened, tail
from partita.codec import Converter, decoder
from partita.errors import ActivityFailedError, InvalidOptionError, ProgramFailedError

MARK = "partita_elsewhere"
"""The attribute that marks a function made by `python`."""

_unlimited = Converter(limit=sys.maxsize)


class _Outcome(msgspec.Struct):
    """The output of the script."""

    result: msgspec.Raw = msgspec.Raw(b"null")
    error: Failure | None = None


_outcome = msgspec.json.Decoder(_Outcome).decode


@functools.cache
def _script() -> str:
    return Path(__file__).with_name("remote_script.py").read_text("utf-8")


class Interpreter:
    """Another interpreter, for the calls of one function."""

    def __init__(self, function: Callable[..., Any], interpreter: list[str]) -> None:
        self.command = [*interpreter, "-c", _script()]
        self._function = inspect.unwrap(function)
        self._name = self.name = function.__qualname__
        self._shown = [*interpreter, "-c", "...", self._name]
        self._place = _place(self._function, self._name)

    def request(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> bytes:
        """Return the request to write to the script.

        Raises:
            SerializationError: an argument has no JSON form.
        """
        request = {**self._place, "mark": MARK, "args": args, "kwargs": kwargs}
        return _unlimited.dump(request, f"a call of {self._name}").encode()

    def result(self, hint: Any, status: int, out: bytes, err: bytes) -> Any:
        """Return the result, decoded as `hint`; write the output of the function to stderr.

        Raises:
            ProgramFailedError: the interpreter ended without an outcome.
            InvalidInputError: the result does not fit.
            Exception: the function's own.
        """
        try:
            outcome = _outcome(out.rstrip().rpartition(b"\n")[2])
        except msgspec.MsgspecError:
            reason = tail(err) or "there is no outcome"
            raise ProgramFailedError(shortened(self._shown), status, reason) from None
        if err and sys.stderr is not None:
            sys.stderr.write(err.decode("utf-8", "replace"))
        if outcome.error is not None:
            raise self._rebuilt(outcome.error)
        what = f"the result of {self._name}"
        return _unlimited.load(bytes(outcome.result).decode(), decoder(hint), what)

    def _rebuilt(self, failure: Failure) -> Exception:
        there, here = self._place["module"], self._function.__module__
        if there != here:  # a `__main__` has another name there
            failure = _renamed(failure, there, here)
        return rebuild(failure, (self._function,), ActivityFailedError)


def _renamed(failure: Failure, there: str, here: str) -> Failure:
    """Return a failure whose classes of one module are of another."""
    module = here if failure.module == there else failure.module
    others = tuple(_renamed(other, there, here) for other in failure.others)
    return msgspec.structs.replace(failure, module=module, others=others)


def _place(function: Callable[..., Any], name: str) -> dict[str, str]:
    """Return how the script finds the function.

    A `__main__` is imported under another name, so that what stands below its
    `if __name__ == "__main__"` is not run.
    """
    file = Path(os.path.abspath(function.__code__.co_filename))
    if "<" in name or not file.is_file():
        raise InvalidOptionError(
            f"another Python cannot import {name}; define it in a file, at the top or in a class"
        )
    spec = function.__globals__.get("__spec__")
    module = spec.name if spec else "partita_main"
    up = module.count(".") + (file.stem == "__init__")
    return {
        "file": str(file),
        "module": module,
        "folder": str(file.parents[up]),
        "qualname": name,
    }
