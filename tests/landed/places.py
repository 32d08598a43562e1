"""Put a landed database where a test can use it, and run the command line on it."""

from __future__ import annotations

import contextlib
import functools
import gzip
import io
import itertools
import json
import os
import sys
from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any
from unittest import mock

from tests.postgres import server

DATA = Path(__file__).with_name("data")
SCHEMA = "landed"
"""The PostgreSQL schema that the dump creates."""

_schemas = itertools.count(1)


def restored(kind: str, folder: Path) -> str:
    """Restore the landed database of a kind; return its URL."""
    return _restored_postgres() if kind == "postgres" else _restored_sqlite(folder)


def _restored_sqlite(folder: Path) -> str:
    path = folder / "landed.db"
    path.write_bytes(gzip.decompress((DATA / "landed.sqlite.gz").read_bytes()))
    return f"sqlite:///{path}"


def _restored_postgres() -> str:
    schema = f"{SCHEMA}_{next(_schemas)}_{os.getpid()}"
    script = gzip.decompress((DATA / "landed.postgres.sql.gz").read_bytes())
    with server().connect() as connection:
        connection.execute(script)
        connection.execute(f"ALTER SCHEMA {SCHEMA} RENAME TO {schema}".encode())
    return server().url(schema)


@functools.cache
def _main() -> Callable[[], Any]:
    """Return what the command `partita` calls."""
    (script,) = entry_points(group="console_scripts", name="partita")
    main: Callable[[], Any] = script.load()
    return main


class CommandLine:
    """Run `partita --backend URL ...` in this process."""

    def __init__(self, url: str) -> None:
        self.url = url

    def __call__(self, *arguments: str, status: int = 0) -> str:
        """Return what a command prints to stdout; it must end with a status."""
        main = _main()
        out, err = io.StringIO(), io.StringIO()
        given = ["partita", "--backend", self.url, *arguments]
        code: Any = 0
        with (
            mock.patch.object(sys, "argv", given),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            try:
                code = main()
            except SystemExit as ended:
                code = ended.code
        assert (code or 0) == status, f"{arguments} ended with {code}: {err.getvalue()}"
        return out.getvalue()

    def json(self, *arguments: str) -> Any:
        """Return the JSON that a command prints."""
        return json.loads(self(*arguments))

    def lines(self, *arguments: str) -> list[Any]:
        """Return the JSON lines that a command prints."""
        return [json.loads(line) for line in self(*arguments).splitlines()]
