"""Deploy to moto's server: create, update, no change, drift, other sources, failures."""

from __future__ import annotations

import json

import pytest

from partita.asl.check import check_text
from partita.aws.calls import ONCE_BRIEFLY
from tests.deploy.shop import Shop, partita, role
from tests.integrations.moto import moto


def test_a_deployment_makes_a_function_and_a_machine(shop: Shop) -> None:
    ran = shop.deploy("--runtime", "python3.13", "--architecture", "arm64", "-m", "512")
    assert ran.out == (
        f"created function arn:aws:lambda:us-east-1:123456789012:function:{shop.name} (version 1)\n"
        f"created machine {shop.arn} (version 1)\n"
    )
    about = shop.function()["Configuration"]
    found = {key: about[key] for key in ("Runtime", "Timeout", "MemorySize", "Architectures")}
    assert found == {
        "Runtime": "python3.13",
        "Timeout": 35,
        "MemorySize": 512,
        "Architectures": ["arm64"],
    }
    assert about["Handler"] == "partita.handler.dispatch"
    text = shop.machine()["definition"]
    assert f"function:{shop.name}:1" in text
    assert [one for one in check_text(text) if one.severity == "ERROR"] == []
    assert shop.function()["Tags"]["partita:source"] == "shop:checkout"


def test_nothing_is_done_where_nothing_has_changed(shop: Shop) -> None:
    shop.deploy()
    assert shop.deploy().out == f"nothing changed: {shop.name} is as it was deployed\n"
    plan = shop.deploy("--dry-run")
    assert plan.out == f"function {shop.name}: no change\nmachine {shop.name}: no change\n"


def test_a_dry_run_shows_what_would_be_made(shop: Shop) -> None:
    plan = shop.deploy("--dry-run").out.splitlines()
    assert plan[0] == f"function {shop.name}: create"
    assert f"machine {shop.name}: create" in plan
    assert '+  "QueryLanguage": "JSONata",' in plan
    assert not shop.has_function()


def test_changes_are_updates_of_both(shop: Shop) -> None:
    shop.deploy()
    shop.edit("shipped", "sent")
    plan = shop.deploy("--dry-run").out
    assert f"function {shop.name}: update\n  CodeSha256: " in plan
    assert f'function:{shop.name}:(the next version)"' in plan
    done = shop.deploy().out.splitlines()
    assert [line.partition(" arn")[0] for line in done] == ["updated function", "updated machine"]
    assert f"function:{shop.name}:2" in shop.machine()["definition"]


def test_only_the_machine_is_updated_where_only_its_role_has_changed(shop: Shop) -> None:
    shop.deploy()
    other = role("states lambda")
    plan = shop.deploy("--role", other, "--function-role", role(), "--dry-run").out
    assert plan == (
        f"function {shop.name}: no change\nmachine {shop.name}: update\n"
        f"  role: {role()} -> {other}\n"
    )
    done = shop.deploy("--role", other, "--function-role", role()).out
    assert done == f"updated machine {shop.arn} (version 2)\n"
    assert shop.machine()["roleArn"] == other


def test_drift_is_told_and_mended(shop: Shop) -> None:
    shop.deploy()
    shop.lambdas.update_function_configuration(FunctionName=shop.name, Timeout=7)
    text = shop.machine()["definition"].replace("charge(card, lines)", "changed")
    shop.machines.update_state_machine(stateMachineArn=shop.arn, definition=text)
    ran = shop.deploy("--dry-run")
    assert ran.err == (
        f"partita: function {shop.name} was changed since it was deployed from here\n"
        f"partita: machine {shop.name} was changed since it was deployed from here\n"
    )
    assert "  Timeout: 7 -> 35" in ran.out
    assert '-      "Comment": "paid = changed",' in ran.out
    shop.deploy()
    assert shop.function()["Configuration"]["Timeout"] == 35
    assert shop.deploy().err == ""


def test_names_of_other_sources_are_not_taken(shop: Shop) -> None:
    shop.deploy()
    ran = shop.deploy(target="shop.py:greet")
    assert ran.status == 5
    assert ran.error == (
        f"partita: machine {shop.name} exists and was deployed from shop:checkout, not from "
        "shop:greet; nothing was changed; give another --name, or --overwrite [NOT_DEPLOYED]"
    )
    ran = shop.deploy("--overwrite", target="shop.py:greet")
    assert ran.out == f"updated machine {shop.arn} (version 2)\n"


def test_machines_that_others_made_are_not_taken(shop: Shop) -> None:
    empty = json.dumps({"StartAt": "a", "States": {"a": {"Type": "Succeed"}}})
    shop.machines.create_state_machine(name=shop.name, definition=empty, roleArn=role())
    ran = shop.deploy()
    assert "exists and was not deployed by partita" in ran.error
    assert not shop.has_function()


