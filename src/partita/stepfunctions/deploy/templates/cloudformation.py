"""Write a template for AWS CloudFormation."""

from __future__ import annotations

import json
from typing import Any

from partita.stepfunctions.deploy.policies import policy
from partita.stepfunctions.deploy.templates.emission import Emission

ARN = {"partition": "${AWS::Partition}", "region": "${AWS::Region}", "account": "${AWS::AccountId}"}
"""The parts of ARNs as CloudFormation substitutes them."""

_BASIC = "arn:${AWS::Partition}:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"


def cloudformation(emission: Emission) -> dict[str, str]:
    """Return the template; the zip is put into S3 before."""
    template: dict[str, Any] = {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": emission.description,
    }
    resources: dict[str, Any] = {}
    if emission.settings is not None:
        template["Parameters"] = {
            "CodeBucket": {"Type": "String", "Description": "The bucket that has the zip."},
            "CodeKey": {
                "Type": "String",
                "Description": f"The key under which {emission.zip_file} is in the bucket.",
                "Default": f"{emission.wanted.name}-{emission.wanted.version_digest[:12]}.zip",
            },
        }
        resources |= _function(emission)
    resources |= {"MachineRole": _machine_role(emission), "Machine": _machine(emission)}
    template["Resources"] = resources
    template["Outputs"] = {"Machine": {"Value": {"Ref": "Machine"}}}
    return {"template.json": json.dumps(template, indent=2) + "\n"}


def substituted_policy(emission: Emission) -> dict[str, Any]:
    """Return the policy of the machine's role, with CloudFormation's own names."""
    document = policy(emission.statements, ARN)
    for statement in document["Statement"]:
        statement["Resource"] = [substituted(one) for one in statement["Resource"]]
    return document


def substituted(text: str) -> Any:
    """Return a text in which CloudFormation's own names are substituted."""
    return {"Fn::Sub": text} if "${" in text else text


def tags(emission: Emission) -> list[dict[str, str]]:
    """Return the tags of a resource."""
    return [{"Key": key, "Value": value} for key, value in emission.wanted.tags.items()]


def _function(emission: Emission) -> dict[str, Any]:
    settings = emission.settings
    assert settings is not None
    properties = {
        "FunctionName": emission.wanted.name,
        "Description": f"Activities of {emission.wanted.source}",
        "Role": {"Fn::GetAtt": ["FunctionRole", "Arn"]},
        "Runtime": settings.runtime,
        "Architectures": [settings.architecture],
        "Handler": settings.handler,
        "Timeout": settings.timeout,
        "MemorySize": settings.memory,
        "Code": {"S3Bucket": {"Ref": "CodeBucket"}, "S3Key": {"Ref": "CodeKey"}},
        "Tags": tags(emission),
    }
    role = _role("lambda.amazonaws.com")
    role["Properties"]["ManagedPolicyArns"] = [substituted(_BASIC)]
    return {
        "FunctionRole": role,
        "Function": {"Type": "AWS::Lambda::Function", "Properties": properties},
        version_name(emission): {
            "Type": "AWS::Lambda::Version",
            "DeletionPolicy": "Retain",
            "UpdateReplacePolicy": "Retain",
            "Properties": {"FunctionName": {"Ref": "Function"}},
        },
    }


def version_name(emission: Emission) -> str:
    """Return the name of the function's version: another one for other code or settings."""
    settings = emission.settings
    assert settings is not None
    return f"FunctionVersion{emission.wanted.version_digest[:12]}"


def _role(service: str) -> dict[str, Any]:
    allowed = {
        "Effect": "Allow",
        "Principal": {"Service": service},
        "Action": "sts:AssumeRole",
    }
    trust = {"Version": "2012-10-17", "Statement": [allowed]}
    return {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": trust}}


def _machine_role(emission: Emission) -> dict[str, Any]:
    role = _role("states.amazonaws.com")
    own = {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}  # no other's machine
    role["Properties"]["AssumeRolePolicyDocument"]["Statement"][0]["Condition"] = own
    if emission.statements:
        allowed = {"PolicyName": "machine", "PolicyDocument": substituted_policy(emission)}
        role["Properties"]["Policies"] = [allowed]
    return role


def _machine(emission: Emission) -> dict[str, Any]:
    properties = {
        "StateMachineName": emission.wanted.name,
        "StateMachineType": emission.wanted.kind,
        "RoleArn": {"Fn::GetAtt": ["MachineRole", "Arn"]},
        "DefinitionString": emission.definition,
        "Tags": tags(emission),
    }
    if emission.settings is not None:
        properties["DefinitionSubstitutions"] = {"Function": {"Ref": version_name(emission)}}
    return {"Type": "AWS::StepFunctions::StateMachine", "Properties": properties}
