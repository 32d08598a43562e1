"""Each case of the corpus is a source, and where what is found in it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from partita.replay.lint import check_source
from partita.replay.lint.rules import RULES

FOLDER = Path(__file__).parent / "cases"


def cases() -> dict[str, tuple[str, str]]:
    found = {}
    for path in sorted(FOLDER.glob("*.txt")):
        for text in re.split(r"^\[case ", path.read_text("utf-8"), flags=re.MULTILINE)[1:]:
            name, rest = text.split("]\n", 1)
            source, out = rest.split("[out]\n", 1)
            assert name not in found, name
            found[name] = source, out.strip()
    return found


CASES = cases()


@pytest.mark.parametrize("name", CASES)
def test_finds_this_and_no_more(name: str) -> None:
    source, out = CASES[name]
    found = check_source(source, "flow.py")
    lines = [f"{at.location.row}:{at.location.column}: {at.code}" for at in found]
    assert "\n".join(lines) == out
    assert all(finding.end_location >= finding.location for finding in found)


def test_every_rule_has_a_case() -> None:
    assert set(RULES) == set(re.findall(r"PAR\d+", " ".join(out for _, out in CASES.values())))
