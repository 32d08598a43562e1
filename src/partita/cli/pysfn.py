"""`pysfn`: the commands of pyawssfn, for its files."""

from __future__ import annotations

import json
from importlib import import_module

import click

from partita.cli.machine_options import emitter
from partita.cli.options import debug_option


@click.group()
def pysfn() -> None:
    """Compile files of pyawssfn, and build their zips for AWS Lambda."""


@pysfn.command("compile")
@click.argument("source", metavar="SRC")
@click.argument("lambda_arn", metavar="LAMBDA-ARN")
@debug_option
def compile_(source: str, lambda_arn: str) -> None:
    """Print the state machine of a file, which calls the Lambda function of its zip."""
    definition = emitter().pysfn_definition(source, lambda_arn)
    if not lambda_arn.startswith(("arn:", "${")):
        text = f"{lambda_arn} is no ARN, such as arn:aws:lambda:REGION:ACCOUNT:function:NAME"
        click.echo(f"partita: {text}; put one in its place before the machine is created", err=True)
    click.echo(json.dumps(definition, indent=2, ensure_ascii=False))


@pysfn.command("gen-lambda")
@click.argument("code", metavar="CODE")
@click.argument("target", metavar="ZIP")
@debug_option
def gen_lambda(code: str, target: str) -> None:
    """Write the zip of a file for AWS Lambda; its entry point is handler.dispatch."""
    package = import_module("partita.stepfunctions.pysfn.lambda_package")
    package.write_zip(code, target)
    for name in package.left_out(code):
        text = f"{name}, which {code} imports, is not in the zip; put it into a layer, or {code}"
        click.echo(f"partita: {text}", err=True)
