"""Move the checks of a Choice into the Task, Map or Parallel state after it.

A check that fails makes an expression of the state fail, which the state catches: before it calls
anything, by a catcher that comes before all others. The catcher evaluates the checks again, and
puts out what the first one that fails says. A state that fails to evaluate for another reason
fails the execution as it would have without the catcher.

Source: `States.QueryEvaluationError` in Arguments and Items is caught by `Catch`; measured on AWS
by the authors of sfnx.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

from partita.stepfunctions.emitter.dead_variables import own_reads, variables_in
from partita.stepfunctions.emitter.shared_ends import share_fail
from partita.stepfunctions.emitter.states import expression, scopes_in, states_of
from partita.stepfunctions.emitter.substitution import (
    enclosed,
    inner,
    object_text,
    operand,
    substituted,
)
from partita.stepfunctions.emitter.ways import State, incoming_ways, ways_from

EVALUATION = "States.QueryEvaluationError"
_LONGEST = 4_000  # characters of an expression
MOST = 4  # checks
FIELDS = {"Task": "Arguments", "Map": "Items", "Parallel": "Arguments"}
_INPUT = re.compile(r"\$states\.input(?=\.)")
_OWN_INPUT = "$states.context.Execution.Input"


def absorb(scope: State, machine: State) -> bool:
    """Move checks into the states after them; return whether any could."""
    return _Absorption(scope, machine).run()


class _Absorption:
    """One pass over the states of a scope."""

    def __init__(self, scope: State, machine: State) -> None:
        self.scope = scope
        self.machine = machine
        self._incoming = incoming_ways(scope["States"])
        self._readers = Counter(name for _, one in states_of(machine) for name in own_reads(one))

    def run(self) -> bool:
        """Move checks into the states after them; return whether any could."""
        changed = False
        for name, state in list(self.scope["States"].items()):
            choice = _as_choice(state)
            if self._is_absorbable(name, choice):
                target = choice["Default"]
                made = self._absorbed(name, choice, self.scope["States"][target])
                if made is not None:
                    self._replace(name, target, made)
                    changed = True
        return changed

    def _is_absorbable(self, name: str, choice: State) -> bool:
        """Return whether a Choice only checks, and its next state can do that."""
        states, target = self.scope["States"], choice.get("Default", name)
        rules = choice.get("Choices", [])
        ends = {rule["Next"] for rule in rules}
        if name not in states or target == name or len(ends) > 1 or len(rules) > MOST:
            return False
        is_only = len(self._incoming[target]) == 1 and self.scope["StartAt"] != target
        if states[target]["Type"] not in FIELDS or not is_only:
            return False
        return not ends or self._is_failing(choice, ends.pop(), states[target])

    def _is_failing(self, choice: State, end: str, after: State) -> bool:
        """Return whether all rules lead to the shared Fail state."""
        is_fail = self.scope["States"][end]["Type"] == "Fail"
        if not is_fail or "Output" in choice or "$error(" in json.dumps(after):
            return False
        name = share_fail(self.scope, end, self.machine)
        if name != end:
            self._incoming = incoming_ways(self.scope["States"])
        return all(rule["Next"] == name and "Output" in rule for rule in choice["Choices"])

    def _replace(self, name: str, target: str, made: State) -> None:
        """Put a state in the place of a Choice and of itself."""
        states = self.scope["States"]
        old = {id(way.holder) for _, way in ways_from(states[target])}
        for one in {one for one, _ in ways_from(states[target])}:
            self._incoming[one] = [w for w in self._incoming[one] if id(w.holder) not in old]
        for one, way in ways_from(made):
            self._incoming[one].append(way)
        for way in self._incoming[name]:
            way.holder[way.field] = target
        self._incoming[target] = self._incoming.pop(name)
        if self.scope["StartAt"] == name:
            self.scope["StartAt"] = target
        states[target] = made
        del states[name]

    def _absorbed(self, name: str, choice: State, state: State) -> State | None:
        """Return a state that does the checks of a Choice first; None: it cannot."""
        before = choice.get("Assign", {})
        is_first = self.scope is self.machine and self.scope["StartAt"] == name
        made = _put(state, before, is_first=is_first)
        if made is None:
            return None
        kept = {one: value for one, value in before.items() if self._is_read(one, state)}
        for one in (*made.get("Catch", []), *([made] if "Next" in made else [])):
            if {**kept, **one.get("Assign", {})}:
                one["Assign"] = {**kept, **one.get("Assign", {})}
        return _with_checks(made, choice) if choice["Choices"] else made

    def _is_read(self, name: str, state: State) -> bool:
        """Return whether any other state reads a variable."""
        return self._readers[name] > (name in own_reads(state))


def _as_choice(state: State) -> State:
    """Return a Choice, also for a Pass that only assigns variables: one without rules."""
    if state["Type"] == "Pass" and set(state) <= {"Type", "Comment", "Assign", "Next"}:
        return {"Choices": [], "Default": state["Next"], "Assign": state.get("Assign", {})}
    return state if state["Type"] == "Choice" else {}


def _with_checks(state: State, choice: State) -> State | None:
    tested = _tested(state, choice)
    if tested is None:
        return None
    made = {**state, FIELDS[state["Type"]]: tested}
    made["Catch"] = [_catcher(choice), *state.get("Catch", [])]
    retries = retries_of(state)
    return {**made, "Retry": retries} if retries else made


def _put(state: State, before: Mapping[str, Any], *, is_first: bool) -> State | None:
    """Return a state whose expressions have values in the place of variables."""
    made: State = {}
    for name, one in state.items():
        if name in ("Branches", "ItemProcessor"):
            made[name] = _put_inside(state, name, before, is_first=is_first)
        elif name == "Catch":
            found = [_put(catcher, before, is_first=is_first) for catcher in one]
            made[name] = None if None in found else found
        elif name in ("Comment", "Retry", "ErrorEquals", "Next"):
            made[name] = one
        else:
            made[name] = substituted(one, before, _LONGEST)
    return None if any(made[name] is None and state[name] is not None for name in made) else made


def _put_inside(state: State, field: str, before: Mapping[str, Any], *, is_first: bool) -> Any:
    """Return the states within a state, which have an input of their own."""
    part = state[field]
    values = {name: before[name] for name in variables_in(part) & set(before)}
    texts = json.dumps(values)
    if not values or "$states." not in texts:
        return _everywhere(part, values)
    if "$states." in _INPUT.sub("", texts) or '"DISTRIBUTED"' in json.dumps(part):
        return None
    if field == "Branches" and "Arguments" not in state and _is_read_first(part, set(values)):
        return _everywhere(part, values)
    own = {
        name: _INPUT.sub(_OWN_INPUT, one) if isinstance(one, str) else one
        for name, one in values.items()
    }
    return _everywhere(part, own) if is_first else None


def _is_read_first(branches: list[State], names: set[str]) -> bool:
    """Return whether only states that branches begin with read variables: these have the input."""
    return all(
        not names & variables_in(branch, without=branch["States"][branch["StartAt"]])
        and not any(map(variables_in, scopes_in(branch["States"][branch["StartAt"]])))
        for branch in branches
    )


def _everywhere(part: Any, values: Mapping[str, Any]) -> Any:
    if isinstance(part, list):
        found = [_everywhere(one, values) for one in part]
        return None if any(one is None for one in found) else found
    if isinstance(part, dict):
        made = {name: _everywhere(one, values) for name, one in part.items()}
        return None if any(made[n] is None and part[n] is not None for n in made) else made
    return substituted(part, values, _LONGEST)


# -- checks


def _tested(state: State, choice: State) -> Any:
    """Return the field of a state that fails if a check does; None: there is no place for them."""
    kind = state["Type"]
    field = state.get(FIELDS[kind])
    if field is None:
        return None if kind == "Map" else _test(choice, "$states.input")
    if kind == "Task" and isinstance(field, dict):
        return _with_test(field, choice, is_top=True)
    text = object_text(field)
    return None if text is None else _test(choice, text)


def _with_test(fields: Any, choice: State, *, is_top: bool = False) -> Any:
    """Return fields whose first expression does the checks; None: there is none."""
    for name, one in fields.items():
        if name in ("FunctionName", "StateMachineArn"):
            continue
        made: Any = None
        if isinstance(one, dict) and one:
            made = _with_test(one, choice)
        elif isinstance(one, str) and one.startswith("{%"):
            made = _test(choice, inner(one))
        elif is_top and name == "Payload" and operand(one if one != {} else None) is not None:
            made = _test(choice, "{}" if one == {} else str(operand(one)))
        if made is not None:
            return {**fields, name: made}
    return None


def _test(choice: State, text: str) -> str:
    failing = "false"
    for rule in reversed(choice["Choices"]):
        failing = f"({inner(rule['Condition'])}) ? true : {failing}"
    return expression(f'({failing}) ? $error("a check failed") : {enclosed(text)}')


def _catcher(choice: State) -> State:
    """Return the catcher that tells which check failed."""
    output, end = "$states.errorOutput", choice["Choices"][0]["Next"]
    for rule in reversed(choice["Choices"]):
        output = f"({inner(rule['Condition'])}) ? {object_text(rule['Output'])} : {output}"
    return {"ErrorEquals": [EVALUATION], "Output": expression(output), "Next": end}


def retries_of(state: State) -> list[State]:
    """Return the retriers of a state, which repeat no check."""
    retriers: list[State] = state.get("Retry", [])
    if retriers and retriers[0]["ErrorEquals"] == [EVALUATION]:
        return retriers
    repeated = {name for one in retriers for name in one["ErrorEquals"]}
    if not repeated & {"States.ALL", "States.TaskFailed", EVALUATION}:
        return retriers
    return [{"ErrorEquals": [EVALUATION], "MaxAttempts": 0}, *retriers]
