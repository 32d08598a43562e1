"""Ask validators that others wrote what they say of machines."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.openwhisk import npm

Machines = Mapping[str, Any]
Verdicts = dict[str, list[str]]

PACKAGE = "asl-validator@4.0.0"
_RESOURCES = 250  # of a template, which may have 500
_SCRIPT = Path(__file__).with_name("validator.js")


def asl_validator(machines: Machines) -> Verdicts:
    """Return what npm's asl-validator says."""
    done = subprocess.run(
        [npm.program("node"), str(_SCRIPT)],
        input=json.dumps(machines),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=600,
        env={**os.environ, "NODE_PATH": str(npm.installed(PACKAGE))},
    )
    found: Verdicts = json.loads(done.stdout)
    return found


def statelint(machines: Machines) -> Verdicts:
    """Return what statelint says."""
    from statelint.linter import Linter

    return {
        name: list(Linter.validate(json.loads(json.dumps(one)))) for name, one in machines.items()
    }


def cfn_lint(machines: Machines) -> Verdicts:
    """Return what cfn-lint says of templates with the machines."""
    names = list(machines)
    parts = [names[begin : begin + _RESOURCES] for begin in range(0, len(names), _RESOURCES)]
    found = [_template_linted({name: machines[name] for name in part}) for part in parts]
    return {name: said for one in found for name, said in one.items()}


def _template_linted(machines: Machines) -> Verdicts:
    from cfnlint.api import ManualArgs, lint

    role = "arn:aws:iam::123456789012:role/machine"
    resources = {
        f"Machine{number}": {
            "Type": "AWS::StepFunctions::StateMachine",
            "Properties": {"RoleArn": role, "Definition": machine},
        }
        for number, machine in enumerate(machines.values())
    }
    template = {"AWSTemplateFormatVersion": "2010-09-09", "Resources": resources}
    text = json.dumps(template, ensure_ascii=False, indent=1)
    verdicts: Verdicts = {name: [] for name in machines}
    names = list(machines)
    for match in lint(text, config=ManualArgs(regions=["us-east-1"])):
        lines = text.splitlines()[: match.linenumber]
        number = sum('"Type": "AWS::StepFunctions' in line for line in lines) - 1
        verdicts[names[max(number, 0)]].append(f"{match.rule.id} {match.message}")
    return verdicts


VALIDATORS = {"asl-validator": asl_validator, "statelint": statelint, "cfn-lint": cfn_lint}
