"""Run a composition's program: as an OpenWhisk conductor action, or driven by a workflow.

This file is the code of deployed compositions, too: it needs Python 3.6 and nothing else. `Machine`
does what each type of state says until it needs something from outside, or ends; `conduct` follows
the protocol of conductor actions around it.

A stack of frames, the innermost last, holds what is open: `let` frames (None for a mask), `catch`
frames with the state that handles an error, and a marker below which a branch cannot reach.

Source: Apache OpenWhisk, conductors.md.
"""

import base64
import copy
import functools
import inspect
import json
import os
import ssl
import subprocess
import time
import traceback
import urllib.error
import urllib.request
import uuid
from typing import Any, Callable, Dict, List, Optional

ECHO = "/whisk.system/utils/echo"
"""The action through which a conductor yields while branches run."""

BARRIER_NEEDED = "Parallel combinator requires a properly configured redis instance"

MARGIN = 15.0
"""Seconds before its deadline at which a conductor yields."""

TIMEOUT = 10.0
"""Seconds for an answer of the REST API, less than the margin."""

POLL = 0.2
"""Seconds between two looks at the records of branches."""

LIBRARY = {}  # type: Dict[str, Any]
"""What the code of functions may use by name, beside what Python has."""

BARRIER = None  # type: Any
"""The class that waits for branches by Redis, where the conductor has it."""

Params = Dict[str, Any]
State = Dict[str, Any]
Evaluate = Callable[[Params, Params, Params], Params]
"""Calls a function given exec, env and params; returns what `call_function` does."""


class Machine:
    """One run through the states of a composition."""

    def __init__(
        self,
        program: Params,
        params: Any,
        state: int = 0,
        stack: Optional[List[Params]] = None,
    ) -> None:
        self.program = program
        self.states = program["states"]  # type: List[State]
        self.params = params
        self.state = state
        self.stack = [] if stack is None else stack

    def advance(self, evaluate: Evaluate) -> Optional[Params]:
        """Run until something is needed from outside, and return that; None: the run has ended.

        The answer goes to `resume`.
        """
        while 0 <= self.state < len(self.states):
            node = self.states[self.state]
            self.state = node.get("next", self.state + 1)
            request = self._step(node, evaluate)
            if request is not None:
                return request
        return None

    def resume(self, params: Any) -> None:
        """Go on with what came from outside; an error goes to the nearest handler."""
        self.params = params if isinstance(params, dict) else {"value": params}
        if "error" not in self.params:
            return
        self.params = {"error": self.params["error"]}
        self.state = -1
        while self.stack and "marker" not in self.stack[-1]:
            frame = self.stack.pop()
            if "catch" in frame:
                self.state = frame["catch"]
                return

    def _step(self, node: State, evaluate: Evaluate) -> Optional[Params]:
        kind = node["type"]
        if kind == "function":
            self._call(node, evaluate)
        elif kind == "choice":
            self.state = node["then"] if self.params.get("value") else node["else"]
        elif kind == "let":
            self.stack.append({"let": copy.deepcopy(node["let"])})
        elif kind == "try":
            self.stack.append({"catch": node["catch"]})
        elif kind == "exit":
            self.stack.pop()
        elif kind == "empty":
            self.resume(self.params)
        elif kind == "stop":
            self.state = -1
        elif kind == "action":
            return {"action": node["name"], "params": self.params, "place": node["place"]}
        elif kind == "dynamic":
            return self._dynamic(node)
        elif kind in ("async", "parallel", "map"):
            return self._branches(node)
        return None

    def _call(self, node: State, evaluate: Evaluate) -> None:
        env = self._env()
        done = evaluate(self.program["functions"][node["function"]], env, self.params)
        for name in env:
            self._set(name, done["env"].get(name, env[name]))
        if "failure" in done:
            place = "at AST node root" + self.path(node["place"])
            result = {"error": "Function combinator %s %s" % (done["failure"], place)}
            if done["failure"].startswith("threw"):
                result["error"] += " (see log for details)"
            self.resume(result)
        else:
            self.resume(done["result"])

    def _visible(self) -> List[Params]:
        """Return the variables that can be seen, by frame, the innermost first."""
        found = []
        hidden = 0
        for frame in reversed(self.stack):
            if "let" not in frame:
                continue
            if frame["let"] is None:
                hidden += 1
            elif hidden:
                hidden -= 1
            else:
                found.append(frame["let"])
        return found

    def _env(self) -> Params:
        env = {}  # type: Params
        for variables in reversed(self._visible()):
            env.update(variables)
        return copy.deepcopy(env)

    def _set(self, name: str, value: Any) -> None:
        for variables in self._visible():
            if name in variables:
                variables[name] = value
                return

    def _dynamic(self, node: State) -> Optional[Params]:
        given = self.params
        is_action = given.get("type") == "action" and isinstance(given.get("name"), str)
        if is_action and isinstance(given.get("params"), dict):
            return {"action": given["name"], "params": given["params"], "is_dynamic": True}
        place = "at AST node root" + self.path(node["place"])
        self.resume({"error": "Incorrect use of the dynamic combinator " + place})
        return None

    def _branches(self, node: State) -> Optional[Params]:
        """Return the branches to run: where each begins, and with what parameters."""
        begin = self.state
        items = self.params.get("value") or []
        if node["type"] == "map" and not isinstance(items, list):
            place = "at AST node root" + self.path(node["place"])
            self.resume({"error": "Incorrect use of the map combinator " + place})
            return None
        self.state = node["return"]
        if node["type"] == "async":
            return {
                "async": {"state": begin, "params": self.params},
                "path": self.path(node["place"]),
            }
        if node["type"] == "parallel":
            given = [(task, copy.deepcopy(self.params)) for task in node["tasks"]]
        else:
            wrapped = [one if isinstance(one, dict) else {"value": one} for one in items]
            given = [(begin, one) for one in wrapped]
        branches = [{"state": state, "params": params} for state, params in given]
        return {"branches": branches, "path": self.path(node["place"])}

    def path(self, place: int) -> str:
        """Return the path of a place in the composition."""
        steps = []
        while place:
            place, step = self.program["places"][place]
            steps.append(step)
        return "".join(reversed(steps))

    def branch(self, given: Params) -> "Machine":
        """Return the run of a branch, whose variables are copies."""
        return Machine(self.program, given["params"], given["state"], self.branch_stack())

    def branch_stack(self) -> List[Params]:
        """Return the stack of a new branch."""
        stack = copy.deepcopy(self.stack)
        stack.append({"marker": True})
        return stack


