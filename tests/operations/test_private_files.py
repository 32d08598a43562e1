"""What holds payloads is readable by its owner alone, whatever the umask."""

from __future__ import annotations

import gzip
import os
import stat
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from partita.cli import main
from partita.connect import connect
from partita.history import WorkflowType
from partita.operations.archive import Archive
from partita.ports.service import StartRequest
from partita.private_files import make_folder
from partita.swf.backend.payloads import Folder


@pytest.fixture(autouse=True)
def loose() -> Iterator[None]:
    """The umask that allows all; without one, modes are exactly those that are asked for."""
    before = os.umask(0)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def modes(folder: Path) -> dict[str, int]:
    return {path.name: mode(path) for path in folder.rglob("*")}


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """A database with one closed execution, in folders that did not exist."""
    path = tmp_path / "a" / "b" / "p.db"
    with closing(connect(f"sqlite:///{path}")) as service:
        request = StartRequest(workflow_id="w", workflow_type=WorkflowType("flow"))
        execution = service.start_workflow_execution(request)
        service.terminate_workflow_execution("default", execution, None)
        assert {path.name for path in path.parent.iterdir()} == {"p.db", "p.db-wal", "p.db-shm"}
        assert set(modes(path.parent).values()) == {0o600}
    return path


def test_a_database_and_the_folders_that_it_needs(database: Path, tmp_path: Path) -> None:
    assert mode(database) == 0o600
    assert mode(tmp_path / "a") == mode(tmp_path / "a" / "b") == 0o700


def test_a_database_keeps_the_permissions_that_it_has(tmp_path: Path) -> None:
    folder = tmp_path / "shared"
    folder.mkdir(mode=0o750)
    (folder / "p.db").touch(mode=0o660)
    connect(f"sqlite:///{folder / 'p.db'}").close()
    assert mode(folder / "p.db") == 0o660
    assert mode(folder) == 0o750


def command(database: Path, *arguments: str | Path) -> None:
    assert main(["--backend", f"sqlite:///{database}", *map(str, arguments)]) == 0


def test_backups_and_what_is_restored(database: Path, tmp_path: Path) -> None:
    command(database, "db", "backup", tmp_path / "copy.db")
    assert mode(tmp_path / "copy.db") == 0o600
    for name in ("p.db", "new/q.db"):
        target = tmp_path / "a" / "b" / name
        command(target, "db", "restore", tmp_path / "copy.db", "--force")
        assert mode(target) == 0o600
    assert mode(tmp_path / "a" / "b" / "new") == 0o700


def test_a_backup_that_replaces_a_readable_file(database: Path, tmp_path: Path) -> None:
    (tmp_path / "copy.db").touch(mode=0o644)
    command(database, "db", "backup", tmp_path / "copy.db", "--force")
    assert mode(tmp_path / "copy.db") == 0o600


def test_exports(database: Path, tmp_path: Path) -> None:
    command(database, "export", "w", "--output", tmp_path / "w.json")
    command(database, "export", "w", "--into", tmp_path / "all" / "of" / "them")
    assert mode(tmp_path / "w.json") == 0o600
    found = modes(tmp_path / "all")
    assert found.pop("of") == found.pop("them") == 0o700
    assert set(found.values()) == {0o600}


@pytest.mark.parametrize("name", ["old.jsonl", "old.jsonl.gz"])
def test_archives_and_what_is_cut_off_them(database: Path, tmp_path: Path, name: str) -> None:
    command(database, "prune", "--older-than", "0s", "--archive-to", tmp_path / name)
    assert mode(tmp_path / name) == 0o600
    with open(tmp_path / name, "ab") as file:
        file.write(b'{"half' if name.endswith("l") else gzip.compress(b"half")[:-4])
    Archive(tmp_path / name).close()
    assert mode(tmp_path / f"{name}.cut") == 0o600


def test_large_payloads(tmp_path: Path) -> None:
    Folder(str(tmp_path / "large")).put("payload", b"secret")
    assert mode(tmp_path / "large") == 0o700
    assert mode(tmp_path / "large" / "payload") == 0o600


def test_a_folder_that_cannot_be_made_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="File exists"):
        make_folder(tmp_path / "file")
    with pytest.raises(OSError, match="Not a directory"):
        make_folder(tmp_path / "file" / "below")
