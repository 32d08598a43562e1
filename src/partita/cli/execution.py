"""The commands that speak to an execution: signal, query, update, cancel, fork and the like."""

from __future__ import annotations

import shlex
import sys
from typing import Any

import click
import msgspec

from partita.cli.context import backend_option, open_client, read_json
from partita.cli.output import print_json, print_row
from partita.errors import InvalidInputError, InvalidOptionError
from partita.ports.state import Status
from partita.worker.code_loader import load

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


_arguments = click.option(
    "--input", "input_", metavar="JSON", help="The arguments: a list, or {args, kwargs}."
)
_timeout = click.option("--timeout", type=click.FloatRange(0), help="Seconds to wait.")


def _read_arguments(text: str | None) -> tuple[list[Any], dict[str, Any]]:
    value = [] if text is None else read_json(text, "--input")
    if isinstance(value, list):
        return value, {}
    if isinstance(value, dict) and value.keys() <= {"args", "kwargs"}:
        return value.get("args", []), value.get("kwargs", {})
    raise InvalidInputError(f"--input {text}: write a list of arguments, such as '[1, \"two\"]'")


@click.command()
@_workflow_id
@click.argument("name")
@_arguments
@click.option("--code", metavar="FILE", help="The workflow's code, to replay if no worker runs.")
@_timeout
@_run
@backend_option
@click.pass_context
def query(
    ctx: click.Context,
    workflow_id: str,
    name: str,
    input_: str | None,
    code: str | None,
    timeout: float | None,
    run_id: str,
    backend: str | None,
) -> None:
    """Ask a workflow's code something, and print its answer as JSON; nothing changes."""
    args, kwargs = _read_arguments(input_)
    if code is not None:
        load(code)
    with open_client(ctx, backend) as client:
        print_json(client.query(workflow_id, name, args, kwargs, run_id=run_id, timeout=timeout))


@click.command()
@_workflow_id
@click.argument("name")
@_arguments
@_timeout
@_run
@backend_option
@click.pass_context
def update(
    ctx: click.Context,
    workflow_id: str,
    name: str,
    input_: str | None,
    timeout: float | None,
    run_id: str,
    backend: str | None,
) -> None:
    """Tell a workflow something, wait for its answer, and print it as JSON."""
    args, kwargs = _read_arguments(input_)
    with open_client(ctx, backend) as client:
        print_json(client.update(workflow_id, name, args, kwargs, run_id=run_id, timeout=timeout))


@click.command()
@_workflow_id
@_run
@backend_option
@click.pass_context
def rerun(ctx: click.Context, workflow_id: str, run_id: str, backend: str | None) -> None:
    """Run a failed execution again; what it has finished is not done again."""
    with open_client(ctx, backend) as client:
        info = client.describe(workflow_id, run_id=run_id).info
        if info.status is Status.COMPLETED:
            raise InvalidOptionError(
                f"execution {workflow_id!r} is completed, so nothing is left to run again; to do "
                f"some of it anew, fork it: partita fork {shlex.quote(workflow_id)} --event N"
            )
        handle = client.rerun(workflow_id, run_id=info.run_id)
    print_row(handle.workflow_id, handle.run_id)


@click.command()
@_workflow_id
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
@_run
@backend_option
@click.pass_context
def fork(
    ctx: click.Context,
    workflow_id: str,
    event: int | None,
    new_id: str | None,
    input_: str | None,
    results: tuple[str, ...],
    run_id: str,
    backend: str | None,
) -> None:
    """Run an execution anew, reusing what it has recorded up to an event."""
    args, kwargs = (None, None) if input_ is None else _read_arguments(input_)
    others = {}
    for text in results:
        id, equals, value = text.partition("=")
        if not equals:
            raise InvalidInputError(f"--result {text!r}: write ACTIVITY_ID=JSON")
        others[id] = read_json(value, "--result")
    with open_client(ctx, backend) as client:
        handle = client.fork(
            workflow_id,
            run_id=run_id,
            event_id=event,
            new_workflow_id=new_id,
            args=args,
            kwargs=kwargs,
            results=others,
        )
    print_row(handle.workflow_id, handle.run_id)


@click.command()
@click.argument("task_list", required=False)
@click.option("--none", "lift", is_flag=True, help="Lift the limits.")
@click.option("--concurrency", type=click.IntRange(1), help="Activities that run at a time.")
@click.option("--per-second", type=float, help="Activities that begin per second.")
@click.option("--burst", type=float, help="Activities that begin at once after a quiet time.")
@backend_option
@click.pass_context
def limit(
    ctx: click.Context,
    task_list: str | None,
    lift: bool,
    concurrency: int | None,
    per_second: float | None,
    burst: float | None,
    backend: str | None,
) -> None:
    """Limit how fast a task list is worked off, by all workers together.

    Without an option it prints the limits there are, as JSON.
    """
    changes = lift or concurrency is not None or per_second is not None or burst is not None
    with open_client(ctx, backend) as client:
        if not changes:
            found = client.limits()
            wanted = {k: v for k, v in found.items() if task_list in (None, k)}
            print_json(msgspec.to_builtins(wanted))
            return
        if task_list is None:
            raise InvalidOptionError("which task list is it? write: partita limit TASK_LIST ...")
        client.set_limits(task_list, concurrency=concurrency, per_second=per_second, burst=burst)
    what = "lifted" if lift else "set"
    print(f"partita: the limits of task list {task_list} are {what}", file=sys.stderr)


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
