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
from partita.openwhisk.endpoint.protocol import BLOCKING_SECONDS
from partita.rules.activities import loss_delay
from partita.server.local import openwhisk_endpoint
from tests.openwhisk.endpoint import defined, ended, invoke, result

ABSENT = "The requested resource does not exist."
MALFORMED = "The request content was malformed:\n"
PYTHON = {"kind": "python:3", "code": ""}
KINDS = "Valid values are: 'nodejs:default', 'python:default', 'python:3'."
NO_KIND = f"{MALFORMED}The specified runtime '{{}}' is not supported by this platform. {KINDS}"
NO_CODE = (
    f"{MALFORMED}'code' must be a string or attachment object defined in 'exec' for 'python:3' "
    "actions"
)


def asked(name: str, said: str) -> str:
    return f"The query parameter '{name}' was malformed:\n{said}"


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "said"),
    [
        ("GET", "actions/absent", None, 404, ABSENT),
        ("POST", "actions/absent", {}, 404, ABSENT),
        ("DELETE", "actions/absent", None, 404, ABSENT),
        ("PUT", "actions/echo", {"exec": PYTHON}, 409, "resource already exists"),
        ("PUT", "actions/a..b", {}, 400, "The name of the entity contains illegal characters."),
        ("PUT", "actions/%C3%A9", {}, 400, "The name of the entity contains illegal characters."),
        ("PUT", "actions/no/x", {"exec": PYTHON}, 404, ABSENT),
        ("PUT", "actions/x", {"exec": {"kind": "ruby", "code": ""}}, 400, NO_KIND.format("ruby")),
        ("PUT", "actions/x", {"exec": {"kind": "blackbox"}}, 400, NO_KIND.format("blackbox")),
        ("PUT", "actions/x", {"exec": {"kind": "python:3"}}, 400, NO_CODE),
        ("PUT", "actions/x", {}, 400, "exec undefined"),
        ("PUT", "actions/x", [], 400, f"{MALFORMED}Object expected"),
        ("PUT", "actions/echo?overwrite=true", {"limits": {"timeout": 1}}, 400, MALFORMED +
         "requirement failed: duration 1 milliseconds below allowed threshold of 100 milliseconds"),
        ("PUT", "actions/echo?overwrite=true", {"limits": {"memory": 64}}, 400, MALFORMED +
         "requirement failed: memory 64 MB below allowed threshold of 134217728 B"),
        ("PUT", "actions/echo?overwrite=true", {"limits": {"logs": 1.5}}, 400, MALFORMED +
         "log limit must be whole number"),
        ("POST", "actions/echo?blocking=maybe", {}, 400,
         asked("blocking", "'maybe' is not a valid Boolean value")),
        ("POST", "actions/echo?blocking=true&timeout=60001", {}, 400,
         asked("timeout", "Timeout must be number of milliseconds up to 60000.")),
        ("GET", "activations?limit=x", None, 400,
         asked("limit", "The value 'x' is not an integer for activations.")),
        ("GET", "actions?limit=201", None, 400,
         asked("limit", "The value '201' is not in the range of 0 to 200 for actions.")),
        ("GET", "rules?skip=-1", None, 400,
         asked("skip", "The value '-1' is not greater than or equal to 0 for rules.")),
        ("GET", "activations?since=now", None, 400,
         asked("since", "Parameter is not a valid value for epoch seconds: now")),
        ("GET", "activations?name=a/b/c", None, 400, asked("name",
         "Parameter may be a 'simple' name or 'package-name/simple' name: a/b/c")),
        ("GET", "activations?count=true&docs=true", None, 400,
         "The parameter 'docs' is not permitted with 'count'."),
        ("GET", "activations/absent", None, 400, "Activation id length is 6 but must be 32."),
        ("GET", f"activations/{'x' * 32}", None, 400, "The activation id is not valid."),
        ("GET", f"activations/{'0' * 32}", None, 404, ABSENT),
        ("GET", "nothing", None, 404, ABSENT),
        ("PUT", "rules/r", {}, 400, "rule requires a valid trigger and a valid action"),
        ("PUT", "rules/r", {"trigger": "/_/no", "action": "/_/echo"}, 400,
         "trigger /guest/no does not exist"),
        ("PUT", "packages/p", {"binding": {"namespace": "_", "name": "no"}}, 400,
         "Binding references a package that does not exist."),
    ],
)  # fmt: skip
def test_requests_are_refused_in_openwhisks_words(
    wsk: Any, method: str, path: str, body: Any, status: int, said: str
) -> None:
    with pytest.raises(OpenWhiskError) as caught:
        wsk.request(method, f"namespaces/_/{path}", body)
    assert (caught.value.status_code, caught.value.error["error"]) == (status, said)


