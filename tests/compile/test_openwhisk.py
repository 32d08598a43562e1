"""Run each program as a composition: on the interpreter, and as a conductor action.

Actions are run by their code, as they are deployed, in modules of their own.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from partita.codec import Converter
from partita.compile import CompileError
from partita.errors import CompositionFailedError, WorkflowFailedError
from partita.openwhisk.composition import Composition
from partita.openwhisk.compositions import composition_workflow
from partita.openwhisk.emitter import composition_of
from partita.openwhisk.emitter.actions import SLEEP
from partita.testing import Environment
from tests.compile import prelude
from tests.compile.corpus import Case, Outcome, cases, load, outcome
from tests.compile.generator import Generator
from tests.openwhisk.conducting import Conductor
from tests.openwhisk.running import actions
from tests.rotation import sample
from tests.soak import scaled

MACHINES_ONLY = ("children", "shapes", "waits_until", "open_results", "scopes")
"""Files of programs with what only state machines have, such as other executions and clocks.

Compositions mark only tuples and sets in results whose hints do not tell their types, and take
names of comprehensions for the function's.
"""
CHOSEN = sample([case for case in cases() if case.file not in MACHINES_ONLY], 6)
WITHOUT = frozenset(["branches", "tasks"])
"""Rows of random programs that compositions have not."""
TESTED = "/_/tested/"
Params = dict[str, Any]


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("programs")
    return {case.name: load(case.name, case.source, folder) for case in CHOSEN}


class Actions:
    """The actions that a composition defines, each in a module of its own."""

    def __init__(self, composition: Composition) -> None:
        self.mains: dict[str, Callable[[Params], Params]] = {}
        waiting = [composition]
        while waiting:
            one = waiting.pop()
            if one.type == "action" and one.action is not None:
                self.mains[one.name] = self._loaded(one.action["exec"]["code"])
            waiting += [child for child, _ in one.children()]

    def _loaded(self, code: str) -> Callable[[Params], Params]:
        names: dict[str, Any] = {"__name__": "action", "__builtins__": __builtins__}
        exec(compile(code, "<action>", "exec", dont_inherit=True), names)
        if "calls" in names:
            names["calls"] = prelude.calls
        main: Callable[[Params], Params] = names["main"]
        return main

    def __call__(self, name: str, params: Params) -> Params:
        if name == f"/_/{SLEEP}":
            return {}
        main = self.mains[name.replace(TESTED, "/_/")]
        answer: Params = json.loads(json.dumps(main(params)))
        return answer


def params_of(workflow: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Params:
    """Return the parameter object of a call."""
    names = list(inspect.signature(workflow.function).parameters)
    given = {**dict(zip(names, args, strict=False)), **kwargs}
    form = workflow.signature.arguments
    text = Converter().dump({"args": [], "kwargs": given}, "test", form=form)
    found: Params = json.loads(text)["kwargs"]
    return found


def compared(case: Case, workflow: Any, run: Callable[[Params], Params], given: str) -> Outcome:
    """Return what a run of the composition came to."""
    args, kwargs = workflow.signature.load(Converter(), given)
    prelude.calls.clear()
    result = run(params_of(workflow, args, kwargs))
    calls = list(prelude.calls)
    ordered = sorted(calls) if case.is_concurrent else calls
    if "error" in result:
        error = result["error"]
        return Outcome((error["type"], error["message"]), ordered)
    return Outcome(result["value"], ordered)


class Composed:
    """A program as a composition: as a workflow, and as a conductor action."""

    def __init__(self, case: Case, workflow: Any) -> None:
        composition = composition_of(workflow, "program.py")
        self.call = Actions(composition)
        self.workflow = composition_workflow(
            without_definitions(composition), f"composed_{case.name}"
        )
        self.conductor = Conductor(composition, self.call)


NOT_COMPILED = {
    "hint of": "enums, named tuples and unions of classes are not compiled",
    "generator": "generators around calls cannot be kept; write a list comprehension",
    "loop over an iterator": "iterators cannot be kept; go over a list",
    "call in a target": "targets that unpack call nothing",
    "with": "blocks with resources are not compiled around calls",
    "activity.starmap": "write a list comprehension of submits",
    "activity.options": "options belong to the decorator",
    "await": "what is awaited is no call of an activity",
    "gather": "what is gathered is no list of calls of activities",
    "call of later without await": "coroutines are no values",
    "arguments": "* in calls of activities is not compiled",
    "asyncwith": "task groups are not compiled",
    "asyncfunctiondef": "functions in a function that call activities are not compiled",
    "functiondef": "functions in a function that call activities are not compiled",
    "def": "functions in a function are not compiled",
    "lambda": "functions are no values that can be kept",
    "use of": "activities and Partita's functions are no values that can be kept",
}
"""What state machines have and compositions do not: how refusals begin, and why."""


@pytest.fixture(scope="module")
def composed(programs: dict[str, Any]) -> dict[str, Composed | CompileError]:
    found: dict[str, Composed | CompileError] = {}
    for case in CHOSEN:
        try:
            found[case.name] = Composed(case, programs[case.name])
        except CompileError as error:
            found[case.name] = error
    return found


@pytest.fixture(scope="module")
def env(
    programs: dict[str, Any], composed: dict[str, Composed | CompileError]
) -> Iterator[Environment]:
    workflows = [
        *programs.values(),
        *(one.workflow for one in composed.values() if isinstance(one, Composed)),
    ]
    with Environment(modules=[prelude], workflows=workflows) as env:
        yield env


@pytest.mark.parametrize("case", CHOSEN, ids=[case.name for case in CHOSEN])
def test_plain_python_and_the_composition_agree(
    case: Case,
    programs: dict[str, Any],
    composed: dict[str, Composed | CompileError],
    env: Environment,
) -> None:
    workflow, made = programs[case.name], composed[case.name]
    if isinstance(made, CompileError):
        for one in made.diagnostics:
            assert one.what.startswith(tuple(NOT_COMPILED)), one
        return
    with actions(made.call):
        for given in case.inputs:
            plain = expected(case, workflow, given, env)
            found = compared(case, workflow, made.conductor.invoke, given)
            assert found == plain, given
            found = compared(case, workflow, lambda p: run_in(env, made.workflow, p), given)
            assert found == plain, given


def expected(case: Case, workflow: Any, given: str, env: Environment) -> Outcome:
    """Return what the program comes to, run as plain Python or, if it waits, on a test's clock."""
    run = (lambda *a, **k: env.run(workflow, *a, **k)) if case.is_waiting else workflow
    return outcome(case, run, workflow, given)


