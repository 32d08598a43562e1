"""The combinators: functions that compose actions, functions and other compositions.

They take tasks: compositions, or names of actions, functions, or None for nothing. A function
takes the parameters, or `(env, params)`, where `env` has the variables of `let`. Names of
JavaScript's Composer are aliases: `if_`, `while_`, `dowhile`, `try_`, `finally_`, `par`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from partita.errors import ComposerError
from partita.openwhisk.action_names import qualified_name
from partita.openwhisk.composition import Composition
from partita.openwhisk.function_source import (
    ACTION_KIND,
    action_exec,
    check_exec,
    check_function,
    function_exec,
)
from partita.openwhisk.portable_json import VERSION, parsed

__version__ = VERSION

Task = Composition | str | Callable[..., Any] | None
"""What stands for a composition."""

_KINDS = {".py": ACTION_KIND, ".js": "nodejs:default", ".go": "go:default", ".php": "php:default"}
_KINDS |= {".rb": "ruby:default", ".swift": "swift:default"}


def task(task: Task) -> Composition:
    """Return the composition that a name, a function, or None stands for."""
    return Composition.of(task)


def empty() -> Composition:
    """Return the parameters as they are, unless they are an error."""
    return Composition("empty", ())


def sequence(*components: Task) -> Composition:
    """Run compositions in turn, each on the output of the one before."""
    return Composition("sequence", components)


def seq(*components: Task) -> Composition:
    """Run compositions in turn; the same as `sequence`."""
    return Composition("seq", components)


def action(name: str, options: Mapping[str, Any] | None = None) -> Composition:
    """Invoke an action.

    `options` may define it: `action` (a function, source, or `{"kind": ..., "code": ...}`),
    `filename`, or `sequence` (names of actions); and `limits` of the definition.

    Raises:
        ComposerError: the name is none, or the options define no action.
    """
    given = {} if options is None else options
    if not isinstance(given, Mapping):
        raise ComposerError('Invalid argument "options" in "action" combinator', options)
    exec = _exec(given)
    if exec is None:
        return Composition("action", (name,))
    check_exec(exec)
    definition: dict[str, Any] = {"exec": exec}
    if isinstance(given.get("limits"), Mapping):
        definition["limits"] = dict(given["limits"])
    return Composition("action", (name, definition))


def composition(name: str, composition: Task = None) -> Composition:
    """Run a composition that has a name of its own.

    It is run as part of the composition around it. Deployed by itself it gets its name, by which
    other compositions invoke it.

    Raises:
        ComposerError: the name is none.
    """
    return Composition("composition", (name, composition))


def function(fun: Callable[..., Any] | str | Mapping[str, Any]) -> Composition:
    """Call a function, given itself, its source, or `{"kind": ..., "code": ...}`.

    Raises:
        ComposerError: it has no source, or captures what cannot travel with it.
    """
    if isinstance(fun, Mapping):
        check_function(dict(fun))
        return Composition("function", ({"exec": dict(fun)},))
    if not callable(fun) and not isinstance(fun, str):
        raise ComposerError('Invalid argument "function" in "function" combinator', fun)
    return Composition("function", ({"exec": function_exec(fun)},))


def literal(value: Any) -> Composition:
    """Return a JSON value: an object, or `{"value": ...}` around another one."""
    return Composition("literal", (value,))


def value(value: Any) -> Composition:
    """Return a JSON value; the same as `literal`."""
    return Composition("value", (value,))


def let(declarations: Mapping[str, Any], *components: Task) -> Composition:
    """Declare variables with values, and run compositions in their scope, which is dynamic."""
    return Composition("let", (declarations, *components))


def mask(*components: Task) -> Composition:
    """Hide the innermost `let` from compositions."""
    return Composition("mask", components)


def when(test: Task, consequent: Task, alternate: Task = None) -> Composition:
    """Run one of two compositions on the parameters, by the `value` that a test returns."""
    return Composition("when", (test, consequent, alternate))


def when_nosave(test: Task, consequent: Task, alternate: Task = None) -> Composition:
    """Run one of two compositions on the output of the test."""
    return Composition("when_nosave", (test, consequent, alternate))


def loop(test: Task, body: Task) -> Composition:
    """Run a composition again and again while a test before each turn is true."""
    return Composition("loop", (test, body))


def loop_nosave(test: Task, body: Task) -> Composition:
    """Loop, where the body gets the output of the test."""
    return Composition("loop_nosave", (test, body))


def doloop(body: Task, test: Task) -> Composition:
    """Run a composition again and again while a test after each turn is true."""
    return Composition("doloop", (body, test))


def doloop_nosave(body: Task, test: Task) -> Composition:
    """Loop at least once, where the next turn gets the output of the test."""
    return Composition("doloop_nosave", (body, test))


def repeat(count: float, *components: Task) -> Composition:
    """Run compositions a number of times."""
    return Composition("repeat", (count, *components))


def do(body: Task, handler: Task) -> Composition:
    """Run a composition; if that fails, run the handler on the error object."""
    return Composition("do", (body, handler))


def ensure(body: Task, finalizer: Task) -> Composition:
    """Run a composition, then the finalizer on its output, whether or not that is an error."""
    return Composition("ensure", (body, finalizer))


def retry(count: float, *components: Task) -> Composition:
    """Run compositions, and up to `count` times again while they fail."""
    return Composition("retry", (count, *components))


def retain(*components: Task) -> Composition:
    """Run compositions; return `{"params": input, "result": output}`."""
    return Composition("retain", components)


def retain_catch(*components: Task) -> Composition:
    """Run compositions; return their input and output, even if that is an error."""
    return Composition("retain_catch", components)


def merge(*components: Task) -> Composition:
    """Run compositions; return their input, updated with their output."""
    return Composition("merge", components)


def parallel(*components: Task) -> Composition:
    """Run compositions at the same time on the parameters; return `{"value": [outputs]}`."""
    return Composition("parallel", components)


def map(*components: Task) -> Composition:
    """Run compositions at the same time for each item of `value`; return the outputs."""
    return Composition("map", components)


def asynchronous(*components: Task) -> Composition:
    """Begin compositions, and go on without waiting for them."""
    return Composition("asynchronous", components)


def dynamic() -> Composition:
    """Invoke the action that the parameters name: `{"type": "action", "name", "params"}`."""
    return Composition("dynamic", ())


def parse(composition: Any) -> Composition:
    """Return the composition of a dictionary, in the JSON of either Composer.

    Raises:
        ComposerError: it is none.
    """
    if isinstance(composition, Composition):
        return composition
    return parsed(composition, Composition)


def lower(composition: Task, combinators: Sequence[str] = ()) -> Composition:
    """Return a composition in primitive combinators, and in those that are named."""
    return Composition.of(composition).lower(combinators)


def parse_action_name(name: Any) -> str:
    """Return an action's name with its namespace: `a/b` gives `/_/a/b`."""
    return qualified_name(name)


