"""`graph`: draw a workflow, a state machine, or what an execution has done so far."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import click

from partita.cli import options as o
from partita.cli.histories import history_of, is_history_file
from partita.cli.machine_options import (
    composer,
    emitter,
    import_needing,
    is_machine,
    outline_option,
)
from partita.cli.run_pictures import picture_without_code, source_of_run
from partita.errors import InvalidDefinitionError, InvalidOptionError
from partita.history.document import ExportedHistory
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
@o.run_option
@click.option("--code", metavar="FILE", help="The code of an execution's workflow, to draw it on.")
@o.backend_option
@outline_option
def graph(
    target: str,
    form: str | None,
    output: str | None,
    run_id: str,
    code: str | None,
    backend: o.Backend,
) -> None:
    """Draw a workflow, a machine or an execution as SVG, or as a Mermaid flowchart.

    Of a workflow, its source is drawn: each box has its line. It must be one that compiles.
    Of a machine, states are boxes, Parallel and Map states hold those of their branches and
    processors; catchers are dashed; edges that lead back are drawn as loops, beside the boxes.
    Of an execution, by its ID or the .json file of its history, what has run so far is drawn with
    its states: on the source that --code gives, else on the machine or the composition that it
    runs, else step by step.
    """
    chosen = form or ("mermaid" if (output or "").endswith(_MERMAID_SUFFIXES) else "svg")
    drawn = import_module("partita.graph")
    is_run = is_history_file(target) or not _is_code(target)
    if not is_run and (code is not None or run_id):
        raise InvalidOptionError("--code and --run are for executions; give the ID of one")
    found = _run(history_of(target, run_id, backend), code) if is_run else _drawn(target)
    text = getattr(drawn, chosen)(found)
    if output is None:
        click.echo(text, nl=False)
        return
    try:
        Path(output).write_text(text, "utf-8")
    except OSError as error:
        raise InvalidOptionError(f"cannot write {output}: {error.strerror}") from error


def _is_code(target: str) -> bool:
    """Return whether a target is code, or a machine: if it is none, it is an execution's id."""
    source = target.rpartition(":")[0] or target
    is_file = Path(target).exists() or is_machine(target) or source.endswith(".py")
    return is_file or _is_module(source)


def _drawn(target: str) -> object:
    path = Path(target)
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


def _run(history: ExportedHistory, code: str | None) -> object:
    """Return the picture of an execution: the best that there is."""
    source = source_of_run(history, code)
    return picture_without_code(history) if source is None else source.picture


def _graph(path: Path) -> object:
    diagram = import_needing("asl", "partita.asl.diagram")
    try:
        found: object = diagram.diagram_of_text(read(path), path.name.partition(".")[0])
    except InvalidDefinitionError as error:
        raise InvalidDefinitionError(f"{path}: {error}") from error
    return found
