"""Make the service that a URL names: the only place where parts are put together.

`memory://` keeps everything in this process, `sqlite:///PATH` in a file,
`postgresql://HOST/DATABASE` in a schema of a server, `swf://REGION/DOMAIN` at Amazon, and
`stepfunctions://REGION` there for client commands alone. Others
register under the entry-point groups `partita.services` (URL -> Service) and `partita.stores`
(URL -> Store), by scheme.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import unquote

from partita.engine import Engine
from partita.errors import InvalidOptionError
from partita.ports.service import Service
from partita.ports.store import Store
from partita.stores.maintenance import Maintenance
from partita.stores.memory import MemoryStore
from partita.stores.sqlite.store import SqliteStore

DEFAULT_URL = "sqlite:///.partita/partita.db"
"""A file below the current folder."""


def connect(url: str | None = None) -> Service:
    """Return the service for `url`, for `PARTITA_BACKEND` without one, or the default.

    Raises:
        InvalidOptionError: nobody knows the URL's scheme.
        StoreError: the database cannot be opened.
    """
    url = chosen_url(url)
    scheme = _scheme(url)
    if scheme == "memory":
        _check_no_options(url)
        return Engine(MemoryStore())
    if scheme == "sqlite":
        return Engine(SqliteStore(_path(url)))
    if scheme in ("postgresql", "postgres"):
        return Engine(_postgres(url))
    if scheme == "swf":
        from partita.swf.backend.service import SwfService  # costs AWS's SDK, which is an extra

        return SwfService(url)
    if scheme == "stepfunctions":
        from partita.stepfunctions.backend.service import StepFunctionsService  # likewise

        return StepFunctionsService(url)
    return _registered(url, scheme)


def _scheme(url: str) -> str:
    """Return how a URL begins, whatever the rest of it is; empty if it begins like none."""
    scheme, colon, _ = url.partition(":")
    return scheme.lower() if colon else ""


def sqlite_path(url: str) -> str | None:
    """Return the file that a URL of SQLite names; None for any other URL."""
    return _path(url) if _scheme(url) == "sqlite" else None


def _registered(url: str, scheme: str) -> Service:
    from importlib.metadata import entry_points  # costs 10 ms of each start

    for entry in entry_points(group="partita.services", name=scheme):
        service: Service = entry.load()(url)
        return service
    for entry in entry_points(group="partita.stores", name=scheme):
        return Engine(entry.load()(url))
    raise InvalidOptionError(
        f"no backend for {url!r}; give memory://, sqlite:///relative/path, sqlite:////absolute, "
        "postgresql://host/database, swf://region/domain or stepfunctions://region"
    )


def maintenance(url: str | None = None) -> Maintenance:
    """Return what looks after the database behind a URL, apart from what is in it.

    Raises:
        InvalidOptionError: there is no such database: nothing is kept, or others keep it.
    """
    url = chosen_url(url)
    scheme = _scheme(url)
    if scheme == "sqlite":
        from partita.stores.sqlite.maintenance import SqliteMaintenance  # which few commands need

        return SqliteMaintenance(_path(url))
    if scheme in ("postgresql", "postgres"):
        with _needs_driver():
            from partita.stores.postgres.maintenance import PostgresMaintenance
        return PostgresMaintenance(url)
    raise InvalidOptionError(
        f"{scheme}:// backends have no database to look after here; "
        "give sqlite:///PATH or postgresql://host/database"
    )


def chosen_url(url: str | None) -> str:
    """Return `url`, or else that of `PARTITA_BACKEND`, or else the default.

    Raises:
        InvalidOptionError: it is no text.
    """
    if url is not None and not isinstance(url, str):
        raise InvalidOptionError(f"{url!r} is no URL; give text, such as 'sqlite:///partita.db'")
    return url or os.environ.get("PARTITA_BACKEND") or DEFAULT_URL


def _postgres(url: str) -> Store:
    with _needs_driver():
        from partita.stores.postgres.store import (
            PostgresStore,  # costs the driver, which is an extra
        )
    return PostgresStore(url)


@contextmanager
def _needs_driver() -> Iterator[None]:
    try:
        yield
    except ImportError as error:
        raise InvalidOptionError(
            f"postgresql URLs need a driver that is not installed ({error}); "
            "pip install 'partita[postgres]'"
        ) from error


def _check_no_options(url: str) -> None:
    """Raise if a URL that can have no path and no options has any."""
    if url.partition(":")[2].strip("/"):
        raise InvalidOptionError(
            f"{url!r}: what is in memory has no name and no options; write memory://"
        )


def _path(url: str) -> str:
    """Return the file of a SQLite URL: three slashes before a relative path, four before `/`."""
    rest = url.split(":", 1)[1]
    if rest.startswith("///"):
        rest = rest[3:]
    elif rest.startswith("//"):
        raise InvalidOptionError(f"{url!r}: write sqlite:///{rest[2:]}, with three slashes")
    rest, mark, options = rest.partition("?")
    if mark:
        raise InvalidOptionError(
            f"{url!r}: a SQLite URL has no options, such as {options!r}; leave them out, or write "
            "%3F for a question mark in the file's name"
        )
    path = unquote(rest)
    if not path or "\0" in path:
        raise InvalidOptionError(f"{url!r} names no file; write sqlite:///PATH")
    return path
