"""What compositions mean: a short evaluator written from Composer's documentation alone.

`scope` holds the variables that can be seen, the innermost last, so `mask` takes the last away.
Errors are exceptions, so that handlers are `except`.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

from partita.openwhisk.composition import Composition

Params = dict[str, Any]
Scope = list[Params]
Call = Callable[[str, Params], Any]


class Failed(Exception):
    """A composition has ended with an error object."""

    def __init__(self, error: Any) -> None:
        self.error = error


def output(result: Any) -> Params:
    """Return a result as an object; raise if it is an error."""
    params = result if isinstance(result, dict) else {"value": result}
    if "error" in params:
        raise Failed(params["error"])
    return params


def bare(params: Params) -> Params:
    """Return an error object without its other fields."""
    return {"error": params["error"]} if "error" in params else params


class Reference:
    """Evaluates compositions whose functions are known as Python callables, by their code."""

    def __init__(self, call: Call, functions: Mapping[str, Callable[..., Any]]) -> None:
        self._call = call
        self._functions = functions

    def run(self, node: Composition, params: Params) -> Params:
        """Return the output, or an error object."""
        return self._caught(node, params, [])

    def _caught(self, node: Composition, params: Params, scope: Scope) -> Params:
        try:
            return self._run(node, params, scope)
        except Failed as failed:
            return {"error": failed.error}

    def _run(self, node: Composition, params: Params, scope: Scope) -> Params:
        method: Callable[..., Params] = getattr(self, f"_{node.type}")
        return method(node, copy.deepcopy(params), scope)

    def _all(self, node: Composition, params: Params, scope: Scope) -> Params:
        if not node.components:
            return output(params)
        for one in node.components:
            params = self._run(one, params, scope)
        return params

    _sequence = _seq = _all

    def _empty(self, node: Composition, params: Params, scope: Scope) -> Params:
        return output(params)

    def _action(self, node: Composition, params: Params, scope: Scope) -> Params:
        return output(self._call(node.name, params))

    def _literal(self, node: Composition, params: Params, scope: Scope) -> Params:
        return output(copy.deepcopy(node.value))

    _value = _literal

    def _function(self, node: Composition, params: Params, scope: Scope) -> Params:
        env: Params = {}
        for frame in scope:
            env |= copy.deepcopy(frame)
        names = list(env)
        result = self._functions[node.function["exec"]["code"]](env, params)
        for name in names:
            next(frame for frame in reversed(scope) if name in frame)[name] = env[name]
        return output(params if result is None else result)

    def _let(self, node: Composition, params: Params, scope: Scope) -> Params:
        return self._all(node, params, [*scope, copy.deepcopy(node.declarations)])

    def _mask(self, node: Composition, params: Params, scope: Scope) -> Params:
        return self._all(node, params, scope[:-1])

    def _when(self, node: Composition, params: Params, scope: Scope) -> Params:
        params = bare(params)
        is_true = self._run(node.test, params, scope).get("value")
        return self._run(node.consequent if is_true else node.alternate, params, scope)

    def _when_nosave(self, node: Composition, params: Params, scope: Scope) -> Params:
        tested = self._run(node.test, params, scope)
        branch = node.consequent if tested.get("value") else node.alternate
        return self._run(branch, tested, scope)

    def _loop(self, node: Composition, params: Params, scope: Scope) -> Params:
        params = bare(params)
        while self._run(node.test, params, scope).get("value"):
            params = self._run(node.body, params, scope)
        return output(params)

    def _loop_nosave(self, node: Composition, params: Params, scope: Scope) -> Params:
        while (params := self._run(node.test, params, scope)).get("value"):
            params = self._run(node.body, params, scope)
        return params

    def _doloop(self, node: Composition, params: Params, scope: Scope) -> Params:
        params = self._run(node.body, bare(params), scope)
        while self._run(node.test, params, scope).get("value"):
            params = self._run(node.body, params, scope)
        return params

    def _doloop_nosave(self, node: Composition, params: Params, scope: Scope) -> Params:
        params = self._run(node.test, self._run(node.body, params, scope), scope)
        while params.get("value"):
            params = self._run(node.test, self._run(node.body, params, scope), scope)
        return params

    def _repeat(self, node: Composition, params: Params, scope: Scope) -> Params:
        params = bare(params)
        for _ in range(node.count):
            params = self._all(node, params, scope)
        return output(params)

    def _do(self, node: Composition, params: Params, scope: Scope) -> Params:
        try:
            return self._run(node.body, params, scope)
        except Failed as failed:
            return self._run(node.handler, {"error": failed.error}, scope)

    def _ensure(self, node: Composition, params: Params, scope: Scope) -> Params:
        return self._run(node.finalizer, self._caught(node.body, params, scope), scope)

    def _retry(self, node: Composition, params: Params, scope: Scope) -> Params:
        for _ in range(node.count):
            try:
                return self._all(node, copy.deepcopy(bare(params)), scope)
            except Failed:
                pass
        return self._all(node, bare(params), scope)

    def _retain(self, node: Composition, params: Params, scope: Scope) -> Params:
        return {"params": params, "result": self._all(node, copy.deepcopy(bare(params)), scope)}

    def _retain_catch(self, node: Composition, params: Params, scope: Scope) -> Params:
        try:
            return self._retain(node, params, scope)
        except Failed as failed:
            return {"params": params, "result": {"error": failed.error}}

    def _merge(self, node: Composition, params: Params, scope: Scope) -> Params:
        kept = self._retain(node, params, scope)
        return output({**kept["params"], **kept["result"]})

    def _parallel(self, node: Composition, params: Params, scope: Scope) -> Params:
        return {
            "value": [
                self._caught(one, copy.deepcopy(params), copy.deepcopy(scope))
                for one in node.components
            ]
        }

    _par = _parallel

    def _map(self, node: Composition, params: Params, scope: Scope) -> Params:
        items = params.get("value") or []
        if not isinstance(items, list):
            raise Failed("not a list")
        given = [one if isinstance(one, dict) else {"value": one} for one in items]
        body = Composition("sequence", node.components)
        return {"value": [self._caught(body, one, copy.deepcopy(scope)) for one in given]}
