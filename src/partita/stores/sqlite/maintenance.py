"""Look at a SQLite file from outside: survey, vacuum, copy, and put a copy in its place.

*Copies* are made by SQLite's backup interface in one step: it reads within one transaction,
and in WAL mode a reader keeps nobody from writing. A copy is a single file without a WAL. It
is written beside its place, checked, forced to the disk, and only then given its name.

*Putting back* goes through the same interface into the file itself, as one transaction: who
dies in it leaves the old content, and who has the file open sees the new one. Only a file that
SQLite can no longer open is moved aside (`NAME.damaged`), its WAL first, so that no WAL ever
stands beside a file that it does not belong to.

Source: https://www.sqlite.org/backup.html, https://www.sqlite.org/lang_vacuum.html,
https://www.sqlite.org/wal.html (all processes must be on one machine), proc_mounts(5)
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

from partita.errors import (
    InvalidOptionError,
    StoreCorruptError,
    StoreFullError,
    StoreInUseError,
    StoreUnavailableError,
)
from partita.ports.catalogue import WorkerRecord
from partita.private_files import make_folder, reserve
from partita.stores.maintenance import Lock, Survey
from partita.stores.sql.migrations import migrations
from partita.stores.sql.reads import workers_on_record
from partita.stores.sqlite.faults import LOCK_TIMEOUT, translated
from partita.stores.sqlite.locks import long_locks
from partita.stores.sqlite.schema import APPLICATION_ID
from partita.stores.sqlite.store import SqliteStore
from partita.stores.sqlite.transaction import statement

TOLD = 20
"""Damages that are told of, at most."""

NETWORK = {
    *("9p", "afs", "ceph", "cifs", "fuse.s3fs", "fuse.sshfs", "glusterfs", "gpfs", "lustre"),
    *("ncpfs", "nfs", "nfs4", "smb3", "smbfs"),
}
"""Types of file systems that other machines may mount as well."""

_ANOTHER = "name another file with --backend sqlite:///PATH"
_A_BACKUP = "name a file that `partita db backup` has made"
_HEADER = b"SQLite format 3\0"


class SqliteMaintenance:
    """One file."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    @contextmanager
    def _open(
        self, *, timeout: float = LOCK_TIMEOUT, other: str = _ANOTHER
    ) -> Iterator[sqlite3.Connection]:
        """Open the file, which must be there, and ours; `other` says how to name another."""
        if not self.path.exists():
            raise StoreUnavailableError(
                f"there is no database {self.path}; the first command that uses it makes it, "
                f"or {other}"
            )
        with translated(self.path):
            uri = f"file:{quote(str(self.path))}?mode=rw"
            connection = sqlite3.connect(uri, uri=True, timeout=timeout, isolation_level=None)
            with closing(connection):
                owner = connection.execute("PRAGMA application_id").fetchone()[0]
                if owner != APPLICATION_ID:
                    _refuse_unmade(connection, self.path, other)
                    raise StoreCorruptError(f"{self.path} is not a database of Partita's; {other}")
                yield connection

    # -- looking

    def survey(self) -> Survey:
        """Look, and change nothing."""
        with self._open() as connection:
            applied = [number for (number,) in connection.execute("SELECT number FROM migrations")]
            journal = _pragma(connection, "journal_mode")
            page_size = int(_pragma(connection, "page_size"))
            unused = int(_pragma(connection, "freelist_count")) * page_size
            workers = _workers(connection)
        network = network_filesystem(self.path)
        wal = self.path.with_name(self.path.name + "-wal")
        settings = {
            "journal_mode": journal,
            "synchronous": "FULL",  # what a store sets on each connection
            "file system": network or "local",
            "WAL bytes": str(wal.stat().st_size if wal.exists() else 0),
        }
        return Survey(
            where=str(self.path),
            versions={"SQLite": sqlite3.sqlite_version},
            schema=max(applied, default=None),
            known=len(migrations("sqlite")),
            settings=settings,
            doubts=tuple(_doubts(journal, network)),
            size=self.path.stat().st_size,
            free=shutil.disk_usage(self.path.parent).free,
            unused=unused,
            workers=tuple(workers),
        )

    def damage(self) -> list[str]:
        """Return what is damaged of the file's pages, a line each; reads all of it."""
        try:
            with self._open() as connection:
                return list(_damage(connection))
        except StoreCorruptError as error:
            return [str(error.__cause__)] if error.__cause__ else []  # it is another program's

    def long_locks(self) -> list[Lock]:
        """Return what keeps others from writing; tries to write for some seconds."""
        with self._open(timeout=0) as connection:
            return long_locks(connection, self.path)

    def workers(self) -> list[WorkerRecord]:
        """Return every worker on record; none if the file is not there, or cannot be read."""
        with suppress(StoreUnavailableError, StoreCorruptError), self._open() as connection:
            return _workers(connection)
        return []

    # -- maintenance

    def vacuum(self, *, whole: bool) -> list[str]:
        """Fold the WAL into the file; rewrite the file without what is unused if `whole`."""
        before = self.path.stat().st_size if self.path.exists() else 0
        with self._open() as connection:
            said = [] if whole else [_unused(connection)]
            if whole:
                connection.execute("VACUUM")
            connection.execute("PRAGMA analysis_limit = 1000")
            connection.execute("ANALYZE")
            busy = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        if busy:
            said.append("the WAL is in use, and is folded into the file later")
        return [f"{self.path}: {before:,} bytes before, {self.path.stat().st_size:,} now", *said]

    def backup_command(self, to: Path) -> None:
        """Return nothing: `backup` does it."""

    def restore_command(self, copy: Path) -> None:
        """Return nothing: `restore` does it."""

    def backup(self, to: Path, *, overwrite: bool) -> int:
        """Copy the file, as it is at one moment."""
        if to.exists() and not overwrite:
            raise InvalidOptionError(f"{to} is there already; say --force to replace it")
        if to.exists() and to.samefile(self.path):
            raise InvalidOptionError(f"{to} is the database itself; name another file")
        if not to.parent.is_dir():
            raise InvalidOptionError(
                f"there is no folder {to.parent} for {to.name}; make it, or name another file"
            )
        draft = _draft(to)
        try:
            with self._open() as source:
                _copy(source, draft, of=self.path, to=to)
            _sync(draft)
            _put(draft, to, overwrite=overwrite)
        finally:
            _remove(draft)
        return to.stat().st_size

    def restore(self, copy: Path, *, force: bool) -> None:
        """Put a copy, once it is found sound, in the file's place."""
        _hold_backup(copy)
        self._hold_ours()
        make_folder(self.path.parent)
        draft = _draft(self.path)
        try:
            with SqliteMaintenance(copy)._open(other=_A_BACKUP) as source:
                _copy(source, draft, of=copy, to=self.path)
            _hold_sound(draft, copy)
            if not force:
                self._hold_unused()
            self._take(draft)
        finally:
            _remove(draft)

    def _hold_ours(self) -> None:
        """Refuse to replace what another program keeps; what cannot be read may be replaced."""
        if not self.path.exists():
            return
        with closing(sqlite3.connect(self.path)) as connection, suppress(sqlite3.DatabaseError):
            owner = connection.execute("PRAGMA application_id").fetchone()[0]
            tables = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
            if owner != APPLICATION_ID and (owner or tables):
                raise StoreCorruptError(
                    f"{self.path} is a database of another program, and is left alone; {_ANOTHER}"
                )

    def _hold_unused(self) -> None:
        """Refuse if any other connection is open: only alone can a file leave WAL mode."""
        if not self.path.exists():
            return
        with suppress(StoreCorruptError), self._open(timeout=0.0) as connection:
            try:
                connection.execute("PRAGMA journal_mode = DELETE")
                connection.execute("PRAGMA journal_mode = WAL")
            except sqlite3.OperationalError as error:
                raise StoreInUseError(
                    f"another process has {self.path} open; stop it first, or say --force if what "
                    "it does meanwhile may be lost"
                ) from error

    def _take(self, draft: Path) -> None:
        if self.path.exists():
            try:
                with self._open() as target, closing(sqlite3.connect(draft)) as source:
                    target.execute("PRAGMA synchronous = FULL")
                    source.backup(target)
                    target.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                return
            except StoreCorruptError:
                _move_aside(self.path)
        _sync(draft)
        _put(draft, self.path, overwrite=True)


