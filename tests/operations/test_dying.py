"""Whoever prunes may be killed at any step: each history is here, in the archive, or in both."""

from __future__ import annotations

import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from partita.engine import Engine
from partita.operations.archive import Archive, Pages
from partita.operations.prune import prune
from partita.ports.capabilities import PruneRequest
from partita.ports.state import ExecutionFilter
from partita.stores.sqlite.store import SqliteStore
from partita.testing.conformance.arrange import start

PRUNE = """
import os, signal, sys
from pathlib import Path
from partita.engine import Engine
from partita.operations import archive as archives
from partita.operations.prune import prune
from partita.ports.capabilities import PruneRequest
from partita.stores.sqlite.store import SqliteStore

step, countdown = sys.argv[3], int(sys.argv[4])

def die(*_):
    global countdown
    countdown -= 1
    if not countdown:
        os.kill(os.getpid(), signal.SIGKILL)

def torn(self, histories):
    text = "".join(f"{one.line()}\\n" for one in histories).encode()
    data = archives.gzip.compress(text) if self._packs else text
    self._file.write(data[: len(data) // 2])
    self._file.flush()
    die()
    self._file.write(data[len(data) // 2 :])
    self._sync()

engine = Engine(SqliteStore(sys.argv[1]))
real_append, real_prune = archives.Archive.append, engine.prune

def append(self, histories):
    real_append(self, histories)
    if step == "after the archive":
        die()

def remove(*arguments):
    count = real_prune(*arguments)
    if step == "after the commit":
        die()
    return count

archives.Archive.append = torn if step == "within the archive" else append
engine.prune = remove
with archives.Archive(Path(sys.argv[2])) as archive:
    for _ in prune(engine, PruneRequest(closed_before=4e9), archive=archive):
        pass
engine.close()
"""

STEPS = ["within the archive", "after the archive", "after the commit"]


def here(engine: Engine) -> list[str]:
    page = engine.list_executions(ExecutionFilter(limit=1000))
    return sorted(info.workflow_id for info in page.executions)


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("name", ["old.jsonl", "old.jsonl.gz"])
def test_whoever_prunes_is_killed(tmp_path: Path, step: str, name: str) -> None:
    path, file = tmp_path / "x.db", tmp_path / name
    with closing(Engine(SqliteStore(path))) as engine:
        for number in range(50):
            run = start(engine, f"w{number:02}")
            engine.terminate_workflow_execution("default", run, None)
        everything = here(engine)
    for countdown in (1, 2):
        command = [sys.executable, "-c", PRUNE, str(path), str(file), step, str(countdown)]
        assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
        with closing(Engine(SqliteStore(path))) as engine:
            assert engine.store.check() == []
            Archive(file).close()  # which mends its end
            assert sorted({*here(engine), *archived(file)}) == everything
    with closing(Engine(SqliteStore(path))) as engine, Archive(file) as archive:
        for _ in prune(engine, PruneRequest(closed_before=4e9), archive=archive):
            pass
        assert here(engine) == []
        assert engine.store.check() == []
    assert sorted(set(archived(file))) == everything
    with closing(Engine(SqliteStore(tmp_path / "other.db"))) as engine, Pages(file) as pages:
        taken = [engine.import_history("default", history) for _, history in pages.every()]
        assert sum(taken) == 50  # what stands there twice is taken in once
        assert here(engine) == everything


def archived(file: Path) -> list[str]:
    with Pages(file) as pages:
        return [history.execution.workflow_id for _, history in pages.every()]
