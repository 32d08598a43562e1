"""Three commits in a row bring each test to each database, once."""

from __future__ import annotations

from collections import Counter

import pytest

from tests import rotation

CONFTEST = """
import os
import pytest
from tests import rotation

@pytest.fixture(params=["memory", "sqlite", "postgres", "replayed", "swf"])
def stage(request):
    return request.param

def pytest_collection_modifyitems(items):
    out = rotation.left_out(items, os.environ["ROTATION"])
    items[:] = [item for item in items if item not in out]
"""

TESTS = """
import pytest

def test_plain(stage): pass

@pytest.mark.parametrize("how", ["sqlite", "a-b", "swf"])
def test_ways(how, stage): pass

@pytest.mark.parametrize("how", ["sqlite", "a-b", "swf"])
def test_other(how): pass
"""


def test_three_rotations_are_the_whole_product(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(TESTS)

    def collected(which: str) -> list[str]:
        monkeypatch.setenv("ROTATION", which)
        items, _ = pytester.inline_genitems()
        return [item.name for item in items]

    whole = collected(rotation.ALL)
    seen = Counter(name for which in "012" for name in collected(which))
    assert set(seen) == set(whole)
    for name, times in seen.items():
        is_everywhere = name.startswith("test_other") or "memory" in name or "replayed" in name
        assert times == (3 if is_everywhere else 1), name


def test_databases_share_the_tests_of_a_commit_fairly() -> None:
    taken = Counter(rotation.chosen(f"test_{n}", 7) for n in range(3000))
    assert set(taken) == set(rotation.DATABASES)
    assert min(taken.values()) > 900


def test_the_next_commit_chooses_another_database() -> None:
    assert {rotation.chosen("test", number) for number in (382, 383, 384)} == set(
        rotation.DATABASES
    )
    assert rotation.commits() > 1
