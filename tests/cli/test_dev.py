"""`dev` in a pseudo-terminal: it serves, tells errors of the code, and mends itself on save."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.cli.conftest import Partita, begin
from tests.cli.terminal import CTRL_C, Terminal, partita_terminal

FLOW = """
from partita import activity, workflow

@activity
def greet(name: str) -> str:
    print("greeting", name)
    return f"hello {name}"

@workflow
def hello(name: str) -> str:
    return greet(name)
"""


@pytest.fixture
def hello(folder: Path) -> Path:
    file = folder / "hello.py"
    file.write_text(FLOW)
    return file


def ends(terminal: Terminal) -> None:
    terminal.type(CTRL_C)
    assert terminal.wait() == 0


@pytest.mark.parametrize("columns", [80, 200])
def test_it_serves_and_shows_logs_above_its_line(
    partita: Partita, folder: Path, hello: Path, columns: int
) -> None:
    with partita_terminal(folder, "dev", hello.name, columns=columns) as terminal:
        terminal.wait_for("workflows: hello; activities: greet")
        terminal.wait_for("● serving │ 0 open, 0 completed, 0 failed")
        partita("start", "hello.py:hello", "--input", '["ann"]', "--id", "h")
        terminal.wait_for("greeting ann")
        terminal.wait_for("execution h completed in")
        terminal.wait_for("1 completed")
        status = [line for line in terminal.lines if "serving │" in line]
        ends(terminal)
        assert max(map(len, status)) < columns
        assert "\x1b[2m● serving" in terminal.raw
        assert terminal.raw.endswith("\r\x1b[K")
    assert partita("result", "h", "--timeout", "0").out == '"hello ann"\n'


def test_an_error_in_the_code_is_told_and_mends_itself_on_save(folder: Path, hello: Path) -> None:
    hello.write_text(FLOW + "def broken(:\n")
    with partita_terminal(
        folder, "dev", hello.name, PYTHONIOENCODING="ascii", NO_COLOR="1"
    ) as terminal:
        terminal.wait_for("hello.py:12: invalid syntax [LOAD_FAILED]")
        terminal.wait_for("* the code has an error; waiting for a change |")
        hello.write_text(FLOW)
        terminal.wait_for("* serving |")
        hello.write_text(FLOW.replace("hello", "goodbye") + "import parts\n")
        terminal.wait_for("'parts'")
        terminal.wait_for("* the code has an error; serving the code before it |")
        (folder / "parts.py").write_text("ONE = 1\n")
        terminal.wait_for("workflows: goodbye")
        terminal.wait_for("* serving |")
        ends(terminal)
        assert terminal.raw.isascii()
        assert "\x1b[2m" not in terminal.raw


def test_without_a_terminal_it_prints_lines(folder: Path, hello: Path) -> None:
    with begin(folder, "dev", hello.name) as process:
        assert process.stderr is not None
        said = ""
        while "workflows: hello" not in said:
            said = process.stderr.readline()
        process.terminate()
        _, rest = process.communicate(timeout=60)
    assert (process.returncode, "\x1b" in rest) == (0, False)


def test_what_no_change_of_the_code_mends_ends_it(partita: Partita, folder: Path) -> None:
    partita("dev", "flow.py", "--backend", "memory://").is_error(2, "one process only")
    (folder / "block").write_text("")
    said = partita("dev", "flow.py", "--backend", "sqlite:///block/x.db")
    said.is_error(69, "block")


def test_it_ends_with_its_terminal(folder: Path, hello: Path) -> None:
    with partita_terminal(folder, "dev", hello.name) as terminal:
        terminal.wait_for("serving")
        terminal.hang_up()
        assert terminal.wait() == 0


def test_ctrl_c_while_it_waits_ends_it(folder: Path, hello: Path) -> None:
    hello.write_text("1 / 0\n")
    with partita_terminal(folder, "dev", hello.name) as terminal:
        terminal.wait_for("waiting for a change")
        ends(terminal)
    left = subprocess.run(["pgrep", "-f", str(folder)], capture_output=True, check=False)
    assert left.stdout == b""
