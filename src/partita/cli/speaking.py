"""`signal`, `cancel` and `terminate`: the commands that speak to an execution."""

from __future__ import annotations

import sys

import click

from partita.cli.context import backend_option, open_client, read_json

_workflow_id = click.argument("workflow_id", metavar="ID")
_run = click.option("--run", "run_id", default="", help="Which run; the newest by default.")


@click.command()
@_workflow_id
@click.argument("name")
@click.option("--input", "input_", metavar="JSON", help="What the signal carries.")
@_run
@backend_option
@click.pass_context
def signal(
    ctx: click.Context,
    workflow_id: str,
    name: str,
    input_: str | None,
    run_id: str,
    backend: str | None,
) -> None:
    """Send a signal to an execution."""
    value = None if input_ is None else read_json(input_, "--input")
    with open_client(ctx, backend) as client:
        client.signal(workflow_id, name, value, run_id=run_id)
    print(f"partita: signal {name} is recorded in {workflow_id}", file=sys.stderr)


@click.command()
@_workflow_id
@_run
@backend_option
@click.pass_context
def cancel(ctx: click.Context, workflow_id: str, run_id: str, backend: str | None) -> None:
    """Ask an execution to cancel itself; its code sees CancelledError where it waits."""
    with open_client(ctx, backend) as client:
        client.cancel(workflow_id, run_id=run_id)
    print(f"partita: {workflow_id} is asked to cancel itself", file=sys.stderr)


@click.command()
@_workflow_id
@click.option("--reason", help="Why; kept in the history.")
@_run
@backend_option
@click.pass_context
def terminate(
    ctx: click.Context, workflow_id: str, reason: str | None, run_id: str, backend: str | None
) -> None:
    """End an execution at once; its code is not asked."""
    with open_client(ctx, backend) as client:
        client.terminate(workflow_id, reason, run_id=run_id)
    print(f"partita: {workflow_id} is terminated", file=sys.stderr)
