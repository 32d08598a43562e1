"""`bundle`: write a workflow's activities as a zip for AWS Lambda."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from partita.cli.machine_options import emitter, outline_option
from partita.cli.options import debug_option
from partita.errors import InvalidOptionError


@click.command()
@click.argument("target", metavar="FILE:WORKFLOW")
@click.option("-o", "file", metavar="ZIP", required=True, help="The file to write.")
@click.option("--check", is_flag=True, help="Load it in a bare interpreter; try each activity.")
@click.option("--requirements", metavar="FILE", help="Packages to add, as for pip.")
@click.option(
    "--runtime",
    metavar="NAME",
    help="Lambda's runtime, such as python3.13; this interpreter's by default.",
)
@click.option(
    "--architecture",
    type=click.Choice(["x86_64", "arm64"]),
    default="x86_64",
    show_default=True,
    help="Of the function.",
)
@outline_option
@debug_option
def bundle(
    target: str,
    file: str,
    check: bool,
    requirements: str | None,
    runtime: str | None,
    architecture: str,
) -> None:
    """Write a zip with a workflow's activities as one function for AWS Lambda.

    It has the workflow's module, the modules of one's own that it imports, and what calls the
    activities: handler partita.handler.dispatch. The same files give the same bytes.
    """
    made = emitter().bundle_at(target, requirements, runtime, architecture)
    for name in made.missing:
        print(f"partita: {name} is not in the bundle; name it in --requirements", file=sys.stderr)
    if check:
        emitter().check_bundle(made)
    write_file(file, made.content)
    names = ", ".join(made.activities) or "none"
    print(f"{file}: {len(made.files)} files, {len(made.content):,} bytes; activities: {names}")


def write_file(file: str, content: bytes) -> None:
    """Write a file whole, or not at all.

    Raises:
        InvalidOptionError: it cannot be written.
    """
    part = Path(f"{file}.part")
    try:
        part.write_bytes(content)
        os.replace(part, file)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise InvalidOptionError(f"cannot write {file}: {error.strerror}") from error