def run_in(env: Environment, made: Any, params: Params) -> Params:
    """Return the output of a composition on the interpreter."""
    try:
        found: Params = env.run(made, params)
    except WorkflowFailedError as error:
        cause = error.__cause__
        assert isinstance(cause, CompositionFailedError), cause
        return {"error": cause.error}
    return found


def without_definitions(composition: Composition) -> Composition:
    """Return a composition whose actions are names alone, which no activity here has."""
    if composition.type == "action":
        name = composition.name
        is_sleep = name.endswith(SLEEP)
        return Composition("action", (name if is_sleep else name.replace("/_/", TESTED),))
    return composition.rebuilt([without_definitions(child) for child, _ in composition.children()])


_numbers = count()


def accepted(workflow: Any) -> Composition | None:
    """Return the composition of a program; None if it has what only state machines have."""
    try:
        return composition_of(workflow, "generated.py")
    except CompileError as error:
        wrong = [one for one in error.diagnostics if not one.what.startswith(tuple(NOT_COMPILED))]
    assert wrong == []
    return None


@settings(
    max_examples=scaled(10, 1500),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(seed=st.integers(0, 2**32))
def test_random_programs_agree(seed: int, tmp_path: Path) -> None:
    made = Generator(seed, without=WITHOUT)
    source = made.program()
    workflow = load(f"composed_{next(_numbers)}", source, tmp_path)
    composition = accepted(workflow)
    if composition is None:
        return
    conductor = Conductor(composition, Actions(composition))
    case = Case("generated", source, [], is_concurrent=made.is_concurrent(source))
    for _ in range(3):
        inputs = made.inputs()
        plain = outcome(case, workflow, workflow, inputs)
        assert compared(case, workflow, conductor.invoke, inputs) == plain, (source, inputs)
