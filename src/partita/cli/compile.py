"""`compile`: write a workflow as a state machine, or as a composition of actions."""

from __future__ import annotations

import json
from pathlib import Path

import click

from partita.cli.machine_options import composer, emitter, outline_option
from partita.cli.options import debug_option, target_argument
from partita.cli.output import print_pretty
from partita.compile.diagnostics import CompileError, Diagnostic
from partita.errors import InvalidOptionError


@click.command()
@target_argument
@click.option(
    "--to",
    type=click.Choice(["stepfunctions", "openwhisk"]),
    default="stepfunctions",
    show_default=True,
    help="What runs it.",
)
@click.option("-o", "file", metavar="FILE", help="The file to write; else the output.")
@click.option(
    "--output",
    type=click.Choice(["text", "json"]),
    default="text",
    help="How to print what cannot be compiled.",
)
@click.option(
    "--express", "is_express", is_flag=True, help="Check that it can be an Express machine."
)
@click.option(
    "--optimise", "is_optimised", is_flag=True, help="Merge states, which saves transitions."
)
@outline_option
@debug_option
def compile_(
    target: str,
    to: str,
    file: str | None,
    output: str,
    is_express: bool,
    is_optimised: bool,
) -> int:
    """Compile a workflow to a state machine in Amazon States Language, and print it.

    The machine calls the workflow's activities as Lambda functions of their names. With --to
    openwhisk it is the portable JSON of a composition, whose actions are the activities. What
    cannot be compiled is reported all at once, with file, line and column; exit status 2.
    """
    try:
        compiler = composer() if to == "openwhisk" else emitter()
        definition, warnings, saved = compiler.definition_at(
            target, is_express=is_express, is_optimised=is_optimised
        )
    except CompileError as error:
        if output == "json":
            print_pretty([one.as_row() for one in error.diagnostics])
            return error.exit_status
        raise
    _warn(warnings, output, is_printed=file is None)
    if saved and output == "text":
        click.echo(saved, err=True)
    text = json.dumps(definition, indent=2, ensure_ascii=False)
    if file is None:
        click.echo(text)
        return 0
    try:
        Path(file).write_text(text + "\n", "utf-8")
    except OSError as error:
        raise InvalidOptionError(f"cannot write {file}: {error.strerror}") from error
    return 0


def _warn(warnings: list[Diagnostic], output: str, *, is_printed: bool) -> None:
    """Print warnings on stderr; as JSON on stdout, unless the machine is printed there."""
    if output == "json":
        rows = json.dumps([one.as_row() for one in warnings], indent=2, ensure_ascii=False)
        click.echo(rows, err=is_printed)
        return
    for one in warnings:
        click.echo(str(one), err=True)
