"""Bad input is one line that says what, why and how to mend it; and nothing is lost."""

from __future__ import annotations

import json
import os
import resource
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.cli.conftest import Partita, Said, environment


@pytest.mark.parametrize(
    ("given", "parts"),
    [
        ("[1, 2", ["--input is not JSON", "such as --input"]),
        ("{x: 1}", ["--input is not JSON"]),
        ("7", ["list of its arguments"]),
        ('{"numbers": [1]}', ["numbers", '"kwargs"']),
        ('[["one"]]', ["'numbers'", "Expected `int`, got `str`"]),
        ('[{"a": 1}]', ["'numbers'", "Expected `array`"]),
        ("[]", ["total(numbers", "missing", "'numbers'"]),
        ("[[1], 2, 3]", ["total(numbers", "too many"]),
        ('{"kwargs": {"numbers": [1], "begin": 2}}', ["total(numbers", "'begin'"]),
        ("@nowhere.json", ["nowhere.json", "No such file"]),
    ],
)
def test_input_that_does_not_fit(
    partita: Partita, folder: Path, given: str, parts: list[str]
) -> None:
    partita("run", "flow.py:total", "--input", given).is_error(2, "INVALID_INPUT", *parts)
    assert not (folder / ".partita").exists()


@pytest.mark.parametrize(
    ("command", "option"),
    [
        (["start", "flow.py:stuck"], "--id"),
        (["run", "flow.py:total"], "--task-list"),
        (["standalone", "flow.py:total"], "--id"),
        (["worker", "flow.py", "--task-list", "default"], "--task-list"),
    ],
)
def test_empty_text_is_no_name(
    partita: Partita, folder: Path, command: list[str], option: str
) -> None:
    said = partita(*command, option, "")
    said.is_error(2, f"{option} is empty text", "leave it out", "INVALID_OPTION")
    assert not (folder / ".partita").exists()


def test_target_that_is_not_a_workflow(partita: Partita, folder: Path) -> None:
    (folder / "bad.py").write_text("def f(:\n")
    (folder / "raises.py").write_text("import nothing_like_this\n")
    partita("run", "none.py:total").is_error(2, "no file none.py", "LOAD_FAILED")
    partita("run", "none.such:total").is_error(2, "none", "LOAD_FAILED")
    partita("run", "bad.py:total").is_error(2, "bad.py:1", "LOAD_FAILED")
    partita("run", "raises.py:total").is_error(2, "nothing_like_this", "LOAD_FAILED")
    partita("run", "flow.py:nothing").is_error(2, "no workflow nothing", "total", "UNKNOWN_TYPE")
    partita("run", "flow.py:plain").is_error(2, "not a workflow but something else", "@workflow")
    partita("run", "flow.py:add").is_error(2, "not a workflow but an activity", "@workflow")
    partita("run", "flow.py").is_error(2, "which workflow", "flow.py:NAME")
    partita("worker", "none.py").is_error(2, "no file none.py")


def test_backend_that_is_not_one(partita: Partita) -> None:
    partita("list", "--backend", "carrier-pigeon://x").is_error(2, "carrier-pigeon", "sqlite:///")
    partita("list", "--backend", "sqlite:///").is_error(2, "names no file")
    partita("list", "--backend", "sqlite:///lite.db?x=1").is_error(2, "'x=1'", "%3F for a question")
    partita("list", "--backend", "sqlite://x.db").is_error(2, "three slashes")


def test_another_start_with_the_same_id(partita: Partita) -> None:
    partita("run", "flow.py:total", "--input", "[[1]]", "--id", "t")
    said = partita("run", "flow.py:total", "--input", "[[2]]", "--id", "t")
    said.is_error(5, "'t'", "choose another id", "EXECUTION_ALREADY_STARTED")
    again = partita(
        "run", "flow.py:total", "--input", "[[2]]", "--id", "t", "--reuse-policy", "allow"
    )
    assert again.out == "2\n"


