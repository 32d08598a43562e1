"""`graph`: draw a workflow or a state machine."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import click

from partita.cli.machine_options import emitter, is_machine
from partita.cli.options import debug_option
from partita.errors import InvalidDefinitionError, InvalidOptionError
from partita.source.discovery import read

_MERMAID_SUFFIXES = (".mmd", ".mermaid", ".md")


@click.command()
@click.argument("target", metavar="FILE:WORKFLOW|MACHINE.asl.json")
@click.option(
    "--format",
    "form",
    type=click.Choice(["svg", "mermaid"]),
    help="What to write; by default what the name of FILE says, else SVG.",
)
@click.option("-o", "--output", metavar="FILE", help="The file to write; else the output.")
@debug_option
def graph(target: str, form: str | None, output: str | None) -> None:
    """Draw a workflow or a state machine as SVG, or as a Mermaid flowchart.

    Of a workflow, its source is drawn: each box has its line. It must be one that compiles.
    Of a machine, states are boxes, Parallel and Map states hold those of their branches and
    processors; catchers are dashed; edges that lead back are drawn as loops, beside the boxes.
    """
    chosen = form or ("mermaid" if (output or "").endswith(_MERMAID_SUFFIXES) else "svg")
    drawn = import_module("partita.graph")
    text = getattr(drawn, chosen)(_drawn(target))
    if output is None:
        click.echo(text, nl=False)
        return
    try:
        Path(output).write_text(text, "utf-8")
    except OSError as error:
        raise InvalidOptionError(f"cannot write {output}: {error.strerror}") from error


def _drawn(target: str) -> object:
    path = Path(target)
    if is_machine(target) or (path.is_file() and path.suffix != ".py"):
        return _graph(path)
    found: object = emitter().picture_at(target)
    return found


def _graph(path: Path) -> object:
    try:
        diagram_of_text = import_module("partita.asl.diagram").diagram_of_text
    except ImportError as error:
        raise InvalidOptionError(
            f"state machines need what is not installed here ({error}); pip install 'partita[asl]'"
        ) from error
    try:
        found: object = diagram_of_text(read(path), path.name.partition(".")[0])
    except InvalidDefinitionError as error:
        raise InvalidDefinitionError(f"{path}: {error}") from error
    return found
