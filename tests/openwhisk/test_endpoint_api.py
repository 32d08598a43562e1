"""The REST API of a local OpenWhisk."""

from __future__ import annotations

import json
from typing import Any

import pytest

from partita.authoring.failure import describe
from partita.client import Client
from partita.connect import connect
from partita.errors import OpenWhiskError
from partita.history import ActivityTaskScheduled
from partita.openwhisk import conductor
from partita.rules.activities import loss_delay
from partita.server.local import openwhisk_endpoint
from tests.openwhisk.endpoint import defined, ended, invoke, result


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "said"),
    [
        ("GET", "namespaces/_/actions/absent", None, 404, "does not exist"),
        ("POST", "namespaces/_/actions/absent", {}, 404, "does not exist"),
        ("DELETE", "namespaces/_/actions/absent", None, 404, "does not exist"),
        ("PUT", "namespaces/_/actions/echo", {"exec": {"kind": "python:3", "code": ""}}, 409,
         "already exists"),
        ("PUT", "namespaces/_/actions/a..b", {}, 400, "allowed form"),
        ("PUT", "namespaces/_/actions/no/x", {"exec": {"kind": "python:3", "code": ""}}, 404,
         "does not exist"),
        ("PUT", "namespaces/_/actions/x", {"exec": {"kind": "ruby", "code": ""}}, 400, "ruby"),
        ("PUT", "namespaces/_/actions/x", {"exec": {"kind": "blackbox"}}, 400, "blackbox"),
        ("PUT", "namespaces/_/actions/x", {"exec": {"kind": "python:3"}}, 400, "'code'"),
        ("PUT", "namespaces/_/actions/x", {}, 400, "exec undefined"),
        ("PUT", "namespaces/_/actions/x", [], 400, "Object expected"),
        ("PUT", "namespaces/_/actions/echo?overwrite=true", {"limits": {"timeout": 1}}, 400,
         "timeout 1 is not within"),
        ("POST", "namespaces/_/actions/echo?blocking=maybe", {}, 400, "Boolean"),
        ("GET", "namespaces/_/activations?limit=x", None, 400, "limit"),
        ("GET", "namespaces/_/activations/absent", None, 404, "does not exist"),
        ("GET", "namespaces/other/actions", None, 403, "not authorized"),
        ("GET", "namespaces/_/nothing", None, 404, "does not exist"),
    ],
)  # fmt: skip
def test_requests_that_are_refused(
    wsk: Any, method: str, path: str, body: Any, status: int, said: str
) -> None:
    with pytest.raises(OpenWhiskError) as caught:
        wsk.request(method, path, body)
    assert caught.value.status_code == status
    assert said in str(caught.value.error)


def test_an_update_keeps_what_it_does_not_name(wsk: Any) -> None:
    defined(
        wsk,
        "kept",
        {
            "exec": {"kind": "python:3", "code": "def main(p): return p"},
            "parameters": [{"key": "a", "value": 1}],
            "limits": {"timeout": 500},
        },
    )
    made = wsk.actions.update(
        {
            "name": "kept",
            "action": {"exec": {"kind": "python:3", "code": "def main(p): return {'b': p['a']}"}},
        }
    )
    assert (made["version"], made["limits"]["timeout"]) == ("0.0.2", 500)
    assert made["parameters"] == [{"key": "a", "value": 1}]
    assert result(wsk, "kept") == {"b": 1}
    assert wsk.actions.delete("kept")["name"] == "kept"


def test_an_invocation_that_takes_longer_is_answered_with_its_id(wsk: Any) -> None:
    path = "namespaces/_/actions/{}?blocking=true&timeout=1"
    code = "import time\ndef main(p):\n    time.sleep(0.2)\n    return p\n"
    defined(wsk, "slow", code)
    id = wsk.request("POST", path.format("slow"), {"n": 1})["activationId"]
    assert wsk.result_of("slow", {"n": 2}) == {"n": 2}
    wait = ended(wsk, id)
    assert wait["response"]["result"] == {"n": 1}
    assert wsk.request("GET", f"namespaces/_/activations/{id}/logs") == {"logs": []}
    assert wsk.request("GET", f"namespaces/_/activations/{id}/result")["success"] is True


def test_a_trigger_invokes_the_actions_of_its_rules(wsk: Any) -> None:
    at = "namespaces/_/{}"
    made = wsk.request("PUT", at.format("triggers/t"), {"parameters": [{"key": "a", "value": 1}]})
    assert (made["name"], made["namespace"]) == ("t", "guest")
    assert wsk.request("POST", at.format("triggers/t"), {}) is None  # nothing to invoke
    rule = {"trigger": "/_/t", "action": "/_/echo"}
    made = wsk.request("PUT", at.format("rules/r"), rule)
    assert (made["status"], made["action"]) == ("active", {"name": "echo", "path": "guest"})
    id = wsk.request("POST", at.format("triggers/t"), {"b": 2})["activationId"]
    record = ended(wsk, id)
    assert record["response"]["result"] == {"a": 1, "b": 2}
    told = json.loads(record["logs"][0])
    assert (told["rule"], told["action"]) == ("guest/r", "guest/echo")
    called = told["activationId"]
    invoked = ended(wsk, called)
    assert (invoked["cause"], invoked["response"]["result"]) == (id, {"a": 1, "b": 2})
    wsk.request("POST", at.format("rules/r"), {"status": "inactive"})
    assert wsk.request("POST", at.format("triggers/t"), {}) is None
    assert [one["name"] for one in wsk.request("GET", at.format("rules"))] == ["r"]
    for body, said in (
        ({"trigger": "/_/no", "action": "/_/echo"}, "no does not exist"),
        ({**rule, "action": "no"}, "no does not exist"),
        ({**rule, "status": "x"}, "'x' is not a recognized rule state"),
    ):
        with pytest.raises(OpenWhiskError, match=said):
            wsk.request("PUT", at.format("rules/r?overwrite=true"), body)
    assert wsk.request("DELETE", at.format("rules/r"))["name"] == "r"
    assert wsk.request("DELETE", at.format("triggers/t"))["name"] == "t"


def test_an_activation_that_was_terminated_has_a_record() -> None:
    service = connect("memory://")
    with openwhisk_endpoint(service) as url:
        wsk = conductor.openwhisk({"apihost": url, "api_key": "any:key"})
        code = "import time\ndef main(p):\n    time.sleep(60)\n"
        defined(wsk, "slow", code, limits={"timeout": 1000})
        id = wsk.actions.invoke({"name": "slow"})["activationId"]
        Client(service).terminate(id, "enough")
        record = ended(wsk, id)
        assert record["response"]["status"] == "whisk internal error"
        assert (record["name"], record["statusCode"]) == ("slow", 3)
    service.close()


def test_an_activation_is_lost_after_no_number_of_killed_servers() -> None:
    service: Any = connect("memory://")
    with openwhisk_endpoint(service) as url:
        wsk = conductor.openwhisk({"apihost": url, "api_key": "any:key"})
        defined(wsk, "good", "def main(p):\n    return p\n")
        id = invoke(wsk, "good")["activationId"]
    events = Client(service).history(id)
    (scheduled,) = [one for one in events if isinstance(one, ActivityTaskScheduled)]
    policy = scheduled.retry_policy
    assert policy is not None
    assert loss_delay(policy, 1_000_000) is not None
    failure = describe(ValueError("a bug"))
    assert policy.is_final(failure.reason, failure.dump())
    service.close()