def test_result_that_cannot_be_stored_is_mended_and_goes_on(partita: Partita, folder: Path) -> None:
    flow = (folder / "flow.py").read_text()
    (folder / "flow.py").write_text(flow.replace("    return start\n", "    return object()\n"))
    said = partita("run", "flow.py:total", "--input", "[[1, 2]]", "--id", "t")
    said.is_error(1, "result of workflow total", "no JSON form", "--id t", "NOT_SERIALIZABLE")
    (folder / "flow.py").write_text(flow)
    said = partita("run", "flow.py:total", "--input", "[[1, 2]]", "--id", "t")
    assert (said.out, said.status) == ("3\n", 0)
    assert (folder / "added").read_text() == "0 1\n1 2\n"


def test_activity_result_over_the_limit_fails_the_workflow(partita: Partita) -> None:
    said = partita("run", "flow.py:too_large", "--input", "[3000000]")
    said.is_error(1, "result of activity large", "over the limit of 2,097,152")


def test_workflow_result_over_the_limit_keeps_the_execution(partita: Partita) -> None:
    said = partita("run", "flow.py:too_large_itself", "--input", "[3000000]", "--id", "l")
    said.is_error(1, "result of workflow too_large_itself", "PAYLOAD_TOO_LARGE")
    assert json.loads(partita("show", "l", "-o", "json").out)["status"] == "OPEN"


def test_code_that_no_longer_fits_its_history(partita: Partita, folder: Path) -> None:
    flow = (folder / "flow.py").read_text()
    broken = flow.replace("    return start\n", "    return object()\n")
    (folder / "flow.py").write_text(broken)
    partita("run", "flow.py:total", "--input", "[[1, 2]]", "--id", "t")
    (folder / "flow.py").write_text(flow.replace("add(start, number)", "add(start, number + 1)"))
    said = partita("run", "flow.py:total", "--input", "[[1, 2]]", "--id", "t")
    line = next(n for n, text in enumerate(flow.splitlines(), 1) if "add(start, number)" in text)
    said.is_error(1, f"flow.py:{line}: ", "[0,2]", "[0,1]", "NON_DETERMINISM")
    (folder / "flow.py").write_text(flow)
    assert partita("run", "flow.py:total", "--input", "[[1, 2]]", "--id", "t").out == "3\n"


