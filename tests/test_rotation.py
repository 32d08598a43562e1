"""Three commits in a row bring each test to each database, once."""

from __future__ import annotations

from collections import Counter

import pytest

from tests import rotation

CONFTEST = """
import pytest

@pytest.fixture(params=["memory", "sqlite", "postgres", "replayed", "swf"])
def stage(request):
    return request.param
"""

TESTS = """
import pytest

def test_plain(stage): pass

@pytest.mark.parametrize("how", ["sqlite", "a-b", "swf"])
def test_ways(how, stage): pass

@pytest.mark.parametrize("how", ["sqlite", "a-b", "swf"])
def test_other(how): pass
"""


def test_three_rotations_are_the_whole_product(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(TESTS)
    items, _ = pytester.inline_genitems()
    whole = {item.name for item in items}
    seen = Counter(
        item.name
        for number in range(3)
        for item in set(items) - rotation.left_out(items, str(number))
    )
    assert rotation.left_out(items, rotation.ALL) == set()
    assert set(seen) == whole
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
