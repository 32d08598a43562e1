"""`limit`: limit how fast a task list is processed."""

from __future__ import annotations

import sys

import click

from partita.cli.offers import Offers, completed
from partita.cli.options import Backend, backend_option
from partita.cli.output import print_json
from partita.errors import InvalidOptionError


@click.command()
@click.argument("task_list", required=False, shell_complete=completed(Offers.TASK_LISTS))
@click.option("--none", "lift", is_flag=True, help="Lift the limits.")
@click.option("--concurrency", type=click.IntRange(1), help="Activities that run at a time.")
@click.option("--per-second", type=float, help="Activities that begin per second.")
@click.option("--burst", type=float, help="Activities that begin at once after a quiet time.")
@backend_option
def limit(
    task_list: str | None,
    lift: bool,
    concurrency: int | None,
    per_second: float | None,
    burst: float | None,
    backend: Backend,
) -> None:
    """Limit how fast all workers together process a task list.

    Without an option it prints the limits that are set, as JSON.
    """
    changes = lift or concurrency is not None or per_second is not None or burst is not None
    if not changes:
        _print_limits(backend, task_list)
        return
    if task_list is None:
        raise InvalidOptionError("which task list is it? write: partita limit TASK_LIST ...")
    with backend.open() as client:
        client.set_limits(task_list, concurrency=concurrency, per_second=per_second, burst=burst)
    what = "lifted" if lift else "set"
    print(f"partita: the limits of task list {task_list} are {what}", file=sys.stderr)


def _print_limits(backend: Backend, task_list: str | None) -> None:
    """Print the limits of a task list, or of all, as JSON."""
    backend.note_missing()
    with backend.look() as client:
        found = client.limits()
    print_json({name: it for name, it in found.items() if task_list in (None, name)})