def damage(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[4096:] = os.urandom(len(data) - 4096)
    path.write_bytes(bytes(data))


def test_database_that_is_none(partita: Partita, folder: Path) -> None:
    (folder / "text.db").write_text("this is not a database, but a text of some length\n" * 100)
    with closing(sqlite3.connect(folder / "other.db")) as other:
        other.execute("CREATE TABLE t (a)")
    partita("list", "--backend", "sqlite:///text.db").is_error(69, "text.db", "STORE_CORRUPT")
    said = partita("list", "--backend", "sqlite:///other.db")
    said.is_error(69, "another program", "STORE_CORRUPT")
    assert b"this is not a database" in (folder / "text.db").read_bytes()


def test_damaged_database(partita: Partita, folder: Path) -> None:
    partita("run", "flow.py:total", "--input", "[[1, 2]]", "--id", "t")
    damage(folder / ".partita" / "partita.db")
    said = partita("run", "flow.py:total", "--input", "[[1, 2]]", "--id", "u")
    said.is_error(69, "partita.db", "restore a backup", "STORE_CORRUPT")


def test_newer_schema(partita: Partita, folder: Path) -> None:
    partita("run", "flow.py:total", "--input", "[[1]]")
    with closing(sqlite3.connect(folder / ".partita" / "partita.db")) as database:
        database.execute("INSERT INTO migrations VALUES (99, 'future', 'x', 0)")
        database.commit()
    partita("list").is_error(69, "schema 99", "upgrade Partita", "SCHEMA_TOO_NEW")


def test_folder_that_cannot_be_made(partita: Partita, folder: Path) -> None:
    said = partita("list", "--backend", "sqlite:///flow.py/x/partita.db")
    said.is_error(69, "cannot make the folder", "STORE_UNAVAILABLE")


def as_nobody(folder: Path, *arguments: str) -> Said:
    """Run partita as a user for whom the folder is read-only."""

    def drop() -> None:
        if os.getuid() == 0:
            # The user may still not read the interpreter's own files, so only the file's
            # permissions are put to the test: without CAP_DAC_OVERRIDE root is bound by them.
            libc = __import__("ctypes").CDLL(None)
            assert libc.prctl(24, 1, 0, 0, 0) == 0  # PR_CAPBSET_DROP, CAP_DAC_OVERRIDE
            assert libc.prctl(24, 2, 0, 0, 0) == 0  # CAP_DAC_READ_SEARCH

    done = subprocess.run(
        [sys.executable, "-m", "partita", *arguments],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        preexec_fn=drop,
    )
    return Said(done.stdout, done.stderr, done.returncode)


def test_read_only_folder(folder: Path) -> None:
    folder.chmod(0o555)
    try:
        said = as_nobody(folder, "run", "flow.py:total", "--input", "[[1]]")
    finally:
        folder.chmod(0o755)
    said.is_error(69, ".partita", "--backend sqlite:///PATH", "STORE_UNAVAILABLE")


def test_read_only_database(partita: Partita, folder: Path) -> None:
    partita("run", "flow.py:total", "--input", "[[1]]", "--id", "t")
    place = folder / ".partita"
    (place / "partita.db").chmod(0o444)
    place.chmod(0o555)
    try:
        said = as_nobody(folder, "run", "flow.py:total", "--input", "[[2]]", "--id", "u")
    finally:
        place.chmod(0o755)
        (place / "partita.db").chmod(0o644)
    said.is_error(69, "partita.db", "STORE_UNAVAILABLE")
    assert partita("result", "t").out == "1\n"


def with_room(folder: Path, size: int, *arguments: str) -> Said:
    """Run partita where no file may grow beyond `size`: a full disk, for SQLite."""

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    done = subprocess.run(
        [sys.executable, "-m", "partita", *arguments],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        preexec_fn=limit,
    )
    return Said(done.stdout, done.stderr, done.returncode)


def test_full_disk_loses_nothing(partita: Partita, folder: Path) -> None:
    partita("start", "flow.py:total", "--input", "[[1, 2, 3]]", "--id", "t")
    room = (folder / ".partita" / "partita.db").stat().st_size + 30_000
    (folder / "big.json").write_text(json.dumps([list(range(60_000))]))
    said = with_room(folder, room, "start", "flow.py:total", "--input", "@big.json")
    said.is_error(69, "partita.db", "STORE_")
    assert partita("run", "flow.py:total", "--input", "[[1, 2, 3]]", "--id", "t").out == "6\n"
    assert len(json.loads(partita("list", "-o", "json").out)) == 1


def test_disk_that_fills_up_on_the_way_ends_the_run_and_loses_nothing(
    partita: Partita, folder: Path
) -> None:
    arguments = ("run", "flow.py:sizes", "--input", "[[10, 20, 200000, 30]]", "--id", "s")
    partita("start", *arguments[1:])
    room = (folder / ".partita" / "partita.db").stat().st_size + 60_000
    with_room(folder, room, *arguments).is_error(69, "partita.db", "STORE_")
    assert (folder / "made").read_text() == "10\n20\n200000\n"
    said = partita("run", "flow.py:sizes", "--id", "s")
    assert (said.out, said.status) == ("[10,20,200000,30]\n", 0)
    assert (folder / "made").read_text() == "10\n20\n200000\n200000\n30\n"


def test_bytes_and_depths_that_are_not_json(partita: Partita, folder: Path) -> None:
    (folder / "latin.json").write_bytes(b'["\xe9"]')
    partita("run", "flow.py:total", "--input", "@latin.json").is_error(2, "latin.json")
    deep = "[" * 100_000 + "]" * 100_000
    partita("run", "flow.py:total", "--input", "-", stdin=deep).is_error(2, "--input is not JSON")
    partita("list", "--backend", "sqlite:///%00x").is_error(2, "names no file")
    assert partita("result", "x", "--timeout", "nan").status == 2
