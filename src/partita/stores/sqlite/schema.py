"""Bring a SQLite file to the newest tables, one numbered script at a time."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

from partita.errors import StoreCorruptError
from partita.stores.sql.migrations import Migration, check_applied, migrations

APPLICATION_ID = 0x50415254
"""`PART`, in the header of every file that is ours (`PRAGMA application_id`)."""

_ADVICE = "choose another file with --backend sqlite:///PATH"

_OWNER = (  # one statement, since another process may be making the tables
    "SELECT (SELECT application_id FROM pragma_application_id), "
    "(SELECT count(*) FROM sqlite_schema)"
)

_JOURNAL = """
CREATE TABLE IF NOT EXISTS migrations (
    number     INTEGER PRIMARY KEY,
    name       TEXT NOT NULL,
    checksum   TEXT NOT NULL,   -- SHA-256 of the script
    applied_at REAL NOT NULL
) STRICT
"""


def migrate(connection: sqlite3.Connection, path: Path) -> None:
    """Apply what is missing, all or nothing; other processes may do the same.

    Raises:
        SchemaTooNewError: a newer Partita wrote the file.
        StoreCorruptError: it is another program's file, or a script was changed.
    """
    wanted = migrations("sqlite")
    if _is_current(connection, wanted):
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        refuse_foreign(connection, path)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(_JOURNAL)
        applied = _applied(connection)
        check_applied(applied, wanted, str(path), _ADVICE)
        for migration in wanted:
            if migration.number not in applied:
                _apply(connection, migration)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _is_current(connection: sqlite3.Connection, wanted: list[Migration]) -> bool:
    owner = connection.execute("PRAGMA application_id").fetchone()[0]
    if owner != APPLICATION_ID:
        return False
    return _applied(connection) == {migration.number: migration.checksum for migration in wanted}


def _applied(connection: sqlite3.Connection) -> dict[int, str]:
    return dict(connection.execute("SELECT number, checksum FROM migrations").fetchall())


def refuse_foreign(connection: sqlite3.Connection, path: Path) -> None:
    """Raise StoreCorruptError for another program's database; change nothing."""
    owner, tables = connection.execute(_OWNER).fetchone()
    if owner != APPLICATION_ID and (owner or tables):
        raise StoreCorruptError(f"{path} is a database of another program; {_ADVICE}")


def _apply(connection: sqlite3.Connection, migration: Migration) -> None:
    for statement in _statements(migration.sql):
        connection.execute(statement)
    connection.execute(
        "INSERT INTO migrations VALUES (?,?,?,?)",
        (migration.number, migration.name, migration.checksum, time.time()),
    )


def _statements(sql: str) -> list[str]:
    """Split a script: `executescript` would commit the transaction around it."""
    statements, start = [], ""
    for line in sql.splitlines(keepends=True):
        start += line
        if sqlite3.complete_statement(start):
            statements.append(start)
            start = ""
    return statements