def test_no_other_namespace_may_be_used(wsk: Any) -> None:
    with pytest.raises(OpenWhiskError, match="is not authorized to access 'other'") as caught:
        wsk.request("GET", "namespaces/other/actions")
    assert caught.value.status_code == 403


def test_a_package_with_actions_is_removed_by_force_alone(wsk: Any) -> None:
    wsk.request("PUT", "namespaces/_/packages/full", {})
    for name in ("a", "b"):
        defined(wsk, f"full/{name}", "def main(p):\n    return p\n")
    said = (
        r"Package not empty \(contains 2 entities\)\. Set force param or delete package contents\."
    )
    with pytest.raises(OpenWhiskError, match=said):
        wsk.request("DELETE", "namespaces/_/packages/full")
    assert wsk.request("DELETE", "namespaces/_/packages/full?force=true")["name"] == "full"
    with pytest.raises(OpenWhiskError, match=ABSENT):
        wsk.actions.invoke({"name": "full/a"})


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
        ({"trigger": "/_/no", "action": "/_/echo"}, "trigger /guest/no does not exist"),
        ({**rule, "action": "no"}, "action /guest/no does not exist"),
        ({**rule, "status": "x"}, "x is not a recognized rule state"),
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


def test_a_blocking_invocation_is_answered_with_its_id_after_a_minute_and_goes_on() -> None:
    assert BLOCKING_SECONDS == 60
    with openwhisk_endpoint(blocking_seconds=0.1) as url:
        wsk = conductor.openwhisk({"apihost": url, "api_key": "any:key"})
        defined(wsk, "slow", "import time\ndef main(p):\n    time.sleep(0.5)\n    return p\n")
        answer = wsk.actions.invoke({"name": "slow", "params": {"n": 1}, "blocking": True})
        assert set(answer) == {"activationId"}
        assert ended(wsk, answer["activationId"])["response"]["result"] == {"n": 1}


def test_the_built_in_action_and_the_limits_of_the_namespace(wsk: Any) -> None:
    echo = {"name": "/whisk.system/utils/echo", "params": {"n": 1}, "blocking": True}
    assert wsk.actions.invoke({**echo, "result": True}) == {"n": 1}
    limits = wsk.request("GET", "namespaces/_/limits")
    assert limits["concurrentInvocations"] > 0


def test_activations_are_listed_by_time_page_and_name(wsk: Any) -> None:
    defined(wsk, "listed", "def main(p):\n    return p\n")
    found = [invoke(wsk, "listed", {"n": n}) for n in range(5)]
    ids = [one["activationId"] for one in found]

    def listed(query: str) -> list[str]:
        path = f"namespaces/_/activations?name=listed&{query}"
        return [one["activationId"] for one in wsk.request("GET", path)]

    assert listed("limit=2") == ids[:-3:-1]
    assert listed("skip=3") == ids[1::-1]
    assert listed(f"since={found[0]['start']}") == ids[::-1]
    assert listed(f"since={found[-1]['end'] + 60_000}") == []
    assert listed(f"upto={found[0]['start'] - 1}") == []
    rows = wsk.request("GET", "namespaces/_/activations?name=listed&docs=true&limit=1")
    assert rows == [found[-1]]
    count = wsk.request("GET", "namespaces/_/activations?name=listed&count=true")
    assert count == {"activations": 5}
