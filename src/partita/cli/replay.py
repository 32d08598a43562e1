"""`replay`: check whether code still fits histories of its executions."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from partita.authoring.workflow import WorkflowDefinition
from partita.cli.offers import Offers, completed
from partita.cli.options import Backend, backend_option, format_option
from partita.cli.output import print_pretty
from partita.cli.targets import find_workflows
from partita.cli.working import note
from partita.deciders.compatibility import fit
from partita.errors import InvalidOptionError, NonDeterminismError, UnknownTypeError
from partita.history.document import ExportedHistory, files_in, read
from partita.replay.compatibility import Fit, code_for

Source = tuple[str, ExportedHistory, bool]
"""The name of a history, the history, and whether it may be of another workflow."""


@click.command()
@click.argument("code", metavar="FILE[:WORKFLOW]")
@click.argument("paths", metavar="[HISTORY_OR_FOLDER]...", nargs=-1)
@click.option(
    "--id",
    "workflow_id",
    metavar="ID",
    shell_complete=completed(Offers.IDS),
    help="Replay an execution of the backend.",
)
@click.option("--run", "run_id", default="", help="Which run of it; the newest by default.")
@backend_option
@format_option("text", "json")
def replay(
    code: str,
    paths: tuple[str, ...],
    workflow_id: str | None,
    run_id: str,
    backend: Backend,
    output: str,
) -> int:
    """Replay histories against a workflow's code, and print which fit. No activity runs.

    Exit status 1 if one does not fit. In folders, histories of other workflows are skipped.
    """
    if not paths and workflow_id is None:
        raise InvalidOptionError("which histories? Give files or folders, or --id ID")
    if run_id and workflow_id is None:
        raise InvalidOptionError("--run says which run of --id ID; give both")
    workflows = find_workflows(code)
    sources = list(_read(paths))
    if workflow_id is not None:
        with backend.look() as client:
            exported = client.export_history(workflow_id, run_id=run_id)
        sources.append((workflow_id, exported, False))
    fits, left_out = _replayed(code, workflows, sources)
    if output == "json":
        print_pretty({"histories": [_row(one) for one in fits], "left_out": left_out})
    else:
        _print(fits, left_out)
    return 1 if any(one.error is not None for one in fits) else 0


def _read(paths: tuple[str, ...]) -> Iterator[Source]:
    for path in paths:
        in_folder = Path(path).is_dir()
        for file in files_in(Path(path)):
            yield str(file), read(file), in_folder


def _replayed(
    code: str, workflows: list[WorkflowDefinition[..., Any]], sources: list[Source]
) -> tuple[list[Fit], int]:
    """Replay the histories; return the results, and how many are of other workflows."""
    found = []
    for source, history, may_differ in sources:
        workflow = code_for(history.workflow_type, workflows)
        if workflow is not None:
            found.append((workflow, history, source))
        elif not may_differ:
            raise UnknownTypeError(
                f"{source} is a history of workflow {history.workflow_type.key}, "
                f"and {code} is {_names(workflows)}; give the code that it belongs to"
            )
    if not found:
        others = ", ".join(sorted({history.workflow_type.key for _, history, _ in sources}))
        raise UnknownTypeError(
            f"{code} is {_names(workflows)}, and there are only histories of {others}"
        )
    fits = []
    for number, (workflow, history, source) in enumerate(found, 1):
        note(f"{number:,} of {len(found):,} histories")
        fits.append(fit(workflow, history, source))
    return fits, len(sources) - len(found)


def _names(workflows: list[WorkflowDefinition[..., Any]]) -> str:
    return f"workflow {', '.join(sorted(workflow.key for workflow in workflows))}"


def _print(fits: list[Fit], left_out: int) -> None:
    for one in fits:
        click.echo(str(one))
    wrong = sum(one.error is not None for one in fits)
    others = f"; {left_out} of other workflows left out" if left_out else ""
    click.echo(f"{len(fits) - wrong} fit, {wrong} do not{others}")


def _row(one: Fit) -> dict[str, Any]:
    error = one.error
    row: dict[str, Any] = {
        "source": one.source,
        "workflow_id": one.execution.workflow_id,
        "run_id": one.execution.run_id,
        "workflow_type": one.workflow_type.key,
        "fits": error is None,
        "code": None if error is None else error.code,
        "message": None if error is None else str(error),
    }
    if isinstance(error, NonDeterminismError):
        row |= {
            "location": error.location,
            "found": error.found,
            "expected": error.expected,
            "event_id": error.event_id or None,
        }
    return row
