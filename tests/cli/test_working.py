"""A command that takes over a second says on a terminal that it works; nothing of it stays."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Partita
from tests.cli.terminal import CTRL_C, Terminal, partita_terminal

ASKS = """
import sys
from partita.cli.working import Working, note
with Working("slow"):
    note("7 of 9")
    sys.stdin.readline()
    print("printed")
    print("a question? ", end="", flush=True)
    sys.stdin.readline()
    print("answered")
print("after")
"""


@pytest.mark.parametrize("columns", [80, 200])
def test_a_wait_shows_that_it_goes_on(partita: Partita, folder: Path, columns: int) -> None:
    partita("start", "flow.py:sleeper", "--input", "[60]", "--id", "s")
    with partita_terminal(folder, "result", "s", columns=columns) as terminal:
        terminal.wait_for("no worker is alive")
        terminal.wait_for(" partita result, 1 s")
        lines = [line for line in terminal.lines if "partita result, " in line]
        assert max(map(len, lines)) < columns
        terminal.type(CTRL_C)
        assert terminal.wait() == 130
        shown = terminal.raw.rpartition(" partita result, ")[2]
        assert "\r\x1b[K" in shown  # it is gone


def test_what_is_printed_and_asked_is_not_overwritten(folder: Path) -> None:
    with Terminal(
        folder, [sys.executable, "-c", ASKS], PYTHONIOENCODING="ascii", NO_COLOR="1"
    ) as terminal:
        terminal.wait_for(" partita slow: 7 of 9, 1 s")
        terminal.type("\n")
        terminal.wait_for("a question? ")
        before = len(terminal.raw)
        terminal.type("yes\n")
        terminal.wait_for("after")
        assert "partita slow" not in terminal.raw[before:]
        assert terminal.raw.isascii()
        assert "\r\x1b[Kprinted\r\n" in terminal.raw


def test_elsewhere_nothing_is_shown(partita_process: Partita, folder: Path) -> None:
    partita_process("start", "flow.py:sleeper", "--input", "[60]", "--id", "s")
    said = partita_process("result", "s", "--timeout", "1.5")
    assert "partita result," not in said.err
