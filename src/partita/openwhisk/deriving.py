"""Lower the derived combinators to the primitive ones.

The functions in them exist in both languages, so that each Composer's conductor can run what is
written for it. `OWN_FUNCTIONS` are the Python ones, by their code.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

from partita.errors import ComposerError
from partita.openwhisk.combinators import COMBINATORS, Dialect, type_of
from partita.openwhisk.function_source import FUNCTION_KIND
from partita.openwhisk.recursion import Step, run_deep
from partita.openwhisk.tree import Tree

C = TypeVar("C", bound=Tree)

_SOURCES = {  # name: (Python's body, JavaScript's function)
    "get_value": (
        "value = env['value']\nreturn value if isinstance(value, dict) else {'value': value}",
        "() => value",
    ),
    "set_params": ("env['params'] = args", "args => { params = args }"),
    "get_params": ("return env['params']", "() => params"),
    "retain_result": (
        "return {'params': env['params'], 'result': args}",
        "result => ({ params, result })",
    ),
    "set_nested_result": ("return {'result': args}", "result => ({ result })"),
    "retain_nested_result": (
        "return {'params': args['params'], 'result': args['result']['result']}",
        "({ params, result }) => ({ params, result: result.result })",
    ),
    "dec_count": (
        "count = env['count']\nenv['count'] -= 1\nreturn count > 0",
        "() => count-- > 0",
    ),
    "set_nested_params": ("return {'params': args}", "params => ({ params })"),
    "get_nested_params": ("return args['params']", "({ params }) => params"),
    "get_nested_result": ("return args['result']", "({ result }) => result"),
    "retry_cond": (
        "if 'error' not in args['result']:\n    return False\ncount = env['count']\n"
        "env['count'] -= 1\nreturn count > 0",
        "({ result }) => result.error !== undefined && count-- > 0",
    ),
    "merge_result": (
        "merged = dict(args['params'])\nmerged.update(args['result'])\nreturn merged",
        "({ params, result }) => Object.assign(params, result)",
    ),
}


def _exec(name: str, dialect: Dialect) -> dict[str, Any]:
    body, javascript = _SOURCES[name]
    if dialect == "js":
        return {"kind": "nodejs:default", "code": javascript}
    code = f"def {name}(env, args):\n{textwrap.indent(body, '    ')}\n"
    return {"kind": FUNCTION_KIND, "code": code, "functionName": name}


OWN_FUNCTIONS = {_exec(name, "python")["code"]: name for name in _SOURCES}
"""The names of the functions of derived combinators, by their Python code."""


def lowered(composition: C, combinators: Sequence[str] = (), dialect: Dialect = "python") -> C:
    """Return a composition in primitive combinators, and in those that are named.

    Raises:
        ComposerError: `combinators` is no list of names.
    """
    if isinstance(combinators, str) or not isinstance(combinators, Sequence):
        raise ComposerError('Invalid argument "combinators" in "lower"', combinators)
    kept = {type_of(name) for name in combinators}
    return run_deep(_lowered(composition, kept, _Lowering(type(composition), dialect)))


def _lowered(composition: C, kept: set[str | None], to: _Lowering[C]) -> Step[C]:
    while COMBINATORS[composition.type].is_derived and composition.type not in kept:
        path = composition.path
        composition = to.meaning(composition)
        composition.path = path if path is not None else composition.path
    children = []
    for child, _ in composition.children():
        children.append((yield _lowered(child, kept, to)))
    return composition.rebuilt(children)


class _Lowering(Generic[C]):
    """The meaning of each derived combinator, with functions in one language."""

    def __init__(self, made: type[C], dialect: Dialect) -> None:
        self._made = made
        self._dialect = dialect

    def _of(self, type: str, *arguments: Any) -> C:
        return self._made(type, arguments)

    def meaning(self, composition: C) -> C:
        """Return what a derived combinator stands for, one step further down."""
        derive: Callable[..., C] = getattr(self, f"_{composition.type}")
        return derive(*composition.arguments)

    def _call(self, name: str) -> C:
        return self._of("function", {"exec": _exec(name, self._dialect)})

    def _saving(self, *components: C) -> C:
        """Run components with the parameters kept in a variable, even if these are an error."""
        body = self._of("ensure", self._call("set_params"), self._in_turn(components))
        return self._of("let", {"params": None}, body)

    def _restoring(self, *components: C) -> C:
        """Run components on the kept parameters."""
        return self._of("ensure", self._call("get_params"), self._in_turn(components))

    def _in_turn(self, components: Sequence[C]) -> C:
        return components[0] if len(components) == 1 else self._of("seq", *components)

    def _body(self, body: C) -> C:
        return self._restoring(self._of("mask", body), self._call("set_params"))

    def _empty(self) -> C:
        return self._of("sequence")

    def _composition(self, name: str, composition: C) -> C:  # noqa: ARG002
        return self._of("sequence", composition)

    def _seq(self, *components: C) -> C:
        return self._of("sequence", *components)

    def _par(self, *components: C) -> C:
        return self._of("parallel", *components)

    def _literal(self, value: Any) -> C:
        return self._of("let", {"value": value}, self._call("get_value"))

    _value = _literal

    def _retain(self, *components: C) -> C:
        return self._saving(self._of("mask", *components), self._call("retain_result"))

    def _retain_catch(self, *components: C) -> C:
        body = self._of("ensure", self._of("seq", *components), self._call("set_nested_result"))
        return self._of("seq", self._of("retain", body), self._call("retain_nested_result"))

    def _merge(self, *components: C) -> C:
        return self._of("seq", self._of("retain", *components), self._call("merge_result"))

    def _when(self, test: C, consequent: C, alternate: C) -> C:
        branches = [self._restoring(self._of("mask", one)) for one in (consequent, alternate)]
        return self._saving(self._of("when_nosave", self._of("mask", test), *branches))

    def _loop(self, test: C, body: C) -> C:
        loop = self._of("loop_nosave", self._of("mask", test), self._body(body))
        return self._saving(loop, self._call("get_params"))

    def _doloop(self, body: C, test: C) -> C:
        loop = self._of("doloop_nosave", self._body(body), self._of("mask", test))
        return self._saving(loop, self._call("get_params"))

    def _repeat(self, count: float, *components: C) -> C:
        loop = self._of("loop", self._call("dec_count"), self._of("mask", *components))
        return self._of("let", {"count": count}, loop)

    def _retry(self, count: float, *components: C) -> C:
        attempt = self._of(
            "ensure",
            self._call("get_nested_params"),
            self._of("mask", self._of("retain_catch", *components)),
        )
        return self._of(
            "let",
            {"count": count},
            self._call("set_nested_params"),
            self._of("doloop", attempt, self._call("retry_cond")),
            self._call("get_nested_result"),
        )
