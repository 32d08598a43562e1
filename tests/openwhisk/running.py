"""Run compositions in tests, on the interpreter."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from partita.errors import CompositionFailedError, WorkflowFailedError
from partita.openwhisk.compositions import composition_workflow
from partita.openwhisk.local_actions import invoke_on
from partita.testing import Environment

Params = dict[str, Any]


def divide_by_two(params: Params) -> Params:
    return {"n": params["n"] / 2}


def triple_and_increment(params: Params) -> Params:
    return {"n": params["n"] * 3 + 1}


def is_not_one(params: Params) -> Params:
    return {"value": params["n"] != 1}


def is_even(params: Params) -> Params:
    return {"value": params["n"] % 2 == 0}


def echo(params: Params) -> Params:
    return params


def fail(params: Params) -> Params:
    return {"error": "failed", "n": params.get("n")}


ACTIONS: dict[str, Callable[[Params], Params]] = {
    "/_/DivideByTwo": divide_by_two,
    "/_/TripleAndIncrement": triple_and_increment,
    "/_/isNotOne": is_not_one,
    "/_/isEven": is_even,
    "/_/echo": echo,
    "/_/fail": fail,
    "/whisk.system/utils/echo": echo,
}
"""The actions of Apache's tests, by their qualified names."""


def call_action(name: str, params: Params) -> Params:
    """Return the result of one of the actions, or an error, as a conductor gets it."""
    if name not in ACTIONS:
        return {"error": f"no action {name}"}
    return ACTIONS[name](params)


@contextmanager
def actions(call: Callable[[str, Params], Params]) -> Iterator[None]:
    """Let actions be on a host that the compositions of this process use."""
    invoke_on(call)
    try:
        yield
    finally:
        invoke_on(None)


def run(
    composition: Any,
    params: Params | None = None,
    call: Callable[[str, Params], Params] = call_action,
) -> Any:
    """Return a composition's output; an error is an object with that field."""
    made = composition_workflow(composition, "test")
    with actions(call), Environment(workflows=[made], activities=[]) as env:
        try:
            return env.run(made, {} if params is None else params)
        except WorkflowFailedError as error:
            cause = error.__cause__
            assert isinstance(cause, CompositionFailedError), cause
            return {"error": cause.error}
