"""`partita check`, as a user meets it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from partita.cli import main
from partita.errors import PartitaError
from partita.replay.lint import Finding, Place, check_source
from partita.source.discovery import read, sources

ROOT = Path(__file__).parents[3]
UNCLEAN = "import time\nfrom partita import workflow\n@workflow\ndef flow():\n    time.time()\n"
CLEAN = UNCLEAN.replace("    time.time()", "    return 1")

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("b/late.py", "a.py", "b/.venv/x.py", ".git/x.py", "b/node_modules/x.py"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(UNCLEAN)
    (tmp_path / "clean.py").write_text(CLEAN)
    (tmp_path / "env/lib").mkdir(parents=True)
    (tmp_path / "env/pyvenv.cfg").touch()
    (tmp_path / "env/lib/x.py").write_text(UNCLEAN)
    (tmp_path / "notes.txt").write_text("not Python at all")
    return tmp_path


@pytest.mark.usefixtures("folder")
def test_clean_is_status_0(capsys: Capture) -> None:
    assert main(["check", "clean.py"]) == 0
    assert capsys.readouterr() == ("", "partita: nothing found in 1 file\n")


@pytest.mark.usefixtures("folder")
def test_findings_are_lines_in_order_and_status_1(capsys: Capture) -> None:
    assert main(["check", ".", "b/late.py"]) == 1
    out, err = capsys.readouterr()
    assert out.splitlines() == [
        f"{name}:5:5: PAR101 time.time() in workflow flow: a replay reads another time; "
        "use partita.now()"
        for name in ("a.py", "b/late.py")
    ]
    assert err == "partita: 2 findings in 3 files\n"


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("option", ["-o", "--output"])
def test_json_has_the_fields_of_ruff(capsys: Capture, option: str) -> None:
    assert main(["check", "a.py", option, "json"]) == 1
    [found] = json.loads(capsys.readouterr().out)
    assert found.pop("message").startswith("time.time() in workflow flow: ")
    assert found == {
        "cell": None,
        "code": "PAR101",
        "end_location": {"column": 16, "row": 5},
        "filename": "a.py",
        "fix": None,
        "location": {"column": 5, "row": 5},
        "noqa_row": 5,
        "url": None,
    }
    assert main(["check", "clean.py", option, "json"]) == 0
    assert json.loads(capsys.readouterr().out) == []


def test_a_helper_is_named_with_the_workflow_that_reaches_it() -> None:
    source = UNCLEAN.replace("time.time()", "helper()") + "def helper():\n    input()\n"
    [found] = check_source(source, "f.py")
    assert str(found) == (
        "f.py:7:5: PAR306 input() in helper(), which workflow flow reaches: nobody sits at a "
        "worker's terminal; take it as an argument, or wait for a signal"
    )
    assert isinstance(found, Finding)
    assert (found.location, found.end_location) == (Place(7, 5), Place(7, 12))


@pytest.mark.usefixtures("folder")
def test_what_is_not_python_is_a_finding(capsys: Capture) -> None:
    assert main(["check", "notes.txt", "a.py"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].startswith("notes.txt:1:")
    assert "PAR001 this is not Python" in lines[1]
    for odd in ("x = '\0'", "x = " + "(" * 5000, "x = " + "-" * 50_000 + "1"):
        assert [found.code for found in check_source(odd, "f.py")] == ["PAR001"]
    assert check_source("", "f.py") == []
    assert check_source("x = '\\d'\r\n\f\ny = 1\r", "f.py") == []  # and no warning


def test_paths_that_cannot_be_read(folder: Path, capsys: Capture) -> None:
    (folder / "latin.py").write_bytes(b"x = '\xe9'\n")
    (folder / "empty").mkdir()
    for path, part in (
        ("none.py", "no file or folder none.py"),
        ("empty", "no Python file below empty"),
        ("latin.py", "latin.py is not UTF-8 (byte 5)"),
    ):
        assert main(["check", path, "a.py"]) == 2
        out, err = capsys.readouterr()
        assert (out, err.count("\n")) == ("", 1)
        assert err.startswith("partita: ")
        assert part in err
        assert err.endswith(" [UNREADABLE_SOURCE]\n")
    assert main(["check"]) == 2
    with pytest.raises(PartitaError):
        read(folder / "empty")


def test_a_byte_order_mark_is_no_character(folder: Path) -> None:
    (folder / "a.py").write_bytes(b"\xef\xbb\xbf" + UNCLEAN.encode())
    [found] = check_source(read(folder / "a.py"), "a.py")
    assert found.location == Place(5, 5)


@pytest.mark.parametrize("path", sorted((ROOT / "examples").glob("*.py")), ids=lambda p: p.name)
def test_examples_are_clean(path: Path) -> None:
    assert sources([str(path)]) == [path]
    assert check_source(read(path), path.name) == []


def test_a_chain_of_calls_may_be_long() -> None:
    chain = "".join(f"def at{i}():\n    at{i + 1}()\n" for i in range(2_000))
    source = UNCLEAN.replace("time.time()", "at0()") + chain + "def at2000():\n    input()\n"
    [found] = check_source(source, "f.py")
    assert (found.code, found.location) == ("PAR306", Place(4007, 5))
