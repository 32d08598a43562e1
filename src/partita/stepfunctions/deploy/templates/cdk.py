"""Write an app for the AWS Cloud Development Kit, in Python."""

from __future__ import annotations

import json

from partita.stepfunctions.deploy.policies import policy
from partita.stepfunctions.deploy.templates.emission import Emission

_APP = '''\
"""{description}: `cdk deploy` deploys it."""

from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

FOLDER = Path(__file__).parent
POLICY = {policy}
TAGS = {tags}
ARN = {{"partition": cdk.Aws.PARTITION, "region": cdk.Aws.REGION, "account": cdk.Aws.ACCOUNT_ID}}


class Workflow(Construct):
    """The machine{and_function}."""

    def __init__(self, scope: Construct, id: str) -> None:
        super().__init__(scope, id)
{function}        self.machine = sfn.StateMachine(
            self,
            "Machine",
            state_machine_name={name},
            state_machine_type=sfn.StateMachineType.{kind},
            definition_body=sfn.DefinitionBody.from_file(str(FOLDER / {file})),
{substitutions}        )
        for statement in POLICY:
            resources = [one.format(**ARN) for one in statement["Resource"]]
            self.machine.add_to_role_policy(
                iam.PolicyStatement(
                    sid=statement["Sid"], actions=statement["Action"], resources=resources
                )
            )


app = cdk.App()
stack = cdk.Stack(app, {stack})
workflow = Workflow(stack, "Workflow")
for key, value in TAGS.items():
    cdk.Tags.of(stack).add(key, value)
cdk.CfnOutput(stack, "Machine", value=workflow.machine.state_machine_arn)
app.synth()
'''
_FUNCTION = """\
        self.function = lambda_.Function(
            self,
            "Function",
            function_name={name},
            description={about},
            runtime=lambda_.Runtime({runtime}, lambda_.RuntimeFamily.PYTHON),
            architecture=lambda_.Architecture.{architecture},
            handler={handler},
            timeout=cdk.Duration.seconds({timeout}),
            memory_size={memory},
            code=lambda_.Code.from_asset(str(FOLDER / {zip})),
        )
"""
_SUBSTITUTIONS = """\
            definition_substitutions={
                "Function": self.function.current_version.function_arn,
            },
"""


def cdk(emission: Emission) -> dict[str, str]:
    """Return the app and its settings."""
    wanted, settings = emission.wanted, emission.settings
    statements = policy(emission.statements)["Statement"]
    app = _APP.format(
        description=emission.description,
        policy=json.dumps(statements, indent=4),
        and_function=", and the function with its activities" if settings else "",
        function=_function(emission),
        name=json.dumps(wanted.name),
        stack=json.dumps(_stack_name(wanted.name)),
        kind=wanted.kind,
        file=json.dumps(emission.machine_file),
        substitutions=_SUBSTITUTIONS if settings else "",
        tags=json.dumps(wanted.tags, indent=4, ensure_ascii=False),
    )
    if settings is None:
        app = app.replace("from aws_cdk import aws_lambda as lambda_\n", "")
    return {
        "app.py": app,
        "cdk.json": json.dumps({"app": "python3 app.py"}, indent=2) + "\n",
        "requirements.txt": "aws-cdk-lib>=2.170,<3\nconstructs>=10,<11\n",
    }


def _stack_name(name: str) -> str:
    """Return a name that a stack can have: letters, digits and hyphens, a letter first."""
    plain = name.replace("_", "-").strip("-")
    return plain if plain[:1].isalpha() else f"workflow-{plain}".rstrip("-")


def _function(emission: Emission) -> str:
    settings = emission.settings
    if settings is None:
        return ""
    return _FUNCTION.format(
        name=json.dumps(emission.wanted.name),
        about=json.dumps(f"Activities of {emission.wanted.source}", ensure_ascii=False),
        runtime=json.dumps(settings.runtime),
        architecture=settings.architecture.upper().replace("ARM64", "ARM_64"),
        handler=json.dumps(settings.handler),
        timeout=settings.timeout,
        memory=settings.memory,
        zip=json.dumps(emission.zip_file),
    )
