"""Run conductor actions as OpenWhisk does: a loop that follows the protocol of conductors.

Source: Apache OpenWhisk, conductors.md.
"""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Callable
from typing import Any
from unittest import mock

from partita.openwhisk import composer
from partita.openwhisk.action_names import qualified_name
from partita.openwhisk.conductor import conductor_code
from tests.openwhisk.running import call_action

Params = dict[str, Any]

ENVIRONMENT = {"__OW_ACTION_NAME": "/_/test", "__OW_ACTIVATION_ID": "0", "__OW_DEADLINE": "0"}


class Conductor:
    """A deployed conductor action, its activations, and the REST API that it calls."""

    def __init__(
        self,
        composition: Any,
        call: Callable[[str, Params], Params] = call_action,
        code: str | None = None,
    ) -> None:
        self.names: dict[str, Any] = {"__name__": "conductor"}
        self.records: dict[str, Params] = {}
        self.runs = 0
        self._call = call
        self._ids = map(str, itertools.count(1))
        given = conductor_code(composer.task(composition)) if code is None else code
        exec(compile(given, "<conductor>", "exec"), self.names)
        self.names["_request"] = self._request

    def invoke(self, params: Params) -> Params:
        """Return the result of an invocation; an error is an object with that field."""
        result: Params = self.activate(params)
        while "action" in result:
            answer = self._call(qualified_name(result["action"]), crossed(result["params"]))
            result = self.activate({**crossed(answer), **crossed(result["state"])})
        if "error" in result:
            return {"error": result["error"]}
        output: Params = result["params"]
        return output

    def activate(self, params: Params) -> Params:
        """Run the conductor once."""
        self.runs += 1
        with mock.patch.dict(os.environ, ENVIRONMENT):
            answer: Params = crossed(self.names["main"](crossed(params)))
        return answer

    def _request(self, method: str, path: str, body: Params | None = None) -> Params:
        if method == "POST":
            id = next(self._ids)
            self.records[id] = {"response": {"result": self.invoke(body or {})}}
            return {"activationId": id}
        return self.records[path.rpartition("/")[2]]


def crossed(value: Any) -> Any:
    """Return a value as it arrives on the other side of a connection."""
    return json.loads(json.dumps(value, allow_nan=False))
