"""Find what is wrong with a PostgreSQL schema: its executions and their rows, and its indexes.

Works within a transaction that sees one moment. Indexes are looked at if the database has the
extension `amcheck` and the role may use it; pages are the server's affair (`pg_amcheck`,
`pg_checksums`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import psycopg

from partita.stores.sql import check as tables


def check(connection: psycopg.Connection[Any], statement: Callable[[str], bytes]) -> list[str]:
    """Return what is wrong, a line each."""

    def read(text: str, parameters: Any) -> list[Any]:
        return connection.execute(statement(text), parameters, binary=True).fetchall()

    indexes = _damaged_indexes(connection, statement)
    return [*indexes, *tables.check(read, with_revision=True)]


def _damaged_indexes(
    connection: psycopg.Connection[Any], statement: Callable[[str], bytes]
) -> Iterator[str]:
    found = connection.execute(
        "SELECT c.oid, c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid "
        "JOIN pg_am a ON a.oid = c.relam AND a.amname = 'btree' "
        "WHERE i.indrelid IN (%s::regclass, %s::regclass, %s::regclass) AND EXISTS "
        "(SELECT FROM pg_extension WHERE extname = 'amcheck') ORDER BY c.relname",
        [statement(f"@{table}").decode() for table in ("executions", "batches", "items")],
    ).fetchall()
    for oid, name in found:
        try:
            with connection.transaction():
                connection.execute("SELECT bt_index_check(%s::oid::regclass)", (oid,))
        except psycopg.errors.InsufficientPrivilege:
            return  # amcheck's functions are granted apart
        except psycopg.Error as error:
            yield f"index {name}: {' '.join(str(error).split())}"
