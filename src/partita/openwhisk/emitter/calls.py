"""Lower calls of what runs elsewhere: actions, in turn or at the same time, and waits."""

from __future__ import annotations

import ast
import inspect
from typing import Any

from partita.openwhisk import composer
from partita.openwhisk.composition import Composition
from partita.openwhisk.emitter.actions import (
    LONGEST_SLEEP,
    SLEEP,
    activity_definition,
    sleep_definition,
)
from partita.openwhisk.emitter.hints import types_of
from partita.openwhisk.emitter.rewriting import placed
from partita.openwhisk.emitter.scope import Scope
from partita.openwhisk.emitter.steps import Block, Call, Group, Placed

_PLAIN = (ast.Name, ast.Constant, ast.BinOp, ast.operator, ast.expr_context, ast.Attribute)


def call_activity(node: ast.Call, activity: Any, block: Block, scope: Scope) -> str:
    """Call an activity; return the variable of its result."""
    name = scope.program.new("result")
    if _retries(activity):
        _retried(node, activity, block, scope)
        block.code(f"{name} = _step.result(_params)", node, scope)
        return name
    block.code("_out = _step.given(ARGS)", node, scope, ARGS=_arguments(node, activity, scope))
    block.part(_action(node, activity, scope))
    block.code(f"{name} = _step.result(_params)", node, scope)
    return name


def submit(node: ast.Call, activity: Any, block: Block, scope: Scope) -> str:
    """Lower `activity.submit(...)`: neighbours run together, and end before what follows."""
    name = scope.program.new("future")
    calls: list[Call] = [(node, activity)]
    names = [name]
    between: list[Placed] = []
    group = block.group
    found = _between(node, block) if group is not None else None
    if group is not None and found is not None:
        between = found
        block.cut(group.begin)
        calls, names = [*group.calls, *calls], [*group.names, *names]
    begin = block.mark()
    _all_at_once(calls, names, calls[0][0], block, scope)
    block.group = Group(begin, block.mark(), calls, names)
    for one in between:
        block.add(*one)
    return name


def _between(node: ast.Call, block: Block) -> list[Placed] | None:
    """Return the statements after the last group of calls; None if a call cannot join it."""
    group = block.group
    assert group is not None
    if not all(isinstance(part, _PLAIN) for one in _values(node) for part in ast.walk(one)):
        return None
    statements = block.since(group.end)
    bound = set(group.names)
    for one in statements or ():
        if not (isinstance(one.node, ast.Assign) and isinstance(one.node.value, ast.Name)):
            return None
        bound |= {part.id for part in ast.walk(one.node) if isinstance(part, ast.Name)}
    used = {
        part.id for one in _values(node) for part in ast.walk(one) if isinstance(part, ast.Name)
    }
    return None if used & bound else statements


def _values(node: ast.Call) -> list[ast.expr]:
    return [*node.args, *(one.value for one in node.keywords)]


def _all_at_once(
    calls: list[Call], names: list[str], at: ast.AST, block: Block, scope: Scope
) -> None:
    """Run calls at the same time, and assign their futures."""
    if len(calls) == 1:
        node, activity = calls[0]
        given = scope.program.new("call")
        block.code(f"{given} = ARGS", node, scope, ARGS=_arguments(node, activity, scope))
        branch = _branch(f"_step.given({given})", node, activity, scope)
        block.part(composer.do(branch, _outcome(scope, node)))
        block.code(f"{names[0]} = _step.future(_params)", at, scope)
        return
    given = scope.program.new("calls")
    arguments = [_arguments(node, activity, scope) for node, activity in calls]
    made = placed(ast.List(arguments, ast.Load()), at)
    block.code(f"{given} = ARGS\n_out = {{}}", at, scope, ARGS=made)
    branches = [
        _branch(f"_step.given({given}[{number}])", node, activity, scope)
        for number, (node, activity) in enumerate(calls)
    ]
    block.part(composer.parallel(*branches))
    found = scope.program.new("futures")
    block.code(f"{found} = _step.futures(_params)", at, scope)
    for number, name in enumerate(names):
        block.code(f"{name} = {found}[{number}]", at, scope)


def _branch(given: str, node: ast.Call, activity: Any, scope: Scope) -> Composition:
    """Return a call whose arguments are looked at in its own branch: futures may have failed."""
    branch = Block.new(scope.program)
    branch.code(f"_out = {given}", node, scope)
    branch.part(_called(node, activity, scope))
    return branch.composition()


def _outcome(scope: Scope, at: ast.AST) -> Composition:
    """Return the handler by which an error is an outcome."""
    block = Block.new(scope.program)
    block.code("_out = {'value': None, 'failure': _params['error']}", at, scope)
    return block.composition()


def gather(calls: list[Call], at: ast.Call, block: Block, scope: Scope) -> str:
    """Run calls at the same time; return the variable of the list of their results."""
    name = scope.program.new("results")
    if not calls:
        block.code(f"{name} = []", at, scope)
        return name
    futures = [scope.program.new("future") for _ in calls]
    _all_at_once(calls, futures, at, block, scope)
    results = ", ".join(f"{one}.result()" for one in futures)
    block.code(f"{name} = [{results}]", at, scope)
    return name


def mapped(
    node: ast.Call,
    activity: Any,
    generators: list[ast.comprehension],
    block: Block,
    scope: Scope,
) -> str:
    """Call an activity for each item at the same time; return the variable of the futures."""
    name = scope.program.new("futures")
    arguments = _arguments(node, activity, scope)
    write: Any = ast.parse("_step.written(ARGS)", mode="eval").body
    write.args = [arguments]
    items = placed(ast.ListComp(write, generators), node)
    block.code("_out = {'value': ITEMS}", node, scope, ITEMS=items)
    block.part(composer.map(_branch("_step.given(_step.opened(_params))", node, activity, scope)))
    block.code(f"{name} = _step.futures(_params)", node, scope)
    return name


