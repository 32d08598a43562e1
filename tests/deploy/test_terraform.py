"""The configuration for Terraform: checked by Terraform where it is installed, else by facts."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from partita.stepfunctions.bundle.requirements import RUNTIMES
from tests.deploy import terraform as tool
from tests.deploy.shop import Shop, partita
from tests.deploy.test_pysfn import FILE
from tests.deploy.test_templates import emit
from tests.soak import SOAKING

SCHEMA: dict[str, Any] = json.loads(tool.FACTS.read_text("utf-8"))
OPTIONS = ("--runtime", "python3.11", "--tag", 'a b=${x} %{ if "y" }')
CASES = {
    "checkout": OPTIONS,
    "greet": ("--express",),
    "tricky": (*OPTIONS, "--architecture", "arm64", "-m", "10240"),
    "ship_all": (*OPTIONS, "--name", "n" * 64),
    "ask": OPTIONS,
}


@pytest.mark.parametrize("workflow", list(CASES))
def test_the_configuration_fits_the_schema(shop: Shop, workflow: str) -> None:
    text = emit(shop, "terraform", workflow, *CASES[workflow])["main.tf"]
    blocks = {(kind, name): _arguments(body) for kind, name, body in _BLOCK.findall(text)}
    assert len(blocks) == text.count("\nresource ") > 1
    for (kind, _), given in blocks.items():
        known = SCHEMA["resources"][kind]
        assert set(known["required"]) <= given <= set(known["required"] + known["optional"])
    for kind, name, attribute in _REFERENCE.findall(text):
        assert kind.startswith("data.") or (kind, name) in blocks
        known = SCHEMA["data"][kind[5:]] if kind[:5] == "data." else SCHEMA["resources"][kind]
        assert attribute in known["required"] + known["optional"] + known["computed"]


_BLOCK = re.compile(r'^resource "(\w+)" "(\w+)" \{\n(.*?)^\}$', re.MULTILINE | re.DOTALL)
_REFERENCE = re.compile(r"\b((?:data\.)?aws_\w+)\.(\w+)\.(\w+)\b")


def _arguments(body: str) -> set[str]:
    """Return the names of the arguments of a block, which `terraform fmt` indents by two."""
    return set(re.findall(r"^  (\w+) +=", body, re.MULTILINE))


def test_terraform_accepts_the_configuration(shop: Shop, tmp_path: Path) -> None:
    """All of them as modules of one configuration, since the provider starts slowly."""
    modules = [f'module "{one}" {{\n  source = "./{one}"\n}}\n' for one in (*CASES, "pysfn")]
    ran = partita(tmp_path, "deploy", str(FILE), "--emit", "terraform", "-o", "pysfn", *OPTIONS)
    assert ran.status == 0
    for workflow, options in CASES.items():
        emit(shop, "terraform", workflow, *options)
        (shop.folder / "out").rename(tmp_path / workflow)
    (tmp_path / "main.tf").write_text("\n".join(modules), "utf-8")
    if tool.binary() is not None:
        assert tool.terraform(tmp_path, "fmt", "-check", "-diff", "-recursive") == (0, "")
        if tool.mirror() is not None:
            assert tool.terraform(tmp_path, "init", "-no-color").status == 0
            found = json.loads(tool.terraform(tmp_path, "validate", "-json").text)
            assert (found["valid"], found["diagnostics"]) == (True, [])


def test_the_provider_must_know_the_runtime(shop: Shop) -> None:
    wanted = {}
    for runtime in RUNTIMES:
        text = emit(shop, "terraform", "checkout", "--runtime", runtime)["main.tf"]
        (wanted[runtime],) = re.findall(r'"hashicorp/aws"\n +version = ">= (.*)"', text)
    assert wanted == {
        "python3.11": "5.11",
        "python3.12": "5.33",
        "python3.13": "5.76",
        "python3.14": "6.21",
    }


def test_the_facts_are_the_providers(tmp_path: Path) -> None:
    if SOAKING and tool.binary() is not None and tool.mirror() is not None:
        found = tool.facts(tmp_path)
        assert found == SCHEMA or found["version"] != SCHEMA["version"]
    assert set(SCHEMA["resources"]) == set(tool.RESOURCES)
