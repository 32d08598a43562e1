"""Read filters of executions from the command line, and say what is wrong with them."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

import click

from partita.cli.options import add_options
from partita.client import Client
from partita.client.filter_terms import Term, parse
from partita.client.search import Search, plan, said
from partita.errors import InvalidFilterError
from partita.views.failures import escaped

F = TypeVar("F", bound=Callable[..., Any])


def filter_words(command: F) -> F:
    """Add FILTER and --where; the command takes `words`, and all terms must hold."""
    given = click.argument("words", metavar="[FILTER]...", nargs=-1, callback=_with_where)
    where = click.option(
        "--where",
        metavar="FILTER",
        is_eager=True,
        expose_value=False,
        callback=_keep,
        help="The same, for filters that begin with a minus sign.",
    )
    return add_options(command, given, where)


def _keep(context: click.Context, _: click.Parameter, text: str | None) -> None:
    context.meta[__name__] = text


def _with_where(
    context: click.Context, _: click.Parameter, words: tuple[str, ...]
) -> tuple[str, ...]:
    where = context.meta.get(__name__)
    return words if where is None else (*words, where)


def read_filter(words: Sequence[str]) -> tuple[Term, ...]:
    """Return the terms of a filter; what cannot be read is shown with carets on stderr.

    Raises:
        InvalidFilterError: it cannot be read.
    """
    try:
        return parse(" ".join(words))
    except InvalidFilterError as error:
        print("\n".join(f"  {line}" for line in error.pointed().splitlines()), file=sys.stderr)
        raise


def planned(client: Client, base: Search, terms: Iterable[Term]) -> Search:
    """Return what finds executions; say which terms the backend cannot filter by."""
    search = plan(client.service, base, terms, time.time())
    here = said(search)
    if here is not None:
        print(
            f"partita: the backend does not filter by {escaped(here)}; done here", file=sys.stderr
        )
    return search
