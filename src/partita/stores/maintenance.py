"""State what can be asked of a database apart from executions: how it stands, and its maintenance.

Unlike a store, nobody who asks here makes a database, or brings its tables up.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from msgspec import Struct

from partita.ports.catalogue import WorkerRecord


class Survey(Struct, frozen=True, kw_only=True):
    """How a database stands, as far as it can be seen from outside."""

    where: str  # for people; holds no secret
    versions: dict[str, str]  # of what keeps the data, by name
    schema: int | None  # of its tables; None: there are none yet
    known: int  # the newest schema that this Partita knows
    settings: dict[str, str] = {}  # what its durability rests on
    doubts: tuple[tuple[str, str], ...] = ()  # what is wrong with these, and how to mend it
    ahead: float | None = None  # seconds that its clock is ahead of ours; None: it has none
    size: int | None = None  # bytes
    free: int | None = None  # bytes on its disk, if we can see it
    unused: int | None = None  # bytes in it that hold nothing
    workers: tuple[WorkerRecord, ...] = ()


class Lock(Struct, frozen=True):
    """A lock that keeps others from writing."""

    holder: str  # for people
    seconds: float  # for which it has been held, at least
    mend: str  # what ends it


class Maintenance(Protocol):
    """One database, by its URL."""

    def survey(self) -> Survey:
        """Look, and change nothing.

        Raises:
            StoreUnavailableError: out of reach.
            StoreCorruptError: it is another program's, or damaged.
        """

    def damage(self) -> list[str]:
        """Return what is damaged of its pages, a line each, as far as it can be seen from outside.

        Reads all of a SQLite file. A server looks after its own pages.

        Raises:
            StoreUnavailableError: out of reach.
        """

    def long_locks(self) -> list[Lock]:
        """Return what has kept others from writing for longer than any transaction of ours.

        May wait for some seconds to find out.

        Raises:
            StoreUnavailableError: out of reach.
        """

    def workers(self) -> list[WorkerRecord]:
        """Return the workers on record; none if there is no database that can be read."""

    def vacuum(self, *, whole: bool) -> list[str]:
        """Give back room, and renew what queries are planned by; say what was done.

        `whole`: also what keeps others from writing for long, where there is such a thing.
        """

    def backup_command(self, to: Path) -> str | None:
        """Return the command line of the database's own tools for copies; None: `backup` does it.

        It holds no password.
        """

    def restore_command(self, copy: Path) -> str | None:
        """Return the same for putting a copy in its place; None: `restore` does it."""

    def backup(self, to: Path, *, overwrite: bool) -> int:
        """Copy it, as it is at one moment, while others use it; return the copy's bytes.

        The copy is there, whole and on the disk, or not at all.

        Raises:
            InvalidOptionError: `to` is there; or this kind of database has another way.
        """

    def restore(self, copy: Path, *, force: bool) -> None:
        """Put a copy, once it is found sound, in its place; all or nothing.

        Raises:
            StoreInUseError: others use it; not asked with `force`.
            StoreCorruptError: the copy is not sound.
            InvalidOptionError: this kind of database has another way.
        """
