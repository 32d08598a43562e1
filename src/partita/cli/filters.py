"""Read filters of executions from the command line, and say what is wrong with them."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Sequence

import click

from partita.client import Client
from partita.client.filter_terms import Term, parse
from partita.client.search import Search, plan, said
from partita.errors import InvalidFilterError
from partita.views.failures import escaped

filter_words = click.argument("words", metavar="[FILTER]...", nargs=-1)


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
