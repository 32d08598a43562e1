"""`watch` in a pseudo-terminal, with keys, and as lines."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from partita.cli.keys import names_of
from partita.cli.watch_pages import RunSnapshot, Screen, overview_page, run_page
from partita.client import Client
from partita.client.overview import Overviews
from partita.engine import Engine
from partita.stores.memory import MemoryStore
from partita.views.timelines import time_of
from tests.cli.conftest import Partita, begin
from tests.cli.terminal import CTRL_C, partita_terminal

UP, DOWN, ESCAPE = "\x1b[A", "\x1b[B", "\x1b"

FLOW = """
from partita import activity, wait_signal, workflow

@activity
def divide(x: int) -> int:
    return 12 // x

@workflow
def shares(x: int) -> int:
    first = divide(3)
    if x > 5:
        wait_signal("go", int)
    return first + divide(x)
"""


@pytest.fixture
def filled(partita: Partita, folder: Path) -> Path:
    """A folder with a run that is done, one that failed, and one that nobody serves."""
    (folder / "shares.py").write_text(FLOW)
    partita("run", "shares.py:shares", "--input", "[1]", "--id", "good")
    partita("run", "shares.py:shares", "--input", "[0]", "--id", "bad")
    partita("start", "shares.py:shares", "--input", "[9]", "--id", "waiting")
    return folder


@pytest.mark.parametrize(("columns", "cursor"), [(80, ">"), (200, "▶")])
def test_keys_go_into_a_run_and_back(filled: Path, columns: int, cursor: str) -> None:
    variables = {"PYTHONIOENCODING": "ascii", "NO_COLOR": "1"} if cursor == ">" else {}
    with partita_terminal(filled, "watch", columns=columns, **variables) as terminal:
        terminal.wait_for("open 1   completed 1   failed 1 ")
        terminal.wait_for("shares  1 open, 1 failed, 1 completed")
        terminal.wait_for(f"{cursor} waiting  shares  OPEN")
        terminal.wait_for("no worker is alive")
        terminal.type(UP + DOWN)
        terminal.wait_for(f"{cursor} bad  shares  FAILED")
        terminal.wait_for("ZeroDivisionError")
        terminal.type("\r")
        terminal.wait_for("bad shares@1  run ")
        terminal.wait_for("1 of 2 steps (1 failed)")
        terminal.wait_for("bad failed because ZeroDivisionError")
        terminal.wait_for("Esc: back")
        terminal.type(ESCAPE)
        terminal.wait_for(f"{cursor} bad  shares  FAILED")
        terminal.type("q")
        assert terminal.wait() == 0
        assert terminal.widest <= columns
        assert terminal.raw.endswith("\x1b[?25h\x1b[?1049l")  # the cursor and the screen are back
        assert terminal.is_canonical
        if variables:
            assert terminal.raw.isascii()
            assert "\x1b[31m" not in terminal.raw


def test_a_run_is_followed_while_it_goes_on(partita: Partita, filled: Path) -> None:
    with partita_terminal(filled, "watch", "waiting") as terminal:
        terminal.wait_for("no worker is alive")
        worker = begin(filled, "worker", "shares.py")
        terminal.wait_for("it waits for signal 'go'", "waits for signal go", "signal go")
        partita("signal", "waiting", "go", "--input", "1")
        terminal.wait_for("COMPLETED")
        terminal.type(CTRL_C)
        assert terminal.wait() == 0
        assert terminal.is_canonical
        worker.send_signal(signal.SIGTERM)
        worker.communicate(timeout=60)


def test_sigterm_gives_the_terminal_back(filled: Path) -> None:
    with partita_terminal(filled, "watch") as terminal:
        terminal.wait_for("choose")
        terminal.send_signal(signal.SIGTERM)
        assert terminal.wait() == 0
        assert terminal.raw.endswith("\x1b[?1049l")


def test_without_a_terminal_it_prints_lines(everywhere: Partita, folder: Path) -> None:
    (folder / "shares.py").write_text(FLOW)
    everywhere("run", "shares.py:shares", "--input", "[0]", "--id", "bad")
    everywhere("start", "shares.py:shares", "--input", "[9]", "--id", "waiting")
    every = everywhere("watch", "--once")
    assert (every.err, every.status) == ("", 0)
    assert "bad ended as FAILED: ZeroDivisionError: integer division or modulo by zero" in every.out
    assert " open 1 completed 0 failed 1 " in every.out
    lines = everywhere("watch", "bad").out.splitlines()
    assert lines[0].endswith(" ms") or lines[0].endswith(" s")
    assert "divide completed after " in lines[0]
    assert lines[-2].endswith("bad FAILED, 1 of 2 steps (1 failed)")
    assert "bad failed because ZeroDivisionError" in lines[-1]


def test_a_terminal_without_a_cursor_gets_lines(filled: Path) -> None:
    with partita_terminal(filled, "watch", columns=200, TERM="dumb") as terminal:
        terminal.wait_for("bad ended as FAILED: ZeroDivisionError")
        terminal.wait_for("open 1 completed 1 failed 1 ")
        terminal.type(CTRL_C)
        assert terminal.wait() == 0


FILTERS = {
    "status:failed": "open 0 completed 0 failed 1 ",
    "id:wait*,good": "open 1 completed 1 failed 0 ",
    "type:shares -id:bad": "open 1 completed 1 failed 0 ",
    "closed:<1h": "open 0 completed 1 failed 1 ",
    "error:ZeroDivisionError": "open 0 completed 0 failed 1 ",
    "type:other": "open 0 completed 0 failed 0 ",
    '"AITIN"': "open 1 completed 0 failed 0 ",
}


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize("where", sorted(FILTERS))
def test_a_filter_chooses_what_is_shown(partita: Partita, where: str) -> None:
    said = partita("watch", "--once", "--where", where)
    assert said.status == 0, said
    assert f" {FILTERS[where]}" in said.out


@pytest.mark.usefixtures("filled")
def test_a_filter_that_cannot_be_read_is_pointed_at(partita: Partita) -> None:
    said = partita("watch", "--once", "--where", "statu:failed")
    assert said.status == 2
    assert "^" in said.err
    partita("watch", "bad", "--where", "type:shares").is_error(2, "not both")


def test_a_filter_in_the_terminal(filled: Path) -> None:
    with partita_terminal(filled, "watch", "--where", "id:good") as terminal:
        terminal.wait_for("open 0   completed 1   failed 0 ")
        terminal.type("\r")
        terminal.wait_for("good shares@1  run ")
        terminal.type("q")
        assert terminal.wait() == 0
        assert "bad  shares" not in terminal.text


def test_what_is_not_there_is_said(partita: Partita, folder: Path) -> None:
    assert partita("watch", "nobody").status == 3
    said = partita("watch", "--once")
    assert said.status == 0
    assert "there is no database" in said.err
    assert " open 0 completed 0 failed 0 stuck 0" in said.out
    assert not (folder / ".partita").exists()


def test_names_of_keys() -> None:
    pressed = b"\x1b[A\x1bOBjk\rq?\x1b\x7f"
    assert names_of(pressed) == ["up", "down", "down", "up", "enter", "quit", "back", "back"]


@pytest.mark.parametrize(("columns", "lines"), [(1, 1), (20, 5), (80, 24), (200, 60)])
def test_pages_fit_any_screen(columns: int, lines: int) -> None:
    from tests.client.test_async_client import approval

    screen = Screen(columns, lines)
    with Client(Engine(MemoryStore())) as client:
        for number in range(30):
            client.start_with(approval, (1,), workflow_id=f"an order with a long name {number}")
        overview = Overviews(client).look()
        info = overview.rows[0].info
        time = time_of(client.history(info.workflow_id), info.started_at + 1)
        run = RunSnapshot(info=info, time=time, done="", why="long " * 100)
        pages = [overview_page(overview, 29, "here", screen), run_page(run, True, screen)]
    for page in pages:
        assert len(page) == lines
        assert max(line.cell_len for line in page) <= columns
    if lines > 5:
        assert any("name 0 " in line.plain for line in pages[0])  # the last row, which is chosen
