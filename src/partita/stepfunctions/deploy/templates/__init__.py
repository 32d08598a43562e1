"""Write files for those who deploy by SAM, CloudFormation, Terraform or the CDK.

All have the same machine, in a file with the placeholder `${Function}` for the function's version,
the same zip, and the same least policy.
"""

from __future__ import annotations

import json
from collections.abc import Callable

from partita.stepfunctions.deploy.policies import policy
from partita.stepfunctions.deploy.templates.cdk import cdk
from partita.stepfunctions.deploy.templates.cloudformation import cloudformation
from partita.stepfunctions.deploy.templates.emission import Emission
from partita.stepfunctions.deploy.templates.sam import sam
from partita.stepfunctions.deploy.templates.terraform import terraform

KINDS: dict[str, Callable[[Emission], dict[str, str]]] = {
    "sam": sam,
    "cloudformation": cloudformation,
    "terraform": terraform,
    "cdk": cdk,
}


def files_of(emission: Emission, kind: str) -> dict[str, bytes]:
    """Return the files for a tool by their names."""
    texts = {**KINDS[kind](emission), emission.machine_file: emission.definition + "\n"}
    if emission.statements:
        document = policy(emission.statements, _EXAMPLE)
        texts["policy.json"] = json.dumps(document, indent=2) + "\n"
    files = {name: text.encode() for name, text in texts.items()}
    if emission.wanted.content is not None:
        files[emission.zip_file] = emission.wanted.content
    return files


_EXAMPLE = {"partition": "aws", "region": "REGION", "account": "ACCOUNT"}
"""What stands in `policy.json`, which people complete."""

__all__ = ["KINDS", "Emission", "files_of"]
