"""`graph`: draw a workflow or a state machine."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import click

from partita.cli import options as o
from partita.cli.machine_options import (
    composer,
    emitter,
    import_needing,
    is_machine,
    outline_option,
)
from partita.errors import InvalidDefinitionError, InvalidOptionError
from partita.source.discovery import read

_MERMAID_SUFFIXES = (".mmd", ".mermaid", ".md")


@click.command()
@click.argument("target", metavar="FILE:WORKFLOW|MACHINE.asl.json|ID")
@click.option(
    "--format",
    "form",
    type=click.Choice(["svg", "mermaid"]),
    help="What to write; by default what the name of FILE says, else SVG.",
)
@click.option("-o", "--output", metavar="FILE", help="The file to write; else the output.")
@o.backend_option
@outline_option
def graph(target: str, form: str | None, output: str | None, backend: o.Backend) -> None:
    """Draw a workflow, a composition or a state machine as SVG, or as a Mermaid flowchart.

    Of a workflow, its source is drawn: each box has its line. It must be one that compiles.
    Of a machine, states are boxes, Parallel and Map states hold those of their branches and
    processors; catchers are dashed; edges that lead back are drawn as loops, beside the boxes.
    Of an execution that runs a composition, by its ID, the boxes say what their actions came to.
    """
    chosen = form or ("mermaid" if (output or "").endswith(_MERMAID_SUFFIXES) else "svg")
    drawn = import_module("partita.graph")
    text = getattr(drawn, chosen)(_drawn(target, backend))
    if output is None:
        click.echo(text, nl=False)
        return
    try:
        Path(output).write_text(text, "utf-8")
    except OSError as error:
        raise InvalidOptionError(f"cannot write {output}: {error.strerror}") from error


def _drawn(target: str, backend: o.Backend) -> object:
    path = Path(target)
    if not (":" in target or path.exists() or is_machine(target) or _is_module(target)):
        return _run(target, backend)
    composed = composer().picture_at(target)
    if composed is not None:
        return composed
    if is_machine(target) or (path.is_file() and path.suffix != ".py"):
        return _graph(path)
    found: object = emitter().picture_at(target)
    return found


def _is_module(name: str) -> bool:
    """Return whether there is a module of a name."""
    try:
        return find_spec(name) is not None
    except (ImportError, ValueError):
        return False


def _run(workflow_id: str, backend: o.Backend) -> object:
    with backend.look() as client:
        events = client.history(workflow_id)
    found: object = composer().picture_of_run(events, workflow_id)
    if found is None:
        raise InvalidOptionError(
            f"{workflow_id} runs no composition; draw its code: partita graph FILE:WORKFLOW"
        )
    return found


def _graph(path: Path) -> object:
    diagram = import_needing("asl", "partita.asl.diagram")
    try:
        found: object = diagram.diagram_of_text(read(path), path.name.partition(".")[0])
    except InvalidDefinitionError as error:
        raise InvalidDefinitionError(f"{path}: {error}") from error
    return found
