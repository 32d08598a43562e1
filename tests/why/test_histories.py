"""A verdict can be given on any history, at each of its events."""

from __future__ import annotations

from pathlib import Path

from partita.client.why import explained
from partita.history.document import export, read
from partita.views.verdicts import DONE, REASONS

FOLDER = Path(__file__).parents[1] / "landed" / "data" / "histories"


def test_every_beginning_of_a_recorded_history_is_explained() -> None:
    paths = sorted(FOLDER.rglob("*.json"))
    assert len(paths) > 10
    seen = set()
    for path in paths:
        history = read(path)
        for count in range(1, len(history.events) + 1):
            part = export(history.domain, history.execution, history.events[:count])
            found = explained(part)
            assert found.code in REASONS, path
            assert "\n" not in found.sentence
            assert found.next or found.code in DONE
            seen.add(found.code)
    assert len(seen) > 10
