"""Files for SAM, CloudFormation, Terraform and the CDK: checked by the tools' own checkers."""

from __future__ import annotations

import ast
import json
import py_compile
import re
import subprocess
import sys
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from cfnlint.api import lint
from cfnlint.config import ManualArgs

from partita.asl.check import check_text
from tests.deploy import cdk
from tests.deploy.shop import Shop, partita
from tests.soak import SOAKING

KINDS = ("sam", "cloudformation", "terraform", "cdk")
TRICKY = """

@workflow
def tricky(price: int) -> str:
    text = charge("${Function} ${price} %{ if x }", [])
    return f"${price} {text} %{{percent}}"
"""


def emit(shop: Shop, kind: str, workflow: str, *options: str) -> dict[str, str]:
    """Write files; return the texts among them by name."""
    shop.file.write_text(shop.file.read_text("utf-8") + TRICKY, "utf-8")
    target = f"shop.py:{workflow}"
    ran = partita(shop.folder, "deploy", target, "--emit", kind, "-o", "out", *options)
    assert (ran.status, ran.err) == (0, "")
    files = sorted((shop.folder / "out").iterdir())
    assert ran.out == f"out: {', '.join(one.name for one in files)}\n"
    return {one.name: one.read_text("utf-8") for one in files if one.suffix != ".zip"}


def linted(text: str) -> list[str]:
    found = lint(text, config=ManualArgs(regions=["us-east-1"]))
    return [f"{one.rule.id} {one.message}" for one in found]


@pytest.mark.parametrize(
    ("kind", "workflow"),
    [
        ("sam", "tricky"),
        ("sam", "greet"),
        ("cloudformation", "checkout"),
        ("cloudformation", "greet"),
    ],
)
def test_templates_have_no_faults(shop: Shop, kind: str, workflow: str) -> None:
    texts = emit(shop, kind, workflow)
    assert linted(texts["template.json"]) == []
    resources = json.loads(texts["template.json"])["Resources"]
    assert ("Function" in resources) == (workflow != "greet")
    machine = resources["Machine"]["Properties"]
    assert ("DefinitionSubstitutions" in machine) == (workflow != "greet")


def test_the_linter_finds_faults() -> None:
    broken = {"Resources": {"Machine": {"Type": "AWS::StepFunctions::StateMachine"}}}
    assert linted(json.dumps(broken)) != []


@pytest.mark.parametrize("workflow", ["checkout", "tricky"])
def test_the_function_is_the_only_placeholder(shop: Shop, workflow: str) -> None:
    texts = emit(shop, "cloudformation", workflow)
    text = texts[f"{workflow}.asl.json"]
    assert text.count("${") == text.count("${Function}") > 0
    arn = "arn:aws:lambda:us-east-1:123456789012:function:checkout:1"
    filled = text.replace("${Function}", arn)
    assert [one for one in check_text(filled) if one.severity == "ERROR"] == []
    compiled = json.loads(partita(shop.folder, "compile", f"shop.py:{workflow}").out)
    for name, state in json.loads(filled)["States"].items():
        if state["Type"] == "Task":
            assert state["Arguments"].pop("FunctionName") == arn
            payload = state["Arguments"].pop("Payload")
            original = compiled["States"][name]["Arguments"]
            assert payload["activity"] == original.pop("FunctionName")
            assert payload["arguments"] == original.pop("Payload")
        assert state == compiled["States"][name]
    template = json.loads(texts["template.json"])["Resources"]["Machine"]["Properties"]
    assert template["DefinitionString"] == text.removesuffix("\n")


def test_other_code_has_another_key_and_another_version(shop: Shop) -> None:
    one = json.loads(emit(shop, "cloudformation", "checkout")["template.json"])
    shop.edit("shipped", "sent")
    other = json.loads(emit(shop, "cloudformation", "checkout")["template.json"])
    keys = [each["Parameters"]["CodeKey"]["Default"] for each in (one, other)]
    assert keys[0] != keys[1]
    versions = [{name for name in each["Resources"] if "Version" in name} for each in (one, other)]
    assert versions[0] != versions[1]


@pytest.mark.timeout(900)  # where the CDK itself is installed and runs
@pytest.mark.parametrize("workflow", ["checkout", "greet", "ship_all"])
def test_the_app_for_the_cdk_compiles(shop: Shop, workflow: str) -> None:
    texts = emit(shop, "cdk", workflow, "--architecture", "arm64")
    app = shop.folder / "out" / "app.py"
    py_compile.compile(str(app), cfile=str(shop.folder / "app.pyc"), doraise=True)
    tree = ast.parse(texts["app.py"])
    calls = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    assert ("lambda_.Function" in calls) == (workflow != "greet")
    assert "sfn.StateMachine" in calls
    stack = re.search(r'cdk\.Stack\(app, "([^"]*)"\)', texts["app.py"])
    assert stack is not None
    assert re.fullmatch(r"[A-Za-z][A-Za-z0-9-]*", stack[1])
    assert json.loads(texts["cdk.json"]) == {"app": "python3 app.py"}
    if SOAKING:
        _check_synthesized(cdk.synthesized(shop.folder / "out"), workflow)


def _check_synthesized(template: dict[str, Any], workflow: str) -> None:
    """Check what the CDK itself makes of an app."""
    kinds = {one["Type"]: one["Properties"] for one in template["Resources"].values()}
    machine = kinds["AWS::StepFunctions::StateMachine"]
    assert machine["StateMachineName"] == workflow
    assert ("AWS::Lambda::Version" in kinds) == (workflow != "greet")
    assert ("DefinitionSubstitutions" in machine) == (workflow != "greet")
    assert ("AWS::IAM::Policy" in kinds) == (workflow != "greet")


