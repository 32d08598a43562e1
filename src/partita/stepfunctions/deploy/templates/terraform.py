"""Write a configuration for Terraform, or OpenTofu, with the AWS provider."""

from __future__ import annotations

import json
from itertools import groupby
from typing import Any

from partita.stepfunctions.deploy.policies import policy
from partita.stepfunctions.deploy.templates.emission import PLACEHOLDER, Emission

_ARN = {
    "partition": "\0data.aws_partition.current.partition\1",
    "region": "\0data.aws_region.current.id\1",
    "account": "\0data.aws_caller_identity.current.account_id\1",
}
"""References between marks, which become `${...}` when other texts are escaped."""

_BASIC = "arn:{partition}:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
_PROVIDERS = {"python3.12": "5.33", "python3.13": "5.76", "python3.14": "6.21"}
"""The version of the AWS provider that first accepts a runtime, if that is a later one than below.

Source: the provider's changelog.
"""

_OLDEST_PROVIDER = "5.11"
"""Before it, `publish` of a machine fails: "Provider produced inconsistent final plan".

Source: the provider's changelog, 5.11.0.
"""

_HEAD = """\
# {description}

terraform {{
  required_version = ">= 1.3"

  required_providers {{
    aws = {{
      source  = "hashicorp/aws"
      version = ">= {provider}"
    }}
  }}
}}

data "aws_caller_identity" "current" {{}}
data "aws_partition" "current" {{}}
data "aws_region" "current" {{}}
"""


def terraform(emission: Emission) -> dict[str, str]:
    """Return the configuration."""
    parts = [_HEAD.format(description=emission.description, provider=_provider(emission))]
    if emission.settings is not None:
        parts += [_function(emission)]
    parts += [_machine_role(emission), _machine(emission), _output()]
    return {"main.tf": "\n".join(parts)}


def _provider(emission: Emission) -> str:
    """Return the oldest version of the AWS provider that accepts the configuration."""
    runtime = emission.settings.runtime if emission.settings is not None else ""
    return _PROVIDERS.get(runtime, _OLDEST_PROVIDER)


def _block(kind: str, type: str, name: str, arguments: dict[str, str]) -> str:
    """Return a block; its arguments are expressions."""
    return "\n".join([f'{kind} "{type}" "{name}" {{', *_aligned(arguments, "  "), "}", ""])


def _aligned(values: dict[str, str], indent: str) -> list[str]:
    """Return lines of assignments as `terraform fmt` has them: neighbours of one line align."""
    lines: list[str] = []
    for many, group in groupby(values.items(), key=lambda pair: "\n" in pair[1]):
        pairs = list(group)
        width = 0 if many else max(len(key) for key, _ in pairs)
        lines += [f"{indent}{key.ljust(width)} = {value}" for key, value in pairs]
    return lines


def text(value: str) -> str:
    """Return a text as a literal."""
    shown = json.dumps(value, ensure_ascii=False).replace("${", "$${").replace("%{", "%%{")
    return shown.replace("\\u0000", "${").replace("\\u0001", "}")


def _encoded(value: Any) -> str:
    """Return JSON data as a call of `jsonencode`."""
    return f"jsonencode({_expression(value, '  ')})"


def _expression(value: Any, indent: str) -> str:
    inner = indent + "  "
    if isinstance(value, dict):
        values = {_key(key): _expression(one, inner) for key, one in value.items()}
        return "\n".join(["{", *_aligned(values, inner), indent + "}"])
    if isinstance(value, list):
        items = [f"{inner}{_expression(one, inner)}," for one in value]
        return "\n".join(["[", *items, indent + "]"])
    return text(value) if isinstance(value, str) else json.dumps(value)


def _key(name: str) -> str:
    return name if name.isidentifier() else text(name)


def _role(name: str, service: str) -> str:
    allowed: dict[str, Any] = {"Effect": "Allow", "Principal": {"Service": service}}
    allowed["Action"] = "sts:AssumeRole"
    if service.startswith("states"):  # no other account's machine
        allowed["Condition"] = {"StringEquals": {"aws:SourceAccount": _ARN["account"]}}
    trust = {"Version": "2012-10-17", "Statement": [allowed]}
    arguments = {
        "name_prefix": text(f"{name[:30]}-"),
        "assume_role_policy": _encoded(trust),
    }
    return _block("resource", "aws_iam_role", service.partition(".")[0], arguments)


def _function(emission: Emission) -> str:
    settings = emission.settings
    assert settings is not None
    basic = _BASIC.replace("{partition}", _ARN["partition"])
    file = text(f"\0path.module\1/{emission.zip_file}")
    arguments = {
        "function_name": text(emission.wanted.name),
        "description": text(f"Activities of {emission.wanted.source}"),
        "role": "aws_iam_role.lambda.arn",
        "runtime": text(settings.runtime),
        "architectures": f"[{text(settings.architecture)}]",
        "handler": text(settings.handler),
        "timeout": str(settings.timeout),
        "memory_size": str(settings.memory),
        "filename": file,
        "source_code_hash": f"filebase64sha256({file})",
        "publish": "true",
        "tags": _tags(emission),
    }
    attached = {"role": "aws_iam_role.lambda.name", "policy_arn": text(basic)}
    return "\n".join(
        [
            _role(emission.wanted.name, "lambda.amazonaws.com"),
            _block("resource", "aws_iam_role_policy_attachment", "lambda", attached),
            _block("resource", "aws_lambda_function", "activities", arguments),
        ]
    )


def _tags(emission: Emission) -> str:
    pairs = [f"{text(key)} = {text(value)}" for key, value in emission.wanted.tags.items()]
    return f"{{ {', '.join(pairs)} }}"


def _machine_role(emission: Emission) -> str:
    role = _role(emission.wanted.name, "states.amazonaws.com")
    if not emission.statements:
        return role
    arguments = {
        "name": text("machine"),
        "role": "aws_iam_role.states.id",
        "policy": _encoded(policy(emission.statements, _ARN)),
    }
    return "\n".join([role, _block("resource", "aws_iam_role_policy", "machine", arguments)])


def _machine(emission: Emission) -> str:
    file = text(f"\0path.module\1/{emission.machine_file}")
    definition = f"file({file})"
    if emission.settings is not None:
        version = "aws_lambda_function.activities.qualified_arn"
        definition = f"replace({definition}, {text(PLACEHOLDER)}, {version})"
    arguments = {
        "name": text(emission.wanted.name),
        "type": text(emission.wanted.kind),
        "role_arn": "aws_iam_role.states.arn",
        "definition": definition,
        "publish": "true",
        "tags": _tags(emission),
    }
    return _block("resource", "aws_sfn_state_machine", "machine", arguments)


def _output() -> str:
    return 'output "machine" {\n  value = aws_sfn_state_machine.machine.arn\n}\n'