def _called(node: ast.Call, activity: Any, scope: Scope) -> Composition:
    """Return the call of an activity on the arguments that come in."""
    if not _retries(activity):
        return _action(node, activity, scope)
    block = Block.new(scope.program)
    _attempts(node, activity, block, scope, "_params")
    return block.composition()


def _arguments(node: ast.Call, activity: Any, scope: Scope) -> ast.expr:
    """Return the display of a dict with the arguments of a call by their names."""
    names = list(inspect.signature(activity.function).parameters)
    given: dict[str, ast.expr] = {}
    if len(node.args) > len(names):
        raise scope.refuse(node, "arguments", "they are too many", "give each parameter once")
    pairs = [*zip(names, node.args, strict=False)]
    pairs += [(one.arg or "", one.value) for one in node.keywords]
    for name, argument in pairs:
        if name not in names or name in given or isinstance(argument, ast.Starred):
            raise scope.refuse(
                node,
                "arguments",
                "they do not fit the activity",
                "give each parameter once by name",
            )
        given[name] = argument
    for name, one in inspect.signature(activity.function).parameters.items():
        if name not in given and one.default is one.empty:
            raise scope.refuse(node, f"argument {name}", "it is missing", "give it")
    keys: list[ast.expr | None] = [ast.Constant(name) for name in given]
    made: ast.expr = ast.Dict(keys, list(given.values()))
    return ast.copy_location(made, node)


def _action(node: ast.Call, activity: Any, scope: Scope) -> Composition:
    """Return the call of an activity's action, which has its definition once."""
    name = activity.activity_type.name
    actions = scope.program.actions
    if name in actions:
        if actions[name] is not activity:
            raise scope.refuse(
                node, f"activity {name}", "two activities have that name", "give one another name"
            )
        return composer.action(name)
    actions[name] = activity
    scope.program.definitions[name] = activity_definition(
        activity, lambda what, why, way_out: scope.refuse(node, what, why, way_out)
    )
    scope.program.types.append((types_of(activity.function), activity.namespace))
    return composer.action(name)


# -- retries


def _retries(activity: Any) -> bool:
    policy = activity.settings.retry_policy
    return policy is not None and policy.max_attempts != 1


def _retried(node: ast.Call, activity: Any, block: Block, scope: Scope) -> None:
    block.code("_out = _step.given(ARGS)", node, scope, ARGS=_arguments(node, activity, scope))
    _attempts(node, activity, block, scope, "_out")


def _attempts(node: ast.Call, activity: Any, block: Block, scope: Scope, given: str) -> None:
    """Call an activity again and again until it succeeds or an error is final."""
    new = scope.program.new
    arguments, attempt, result = new("arguments"), new("attempt"), new("outcome")
    block.code(f"{arguments} = {given}\n{attempt} = 0", node, scope)
    body = Block.new(scope.program)
    body.code(f"{attempt} += 1\n_out = {arguments}", node, scope)
    body.part(_action(node, activity, scope))
    body.code(f"{result} = _params\n_out = {{'value': False}}", node, scope)
    failed = Block.new(scope.program)
    seconds = new("seconds")
    policy = repr(_policy(activity))
    failed.code(f"{seconds} = _step.delay(_params, {attempt}, {policy})", node, scope)
    wait(placed(ast.Name(seconds, ast.Load()), node), node, failed, scope)
    failed.code("_out = {'value': True}", node, scope)
    block.part(
        composer.doloop_nosave(
            composer.do(body.composition(), failed.composition()), composer.empty()
        )
    )
    block.code(f"_params = {result}\n_out = {result}", node, scope)


def _policy(activity: Any) -> dict[str, Any]:
    policy = activity.settings.retry_policy
    names = sorted({name.rpartition(".")[2] for name in policy.non_retryable})
    return {
        "max_attempts": policy.max_attempts,
        "initial_interval": policy.initial_interval,
        "backoff": policy.backoff,
        "max_interval": policy.max_interval,
        "non_retryable": names,
    }


# -- waits


def wait(seconds: ast.expr, at: ast.AST, block: Block, scope: Scope) -> None:
    """Wait for seconds: by one action, or by several in turn if that may be too long for one."""
    value = seconds.value if isinstance(seconds, ast.Constant) else None
    if isinstance(value, int | float) and value < 0:
        raise scope.refuse(at, "sleep", "the time is negative", "give seconds from 0 on")
    if isinstance(value, int | float) and value <= LONGEST_SLEEP:
        block.code("_out = {'seconds': SECONDS}", at, scope, SECONDS=seconds)
        block.part(_sleep_action(scope))
        return
    left = scope.program.new("left")
    block.code(f"{left} = _step.seconds(SECONDS)", at, scope, SECONDS=seconds)
    more: ast.expr = placed(ast.parse(f"{left} > 0", mode="eval").body, at)
    test = Block.new(scope.program).test(more, scope)
    body = Block.new(scope.program)
    body.code(
        f"_out = {{'seconds': min({left}, {LONGEST_SLEEP})}}\n{left} -= _out['seconds']", at, scope
    )
    body.part(_sleep_action(scope))
    block.part(composer.loop_nosave(test, body.composition()))


def _sleep_action(scope: Scope) -> Composition:
    scope.program.definitions[SLEEP] = sleep_definition()
    return composer.action(SLEEP)