@pytest.mark.parametrize("kind", KINDS)
def test_files_name_the_options(shop: Shop, kind: str) -> None:
    options = ("--name", "my-shop", "--runtime", "python3.14", "-m", "512", "--tag", "team=a=b")
    texts = emit(shop, kind, "checkout", *options)
    main = {"sam": "template.json", "cloudformation": "template.json", "cdk": "app.py"}
    text = texts[main.get(kind, "main.tf")]
    assert all(
        one in text
        for one in ('"team"', '"a=b"', "my-shop", "python3.14", "512", "partita.handler.dispatch")
    )
    assert (shop.folder / "out" / "my-shop.zip").read_bytes()[:2] == b"PK"


def test_a_distributed_map_may_run_its_own_machine(shop: Shop) -> None:
    texts = emit(shop, "cloudformation", "ship_all")
    allowed = json.loads(texts["policy.json"])["Statement"]
    own = "arn:aws:states:REGION:ACCOUNT"
    assert [(one["Action"], one["Resource"]) for one in allowed] == [
        (["lambda:InvokeFunction"], ["arn:aws:lambda:REGION:ACCOUNT:function:ship_all:*"]),
        (
            ["states:DescribeExecution", "states:StopExecution"],
            [f"{own}:execution:ship_all:*"],
        ),
        (["states:StartExecution"], [f"{own}:stateMachine:ship_all"]),
    ]
    assert linted(texts["template.json"]) == []
    ran = partita(
        shop.folder, "deploy", "shop.py:ship_all", "--emit", "sam", "-o", "x", "--express"
    )
    assert "distributed map: Express machines run maps inline only" in ran.err


def test_functions_have_no_limit_between_heartbeats(shop: Shop) -> None:
    shop.edit("@activity(start_to_close=30)", "@activity(start_to_close=30, heartbeat=5)")
    assert '"HeartbeatSeconds": 5' in partita(shop.folder, "compile", "shop.py:checkout").out
    texts = emit(shop, "sam", "checkout")
    assert "HeartbeatSeconds" not in texts["checkout.asl.json"]
    assert '"TimeoutSeconds": 30' in texts["checkout.asl.json"]


def test_zips_of_pyawssfn_have_a_command_of_their_own(tmp_path: Path) -> None:
    file = Path(__file__).parents[2] / "examples" / "pysfn" / "analyse_text.py"
    ran = partita(tmp_path, "bundle", str(file), "-o", "out.zip")
    assert "is of pyawssfn; `partita pysfn gen-lambda`" in ran.error


def test_steps_of_their_own_are_in_the_zip_and_called(shop: Shop) -> None:
    shop.edit('return f"hello {name}"', 'return re.sub("l+", "L", f"hello {name}")')
    shop.edit("from dataclasses", "import re\nfrom dataclasses")
    refused = partita(shop.folder, "deploy", "shop.py:greet", "--emit", "sam", "-o", "out")
    assert refused.status == 2
    assert "--outline" in refused.err
    texts = emit(shop, "sam", "greet", "--outline")
    states = json.loads(texts["greet.asl.json"])["States"].values()
    (task,) = [one["Arguments"] for one in states if one["Type"] == "Task"]
    assert task["FunctionName"] == "${Function}"
    with ZipFile(shop.folder / "out" / "greet.zip") as archive:
        archive.extractall(shop.folder / "unzipped")
        assert list(json.loads(archive.read("partita/activities.json"))) == [
            task["Payload"]["activity"]
        ]
    (name,) = task["Payload"]["arguments"]
    event = {"activity": task["Payload"]["activity"], "arguments": {name: "Bill"}}
    code = f"from partita.handler import dispatch; print(dispatch({event!r}))"
    bare = [sys.executable, "-I", "-S", "-c", f"import sys; sys.path.insert(0, ''); {code}"]
    ran = subprocess.run(bare, cwd=shop.folder / "unzipped", capture_output=True, text=True)
    assert ran.stdout == "heLo BiL\n", ran.stderr
    assert '"Handler": "partita.handler.dispatch"' in texts["template.json"]


def test_express_machines_are_named(shop: Shop) -> None:
    texts = emit(shop, "sam", "greet", "--express")
    machine: dict[str, Any] = json.loads(texts["template.json"])["Resources"]["Machine"]
    assert machine["Properties"]["Type"] == "EXPRESS"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--emit", "sam"], "--emit and -o belong together, for AWS; give both, or none"),
        (["--to", "openwhisk", "--emit", "sam", "-o", "x"], "--emit and -o belong together"),
        ([], "where to? give --to openwhisk, --to stepfunctions, or --emit TOOL"),
        (["--to", "stepfunctions"], "a machine needs a role; give --role ARN"),
        (
            ["--emit", "sam", "-o", "x", "--dry-run"],
            "--dry-run is for deployments; --emit asks no one: leave it out",
        ),
        (["--emit", "cdk", "-o", "x", "--region", "eu-west-1"], "--region is for deployments"),
        (["--emit", "sam", "-o", "shop.py/x"], "cannot write shop.py/x: Not a directory"),
    ],
)
def test_bad_options_are_one_line(shop: Shop, options: list[str], message: str) -> None:
    ran = partita(shop.folder, "deploy", "shop.py:checkout", *options)
    assert ran.status == 2
    assert ran.error == f"partita: {message} [INVALID_OPTION]" or message in ran.error
    assert ran.err.count("\n") == 1
