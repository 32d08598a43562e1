"""Options of `worker` beside the work itself: supervision, logs, probes and metrics."""

from __future__ import annotations

import functools
import logging
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple, TypeVar

import click

from partita.cli.options import add_options
from partita.errors import InvalidOptionError
from partita.ports.service import Service
from partita.telemetry.health import Address, Render, checks_for, parse_address, serve_probes
from partita.telemetry.logs import FORMATS, LEVELS, USUAL, configure
from partita.worker import Worker
from partita.worker.supervised_process import Limits

F = TypeVar("F", bound=Callable[..., Any])

log = logging.getLogger("partita.worker")

MOST_PROCESSES = 1_000
"""Worker processes of one command, at most."""

_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}


def supervision_options(command: F) -> F:
    """Add the options on worker processes; the command takes `processes` and `limits`."""

    @functools.wraps(command)
    def supervised(
        *args: Any, max_rss: str | None, max_tasks: int | None, reload: bool, **kwargs: Any
    ) -> Any:
        size = None if max_rss is None else _bytes(max_rss)
        limits = Limits(max_rss=size, max_tasks=max_tasks, reload=reload)
        return command(*args, limits=limits, **kwargs)

    return add_options(
        supervised,  # type: ignore[return-value]
        click.option(
            "--processes",
            type=click.IntRange(1, MOST_PROCESSES),
            default=1,
            show_default=True,
            help="How many; one that ends is restarted.",
        ),
        click.option("--max-rss", metavar="SIZE", help="Replace a larger process; such as 512M."),
        click.option(
            "--max-tasks", type=click.IntRange(1), help="Replace a process after so many tasks."
        ),
        click.option("--reload", is_flag=True, help="Replace workers whose code has changed."),
    )


def _bytes(text: str) -> int:
    """Return the number of bytes in a text such as 512M."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMG]?)(?:i?B)?", text.strip(), re.IGNORECASE)
    if found is None or not float(found[1]):
        raise InvalidOptionError(f"--max-rss {text!r} is not a size; write one such as 512M or 2G")
    return int(float(found[1]) * _UNITS[found[2].upper()])


class Observation(NamedTuple):
    """How a worker logs, and where it answers probes."""

    log_format: str | None
    listen: Address | None

    def report(self, text: str) -> None:
        """Write a message to stderr, in the format of the log."""
        if self.log_format == "json":
            log.info("%s", text)
        else:
            print(f"partita: {text}", file=sys.stderr, flush=True)

    @contextmanager
    def probes(self, service: Service, worker: Worker, place: int | None = None) -> Iterator[None]:
        """Answer probes while the block runs, if --listen is given.

        A supervisor's workers listen on consecutive ports, each by its `place` from 1. A
        replacement shares the port of the worker that it replaces until that has ended.
        """
        if self.listen is None:
            yield
            return
        address = self.listen if place is None else self.listen.after(place - 1)
        render = _renderer(service, worker)
        checks = checks_for(service, worker)
        with serve_probes(address, *checks, render, shared=place is not None) as address:
            self.report(f"listening on {address.url}: /healthz, /readyz, /metrics")
            yield


def _renderer(service: Service, worker: Worker) -> Render | None:
    try:
        from partita.telemetry.metrics import use_metrics  # prometheus-client, which is an extra
    except ImportError:
        return None
    return use_metrics(service, worker).render


def observation_options(command: F) -> F:
    """Add the options on logs and probes, and configure logging; it takes `observation`."""

    @functools.wraps(command)
    def observed(
        *args: Any,
        log_format: str | None,
        log_level: str | None,
        listen: str | None,
        **kwargs: Any,
    ) -> Any:
        verbose = click.get_current_context().find_root().obj["verbose"]
        usual = "info" if verbose else USUAL
        if log_format or log_level:
            configure(log_format or "text", log_level or usual)
        elif not logging.getLogger().handlers:
            configure("plain", usual)
        observation = Observation(log_format, None if listen is None else parse_address(listen))
        return command(*args, observation=observation, **kwargs)

    return add_options(
        observed,  # type: ignore[return-value]
        click.option("--log-format", type=click.Choice(FORMATS), help="The format of the log."),
        click.option(
            "--log-level",
            type=click.Choice(LEVELS),
            help="The lowest level logged. [warning, and starts and ends of executions]",
        ),
        click.option(
            "--listen",
            metavar="[HOST:]PORT",
            help="Answer /healthz, /readyz and /metrics there; on loopback without HOST.",
        ),
    )
