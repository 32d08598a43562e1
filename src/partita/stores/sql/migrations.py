"""Know the numbered scripts of each database, and the rules of their order.

A script never changes once it is released: its checksum is kept with the number, and a database
whose checksums differ, or that has a number we do not know, is left alone.
"""

from __future__ import annotations

import hashlib
import re
from importlib import resources

from msgspec import Struct

from partita.errors import SchemaTooNewError, StoreCorruptError


class Migration(Struct, frozen=True):
    """One numbered script."""

    number: int
    name: str
    sql: str

    @property
    def checksum(self) -> str:
        """SHA-256 of the script, in hex."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


def migrations(dialect: str) -> list[Migration]:
    """Return the scripts of one dialect (`sql/DIALECT_NNNN_name.sql`), in order."""
    found = []
    for entry in resources.files("partita.stores").joinpath("sql").iterdir():
        match = re.fullmatch(rf"{dialect}_(\d{{4}})_(\w+)\.sql", entry.name)
        if match:
            found.append(Migration(int(match[1]), match[2], entry.read_text("utf-8")))
    return sorted(found, key=lambda migration: migration.number)


def check_applied(
    applied: dict[int, str], wanted: list[Migration], where: str, advice: str
) -> None:
    """Check the applied scripts against those that we know; `where` names the database.

    Raises:
        SchemaTooNewError: a newer Partita wrote it.
        StoreCorruptError: a script was changed.
    """
    known = {migration.number: migration for migration in wanted}
    newest = max(applied, default=0)
    if newest > len(wanted):
        raise SchemaTooNewError(
            f"{where} has schema {newest}, this Partita knows up to {len(wanted)}; "
            f"upgrade Partita, or {advice}"
        )
    for number, checksum in applied.items():
        if known[number].checksum != checksum:
            raise StoreCorruptError(
                f"{where} was made by another script for migration {number} than this Partita has; "
                "use the version that made it"
            )
