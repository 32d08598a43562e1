"""The options of `worker` that show what it does: how it logs, and where it can be asked."""

from __future__ import annotations

import functools
import logging
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import click

from partita.telemetry.logs import FORMATS, LEVELS, configure

F = TypeVar("F", bound=Callable[..., Any])

log = logging.getLogger("partita.worker")


@dataclass(frozen=True)
class Observing:
    """What was asked for."""

    log_format: str | None

    def say(self, text: str) -> None:
        """Tell whoever started the worker something, in the form that its log has."""
        if self.log_format == "json":
            log.info("%s", text)
        else:
            print(f"partita: {text}", file=sys.stderr, flush=True)


def observing_options(command: F) -> F:
    """Let the command take these options; it is given them as `observing`."""

    @functools.wraps(command)
    def observed(
        *args: Any,
        log_format: str | None,
        log_level: str | None,
        **kwargs: Any,
    ) -> Any:
        verbose = click.get_current_context().find_root().obj["verbose"]
        if log_format or log_level:
            configure(log_format or "text", log_level or ("info" if verbose else "warning"))
        return command(*args, observing=Observing(log_format), **kwargs)

    for option in _OPTIONS:
        option(observed)
    return cast(F, observed)


_OPTIONS = (
    click.option(
        "--log-level", type=click.Choice(LEVELS), help="Below which nothing is logged. [warning]"
    ),
    click.option("--log-format", type=click.Choice(FORMATS), help="How stderr is written."),
)
