"""Each case of this corpus is a project of several files, and where what is found in it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from partita.cli import main
from partita.replay.lint import check_files, check_source
from partita.source.discovery import sources

FOLDER = Path(__file__).parent / "projects"
Capture = pytest.CaptureFixture[str]


def write(path: Path, source: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(source, "utf-8")


def cases() -> dict[str, str]:
    found: dict[str, str] = {}
    for path in sorted(FOLDER.glob("*.txt")):
        for text in re.split(r"^\[case ", path.read_text("utf-8"), flags=re.MULTILINE)[1:]:
            name, rest = text.split("]\n", 1)
            assert name not in found, name
            found[name] = rest
    return found


CASES = cases()


def written(folder: Path, case: str) -> tuple[list[str], str]:
    """Write a case's files; return which are to be checked, and what must come out."""
    rest, out = case.split("[out]\n", 1)
    rest, *named = re.split(r"^\[check (.*)\]\n", rest, flags=re.MULTILINE)
    parts = re.split(r"^\[file (.*)\]\n", rest, flags=re.MULTILINE)[1:]
    for name, source in zip(parts[::2], parts[1::2], strict=True):
        write(folder / name, source)
    return [part for part in named if part] or ["."], out.strip()


def lines(paths: list[str], **options: int) -> str:
    found = check_files(sources(paths), **options)
    assert len(set(found)) == len(found)
    return "\n".join(
        f"{at.filename}:{at.location.row}:{at.location.column}: {at.code}" for at in found
    )