def serialize(composition: Composition) -> dict[str, Any]:
    """Return the dictionary that stands for a composition, as `json.dumps` wants of `default`."""
    ast: dict[str, Any] = composition.compile()["ast"]
    return ast


if_, if_nosave, while_, while_nosave = when, when_nosave, loop, loop_nosave
dowhile, dowhile_nosave, try_, finally_ = doloop, doloop_nosave, do, ensure
par = parallel


def _exec(options: Mapping[str, Any]) -> dict[str, Any] | None:
    if isinstance(options.get("sequence"), list | tuple):
        names = [qualified_name(name) for name in options["sequence"]]
        return {"kind": "sequence", "components": names}
    if isinstance(options.get("filename"), str):
        return _of_file(Path(options["filename"]))
    given = options.get("action")
    if isinstance(given, Mapping):
        return dict(given)
    if given is None:
        return None
    if not callable(given) and not isinstance(given, str):
        raise ComposerError('Invalid argument "options" in "action" combinator', given)
    return action_exec(given)


def _of_file(path: Path) -> dict[str, Any]:
    try:
        code = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ComposerError(
            f'Invalid argument "options" in "action" combinator: {error}', str(path)
        ) from error
    if path.suffix not in _KINDS:
        raise ComposerError(
            f'Invalid argument "options" in "action" combinator: the kind of {path.name} is '
            'unknown; give {"action": {"kind": ..., "code": ...}}'
        )
    return {"kind": _KINDS[path.suffix], "code": code}
