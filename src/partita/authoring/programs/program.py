"""Run a program, or a function in another Python, as an activity.

Both decorators go below `@activity`, but also work without it:

    @activity(retry=3)
    @program("sort")
    def sort(*files: str, unique: bool = False, key: int | None = None) -> str: ...

`sort("a", "b", unique=True)` runs `sort --unique a b` and returns its output. How the program
runs, and ends if the activity is cancelled or late, is in `process`.
"""

from __future__ import annotations

import functools
import inspect
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, ParamSpec, TypeVar, get_type_hints

import msgspec

from partita.authoring.options import Seconds, seconds
from partita.authoring.programs.interpreter import MARK, Interpreter
from partita.authoring.programs.process import run, shortened, tail
from partita.codec import Converter, decoder
from partita.errors import (
    InvalidInputError,
    InvalidOptionError,
    PartitaError,
    ProgramFailedError,
)

P = ParamSpec("P")
R = TypeVar("R")

_OF_THIS_PYTHON = ("PYTHONPATH", "PYTHONHOME")
_INSIDE = "PARTITA_PYTHON"  # the environment variable that names the function that runs there

Words = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]
"""A program, or a program and its first arguments."""


def program(
    path: Words | None = None,
    *,
    timeout: Seconds | None = None,
    env: Mapping[str, str] | None = None,
    cwd: str | os.PathLike[str] | None = None,
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Make a function run a program; its signature says how, its body (`...`) is never run.

    Positional arguments are passed in their order, after the options and, if one of them
    begins with `-`, after `--`. Keyword-only ones are options: `-x VALUE` if the name is one
    letter, else `--some-name VALUE` (a last `_`, as in `from_`, is dropped). True is the
    option alone, False and None leave it out. A list or tuple gives several positional
    arguments, or the option several times. No shell ever sees them, and stdin is empty.

    The result is what the return annotation says: nothing for None, stdout without its last
    newline for str, stdout for bytes; for all else, stdout is JSON of that type.

    Args:
        path: the program, or a list of it and its first arguments; by default the
            function's name with `-` for `_`. Without a `/` it is looked up on the PATH.
        timeout: seconds that it may take.
        env: variables to set beside those that there are.
        cwd: the folder to run it in.

    Raises:
        InvalidOptionError: an option, or the function, is not one that can be meant.

    The function that is made raises ProgramFailedError for another exit status than 0 or if
    there is no such program, ProgramTimedOutError, and InvalidInputError for an argument
    that has no form on a command line, or output that does not fit the annotation.
    """
    limit = seconds("timeout", timeout)

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        _check("program", function)
        name = function.__name__.strip("_").replace("_", "-")
        fixed = _words("program", name if path is None else path)
        signature = inspect.signature(function)

        @functools.wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> R:
            hint = _returned(function)
            command = [*fixed, *_arguments(signature.bind(*args, **kwargs))]
            status, out, err = run(command, env=_environment(env), cwd=cwd, timeout=limit)
            if status:
                raise ProgramFailedError(shortened(command), status, tail(err))
            result: R = _read(out, hint, f"what {command[0]} printed")
            return result

        return call

    return decorate


def python(
    interpreter: Words,
    *,
    timeout: Seconds | None = None,
    env: Mapping[str, str] | None = None,
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Run a function of a module in another Python, 3.8 or newer, which may lack Partita.

    It imports the function's file, with the folder that this one is imported from on its
    `sys.path`; PYTHONPATH and PYTHONHOME, which are of this Python, are not passed on. If
    `partita` cannot be imported there, the file finds one whose decorators change nothing.

    Arguments arrive there as plain JSON values: a dataclass is a dict, a datetime a text. The
    result is read here by the return annotation. An exception is raised here with its own
    type, if it is a builtin or of the function's module, else as ActivityFailedError; where
    it was raised there is a note. What is printed there goes to stderr here at the end.

    Args:
        interpreter: its path or name, or a list of that and its options.
        timeout: seconds that it may take.
        env: variables to set beside those that there are.

    Raises:
        InvalidOptionError: an option, or the function, is not one that can be meant.

    The function that is made also raises ProgramFailedError if the interpreter cannot be
    started or ends without an outcome, ProgramTimedOutError, SerializationError for an
    argument or a result without a JSON form, and InvalidInputError for one that does not fit.
    """
    limit = seconds("timeout", timeout)

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        _check("python", function)
        there = Interpreter(function, _words("python", interpreter))
        signature = inspect.signature(function)

        @functools.wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> R:
            hint = _returned(function)
            signature.bind(*args, **kwargs)
            request = there.request(args, kwargs)
            if os.environ.get(_INSIDE) == there.name:  # it was not unwrapped: never again
                raise PartitaError(f"{there.name} was called by the Python that was to run it")
            surroundings = _environment(env, without=_OF_THIS_PYTHON)
            surroundings[_INSIDE] = there.name
            ended = run(there.command, data=request, env=surroundings, timeout=limit)
            result: R = there.result(hint, *ended)
            return result

        setattr(call, MARK, True)
        return call

    return decorate


# -- arguments of the decorators -------------------------------------------------------------


def _check(decorator: str, function: Any) -> None:
    kinds = (inspect.iscoroutinefunction, inspect.isgeneratorfunction, inspect.isasyncgenfunction)
    if not inspect.isfunction(function) or any(kind(function) for kind in kinds):
        raise InvalidOptionError(
            f"@{decorator}(...) is for functions made by def, below @activity; "
            f"{function!r} is not one"
        )


def _words(decorator: str, given: Words) -> list[str]:
    words = [given] if isinstance(given, (str, os.PathLike)) else given
    try:
        found = [os.fspath(word) for word in words]
    except TypeError:
        found = []
    if not (found and found[0]):
        raise InvalidOptionError(
            f"@{decorator}({given!r}): give the name or path of a program, or a list of it "
            "and its first arguments"
        )
    return found


def _returned(function: Callable[..., Any]) -> Any:
    """Return the annotation of the result; Any if there is none."""
    try:
        return get_type_hints(function, include_extras=True).get("return", Any)
    except (NameError, TypeError, AttributeError) as error:
        raise InvalidOptionError(
            f"the annotations of {function.__qualname__} cannot be read: {error}; "
            "import what they name at the top of its module"
        ) from error


def _environment(env: Mapping[str, str] | None, without: Sequence[str] = ()) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in without}
    return {**kept, **(env or {})}


