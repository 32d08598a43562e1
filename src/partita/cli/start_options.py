"""What may be said of an execution when it is started: the options of all who start one."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click

from partita.cli.context import attribute_option, not_empty, read_attribute
from partita.operations.prune import read_span

F = TypeVar("F", bound=Callable[..., Any])

_OPTIONS = (
    click.option(
        "--input", "input_", metavar="JSON", help="Arguments: a list, or {args, kwargs}; @FILE, -."
    ),
    click.option(
        "--id",
        "workflow_id",
        callback=not_empty,
        help="The workflow id; giving it again is safe, and goes on with it.",
    ),
    click.option(
        "--tag", "tags", multiple=True, callback=not_empty, help="To find it by; may be repeated."
    ),
    attribute_option,
    click.option("--task-priority", type=int, help="Higher is first; its activities take it over."),
    click.option(
        "--execution-start-to-close", metavar="SPAN", help="How long it may be open, such as 2h."
    ),
)


def start_options(command: F) -> F:
    """Let the command take `input_`, `workflow_id`, and `said`: options of `client.start_with`.

    `said` has only what was given; all else is for the workflow's own settings to say.
    """

    @functools.wraps(command)
    def taking(
        *args: Any,
        tags: tuple[str, ...],
        attributes: tuple[str, ...],
        task_priority: int | None,
        execution_start_to_close: str | None,
        **kwargs: Any,
    ) -> Any:
        limit = execution_start_to_close
        said: Mapping[str, Any] = {
            "tags": tags,
            "search_attributes": dict(read_attribute(text) for text in attributes),
            "task_priority": task_priority,
            "execution_start_to_close": None if limit is None else read_span(limit),
        }
        given = {name: value for name, value in said.items() if value not in (None, (), {})}
        return command(*args, said=given, **kwargs)

    for option in reversed(_OPTIONS):
        taking = option(taking)
    return taking  # type: ignore[return-value]