@pytest.mark.parametrize("name", CASES)
def test_finds_this_in_these_files(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    paths, out = written(tmp_path, CASES[name])
    assert lines(paths) == out


FLOW = "from partita import workflow\nfrom {}\n@workflow\ndef flow():\n    return {}()\n"
HELPER = "import time\ndef stamp():\n    return time.time()\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a flow in `flows/`, and what it calls in `src/`; the current folder."""
    write(tmp_path / "flows/flow.py", FLOW.format("shop.clock import stamp", "stamp"))
    write(tmp_path / "src/shop/clock.py", HELPER)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.usefixtures("folder")
def test_the_command_says_which_workflow_leads_to_another_file(capsys: Capture) -> None:
    assert main(["check", "flows/flow.py"]) == 1
    assert capsys.readouterr() == (
        "src/shop/clock.py:3:12: PAR101 time.time() in stamp(), which workflow flow reaches: "
        "a replay reads another time; use partita.now()\n",
        "partita: 1 finding in 2 files\n",
    )
    assert main(["check", "flows/flow.py", "-o", "json"]) == 1
    [found] = json.loads(capsys.readouterr().out)
    assert (found["filename"], found["location"]) == ("src/shop/clock.py", {"row": 3, "column": 12})


def test_files_are_named_in_the_way_of_those_that_the_user_names(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flow, clock = Path("flows/flow.py"), Path("src/shop/clock.py")

    def names(*paths: Path) -> list[str]:
        return [found.filename for found in check_files(paths)]

    assert names(folder / flow) == [str(folder / clock)]
    assert names(flow, folder / clock) == [str(folder / clock)]
    assert names(folder / clock, folder / flow, flow) == [str(folder / clock)]
    assert names(folder / flow, clock) == [str(clock)]
    monkeypatch.chdir(folder / "src")
    assert names(Path("..", flow)) == [str(Path("shop/clock.py"))]
    monkeypatch.chdir(folder / "flows")
    assert names(Path("flow.py")) == []  # neither beside it, nor in the current folder
    write(folder / "flows/shop/clock.py", HELPER)
    assert names(Path("flow.py")) == [str(Path("shop/clock.py"))]
    assert names(Path("../flows/flow.py")) == [str(Path("shop/clock.py"))]


def test_a_file_named_twice_is_one(folder: Path) -> None:
    write(folder / "late.py", FLOW.format("builtins import input", "input"))
    (folder / "link.py").symlink_to(folder / "late.py")
    found = check_files([Path("late.py"), folder / "late.py", Path("link.py")])
    assert [(at.filename, at.location.row) for at in found] == [("late.py", 5)]


def test_a_file_beside_goes_before_one_of_the_current_folder(folder: Path) -> None:
    write(folder / "flows/shop/clock.py", "def stamp():\n    return input()\n")
    assert lines(["flows/flow.py"]) == "flows/shop/clock.py:2:12: PAR306"


def test_a_package_goes_before_a_module(folder: Path) -> None:
    write(folder / "src/shop/clock/__init__.py", "def stamp():\n    return input()\n")
    assert lines(["flows/flow.py"]) == "src/shop/clock/__init__.py:2:12: PAR306"


def test_what_is_installed_is_not_followed(folder: Path) -> None:
    flow, place = FLOW.format("clock import stamp", "stamp"), "env/lib/site-packages/"
    (folder / place).mkdir(parents=True)
    (folder / place / "flow.py").write_text(flow)
    (folder / place / "clock.py").write_text(HELPER)
    assert lines([place + "flow.py"]) == ""


def test_a_file_that_cannot_be_read_is_one_line(folder: Path, capsys: Capture) -> None:
    (folder / "src/shop/clock.py").write_bytes(b"x = '\xe9'\n")
    assert main(["check", "flows/flow.py"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "clock.py is not UTF-8 (byte 5); save it as UTF-8 [UNREADABLE_SOURCE]" in err
    assert err.count("\n") == 1


def test_nothing_is_imported(folder: Path, capsys: Capture) -> None:
    write(folder / "src/shop/clock.py", "raise SystemExit(99)\n" + HELPER)
    write(folder / "src/shop/__init__.py", "raise SystemExit(98)\n")
    assert main(["check", "flows/flow.py"]) == 1
    assert "clock.py:4:12: PAR101" in capsys.readouterr().out


def test_a_chain_of_files_may_be_long(folder: Path) -> None:
    for i in range(60):
        write(folder / f"at{i}.py", f"from at{i + 1} import f as g\ndef f():\n    return g()\n")
    write(folder / "at60.py", "def f():\n    return input()\n")
    write(folder / "flow.py", FLOW.format("at0 import f", "f"))
    assert lines(["flow.py"]) == "at60.py:2:12: PAR306"
    for i in range(60):
        write(folder / f"at{i}.py", f"from at{i + 1} import f\n")
    assert lines(["flow.py"]) == "at60.py:2:12: PAR306"


def test_a_name_may_come_by_very_many_ways(folder: Path) -> None:
    either = "try:\n    from {0} import f, g\nexcept ImportError:\n    from {1} import f, g\n"
    for i in range(30):
        source = either.format(f"m{i + 1}", f"n{i + 1}") + f"from m{i * 7 % 30} import *\n"
        write(folder / f"m{i}.py", source + f"import m{i * 3 % 30} as g\n")
        write(folder / f"n{i}.py", source + "import m1 as g\n")
    write(folder / "m30.py", "def f():\n    return input()\n")
    write(folder / "flow.py", FLOW.format("m0 import f, g", "f(), g.g.g.g.g.g.x.f"))
    assert lines(["flow.py"]) == "m30.py:2:12: PAR306"


def test_many_files_are_not_held_at_once(
    folder: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder / "src")
    called = ("shop.clock import stamp", "gone import stamp", "data import more as stamp")
    for i in range(12):
        write(folder / f"src/flow{i:02}.py", FLOW.format(called[i % 3], "stamp"))
    write(folder / "src/gone.py", "def stamp(:\n")
    (folder / "src/data").mkdir()
    assert lines(["."], max_open=3) == "gone.py:1:11: PAR001\nshop/clock.py:3:12: PAR101"


def test_odd_names_are_nobodys(folder: Path) -> None:
    write(folder / "flow.py", FLOW.format(f"{'a' * 300}.b import f as stamp", "stamp"))
    write(folder / "odd.py", FLOW.format(f"{'.' * 90}b import f as stamp", "stamp"))
    assert lines(["flow.py", "odd.py"]) == ""


def test_a_source_alone_is_looked_at_alone(folder: Path) -> None:
    assert check_source((folder / "flows/flow.py").read_text(), "flows/flow.py") == []
