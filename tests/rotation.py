"""Choose the database that each test of the language runs on at this commit.

A test that asks for a stage runs at every commit in memory, replayed and polled, and on one of
DATABASES, which takes three runs' time. Which one it is depends on the test's name and on the
number of commits, so that three commits in a row bring each test to each database.
PARTITA_ROTATION=N chooses another rotation. All databases are taken by `make soak`, by
PARTITA_ROTATION=all, and for tests that are named: by a node id, `-k`, `-m` or `--last-failed`.
"""

from __future__ import annotations

import os
import subprocess
import time
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

import pytest

T = TypeVar("T")

DATABASES = ("sqlite", "postgres", "swf")
FIXTURES = ("stage", "clocked")
VARIABLE = "PARTITA_ROTATION"
ALL = "all"


def settle(config: pytest.Config) -> str:
    """Settle the rotation of this run, for its worker processes too, and return it."""
    if os.environ.get("PARTITA_SOAK") or _names_tests(config):
        os.environ[VARIABLE] = ALL
    elif not os.environ.get(VARIABLE):
        os.environ[VARIABLE] = str(commits())
    return os.environ[VARIABLE]


def _names_tests(config: pytest.Config) -> bool:
    options = config.option
    named = options.keyword or options.markexpr or getattr(options, "lf", False)
    return bool(named) or any("::" in argument for argument in config.args)


def commits() -> int:
    """Return how many commits there are, or days where git does not know."""
    command = ["git", "rev-list", "--count", "HEAD"]
    try:
        here = Path(__file__).parent
        found = subprocess.run(command, cwd=here, capture_output=True, check=True, timeout=20)
        count = int(found.stdout)
    except (OSError, subprocess.SubprocessError):
        count = 1
    return count if count > 1 else int(time.time() // 86400)  # one: a shallow clone


def left_out(items: list[pytest.Item], rotation: str) -> set[pytest.Item]:
    """Return the tests that another rotation runs."""
    if rotation == ALL:
        return set()
    return {
        item
        for item in items
        if (database := _database(item)) is not None
        and database != chosen(_name(item, database), int(rotation))
    }


def sample(items: Sequence[T], every: int) -> list[T]:
    """Return one of `every` items, others at the next commit; all if all tests run."""
    rotation = os.environ.get(VARIABLE) or str(commits())
    if rotation == ALL:
        return list(items)
    return [one for number, one in enumerate(items) if (number + int(rotation)) % every == 0]


def chosen(name: str, rotation: int) -> str:
    """Return the database of the test of that name."""
    return DATABASES[(zlib.crc32(name.encode()) + rotation) % len(DATABASES)]


def _database(item: pytest.Item) -> str | None:
    params = (
        item.callspec.params
        if isinstance(item, pytest.Function) and hasattr(item, "callspec")
        else {}
    )
    found = next((params[name] for name in FIXTURES if name in params), None)
    return found if found in DATABASES else None


def _name(item: pytest.Item, database: str) -> str:
    """Return a test's node id without the database."""
    test, _, parameters = item.nodeid.partition("[")
    parts = parameters.removesuffix("]").split("-")
    parts.remove(database)
    return f"{test}[{'-'.join(parts)}]"
