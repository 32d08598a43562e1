"""Terraform with its AWS provider, where both are installed; and facts of the provider's schema.

`python -m tests.deploy.terraform` writes the facts again, from the provider that is installed.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

RESOURCES = (
    "aws_iam_role",
    "aws_iam_role_policy",
    "aws_iam_role_policy_attachment",
    "aws_lambda_function",
    "aws_sfn_state_machine",
)
DATA_SOURCES = ("aws_caller_identity", "aws_partition", "aws_region")
FACTS = Path(__file__).with_name("terraform_schema.json")
ADDRESS = "hashicorp/aws"
"""The provider's address, without the registry that it is from."""

_USED = 'terraform {\n  required_providers {\n    aws = { source = "hashicorp/aws" }\n  }\n}\n'
_MIRRORED = 'provider_installation {{\n  filesystem_mirror {{\n    path = "{0}"\n  }}\n}}\n'


class Ran(NamedTuple):
    """What a command printed, and its exit status."""

    status: int
    text: str


def binary() -> str | None:
    """Return Terraform's path, or None."""
    return shutil.which("terraform")


def mirror() -> Path | None:
    """Return a folder in which the AWS provider is installed, laid out as a mirror, or None."""
    return next((one for one in _folders() if any(one.glob(f"*/{ADDRESS}"))), None)


def _folders() -> Iterator[Path]:
    """Return where providers may be: the cache, where Terraform looks by itself, and packages."""
    cache = os.environ.get("TF_PLUGIN_CACHE_DIR")
    yield from [Path(cache)] if cache else []
    yield from (Path.home() / one for one in (".terraform.d/plugins", ".terraform.d/plugin-cache"))
    data = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local/share")
    yield from (Path(one) / "terraform/plugins" for one in (data, "/usr/local/share", "/usr/share"))
    yield from sorted(Path("/opt").glob("*"))


def terraform(folder: Path, *arguments: str) -> Ran:
    """Run Terraform in a folder, with providers of the mirror and nothing from the network."""
    program, providers = binary(), mirror()
    assert program is not None
    configured = folder / "terraform.rc"
    configured.write_text(_MIRRORED.format(providers) if providers else "", "utf-8")
    quiet = {"CHECKPOINT_DISABLE": "1", "TF_IN_AUTOMATION": "1"}
    environment = {**os.environ, **quiet, "TF_CLI_CONFIG_FILE": str(configured)}
    command = [program, *arguments]
    ran = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    return Ran(ran.returncode, ran.stdout + ran.stderr)


def _provider(found: dict[str, Any]) -> Any:
    """Return what is said of the provider."""
    return next(said for address, said in found.items() if address.endswith(f"/{ADDRESS}"))


def facts(folder: Path) -> dict[str, Any]:
    """Return the facts of the provider that is installed: arguments and attributes."""
    (folder / "main.tf").write_text(_USED, "utf-8")
    assert terraform(folder, "init").status == 0
    said = json.loads(terraform(folder, "providers", "schema", "-json").text)
    schema = _provider(said["provider_schemas"])
    used = json.loads(terraform(folder, "version", "-json").text)
    return {
        "version": _provider(used["provider_selections"]),
        "resources": {one: _facts(schema["resource_schemas"][one]) for one in RESOURCES},
        "data": {one: _facts(schema["data_source_schemas"][one]) for one in DATA_SOURCES},
    }


def _facts(schema: dict[str, Any]) -> dict[str, list[str]]:
    attributes = schema["block"]["attributes"]
    return {
        kind: sorted(name for name, one in attributes.items() if one.get(kind))
        for kind in ("required", "optional", "computed")
    }


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as made:
        FACTS.write_text(json.dumps(facts(Path(made)), indent=2) + "\n", "utf-8")
