"""Print where a workflow's code waits: stacks for people, JSON for programs."""

from __future__ import annotations

import click
import msgspec

from partita.cli.output import clock_time, print_json, print_pretty
from partita.replay.stacks import CodeStack, Wait, WorkflowStack


def print_stack(found: WorkflowStack, output: str) -> None:
    """Print every line of the code that waits, outermost frame first."""
    if output != "table":
        plain = msgspec.to_builtins(found)
        (print_pretty if output == "json" else print_json)(plain)
        return
    name = found.execution.workflow_id
    if found.status != "OPEN":
        click.echo(f"{name} is closed, it ended as {found.status}: no code of it waits")
        return
    for stack in found.stacks:
        click.echo(_shown(stack))
    if not found.stacks:
        click.echo(f"{name} has not begun: no code of it waits")
    if found.undecided:
        click.echo(f"events that the code has not heard of yet: {found.undecided}")


def _shown(stack: CodeStack) -> str:
    lines = [stack.name]
    lines += [f"  {frame}" for frame in stack.frames]
    lines += [f"  waits for {_wait(wait)}" for wait in stack.waits_for]
    return "\n".join(lines)


def _wait(wait: Wait) -> str:
    parts = [f"id {wait.id}"] if wait.id else []
    parts += [f"fires {clock_time(wait.fires_at)}"] if wait.fires_at is not None else []
    return f"{wait.what} ({', '.join(parts)})" if parts else wait.what