def call_function(exec_: Params, env: Params, params: Params) -> Params:
    """Call a function; return its `result`, or the `failure`, and what is in `env` then.

    A function that returns nothing leaves the parameters, which it may have changed.
    """
    try:
        if str(exec_.get("kind")).startswith("nodejs"):
            return _call_node(exec_["code"], env, params)
        function = _loaded(exec_)
        result = function(*(env, params)[-_count(function) :])
        if callable(result):
            return {"failure": "evaluated to a function type", "env": _plain(env)}
        return {"result": _plain(params if result is None else result), "env": _plain(env)}
    except (Exception, SystemExit):
        traceback.print_exc()
        return {"failure": "threw an exception", "env": _plain_or_nothing(env)}


def _plain(value: Any) -> Any:
    """Return a value as JSON carries it."""
    return json.loads(json.dumps(value, allow_nan=False))


def _plain_or_nothing(env: Params) -> Params:
    try:
        plain = _plain(env)  # type: Params
    except (TypeError, ValueError):
        return {}
    return plain


@functools.lru_cache(maxsize=4096)
def _code(text: str) -> Any:
    return compile(text, "<composition>", "exec", dont_inherit=True)


def _loaded(exec_: Params) -> Any:
    names = {"__name__": "composition"}  # type: Params
    names.update(LIBRARY)
    exec(_code(exec_["code"]), names)
    name = exec_.get("functionName")
    if name is None:
        name = next(key for key in reversed(list(names)) if callable(names[key]))
    return names[name]


def _count(function: Any) -> int:
    """Return 2 for a function of (env, params), 1 for one of the parameters alone."""
    parameters = inspect.signature(function).parameters.values()
    needed = [one for one in parameters if one.default is one.empty and one.kind in (0, 1)]
    return 2 if len(needed) == 2 else 1