def _workers(connection: sqlite3.Connection) -> list[WorkerRecord]:
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_schema")}
    return workers_on_record(lambda text: connection.execute(statement(text)), tables)


def _damage(connection: sqlite3.Connection) -> Iterator[str]:
    """Look at the whole file; where that breaks off, at each table."""
    try:
        yield from _quick_check(connection, str(TOLD))
    except sqlite3.DatabaseError as error:
        _pass_failing_disk(error)
        yield str(error)
        tables = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")
        for (name,) in tables.fetchall():
            try:
                yield from (f"table {name}: {line}" for line in _quick_check(connection, name))
            except sqlite3.DatabaseError as broken:
                _pass_failing_disk(broken)
                yield f"table {name}: {broken}"


def _pass_failing_disk(error: sqlite3.DatabaseError) -> None:
    """Raise what is an error of the disk, and no damage."""
    if getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_IOERR:
        raise error


def _refuse_unmade(connection: sqlite3.Connection, path: Path, other: str) -> None:
    """Raise StoreUnavailableError for an empty file, as a first start that was killed leaves it."""
    if not connection.execute("PRAGMA application_id").fetchone()[0]:
        if not connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]:
            raise StoreUnavailableError(
                f"{path} is empty; the first command that uses it makes its tables, or {other}"
            )


def _quick_check(connection: sqlite3.Connection, what: str) -> Iterator[str]:
    for (text,) in connection.execute(f"PRAGMA quick_check({what})"):
        lines = text.splitlines()
        yield from (line for line in lines if line != "ok" and not line.startswith("***"))


