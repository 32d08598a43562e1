"""The options of `worker` that show what it does: how it logs, and where it can be asked."""

from __future__ import annotations

import functools
import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import click

from partita.ports.service import Service
from partita.telemetry.health import Address, Render, checks_for, parse_address, serve_probes
from partita.telemetry.logs import FORMATS, LEVELS, configure
from partita.worker import Worker

F = TypeVar("F", bound=Callable[..., Any])

log = logging.getLogger("partita.worker")


@dataclass(frozen=True)
class Observing:
    """What was asked for."""

    log_format: str | None
    listen: Address | None

    def say(self, text: str) -> None:
        """Tell whoever started the worker something, in the form that its log has."""
        if self.log_format == "json":
            log.info("%s", text)
        else:
            print(f"partita: {text}", file=sys.stderr, flush=True)

    @contextmanager
    def serving(self, service: Service, worker: Worker, place: int | None = None) -> Iterator[None]:
        """Answer probes while the block runs, if that was asked for.

        Those of a supervisor's workers listen on ports in a row, each by its `place` from 1;
        one that replaces another shares its port until that has ended.
        """
        if self.listen is None:
            yield
            return
        address = self.listen if place is None else self.listen.after(place - 1)
        render = _metrics(service, worker)
        with serve_probes(
            address, *checks_for(service, worker), render, shared=place is not None
        ) as address:
            self.say(f"listening on {address.url}: /healthz, /readyz, /metrics")
            yield


def _metrics(service: Service, worker: Worker) -> Render | None:
    try:
        from partita.telemetry.metrics import use_metrics  # prometheus-client, which is an extra
    except ImportError:
        return None
    return use_metrics(service, worker).render


def observing_options(command: F) -> F:
    """Let the command take these options; it is given them as `observing`."""

    @functools.wraps(command)
    def observed(
        *args: Any,
        log_format: str | None,
        log_level: str | None,
        listen: str | None,
        **kwargs: Any,
    ) -> Any:
        verbose = click.get_current_context().find_root().obj["verbose"]
        if log_format or log_level:
            configure(log_format or "text", log_level or ("info" if verbose else "warning"))
        observing = Observing(log_format, None if listen is None else parse_address(listen))
        return command(*args, observing=observing, **kwargs)

    for option in _OPTIONS:
        option(observed)
    return cast(F, observed)


_OPTIONS = (
    click.option(
        "--listen",
        metavar="[HOST:]PORT",
        help="Answer /healthz, /readyz and /metrics there; on loopback without HOST.",
    ),
    click.option(
        "--log-level", type=click.Choice(LEVELS), help="Below which nothing is logged. [warning]"
    ),
    click.option("--log-format", type=click.Choice(FORMATS), help="How stderr is written."),
)
