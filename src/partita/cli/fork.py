"""`rerun` and `fork`: run an execution again, reusing results that it has recorded."""

from __future__ import annotations

import shlex
import sys
from typing import Any

import click

from partita.cli import options as o
from partita.cli.bulk import bulk_options, chosen, id_or_where, run_bulk
from partita.cli.foreground import own_task_list
from partita.cli.output import print_row
from partita.client.bulk import RERUN
from partita.errors import InvalidInputError, InvalidOptionError
from partita.ports.state import Status


@click.command()
@id_or_where
@bulk_options
@o.run_option
@o.backend_option
def rerun(
    workflow_id: str | None, run_id: str, backend: o.Backend, where: str | None, **how: Any
) -> int:
    """Run a failed execution again; what it has finished is not done again.

    With --where, run all again that pass a filter and have no newer run, after a preview.
    """
    id = chosen(workflow_id, where, run_id)
    if id is None:
        return run_bulk(backend, RERUN, where or "", **how)
    _rerun(backend, id, run_id)
    return 0


def _rerun(backend: o.Backend, workflow_id: str, run_id: str) -> None:
    with backend.look() as client:
        info = client.describe(workflow_id, run_id=run_id).info
        if info.status is Status.COMPLETED:
            raise InvalidOptionError(
                f"execution {workflow_id!r} is completed, so nothing is left to run again; to do "
                f"some of it anew, fork it: partita fork {shlex.quote(workflow_id)} --event N"
            )
        handle = client.rerun(workflow_id, run_id=info.run_id)
    print_row(handle.workflow_id, handle.run_id)
    if info.task_list == own_task_list(workflow_id):  # as `run` on SWF, and `standalone`, give it
        print(
            "partita: it waits in a task list of its own; go on with: "
            f"partita run FILE:WORKFLOW --id {shlex.quote(workflow_id)}",
            file=sys.stderr,
        )


@click.command()
@o.workflow_id_argument
@click.option("--event", type=int, help="Reuse no result that was recorded after this event.")
@click.option("--as", "new_id", metavar="ID", help="The new workflow id; the same resets it.")
@click.option("--input", "input_", metavar="JSON", help="Other arguments.")
@click.option(
    "--result",
    "results",
    multiple=True,
    metavar="ACTIVITY_ID=JSON",
    help="Another result of an activity; may be repeated.",
)
@o.run_option
@o.backend_option
def fork(
    workflow_id: str,
    event: int | None,
    new_id: str | None,
    input_: str | None,
    results: tuple[str, ...],
    run_id: str,
    backend: o.Backend,
) -> None:
    """Run an execution anew, reusing what it has recorded up to an event."""
    args, kwargs = (None, None) if input_ is None else o.read_arguments(input_)
    replaced = dict(map(_read_result, results))
    with backend.look() as client:
        handle = client.fork(
            workflow_id,
            run_id=run_id,
            event_id=event,
            new_workflow_id=new_id,
            args=args,
            kwargs=kwargs,
            results=replaced,
        )
    print_row(handle.workflow_id, handle.run_id)


def _read_result(text: str) -> tuple[str, object]:
    id, equals, value = text.partition("=")
    if not equals:
        raise InvalidInputError(f"--result {text!r}: write ACTIVITY_ID=JSON")
    return id, o.read_json(value, "--result")
