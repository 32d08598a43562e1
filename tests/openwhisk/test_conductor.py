"""The conductor action: its protocol, its code, its branches by the REST API, its size and time."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from partita.errors import DeploymentError, InvalidOptionError, OpenWhiskError
from partita.openwhisk import composer, conductor
from partita.openwhisk.compositions import composition_workflow
from partita.openwhisk.conductor import conductor_code, openwhisk
from partita.openwhisk.states import program_of
from partita.testing import crash_at_every_step
from tests.openwhisk import stand_in
from tests.openwhisk.conducting import Conductor
from tests.openwhisk.running import actions, call_action
from tests.openwhisk.stand_in import AUTH, OpenWhisk
from tests.openwhisk.test_combinators import CASES, get_x

Params = dict[str, Any]


@pytest.fixture
def host() -> Iterator[OpenWhisk]:
    with stand_in.openwhisk() as made:
        yield made


def deployed(host: OpenWhisk, composition: Any, name: str = "test", **options: Any) -> Any:
    client = openwhisk({"apihost": host.url, "api_key": AUTH})
    compiled = {"name": name, **composer.task(composition).compile()}
    return client.compositions.deploy(compiled, **options)


def invoked(host: OpenWhisk, params: Params, name: str = "test") -> Any:
    client = openwhisk({"apihost": host.url, "api_key": AUTH})
    given = {"name": name, "params": params, "blocking": True, "result": True}
    return client.actions.invoke(given)


@pytest.mark.parametrize("name", CASES)
def test_a_conductor_gives_what_the_interpreter_gives(name: str) -> None:
    composition, params, expected = CASES[name]
    assert Conductor(composition).invoke(dict(params)) == expected


def test_a_conductor_follows_the_protocol() -> None:
    made = Conductor(composer.let({"x": 1}, composer.do("fail", get_x)))
    first = made.activate({"n": 1})
    assert first["action"] == "/_/fail"
    assert first["params"] == {"n": 1}
    state = first["state"]["$composer"]
    assert state["stack"][0] == {"let": {"x": 1}}
    second = made.activate({"error": "failed", "n": 2, "$composer": state})
    assert second == {"params": {"value": 1}}


@pytest.mark.parametrize("state", [{"state": "x"}, {"stack": {}}])
def test_a_state_that_is_none_is_an_internal_error(state: Params) -> None:
    answer = Conductor("echo").activate({"$composer": state})
    assert answer["error"].startswith("Internal error:")


def test_runs_of_a_warm_container_share_no_variables() -> None:
    halved = Conductor(composer.repeat(3, "DivideByTwo"))
    assert [halved.invoke({"n": 64})["n"] for _ in range(4)] == [8, 8, 8, 8]


def test_the_code_needs_python_36_and_the_standard_library_alone() -> None:
    code = conductor_code(composer.when("isEven", composer.repeat(2, "a"), None))
    tree = ast.parse(code, feature_version=(3, 6))
    imported = {
        name.name.partition(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for name in node.names
    }
    assert imported <= sys.stdlib_module_names
    assert "partita" not in {
        node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)
    }


def test_a_composition_of_1000_nodes_and_one_of_200_levels_run() -> None:
    wide = composer.sequence(*["TripleAndIncrement", "DivideByTwo"] * 500)
    made = Conductor(wide)
    assert made.invoke({"n": 1})["n"] > 1
    assert made.runs == 1001
    deep = composer.task(lambda p: {"depth": 0})
    for _ in range(200):
        deep = composer.retry(1, composer.when(lambda: True, deep))
    assert Conductor(deep).invoke({}) == {"depth": 0}


def test_the_program_grows_in_proportion_to_the_composition() -> None:
    sizes = [
        len(program_of(composer.sequence(*[composer.repeat(2, "a")] * count))["states"])
        for count in (10, 20, 40)
    ]
    assert sizes[2] - sizes[1] == 2 * (sizes[1] - sizes[0])


def test_a_deployed_composition_runs_with_what_it_defines(host: OpenWhisk) -> None:
    check = composer.action("check", {"action": lambda args: {"value": args["n"] > 1}})
    made = deployed(host, composer.when(check, composer.literal("more"), None))
    assert [one["name"] for one in made] == ["/_/check", "/_/test"]
    assert invoked(host, {"n": 2}) == {"value": "more"}
    assert invoked(host, {"n": 1}) == {"n": 1}
    keys = [one["key"] for one in host.actions["test"]["annotations"]]
    assert keys == ["conductor", "composerVersion", "conductorVersion", "provide-api-key"]
    assert host.actions["test"]["exec"]["kind"] == "python:default"


@pytest.mark.parametrize(("looks", "status"), [(0, 404), (3, 404), (2, 503)])
def test_branches_run_by_the_rest_api_without_redis(
    host: OpenWhisk, looks: int, status: int
) -> None:
    step = composer.sequence(lambda p: {"n": p["n"] + 1}, composer.map(lambda p: p["n"]))
    deployed(host, composer.parallel(step, lambda p: p["absent"], composer.mask(step)))
    host.hidden_status = status
    host.hidden_looks = looks  # so that it yields before its deadline, which has passed
    first, failed, last = invoked(host, {"n": 1})["value"]
    assert first == last == {"value": []}
    assert "error" in failed


def test_async_begins_an_activation(host: OpenWhisk) -> None:
    body = composer.asynchronous(lambda p: {"n": p["n"] + 1})
    deployed(host, composer.let({"x": 1}, body))
    answer = invoked(host, {"n": 1})
    assert answer["method"] == "async"
    assert host.records[answer["activationId"]]["response"]["result"] == {"n": 2}


def test_an_error_of_a_composition_carries_the_record(host: OpenWhisk) -> None:
    deployed(host, lambda: {"error": "foo"})
    with pytest.raises(OpenWhiskError) as caught:
        invoked(host, {})
    assert caught.value.status_code == 502
    assert caught.value.error["response"]["result"] == {"error": "foo"}


def test_overwriting_updates_in_place_and_keeps_parameters(host: OpenWhisk) -> None:
    deployed(host, composer.literal(1))
    host.actions["test"]["parameters"] = [{"key": "a", "value": 1}]
    with pytest.raises(DeploymentError, match="409") as caught:
        deployed(host, composer.literal(2))
    assert caught.value.status_code == 409
    deployed(host, composer.literal(2), overwrite=True)
    assert host.actions["test"]["parameters"] == [{"key": "a", "value": 1}]
    assert invoked(host, {}) == {"value": 2}
    assert "DELETE" not in [method for method, _ in host.requests]


@pytest.mark.parametrize("atomic", [False, True])
def test_a_refused_action_leaves_what_the_message_says(host: OpenWhisk, atomic: bool) -> None:
    composition = composer.action("a", {"action": "lambda args: args"})
    host.refused = "test"
    with pytest.raises(DeploymentError) as caught:
        deployed(host, composition, atomic=atomic)
    left = "none" if atomic else "/_/a"
    assert str(caught.value).endswith(f"created before that: {left}")
    assert list(host.actions) == ([] if atomic else ["a"])


def test_an_atomic_update_that_fails_restores_what_was_there(host: OpenWhisk) -> None:
    deployed(host, composer.action("a", {"action": "lambda args: {'old': 1}"}))
    before = host.actions["a"]["exec"]
    host.refused = "test"
    changed = composer.action("a", {"action": "lambda args: {'new': 1}"})
    with pytest.raises(DeploymentError):
        deployed(host, changed, overwrite=True, atomic=True)
    assert host.actions["a"]["exec"] == before


def test_a_wrong_key_and_a_host_that_is_not_there(host: OpenWhisk) -> None:
    with pytest.raises(OpenWhiskError, match="check --auth"):
        openwhisk({"apihost": host.url, "api_key": "no:one"}).actions.list()
    with pytest.raises(OpenWhiskError, match="cannot be reached"):
        openwhisk({"apihost": "http://127.0.0.1:1", "api_key": AUTH}).actions.list()


def test_a_client_needs_a_host_and_a_key(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    properties = tmp_path / "wskprops"
    monkeypatch.setenv("WSK_CONFIG_FILE", str(properties))
    with pytest.raises(InvalidOptionError, match="no OpenWhisk host"):
        openwhisk({})
    properties.write_text("APIHOST=one\n# nothing\n")
    with pytest.raises(InvalidOptionError, match="no key"):
        openwhisk({})
    properties.write_text("APIHOST=one\nAUTH=a:b=\nAPIVERSION=v2\nNAMESPACE=n\n")
    settings = openwhisk({}).settings
    assert (settings.url, settings.auth, settings.namespace) == ("https://one/api/v2", "a:b=", "n")
    monkeypatch.setenv("__OW_API_HOST", "http://two")
    assert openwhisk({}).settings.url == "http://two/api/v2"
    assert openwhisk({"apihost": "three", "ignore_certs": True}).settings.insecure
    assert openwhisk({"apihost": "three"}).settings.url == "https://three/api/v2"
    assert openwhisk({"bearer": "t"}).settings.authorization == "Bearer t"


def test_synthesize_needs_a_name() -> None:
    with pytest.raises(conductor.ComposerError, match="Name"):
        conductor.synthesize(composer.empty().compile())


def test_a_composition_survives_a_crash_at_every_step() -> None:
    step = composer.sequence(lambda p: {"n": p["n"] + 1}, "TripleAndIncrement")
    composition = composer.do(
        composer.sequence(
            composer.repeat(2, step), composer.parallel(step, "fail"), lambda p: p["absent"]
        ),
        lambda env, p: {"caught": True},
    )
    made = composition_workflow(composition, "crashing")
    with actions(call_action):
        crash_at_every_step(made, {"n": 1}, workflows=[made], activities=[])


def test_parts_of_the_conductor_share_no_names() -> None:
    code = conductor_code(composer.parallel(composer.function("lambda p: StepValues({})")))
    names = [
        node.name
        for node in ast.parse(code).body
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
    ]
    assert sorted(set(names)) == sorted(names)