# -- a call as a command line ------------------------------------------------------------------


def _arguments(bound: inspect.BoundArguments) -> list[str]:
    bound.apply_defaults()
    options = [word for name, value in bound.kwargs.items() for word in _option(name, value)]
    positional = [_word(one) for value in bound.args for one in _several(value) if one is not None]
    if any(word.startswith("-") for word in positional):
        positional.insert(0, "--")
    return options + positional


def _option(name: str, value: Any) -> Iterator[str]:
    name = name.removesuffix("_")
    option = f"-{name}" if len(name) == 1 else f"--{name.replace('_', '-')}"
    for one in _several(value):
        if one is None or one is False:
            continue
        yield option
        if one is not True:
            yield _word(one)


def _several(value: Any) -> Sequence[Any]:
    return value if isinstance(value, (list, tuple)) else (value,)


def _word(value: Any) -> str:
    if isinstance(value, (bytes, os.PathLike)):
        return os.fsdecode(value)
    try:
        plain = msgspec.to_builtins(value)
    except TypeError:
        plain = None
    if isinstance(plain, bool):
        return str(plain).lower()
    if isinstance(plain, (str, int, float)):
        return str(plain)
    raise InvalidInputError(
        f"a value of type {type(value).__qualname__} has no form on a command line; "
        "give text, a number or a path"
    )


def _read(out: bytes, hint: Any, what: str) -> Any:
    if hint is type(None):
        return None
    if hint is bytes:
        return out
    try:
        text = out.decode()
    except UnicodeDecodeError as error:
        raise InvalidInputError(f"{what} is not UTF-8 ({error}); let it return bytes") from error
    return text.removesuffix("\n") if hint is str else Converter().load(text, decoder(hint), what)
