"""What `worker` has to do with many processes: the options, and the supervisor's command."""

from __future__ import annotations

import functools
import os
import re
import sys
from collections.abc import Callable
from typing import Any, TypeVar

import click

from partita.cli.context import log_to_stderr
from partita.cli.worker_options import Observing
from partita.connect import DEFAULT_URL
from partita.errors import InvalidOptionError
from partita.worker.supervised_process import Limits
from partita.worker.supervisor import Supervisor

F = TypeVar("F", bound=Callable[..., Any])

_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}


def supervision_options(command: F) -> F:
    """Let the command take `processes`, and the `limits` of each process."""

    @functools.wraps(command)
    def taking(
        *args: Any, max_rss: str | None, max_tasks: int | None, reload: bool, **kwargs: Any
    ) -> Any:
        size = None if max_rss is None else _size(max_rss)
        limits = Limits(max_rss=size, max_tasks=max_tasks, reload=reload)
        return command(*args, limits=limits, **kwargs)

    for option in (
        click.option("--reload", is_flag=True, help="Replace workers whose code has changed."),
        click.option(
            "--max-tasks", type=click.IntRange(1), help="Replace a process after so many tasks."
        ),
        click.option("--max-rss", metavar="SIZE", help="Replace a larger process; such as 512M."),
        click.option(
            "--processes",
            type=click.IntRange(1),
            default=1,
            show_default=True,
            help="How many, restarted when they fall.",
        ),
    ):
        taking = option(taking)
    return taking  # type: ignore[return-value]


def _size(text: str) -> int:
    """Return the bytes that a text such as 512M means."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMG]?)(?:i?B)?", text.strip(), re.IGNORECASE)
    if found is None or not float(found[1]):
        raise InvalidOptionError(f"--max-rss {text!r} is not a size; write one such as 512M or 2G")
    return int(float(found[1]) * _UNITS[found[2].upper()])


def supervise(
    ctx: click.Context, backend: str | None, processes: int, grace: float, observing: Observing
) -> int:
    """Run this very command in worker processes; return the exit status.

    Raises:
        InvalidOptionError: no two processes can share the backend.
    """
    url = backend or ctx.find_root().obj["backend"] or os.environ.get("PARTITA_BACKEND")
    if (url or DEFAULT_URL).startswith("memory:"):
        raise InvalidOptionError(
            "memory:// is in one process only, which --processes, --reload, --max-rss and "
            "--max-tasks cannot share or replace; give sqlite:///PATH or postgresql://..."
        )
    log_to_stderr(ctx)
    observing.say(
        f"process {os.getpid()} keeps {processes} worker{'s' * (processes > 1)}; "
        "stop them with Ctrl-C, replace them with SIGHUP"
    )
    return Supervisor([sys.executable, *sys.orig_argv[1:]], processes, grace).run()
