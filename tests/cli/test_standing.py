"""`standalone` and `decider`, on the embedded engine; tests/swf_backend has them on SWF."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.conftest import Partita


def test_standalone_has_a_task_list_of_its_own_and_repairs(partita: Partita, folder: Path) -> None:
    said = partita("standalone", "flow.py:total", "--input", "[[1, 2]]", "--id", "s")
    assert (said.out, said.status) == ("3\n", 0)
    info = json.loads(partita("show", "s", "-o", "json").out)
    assert info["task_list"].startswith("standalone-")
    failed = partita("standalone", "flow.py:broken", "--input", "[1]", "--id", "b")
    assert (failed.out, failed.status) == ("", 1)
    again = partita("standalone", "flow.py:broken", "--repair", "b")
    assert again.status == 1
    assert (folder / "added").read_text().count("1 1") == 1
    assert partita("standalone", "flow.py:total", "--repair", "b", "--input", "[]").status == 2
    assert partita("standalone", "flow.py:total", "--repair", "none").status == 3


def test_decider_is_a_worker_without_activities(partita: Partita, folder: Path) -> None:
    assert "Decide for the workflows" in partita("decider", "--help").out
    assert partita("decider", "--activities-only", "flow.py").status == 2


def test_swf_needs_swf(partita: Partita, folder: Path) -> None:
    said = partita("swf", "types")
    assert said.status == 2
    assert "swf://REGION/DOMAIN" in said.err
