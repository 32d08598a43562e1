"""Look at a PostgreSQL schema from outside: survey and vacuum it; say how it is copied.

Copies are `pg_dump`'s affair: it knows the server, runs beside everything, and whoever
operates PostgreSQL has it in a routine already. What is given is the command line.
"""

from __future__ import annotations

import shlex
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NoReturn

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from partita.errors import InvalidOptionError, StoreUnavailableError
from partita.ports.catalogue import WorkerRecord
from partita.stores.maintenance import Lock, Survey
from partita.stores.postgres.connection import PROBES
from partita.stores.postgres.faults import translated
from partita.stores.postgres.locks import long_locks
from partita.stores.postgres.rows import quote, within
from partita.stores.postgres.url import Address
from partita.stores.sql.migrations import migrations
from partita.stores.sql.reads import workers_on_record

SETTINGS = ("fsync", "full_page_writes", "synchronous_commit", "default_transaction_read_only")
"""What durability rests on; and whether the server takes writes at all."""

_TABLES = (
    "SELECT c.oid, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
    "WHERE n.nspname = %s AND c.relkind = 'r' ORDER BY c.relname"
)
_SIZE = (
    "SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0)::bigint FROM pg_class c "
    "JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = %s AND c.relkind = 'r'"
)


class PostgresMaintenance:
    """One schema."""

    def __init__(self, url: str) -> None:
        self.address = Address.of(url)

    @contextmanager
    def _open(self) -> Iterator[psycopg.Connection[Any]]:
        with (
            translated(self.address.where),
            psycopg.connect(
                self.address.conninfo, autocommit=True, prepare_threshold=None
            ) as connection,
        ):
            yield connection

    # -- looking

    def survey(self) -> Survey:
        """Look, and change nothing."""
        schema = self.address.schema
        statement = within(schema)
        with self._open() as connection:
            connection.execute("SET lock_timeout = '2s'")
            settings = {
                name: str(_one(connection, "SELECT current_setting(%s)", name)) for name in SETTINGS
            }
            ahead = _ahead(connection)
            tables = {name for _, name in connection.execute(_TABLES, (schema,))}
            applied = 0
            if "migrations" in tables:
                newest = statement("SELECT max(number) FROM @migrations")
                applied = connection.execute(newest).fetchone()[0] or 0  # type: ignore[index]
            workers = workers_on_record(lambda text: connection.execute(statement(text)), tables)
            return Survey(
                where=self.address.where,
                versions={"PostgreSQL": str(_one(connection, "SHOW server_version"))},
                schema=applied or None,
                known=len(migrations("postgres")),
                settings=settings,
                doubts=tuple(_doubts(settings)),
                ahead=ahead,
                size=int(_one(connection, _SIZE, schema)),
                workers=tuple(workers),
            )

    def damage(self) -> list[str]:
        """Return nothing: `pg_amcheck` and `pg_checksums` know."""
        return []

    def long_locks(self) -> list[Lock]:
        """Return what keeps others from writing; waits for nothing."""
        with self._open() as connection:
            return long_locks(connection, self.address.schema)

    def workers(self) -> list[WorkerRecord]:
        """Return the workers on record; none if nobody answers."""
        with suppress(StoreUnavailableError):
            return list(self.survey().workers)
        return []

    # -- maintenance

    def vacuum(self, *, whole: bool) -> list[str]:
        """VACUUM and ANALYZE every table; others go on. `whole` makes no difference."""
        del whole
        said: list[str] = []
        schema = self.address.schema
        with self._open() as connection:
            connection.add_notice_handler(
                lambda notice: said.append(" ".join((notice.message_primary or "").split()))
            )
            before = _one(connection, _SIZE, schema)
            for _, name in connection.execute(_TABLES, (schema,)).fetchall():
                table = f"{quote(schema)}.{quote(name)}"
                connection.execute(f"VACUUM (ANALYZE) {table}".encode())
            after = _one(connection, _SIZE, schema)
        where = self.address.where
        return [f"{where}: {before:,} bytes before, {after:,} now", *said]

    def backup_command(self, to: Path) -> str:
        """Return the command line that copies the schema."""
        schema = quote(self.address.schema)
        return self._command("pg_dump", "--format=custom", f"--schema={schema}", f"--file={to}")

    def restore_command(self, copy: Path) -> str:
        """Return the command line that puts a copy in the schema's place."""
        options = ("--clean", "--if-exists", "--single-transaction", "--exit-on-error")
        return self._command("pg_restore", *options, str(copy))

    def backup(self, to: Path, *, overwrite: bool) -> NoReturn:
        """Name the command that does it."""
        del overwrite
        raise InvalidOptionError(_HAS_TOOLS.format(self.backup_command(to)))

    def restore(self, copy: Path, *, force: bool) -> NoReturn:
        """Name the command that does it."""
        del force
        raise InvalidOptionError(_HAS_TOOLS.format(self.restore_command(copy)))

    def _command(self, program: str, *arguments: str) -> str:
        """Return a command line with what leads to the database, and no secret."""
        ours = {"application_name": "partita", **PROBES}
        known = {
            name: value
            for name, value in sorted(conninfo_to_dict(self.address.conninfo).items())
            if name != "password" and value != ours.get(name)
        }
        return shlex.join([program, f"--dbname={make_conninfo('', **known)}", *arguments])


_HAS_TOOLS = "PostgreSQL has its own tools for that; run: {}"


def _one(connection: psycopg.Connection[Any], sql: str, *parameters: str) -> Any:
    row = connection.execute(sql.encode(), parameters).fetchone()
    assert row is not None
    return row[0]


def _ahead(connection: psycopg.Connection[Any]) -> float:
    """Return how far the server's clock is ahead, by the quickest of three answers."""
    answers = []
    for _ in range(3):
        asked = time.time()
        theirs = float(_one(connection, "SELECT extract(epoch FROM clock_timestamp())"))
        answered = time.time()
        answers.append((answered - asked, theirs - (asked + answered) / 2))
    return min(answers)[1]


def _doubts(settings: dict[str, str]) -> Iterator[tuple[str, str]]:
    for name in ("fsync", "full_page_writes"):
        if settings[name] != "on":
            yield (
                f"the server runs with {name} = {settings[name]}: a crash may damage everything",
                f"set {name} = on in postgresql.conf, and restart the server",
            )
    if settings["default_transaction_read_only"] != "off":
        yield (
            "the server, or this role, takes no writes",
            "connect to the primary, or ALTER ROLE ... SET default_transaction_read_only = off",
        )