def _pragma(connection: sqlite3.Connection, name: str) -> str:
    return str(connection.execute(f"PRAGMA {name}").fetchone()[0])


def _unused(connection: sqlite3.Connection) -> str:
    pages, size = _pragma(connection, "freelist_count"), _pragma(connection, "page_size")
    return (
        f"workers use it: {int(pages) * int(size):,} unused bytes stay in the file, and are used "
        "again; stop the workers, or say --force, to give them back"
    )


def _doubts(journal: str, network: str | None) -> Iterator[tuple[str, str]]:
    if journal != "wal":
        yield (
            f"the journal mode is {journal}, in which readers and writers wait for each other",
            "it is set by whoever opens the file next; if not, its folder may be read-only",
        )
    if network is not None:
        yield (
            f"the file is on a network file system ({network}), where locks and WAL are not safe",
            "move it to a local disk, or use postgresql:// for several machines",
        )


def _draft(to: Path) -> Path:
    return to.with_name(f".{to.name}.{os.getpid()}")


def _hold_backup(copy: Path) -> None:
    """Refuse a file that cannot be a copy."""
    if not copy.is_file():
        raise StoreUnavailableError(f"there is no file {copy}; {_A_BACKUP}")
    with copy.open("rb") as file:
        if file.read(len(_HEADER)) != _HEADER:
            raise StoreCorruptError(f"{copy} is not a SQLite database; {_A_BACKUP}")


def _copy(source: sqlite3.Connection, draft: Path, *, of: Path, to: Path) -> None:
    """Copy in one step, into a file without a WAL; hold that its pages are sound."""
    _remove(draft)
    reserve(draft)
    try:
        with closing(sqlite3.connect(draft, isolation_level=None)) as target:
            target.execute("PRAGMA synchronous = OFF")  # it is forced to the disk as a whole
            source.backup(target)
            target.execute("PRAGMA journal_mode = DELETE")
            found = [row[0] for row in target.execute("PRAGMA quick_check(1)")]
    except sqlite3.Error as error:
        raise _not_copied(error, of, to) from error
    if found != ["ok"]:
        raise StoreCorruptError(_damaged(of, found[0]))


def _not_copied(error: sqlite3.Error, of: Path, to: Path) -> Exception:
    """Return the error in words that name the files of the caller, not the draft."""
    match getattr(error, "sqlite_errorcode", 0) & 0xFF:
        case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB:
            return StoreCorruptError(_damaged(of, error))
        case sqlite3.SQLITE_FULL:
            return StoreFullError(f"no room left on the disk of {to}; make room and try again")
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_PERM:
            return StoreUnavailableError(
                f"cannot write {to} ({error}); check the permissions of its folder, or choose "
                "another file"
            )
        case _:
            return StoreUnavailableError(f"{of} cannot be copied to {to}: {error}; try again")


def _damaged(of: Path, why: object) -> str:
    return f"{of} is damaged, and is not copied: {' '.join(str(why).split())}; use a sound backup"


def _hold_sound(draft: Path, copy: Path) -> None:
    """Bring a copy's tables up, and look at all of it."""
    store = SqliteStore(draft)
    try:
        faults = store.check()
    finally:
        store.close()
    if faults:
        more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
        raise StoreCorruptError(f"{copy} is not sound: {faults[0]}{more}; restore another copy")


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _put(draft: Path, to: Path, *, overwrite: bool) -> None:
    """Give a file its name, at once."""
    try:
        if overwrite:
            draft.replace(to)
        else:
            os.link(draft, to)  # fails if somebody was quicker
    except FileExistsError:
        raise InvalidOptionError(f"{to} is there already; say --force to replace it") from None
    _sync(to.parent)


def _move_aside(path: Path) -> None:
    for ending in ("-wal", "-shm", ""):
        with suppress(FileNotFoundError):
            path.with_name(path.name + ending).replace(f"{path}.damaged{ending}")


def _remove(draft: Path) -> None:
    for ending in ("", "-wal", "-shm", "-journal"):
        draft.with_name(draft.name + ending).unlink(missing_ok=True)


def network_filesystem(path: Path, mounts: Path = Path("/proc/self/mounts")) -> str | None:
    """Return the type of the network file system that holds a file; None if it is another."""
    try:
        lines = mounts.read_text("utf-8", "replace").splitlines()
    except OSError:
        return None
    folder = os.path.realpath(path.parent)
    best, kind = "", ""
    for line in lines:
        fields = line.split(" ")
        if len(fields) < 3:
            continue
        point = fields[1].replace("\\040", " ")
        if len(point) >= len(best) and _is_below(folder, point):
            best, kind = point, fields[2]
    return kind if kind in NETWORK else None


def _is_below(folder: str, point: str) -> bool:
    return point == "/" or folder == point or folder.startswith(point.rstrip("/") + "/")