def test_a_machine_keeps_its_type(shop: Shop) -> None:
    shop.deploy(target="shop.py:greet")
    ran = shop.deploy("--express", target="shop.py:greet")
    assert f"machine {shop.name} is STANDARD, and AWS does not change that" in ran.error


def test_a_workflow_without_activities_needs_no_function(shop: Shop) -> None:
    ran = shop.deploy("--express", target="shop.py:greet")
    assert ran.out == f"created machine {shop.arn} (version 1)\n"
    assert shop.machine()["type"] == "EXPRESS"
    assert not shop.has_function()


def test_tags_are_given_to_both_and_changed_alone(shop: Shop) -> None:
    shop.deploy("--tag", "team=a b", "--tag", "cost=7")
    assert shop.function()["Tags"].items() >= {"team": "a b", "cost": "7"}.items()
    assert shop.deploy("--tag", "team=a b").out.startswith("nothing changed")
    plan = shop.deploy("--tag", "team=c", "--dry-run").out
    assert plan == (
        f"function {shop.name}: no change\n  tag team: a b -> c\n"
        f"machine {shop.name}: no change\n  tag team: a b -> c\n"
    )
    done = shop.deploy("--tag", "team=c").out
    function = f"arn:aws:lambda:us-east-1:123456789012:function:{shop.name}"
    assert done == f"tagged function {function}\ntagged machine {shop.arn}\n"
    tags = shop.machines.list_tags_for_resource(resourceArn=shop.arn)["tags"]
    assert {"key": "team", "value": "c"} in tags
    assert shop.deploy().out.startswith("nothing changed")


def test_a_workflow_that_waits_for_signals_has_a_function_and_is_not_express(shop: Shop) -> None:
    ran = shop.deploy("--express", target="shop.py:ask")
    assert ran.status == 2
    assert "waiting for a signal: Express machines have no task tokens" in ran.err
    assert not shop.has_function()
    assert "created machine" in shop.deploy(target="shop.py:ask").out
    text = shop.machine()["definition"]
    assert "partita-signals" not in text
    assert '"signal": "approved"' in text


def test_roles_that_cannot_be_assumed_are_told(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    absent = "arn:aws:iam::123456789012:role/absent"
    monkeypatch.setattr("partita.stepfunctions.deploy.functions._ROLE_PAUSES", (0.0, 0.0))
    ran = shop.deploy("--role", absent)
    assert ran.error == (
        "partita: AWS Lambda: The role defined for the function cannot be assumed by Lambda. "
        "(InvalidParameterValueException); nothing was changed [NOT_DEPLOYED]"
    )
    assert not shop.has_function()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--role", "me"], "--role 'me' is no role; give its ARN: arn:aws:iam::ACCOUNT:role/NAME"),
        (["--runtime", "python2.7"], "no runtime 'python2.7'; give one of python3.11"),
        (["-m", "64"], "--memory 64 is not between 128 and 10240 MB"),
        (["--name", "my shop"], "'my shop' cannot name a function"),
        (["--apihost", "x"], "--apihost is for --to openwhisk; leave it out"),
        (["--requirements", "none.txt"], "no file none.txt; give a requirements file"),
        (["--tag", "team"], "--tag 'team': write KEY=VALUE, with up to 128 and 256 characters"),
        (["--tag", "partita:source=x"], "no key that begins with aws: or partita:"),
        (["--endpoint", "nowhere"], "AWS cannot be called: Invalid endpoint: nowhere"),
        (["--profile", "nobody"], "AWS cannot be called: The config profile (nobody)"),
        (["--endpoint", "http://127.0.0.1:9"], "AWS Lambda is out of reach"),
    ],
)
def test_bad_options_are_one_line(
    shop: Shop, options: list[str], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("partita.stepfunctions.deploy.clients.RETRIED", ONCE_BRIEFLY)
    ran = shop.deploy(*options)
    assert ran.status in (2, 69, 5)
    assert ran.out == ""
    assert ran.err.count("\n") == 1
    assert message in ran.error
    assert not shop.has_function()


def test_no_credentials_are_told(shop: Shop) -> None:
    command = ["deploy", "shop.py:checkout", "--to", "stepfunctions", "--name", shop.name]
    nothing = {
        "AWS_ACCESS_KEY_ID": "",
        "AWS_SECRET_ACCESS_KEY": "",
        "AWS_SHARED_CREDENTIALS_FILE": "/nowhere",
    }
    nothing |= {"AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": "/nowhere"}
    ran = partita(shop.folder, *command, "--role", role(), "--endpoint", moto(), **nothing)
    assert ran.error == (
        "partita: AWS Lambda: Unable to locate credentials; run `aws configure`, or give "
        "--profile NAME [INVALID_OPTION]"
    )