_NODE = """
const given = JSON.parse(require('fs').readFileSync(0, 'utf8'))
const env = given.env
const out = {}
let main = '(function(){try{const require=arguments[2];'
for (const name in env) main += `var ${name}=arguments[1]['${name}'];`
main += `return eval((function(){return(${given.code})})())(arguments[0])}finally{`
for (const name in env) main += `arguments[1]['${name}']=${name};`
main += '}})'
console.log = console.error
Promise.resolve().then(() => (0, eval)(main)(given.params, env, require)).then(result => {
  if (typeof result === 'function') out.failure = 'evaluated to a function type'
  else out.result = result === undefined ? given.params : result
}, error => { console.error(error); out.failure = 'threw an exception' }).then(() => {
  out.env = env
  require('fs').writeSync(1, JSON.stringify(out))
})
"""


def _call_node(code: str, env: Params, params: Params) -> Params:
    given = json.dumps({"code": code, "env": env, "params": params}).encode()
    done = subprocess.run(
        [os.environ.get("PARTITA_NODE", "node"), "-e", _NODE],
        input=given,
        stdout=subprocess.PIPE,
        check=True,
    )
    result = json.loads(done.stdout.decode())  # type: Params
    return result


# -- the conductor action ----------------------------------------------------------------------


def conduct(program: Params, args: Params) -> Params:
    """Run one activation of the conductor: return the next action, the result, or the error."""
    saved = args.pop("$composer", None) or {}
    if not isinstance(saved.get("state", 0), int):
        return {"error": "Internal error: state parameter is not a number"}
    if not isinstance(saved.get("stack", []), list):
        return {"error": "Internal error: stack parameter is not an array"}
    machine = Machine(program, args, saved.get("state", 0), saved.get("stack", []))
    session = saved.get("session") or os.environ.get("__OW_ACTIVATION_ID")
    conductor = _Conductor(machine, session, saved)
    try:
        return conductor.run(saved)
    except Exception as error:
        traceback.print_exc()
        return {"error": "Internal error: %s" % error}
    finally:
        conductor.close()


