"""Bring a PostgreSQL schema to the newest tables, one numbered script at a time.

The scripts and their rules are those of `migrations`: a schema that a newer Partita made, or
that another script made, is left alone.
"""

from __future__ import annotations

import time
import zlib

import psycopg

from partita.errors import StoreUnavailableError
from partita.stores.postgres.rows import Row, quote, within
from partita.stores.sql.migrations import Migration, check_applied, migrations

_JOURNAL = """
CREATE TABLE IF NOT EXISTS @migrations (
    number     integer PRIMARY KEY,
    name       text NOT NULL,
    checksum   text NOT NULL,   -- SHA-256 of the script
    applied_at float8 NOT NULL
)"""


# Rows, and not `to_regclass`, which may remember what was so before we waited for the lock.
_SCHEMA = b"SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = %s"
_TABLE = b"SELECT 1 FROM pg_catalog.pg_tables WHERE schemaname = %s AND tablename = 'migrations'"

_MAY_CREATE = (
    b"SELECT 1 WHERE CASE WHEN EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = %s) "
    b"THEN has_schema_privilege(%s, 'CREATE') "
    b"ELSE has_database_privilege(current_database(), 'CREATE') END"
)


def migrate(connection: psycopg.Connection[Row], schema: str, where: str) -> None:
    """Apply what is missing, all or nothing; others who do the same wait for each other.

    Raises:
        SchemaTooNewError: a newer Partita made the tables.
        StoreCorruptError: a script was changed.
        StoreUnavailableError: the role may not do it.
    """
    wanted = migrations("postgres")
    if _is_current(connection, schema, wanted):
        return
    statement = within(schema)
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (_lock_key(schema),))
        applied = _applied(connection, schema)
        advice = "name another in the URL with ?schema=NAME"
        check_applied(applied, wanted, where, advice)
        if not _finds(connection, _MAY_CREATE, schema, schema):
            found = f"tables of schema {max(applied)}" if applied else "no tables yet"
            raise StoreUnavailableError(
                f"{where} has {found}, this Partita needs those of schema {len(wanted)}, and this "
                "role may not make them; run `partita db migrate` as the schema's owner first"
            )
        if not _finds(connection, _SCHEMA, schema):
            connection.execute(f"CREATE SCHEMA {quote(schema)}".encode())
        connection.execute(statement(_JOURNAL))
        for migration in wanted:
            if migration.number not in applied:
                connection.execute(statement(migration.sql))
                connection.execute(
                    statement("INSERT INTO @migrations VALUES (?, ?, ?, ?)"),
                    (migration.number, migration.name, migration.checksum, time.time()),
                )


def script(schema: str) -> str:
    """Return the SQL that makes the newest tables in a new schema, for who must see it first."""
    lines = ["BEGIN;", f"CREATE SCHEMA IF NOT EXISTS {quote(schema)};", f"{_JOURNAL.strip()};"]
    for migration in migrations("postgres"):
        lines += [
            migration.sql.strip(),
            f"INSERT INTO @migrations VALUES ({migration.number}, '{migration.name}', "
            f"'{migration.checksum}', extract(epoch FROM now()));",
        ]
    text = "\n".join([*lines, "COMMIT;"])
    return within(schema)(text).decode() + "\n"


def _is_current(connection: psycopg.Connection[Row], schema: str, wanted: list[Migration]) -> bool:
    return _applied(connection, schema) == {one.number: one.checksum for one in wanted}


def _applied(connection: psycopg.Connection[Row], schema: str) -> dict[int, str]:
    if not _finds(connection, _TABLE, schema):
        return {}
    rows = connection.execute(within(schema)("SELECT number, checksum FROM @migrations"))
    return dict(rows.fetchall())


def _finds(connection: psycopg.Connection[Row], sql: bytes, *parameters: str) -> bool:
    return connection.execute(sql, parameters).fetchone() is not None


def _lock_key(schema: str) -> int:
    """Return the advisory lock's number: one for each schema."""
    return zlib.crc32(f"partita migrates {schema}".encode())
