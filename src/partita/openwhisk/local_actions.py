"""Run actions as activities: definitions that compositions bring, activities, or a host's.

Each action is an activity `openwhisk:NAME`, so that histories show it by its name. What it runs is
looked up in the worker: the definition in the composition, else an activity of that name, else
the action of that name on the OpenWhisk host, if one is configured.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
from collections.abc import Callable
from typing import Any

import msgspec

from partita.authoring.activity import ActivityFunction, activity
from partita.authoring.definition import ActivityDefinition
from partita.authoring.registry import known, register
from partita.errors import ActivityFailedError, InvalidOptionError, TaskFailedError
from partita.openwhisk.action_names import qualified_name, short_name
from partita.openwhisk.conductor_action import call_function
from partita.openwhisk.function_source import check_exec
from partita.openwhisk.host import Host as RestHost
from partita.openwhisk.host_settings import host_settings

log = logging.getLogger("partita")

PREFIX = "openwhisk:"
"""What the types of these activities begin with; a worker always has those of its process."""

Params = dict[str, Any]
Host = Callable[[str, Params], Any]
"""Invokes an action on OpenWhisk by its qualified name, and returns its result."""

_definitions: dict[str, dict[str, Any]] = {}
_activities: dict[str, ActivityFunction[..., Any]] = {}
_hosts: list[Host] = []

_NODE_ACTION = """
const given = JSON.parse(require('fs').readFileSync(0, 'utf8'))
console.log = console.error
const main = (0, eval)(given.code + '\\n;main')
Promise.resolve().then(() => main(given.params)).then(result => {
  require('fs').writeSync(1, JSON.stringify({ result }))
}, error => {
  require('fs').writeSync(1, JSON.stringify({ error: String((error && error.message) || error) }))
})
"""


def define_action(name: str, definition: dict[str, Any]) -> None:
    """Register the definition of an action in this process, as a deployment would."""
    if _definitions.get(name, definition) != definition:
        log.warning(
            "two compositions of this process define action %s differently; both now run the code "
            "of the later one, as they would on OpenWhisk; give one of the actions another name",
            short_name(name),
        )
    _definitions[name] = definition


def invoke_on(host: Host | None) -> None:
    """Invoke actions that are not here on an OpenWhisk host; None: on none."""
    _hosts[:] = [] if host is None else [host]


def configured_host() -> Host | None:
    """Return the OpenWhisk host of the environment or of `.wskprops`; None if they name none."""
    try:
        settings = host_settings({}, os.environ)
    except InvalidOptionError:
        return None
    return RestHost(settings).result_of


def action_activity(name: str) -> ActivityFunction[..., Any]:
    """Return the activity of an action, which this process then has."""
    type_name = f"{PREFIX}{short_name(name)}"
    if type_name not in _activities:

        def invoke(params: Any) -> Any:
            return run_action(name, params)

        _activities[type_name] = activity(name=type_name)(invoke)
    register(_activities[type_name])
    return _activities[type_name]


@activity(name=f"{PREFIX}/dynamic")
def dynamic_action(name: str, params: Any) -> Any:
    """Invoke the action that a composition has chosen while it ran."""
    return run_action(qualified_name(name), params)


@activity(name=f"{PREFIX}/function")
def node_function(exec: Params, env: Params, params: Params) -> Params:
    """Call a function of JavaScript's Composer under node."""
    return call_function(exec, env, params)


def run_action(name: str, params: Params) -> Any:
    """Return the result of an action.

    Raises:
        TaskFailedError: there is no such action, or its code cannot run here.
        Exception: whatever the action raised.
    """
    if name in _definitions:
        return _run_definition(name, _definitions[name]["exec"], params)
    own = _own_activity(short_name(name))
    if own is not None:
        return msgspec.to_builtins(own(params))
    host = _hosts[0] if _hosts else configured_host()
    if host is not None:
        return host(name, params)
    raise TaskFailedError(
        f"The requested resource does not exist: action {short_name(name)}; give composer.action "
        "a definition, write an activity of that name, or set __OW_API_HOST and __OW_API_KEY"
    )


def _own_activity(name: str) -> Callable[..., Any] | None:
    found = [one for one in known(ActivityDefinition) if one.activity_type.name == name]
    return found[0].function if len(found) == 1 else None


def _run_definition(name: str, code: dict[str, Any], params: Params) -> Any:
    check_exec(code)
    kind = str(code.get("kind"))
    if kind == "sequence":
        for component in code["components"]:
            params = run_action(component, params)
            if not isinstance(params, dict) or "error" in params:
                return params
        return params
    if kind.startswith("python"):
        return _run_python(name, code, params)
    if kind.startswith("nodejs"):
        return _run_node(code, params)
    raise TaskFailedError(
        f"action {short_name(name)} is of kind {kind}, which does not run here; write it in Python "
        "or for node, or deploy it to OpenWhisk and compose its name alone"
    )


def _run_python(name: str, code: dict[str, Any], params: Params) -> Any:
    names: dict[str, Any] = {"__name__": "action"}
    text = compile(code["code"], f"<action {short_name(name)}>", "exec", dont_inherit=True)
    exec(text, names)
    return names[code.get("main", "main")](params)


def _run_node(code: dict[str, Any], params: Params) -> Any:
    done = subprocess.run(
        [os.environ.get("PARTITA_NODE", "node"), "-e", _NODE_ACTION],
        input=json.dumps({"code": code["code"], "params": params}),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    answer = json.loads(done.stdout)
    if "error" in answer:
        raise ActivityFailedError("Error", answer["error"])
    return answer.get("result", {})
