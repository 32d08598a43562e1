"""Make workflows of compositions, which run durably on any service.

The program with which an execution begins is recorded in its history, so that a changed file
affects new executions only. Each action is an activity. Functions run in the workflow, and their
results are recorded; those of derived combinators are not even recorded, since they are pure.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

import msgspec

from partita.authoring.activity import ActivityFunction
from partita.authoring.determinism import side_effect, sleep
from partita.authoring.execution import spawn, workflow_info
from partita.authoring.future import wait
from partita.authoring.workflow import WorkflowDefinition, workflow
from partita.errors import (
    CancelledError,
    CompositionFailedError,
    InvalidInputError,
    TaskFailedError,
)
from partita.history import ChildPolicy
from partita.openwhisk.action_names import short_name
from partita.openwhisk.composition import Composition
from partita.openwhisk.conductor_action import LIBRARY, Machine, call_function
from partita.openwhisk.deriving import OWN_FUNCTIONS
from partita.openwhisk.emitter.actions import SLEEP
from partita.openwhisk.emitter.step_values import StepValues
from partita.openwhisk.json_text import json_text
from partita.openwhisk.local_actions import (
    action_activity,
    define_action,
    dynamic_action,
    node_function,
)
from partita.openwhisk.pictures import outline_of
from partita.openwhisk.states import program_of
from partita.openwhisk.tree import Tree

Params = dict[str, Any]

LIBRARY["StepValues"] = StepValues


def composition_workflow(composition: Any, name: str) -> WorkflowDefinition[[Any], Any]:
    """Return a workflow that runs a composition; its one argument is the parameter object.

    Actions that the composition defines are defined in this process.

    Raises:
        ComposerError: it is no composition.
    """
    recorded = recorded_program(composition)

    def run(params: Any = None, branch: Params | None = None) -> Any:
        if branch is None:
            return run_program(recorded, {} if params is None else params, made)
        machine = Machine(_decoded(branch["program"]), params, branch["state"], branch["stack"])
        return _finished(_Run(made, branch["program"]).finish(machine))

    run.__name__ = run.__qualname__ = name
    made: WorkflowDefinition[..., Any] = workflow(name=name)(run)
    made.takes_document = True
    return made


def recorded_program(composition: Any) -> str:
    """Return the program of a composition as JSON; its actions are then there in this process.

    Raises:
        ComposerError: it is no composition.
    """
    tree = Composition.of(composition)
    for action in _actions(tree):
        if action.action is not None:
            define_action(action.name, action.action)
        action_activity(action.name)
    outline = json_text(outline_of(tree))  # as text, since it may be nested deeply
    program = {**program_of(tree), "outline": outline}
    return msgspec.json.encode(program).decode()


def run_program(
    recorded: str, params: Any, made: WorkflowDefinition[..., Any] | None = None
) -> Params:
    """Run a program in a workflow; `made` runs what it begins and does not wait for.

    Raises:
        InvalidInputError: the parameters are no object.
        CompositionFailedError: it ended with an error object.
    """
    if not isinstance(params, dict):
        raise InvalidInputError(f"a composition takes a JSON object, not {params!r}")
    text = side_effect(lambda: recorded)
    return _finished(_Run(made, text).finish(Machine(_decoded(text), params)))


def _finished(params: Params) -> Params:
    if "error" in params:
        raise CompositionFailedError(params["error"])
    return params


@functools.lru_cache(maxsize=256)
def _decoded(text: str) -> Params:
    return msgspec.json.decode(text, type=dict[str, Any])


def _actions(tree: Tree) -> Iterator[Tree]:
    waiting = [tree]
    while waiting:
        one = waiting.pop()
        if one.type == "action":
            yield one
        waiting.extend(child for child, _ in one.children())


class _Run:
    """One execution of a composition."""

    def __init__(self, made: WorkflowDefinition[..., Any] | None, program: str) -> None:
        self._made = made
        self._program = program  # JSON

    def finish(self, machine: Machine) -> Params:
        """Return the parameters at the end of a run, which may be an error object."""
        while True:
            request = machine.advance(_evaluate)
            if request is None:
                params: Params = machine.params
                return params
            machine.resume(self._answer(machine, request))

    def _answer(self, machine: Machine, request: Params) -> Any:
        if "async" in request:
            return self._begin(machine, request["async"])
        if "branches" in request:
            branches = [machine.branch(one) for one in request["branches"]]
            return {"value": self._results(branches)}
        name, params = request["action"], request["params"]
        if short_name(name) == SLEEP:
            sleep(params["seconds"])
            return {}
        try:
            if request.get("is_dynamic"):
                return dynamic_action(name, params)
            return self._called(name, machine.path(request["place"]))(params)
        except CancelledError:
            raise
        except TaskFailedError as error:
            return {"error": error.error}
        except Exception as error:
            return {"error": str(error)}

    @staticmethod
    def _called(name: str, path: str) -> ActivityFunction[[Any], Any]:
        """Return the activity of an action, whose calls say where in the composition they are."""
        activity = action_activity(name)
        if not path:
            return activity
        place = f"{activity.activity_type.name} (at {path.removeprefix('.')})"
        return activity.with_settings(control=place)

    def _results(self, branches: list[Machine]) -> list[Params]:
        futures = [spawn(self.finish, branch) for branch in branches]
        try:
            wait(futures)
        except BaseException:
            for future in futures:
                future.cancel()
            raise
        return [future.result() for future in futures]

    def _begin(self, machine: Machine, begin: Params) -> Params:
        """Start a child workflow that outlives this one."""
        branch = {
            "state": begin["state"],
            "stack": machine.branch_stack(),
            "program": self._program,  # the file may have changed when the child begins
        }
        assert self._made is not None
        child = self._made.options(child_policy=ChildPolicy.ABANDON)
        future = child.submit(begin["params"], branch)
        future.add_done_callback(lambda _: None)
        session = workflow_info().workflow_id
        return {"method": "async", "activationId": future.workflow_id, "sessionId": session}


def _evaluate(exec: Params, env: Params, params: Params) -> Params:
    if exec.get("code") in OWN_FUNCTIONS:
        return call_function(exec, env, params)
    if str(exec.get("kind")).startswith("nodejs"):
        return node_function(exec, env, params)
    done: Params = side_effect(lambda: call_function(exec, env, params))
    return done
