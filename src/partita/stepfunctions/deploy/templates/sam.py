"""Write a template for the AWS Serverless Application Model."""

from __future__ import annotations

import json
from typing import Any

from partita.stepfunctions.deploy.templates.cloudformation import substituted_policy
from partita.stepfunctions.deploy.templates.emission import Emission


def sam(emission: Emission) -> dict[str, str]:
    """Return the template; `sam deploy` uploads the zip and the machine's file."""
    resources = {"Machine": _machine(emission)}
    if emission.settings is not None:
        resources = {"Function": _function(emission), **resources}
    template = {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Transform": "AWS::Serverless-2016-10-31",
        "Description": emission.description,
        "Resources": resources,
        "Outputs": {"Machine": {"Value": {"Ref": "Machine"}}},
    }
    return {"template.json": json.dumps(template, indent=2) + "\n"}


def _function(emission: Emission) -> dict[str, Any]:
    settings = emission.settings
    assert settings is not None
    properties = {
        "FunctionName": emission.wanted.name,
        "Description": f"Activities of {emission.wanted.source}",
        "CodeUri": emission.zip_file,
        "Runtime": settings.runtime,
        "Architectures": [settings.architecture],
        "Handler": settings.handler,
        "Timeout": settings.timeout,
        "MemorySize": settings.memory,
        "AutoPublishAlias": "live",
        "AutoPublishAliasAllProperties": True,
        "Tags": emission.wanted.tags,
    }
    return {"Type": "AWS::Serverless::Function", "Properties": properties}


def _machine(emission: Emission) -> dict[str, Any]:
    properties: dict[str, Any] = {
        "Name": emission.wanted.name,
        "Type": emission.wanted.kind,
        "DefinitionUri": emission.machine_file,
        "Tags": emission.wanted.tags,
    }
    if emission.statements:
        properties["Policies"] = [substituted_policy(emission)]
    if emission.settings is not None:
        properties["DefinitionSubstitutions"] = {"Function": {"Ref": "Function.Version"}}
    return {"Type": "AWS::Serverless::StateMachine", "Properties": properties}
