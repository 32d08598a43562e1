"""`doctor`: for people and for programs, with an exit status for scripts."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.conftest import Partita
from tests.stores.test_sqlite import change


def test_a_sound_database(partita: Partita, folder: Path) -> None:
    partita("run", "flow.py:total", "--input", "[[1]]", "--id", "one")
    said = partita("doctor")
    assert (said.status, said.err) == (0, "partita: nothing is wrong\n")
    assert "journal_mode" in said.out
    assert json.loads(partita("doctor", "-o", "json").out)["findings"] == []


def test_what_is_found_is_told(partita: Partita, folder: Path) -> None:
    partita("start", "flow.py:total", "--input", "[[1]]", "--id", "one")
    change(folder / ".partita/partita.db", "DELETE FROM items")
    said = partita("doctor")
    assert (said.status, said.err) == (1, "partita: found: 1\n")
    assert "stuck: what should be open in executions is not there: 'one'" in said.out
    assert "  mend: run `partita db check`" in said.out
    (finding,) = json.loads(partita("doctor", "-o", "json").out)["findings"]
    assert set(finding) == {"check", "what", "why", "mend", "code"}


def test_what_is_found_does_not_steer_the_terminal(partita: Partita, folder: Path) -> None:
    partita("start", "flow.py:total", "--input", "[[1]]")
    odd = "UPDATE items SET since = since - 100, queue = 'a' || char(7) || 'b'"
    change(folder / ".partita/partita.db", odd)
    said = partita("doctor")
    assert said.status == 1
    assert "of task list a\\x07b in domain default: 1 wait" in said.out
    assert "\x07" not in said.out


def test_a_backend_that_is_not_there(partita: Partita, folder: Path) -> None:
    said = partita("doctor")
    assert said.status == 1
    assert "connection: there is no database .partita/partita.db" in said.out
    assert not (folder / ".partita").exists()
    partita("doctor", "--backend", "memory://").is_error(2, "memory://")
