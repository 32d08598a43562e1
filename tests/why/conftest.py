"""Places for the tests of reasons: one program over each backend."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from partita.client import Client
from partita.connect import connect
from partita.server.local import swf_endpoint
from tests.postgres import schemas
from tests.why.programs import FLOWS, Place


def place_in(folder: Path, url: str) -> Place:
    """Return a place in a new folder."""
    (folder / "flows.py").write_text(FLOWS)
    return Place(folder, url)


@pytest.fixture(scope="module", params=["sqlite", "postgres", "swf"])
def place(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Place]:
    """A backend with a worker that serves the default task list and `narrow`."""
    folder = tmp_path_factory.mktemp("why")
    if request.param == "sqlite":
        yield from _served(place_in(folder, f"sqlite:///{folder}/x.db"))
    elif request.param == "postgres":
        url = schemas().url()
        yield from _served(place_in(folder, url))
    else:
        for key in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            os.environ.setdefault(key, "tests")
        with swf_endpoint() as address:
            yield from _served(place_in(folder, f"swf://us-east-1/why?endpoint={address}"))


def _served(place: Place) -> Iterator[Place]:
    with place.working("flows.py", "--task-list", "default", "--task-list", "narrow"):
        yield place


@pytest.fixture
def database(tmp_path: Path) -> Place:
    """A place over a new SQLite database, without a worker."""
    return place_in(tmp_path, f"sqlite:///{tmp_path}/x.db")


@pytest.fixture(params=["sqlite", "postgres"])
def either(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """A place over a new database of either kind, without a worker."""
    sqlite = f"sqlite:///{tmp_path}/x.db"
    return place_in(tmp_path, schemas().url() if request.param == "postgres" else sqlite)


def connected(address: str) -> Client:
    """Return a client of a domain on an endpoint of Amazon SWF's protocol."""
    return Client(connect(f"swf://us-east-1/why?endpoint={address}"))
