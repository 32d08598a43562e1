"""Make the service that a URL names: the only place where parts are put together.

`memory://` keeps everything in this process, `sqlite:///PATH` in a file,
`postgresql://HOST/DATABASE` in a schema of a server. Others register
under the entry-point groups `partita.services` (URL -> Service) and `partita.stores`
(URL -> Store), by scheme.
"""

from __future__ import annotations

import os
from importlib.metadata import entry_points
from urllib.parse import unquote, urlsplit

from partita.engine import Engine
from partita.errors import InvalidOptionError
from partita.service import Service
from partita.store import Store
from partita.stores.memory import MemoryStore
from partita.stores.sqlite import SqliteStore

DEFAULT_URL = "sqlite:///.partita/partita.db"
"""A file below the current folder."""


def connect(url: str | None = None) -> Service:
    """Return the service for `url`, for `PARTITA_BACKEND` without one, or the default.

    Raises:
        InvalidOptionError: nobody knows the URL's scheme.
        StoreError: the database cannot be opened.
    """
    url = url or os.environ.get("PARTITA_BACKEND") or DEFAULT_URL
    scheme = urlsplit(url).scheme
    if scheme == "memory":
        return Engine(MemoryStore())
    if scheme == "sqlite":
        return Engine(SqliteStore(_path(url)))
    if scheme in ("postgresql", "postgres"):
        return Engine(_postgres(url))
    for entry in entry_points(group="partita.services", name=scheme):
        service: Service = entry.load()(url)
        return service
    for entry in entry_points(group="partita.stores", name=scheme):
        return Engine(entry.load()(url))
    raise InvalidOptionError(
        f"no backend for {url!r}; give memory://, sqlite:///relative/path, sqlite:////absolute "
        "or postgresql://host/database"
    )


def _postgres(url: str) -> Store:
    try:
        from partita.stores.postgres import PostgresStore  # costs the driver, which is an extra
    except ImportError as error:
        raise InvalidOptionError(
            f"postgresql URLs need a driver that is not installed ({error}); "
            "pip install 'partita[postgres]'"
        ) from error
    return PostgresStore(url)


def _path(url: str) -> str:
    """Return the file of a SQLite URL: three slashes before a relative path, four before `/`."""
    rest = url.split(":", 1)[1]
    if rest.startswith("///"):
        rest = rest[3:]
    elif rest.startswith("//"):
        raise InvalidOptionError(f"{url!r}: write sqlite:///{rest[2:]}, with three slashes")
    path = unquote(rest.partition("?")[0])
    if not path or "\0" in path:
        raise InvalidOptionError(f"{url!r} names no file; write sqlite:///PATH")
    return path