class _Conductor:
    """One activation of a conductor."""

    def __init__(self, machine: Machine, session: Optional[str], saved: Params) -> None:
        self._machine = machine
        self._session = session
        kept = ("redis", "openwhisk")
        self._options = {name: saved[name] for name in kept if name in saved}  # type: Params
        self._join = saved.get("join")
        self._begun = 0  # branches, in this activation
        self._barrier = None  # type: Any
        if BARRIER is not None and BARRIER.is_configured(saved.get("redis")):
            self._barrier = BARRIER(saved["redis"])

    def close(self) -> None:
        """End what is open."""
        if self._barrier is not None:
            self._barrier.close()

    def run(self, saved: Params) -> Params:
        machine = self._machine
        if saved.get("collect"):
            if not self._collect_by_redis(saved["collect"]):
                return self._continuation(ECHO, {}, {"collect": saved["collect"]})
        elif saved.get("branches"):
            if not self._collect(saved["branches"]):
                return self._wait(saved["branches"])
        elif saved.get("resuming"):
            machine.resume(machine.params)
        while True:
            request = machine.advance(call_function)
            if request is None:
                break
            if "action" in request:
                return self._continuation(request["action"], request["params"], {})
            if "async" in request:
                self._begin(request)
            elif not request["branches"]:
                machine.resume({"value": []})
            elif "redis" in self._options:
                barrier = self._fork_by_redis(request)
                if barrier and not self._collect_by_redis(barrier):
                    return self._continuation(ECHO, {}, {"collect": barrier})
            else:
                waiting = self._fork(request)
                if waiting and not self._collect(waiting):
                    return self._wait(waiting)
        return self._finished()

    def _finished(self) -> Params:
        params = self._machine.params
        if self._join is not None and self._barrier is not None:
            self._barrier.join(self._join, params)
            told = {name: self._join[name] for name in ("barrierId", "position")}
            return {"params": {"method": "join", "sessionId": self._session, **told}}
        return params if "error" in params else {"params": params}

    def _continuation(self, action: str, params: Params, more: Params) -> Params:
        state = {"state": self._machine.state, "stack": self._machine.stack, "resuming": True}
        state["session"] = self._session
        state.update(self._options)
        if self._join is not None:
            state["join"] = self._join
        state.update(more)
        return {
            "method": "action",
            "action": action,
            "params": params,
            "state": {"$composer": state},
        }

    def _wait(self, waiting: List[Any]) -> Params:
        """Yield until the next activation, which looks again."""
        return self._continuation(ECHO, {}, {"branches": waiting})

    def _begin(self, request: Params) -> None:
        try:
            id = self._start(request["async"])
        except (OSError, ValueError, KeyError):
            traceback.print_exc()
            place = "at AST node root%s (see log for details)" % request["path"]
            error = {"error": "Async combinator failed to invoke composition " + place}
            self._machine.resume(error)
        else:
            self._machine.resume(
                {"method": "async", "activationId": id, "sessionId": self._session}
            )

    def _fork(self, request: Params) -> List[Any]:
        """Start all branches; return their activation ids, or nothing if that failed."""
        try:
            return [[self._start(branch), None] for branch in request["branches"]]
        except (OSError, ValueError, KeyError):
            traceback.print_exc()
            place = "at AST node root%s (see log for details)" % request["path"]
            error = "Parallel combinator failed to invoke a composition " + place
            self._machine.resume({"error": error})
            return []

    def _fork_by_redis(self, request: Params) -> str:
        """Start all branches, which tell Redis their outputs; return the id of the wait."""
        if self._barrier is None:
            self._machine.resume({"error": BARRIER_NEEDED})
            return ""
        id = str(uuid.uuid4())
        branches = request["branches"]
        self._barrier.begin(id)
        try:
            for position, branch in enumerate(branches):
                join = {"barrierId": id, "position": position, "count": len(branches)}
                self._start(branch, {"join": join})
        except (OSError, ValueError, KeyError):
            traceback.print_exc()
            self._barrier.drop(id)
            place = "at AST node root%s (see log for details)" % request["path"]
            error = "Parallel combinator failed to invoke a composition " + place
            self._machine.resume({"error": error})
            return ""
        return id

    def _collect_by_redis(self, id: str) -> bool:
        """Wait for the outputs of branches; return False if there is no time to wait."""
        left = float(os.environ.get("__OW_DEADLINE", "0")) / 1000 - time.time() - MARGIN
        outputs = self._barrier.outputs(id, left)
        if outputs is None:
            return False
        self._machine.resume({"value": outputs})
        return True

    def _start(self, branch: Params, more: Optional[Params] = None) -> str:
        params = dict(branch["params"])
        state = {"state": branch["state"], "stack": self._machine.branch_stack()}
        params["$composer"] = {**state, **self._options, **(more or {})}
        name = os.environ["__OW_ACTION_NAME"]
        self._begun += 1  # a local OpenWhisk begins no branch twice
        request = "?requestId=%s.%d" % (os.environ.get("__OW_ACTIVATION_ID"), self._begun)
        id = _request("POST", _path(name) + request, params)["activationId"]  # type: str
        return id

    def _collect(self, waiting: List[Any]) -> bool:
        """Wait for the records of branches; return False if there is no time to wait."""
        while True:
            for one in waiting:
                if one[1] is None:
                    one[1] = _record(one[0])
            if all(one[1] is not None for one in waiting):
                self._machine.resume({"value": [one[1] for one in waiting]})
                return True
            if time.time() + MARGIN > float(os.environ.get("__OW_DEADLINE", "0")) / 1000:
                return False
            time.sleep(POLL)


def _record(id: str) -> Any:
    """Return the result of an activation, or None while its record cannot be had."""
    try:
        return _request("GET", "namespaces/_/activations/" + id)["response"]["result"]
    except urllib.error.HTTPError as error:
        if error.code == 404 or error.code >= 500:
            return None
        raise
    except OSError:  # the next look may succeed
        return None


def _path(name: str) -> str:
    parts = name.strip("/").split("/")
    return "namespaces/%s/actions/%s" % (parts[0], "/".join(parts[1:]))


def _request(method: str, path: str, body: Optional[Params] = None) -> Params:
    host = os.environ["__OW_API_HOST"].rstrip("/")
    url = "%s/api/v1/%s" % (host if "://" in host else "https://" + host, path)
    key = base64.b64encode(os.environ["__OW_API_KEY"].encode()).decode()
    headers = {"Authorization": "Basic " + key, "Content-Type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, headers, method=method)
    context = ssl._create_unverified_context() if os.environ.get("__OW_IGNORE_CERTS") else None
    with urllib.request.urlopen(request, timeout=TIMEOUT, context=context) as answer:
        found = json.loads(answer.read().decode())  # type: Params
    return found
