"""`standalone` and `decider`: one execution apart from all others, and one part of a worker."""

from __future__ import annotations

import shlex
import uuid
from typing import Any

import click

from partita.cli.context import backend_option, find_workflow, open_client, read_input
from partita.cli.running import run_here, task_lists_of_code, worker


@click.command()
@click.argument("target", metavar="FILE:WORKFLOW")
@click.option(
    "--input", "input_", metavar="JSON", help="Arguments: a list, or {args, kwargs}; @FILE, -."
)
@click.option("--id", "workflow_id", help="The workflow id; a random one without.")
@click.option("--repair", metavar="ID", help="Run that failed execution again; reuse its steps.")
@click.option("--run", "run_id", default="", help="Which run to repair; the newest by default.")
@click.option("--quiet", is_flag=True, help="Show no progress.")
@backend_option
@click.pass_context
def standalone(
    ctx: click.Context,
    target: str,
    input_: str | None,
    workflow_id: str | None,
    repair: str | None,
    run_id: str,
    quiet: bool,
    backend: str | None,
) -> int:
    """Run a workflow here on a task list of its own, and print its result as JSON.

    Decider, activities and the start are all in this process, and no other worker takes
    anything of it, whatever else runs in the domain. The exit status says how it ended.
    """
    workflow = find_workflow(target)
    if repair is not None and (input_ is not None or workflow_id is not None):
        raise click.UsageError("--repair takes the input and the id of the execution it repairs")
    args, kwargs = ([], {}) if repair is not None else read_input(input_, workflow)
    with open_client(ctx, backend) as client:
        if repair is not None:
            handle = client.rerun(repair, run_id=run_id)
            task_list = handle.describe().info.task_list
        else:
            task_list = f"standalone {uuid.uuid4().hex}"
            handle = client.start_with(
                workflow, args, kwargs, workflow_id=workflow_id, task_list=task_list
            )
        url = backend or ctx.find_root().obj["backend"]
        words = ["partita", "worker", target.rpartition(":")[0] or target, "--task-list", task_list]
        again = shlex.join(words + (["--backend", url] if url else []))
        task_lists = task_lists_of_code(default=task_list)
        return run_here(client, handle, task_lists, again, quiet=quiet)


def _decide(**options: Any) -> Any:
    assert worker.callback is not None
    return worker.callback(deciders_only=True, activities_only=False, **options)


decider = click.Command(
    "decider",
    params=[one for one in worker.params if one.name not in ("deciders_only", "activities_only")],
    callback=_decide,
    help="""Run the workflows of the given files until SIGTERM or Ctrl-C, and no activities.

    The same as `worker --deciders-only`: other workers have the activities.
    """,
)
