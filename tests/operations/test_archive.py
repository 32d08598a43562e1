"""An archive only grows, is whole after any death of its writer, and can be taken in again."""

from __future__ import annotations

import gzip
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from partita.engine import Engine
from partita.errors import InvalidInputError, InvalidOptionError
from partita.history import WorkflowExecution
from partita.history.document import ExportedHistory, export
from partita.operations.archive import Archive, Pages, files_below
from partita.stores.memory import MemoryStore
from partita.testing.conformance.arrange import start


def ids(path: Path) -> list[str]:
    with Pages(path) as pages:
        found = list(pages.every())
        assert [pages.at(place) for place, _ in reversed(found)] == [h for _, h in found[::-1]]
    return [history.execution.workflow_id for _, history in found]


@pytest.fixture
def history() -> Iterator[Callable[[str], ExportedHistory]]:
    engine = Engine(MemoryStore())

    def made(workflow_id: str) -> ExportedHistory:
        text = f'["{random.Random(workflow_id).randbytes(200).hex()}", "ü\\n"]'
        execution = start(engine, workflow_id, input=text)
        engine.terminate_workflow_execution("default", execution, None)
        return export("default", execution, engine.history("default", execution))

    yield made
    engine.close()


@pytest.fixture(params=["old.jsonl", "old.jsonl.gz"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return tmp_path / str(request.param)


History = Callable[[str], ExportedHistory]


def test_what_is_appended_is_read(path: Path, history: History) -> None:
    with Archive(path) as archive:
        archive.append([history("a"), history("b")])
    with Archive(path) as archive:
        archive.append([history("c")])
        archive.append([history("d")])
    assert ids(path) == ["a", "b", "c", "d"]
    text = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    assert text.count(b"\n") == 4


def test_an_end_that_is_cut_off_is_kept_and_told(
    path: Path, history: History, caplog: pytest.LogCaptureFixture
) -> None:
    with Archive(path) as archive:
        archive.append([history("a")])
    sound = path.read_bytes()
    with Archive(path) as archive:
        archive.append([history("b")])
    damaged = path.read_bytes()[:-20]
    rest = damaged[len(sound) :]
    assert caplog.messages == []
    for kept in (f"{path}.cut", f"{path}.cut2"):
        path.write_bytes(damaged)
        with Archive(path):
            assert path.read_bytes() == sound
        assert Path(kept).read_bytes() == rest
        said = caplog.messages.pop()
        assert said.endswith(f"its last {len(rest):,} bytes were moved to {kept}")
        caplog.clear()
    assert files_below(path.parent) == [path]


def test_an_end_that_was_torn_off_is_mended(path: Path, history: History) -> None:
    with Archive(path) as archive:
        archive.append([history("a")])
    sound = path.read_bytes()
    with Archive(path) as archive:
        archive.append([history("b")])
    whole = path.read_bytes()
    for length in {len(sound), len(sound) + 1, len(sound) + 12, len(whole) - 5, len(whole) - 1}:
        path.write_bytes(whole[:length])
        with Archive(path):
            assert path.read_bytes() == sound
    path.write_bytes(whole[: len(whole) - 4])
    with Archive(path) as archive:
        archive.append([history("c")])
    assert ids(path) == ["a", "c"]


def test_zeros_after_a_crash_are_cut_off(tmp_path: Path, history: History) -> None:
    path = tmp_path / "old.jsonl.gz"
    with Archive(path) as archive:
        archive.append([history("a")])
    sound = path.read_bytes()
    path.write_bytes(sound + bytes(5000))
    with Archive(path):
        assert path.read_bytes() == sound


def test_a_member_that_is_damaged_is_not_cut_off(tmp_path: Path, history: History) -> None:
    path = tmp_path / "old.jsonl.gz"
    with Archive(path) as archive:
        archive.append([history("a")])
        archive.append([history("b")])
    broken = bytearray(path.read_bytes())
    broken[20:40] = bytes(20)
    path.write_bytes(broken)
    with pytest.raises(InvalidInputError, match="damaged in the member at byte 0"):
        Archive(path)
    assert path.read_bytes() == broken
    with pytest.raises(InvalidInputError, match="cannot be read"):
        ids(path)


def test_one_appends_at_a_time(path: Path) -> None:
    with Archive(path), pytest.raises(InvalidOptionError, match="another process appends"):
        Archive(path)
    Archive(path).close()


def test_another_file_is_left_alone(tmp_path: Path) -> None:
    with pytest.raises(InvalidOptionError, match=r"\.jsonl"):
        Archive(tmp_path / "old.txt")
    for name in ("a.jsonl", "a.jsonl.gz"):
        path = tmp_path / name
        path.write_text("a diary")
        with pytest.raises(InvalidInputError, match="not an archive"):
            Archive(path)
        assert path.read_text() == "a diary"


def test_a_line_that_is_no_history(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"format": "other"}\n')
    with pytest.raises(InvalidInputError, match=r"a\.jsonl, line 1, is not an exported history"):
        ids(path)
    path.write_bytes(b"\xff\n")
    with pytest.raises(InvalidInputError, match="not UTF-8"):
        ids(path)


def test_archives_in_a_folder(tmp_path: Path, history: History) -> None:
    with Archive(tmp_path / "a.jsonl.gz") as archive:
        archive.append([history("a")])
    assert files_below(tmp_path) == [tmp_path / "a.jsonl.gz"]
    (tmp_path / "b.json").write_text(history("b").dump())
    assert files_below(tmp_path) == [tmp_path / "a.jsonl.gz", tmp_path / "b.json"]
    assert WorkflowExecution("a", "").workflow_id == ids(tmp_path / "a.jsonl.gz")[0]
