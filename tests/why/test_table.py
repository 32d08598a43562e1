"""The documentation's table has a row for every reason, and each reason has a test."""

from __future__ import annotations

import re
from pathlib import Path

from partita.views.open_reasons import RANKS
from partita.views.verdicts import REASONS

ROOT = Path(__file__).parents[2]


def _documented() -> list[str]:
    page = (ROOT / "docs" / "why.md").read_text("utf-8").partition("## Reasons")[2]
    return re.findall(r"^\| `([A-Z_]+)` \|", page, re.MULTILINE)


def test_every_reason_is_documented_once() -> None:
    assert sorted(_documented()) == sorted(REASONS)


CLOSED = {"CHILD_FAILED"}
"""Reasons that a verdict takes in place of another."""


def test_every_reason_that_the_code_gives_is_in_the_table() -> None:
    given: set[str] = set(RANKS) | CLOSED
    for name in ("views/open_reasons.py", "views/closed_reasons.py", "views/machine_reasons.py",
                 "views/serving.py", "client/why.py"):  # fmt: skip
        text = (ROOT / "src" / "partita" / name).read_text("utf-8")
        given |= set(re.findall(r'(?:found_as|Unserved|return)\W+"([A-Z_]{4,})"', text))
    assert given <= set(REASONS)
    assert set(REASONS) <= given


def test_every_reason_is_brought_about_by_a_test() -> None:
    texts = [path.read_text("utf-8") for path in (ROOT / "tests" / "why").glob("test_*.py")]
    tested = set(re.findall(r'"([A-Z_]{4,})"', "\n".join(texts)))
    assert set(REASONS) <= tested
