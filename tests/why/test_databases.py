"""Databases that nobody can write to: a role that may only read, a file, a full disk."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cli.conftest import environment
from tests.postgres import schemas, server
from tests.why.conftest import place_in
from tests.why.programs import Place

NOBODY = 65534


def test_a_read_only_server(tmp_path: Path) -> None:
    place = place_in(tmp_path, schemas().url())
    place.start("adds", 1)
    with server().connect() as connection:
        connection.autocommit = True
        connection.execute("DROP ROLE IF EXISTS reader")
        connection.execute("CREATE ROLE reader LOGIN SUPERUSER")
        connection.execute("ALTER ROLE reader SET default_transaction_read_only = on")
        try:
            only = Place(tmp_path, place.url.replace("partita@", "reader@"))
            assert only.url != place.url
            refused = only.worker("flows.py")
            assert refused.wait(60) == 69
            found = only.why("adds")
        finally:
            connection.execute("DROP ROLE reader")
    assert (found["code"], found["next"]) == ("READ_ONLY", "partita doctor")
    assert "read-only" in found["sentence"]


@contextmanager
def _without_rights() -> Iterator[None]:
    """Give up the rights of root, who may write anything."""
    is_root = os.geteuid() == 0
    if is_root:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if is_root:
            os.seteuid(0)


def test_a_file_that_may_not_be_written() -> None:
    folder = Path("/tmp") / f"partita-why-{os.getpid()}"  # which others may reach, unlike pytest's
    folder.mkdir()
    try:
        folder.chmod(0o777)
        place = place_in(folder, f"sqlite:///{folder}/x.db")
        place.start("adds", 1)
        place.why("adds")  # so that all is imported
        place("doctor", status=1)
        (folder / "x.db").chmod(0o444)
        with _without_rights():
            found = place.why("adds")
            seen = json.loads(place("doctor", "-o", "json", status=1))["findings"]
            refused = place.said("terminate", "adds")
    finally:
        shutil.rmtree(folder)
    assert found["code"] == "READ_ONLY"
    assert [one["code"] for one in seen] == ["READ_ONLY", "NO_WORKER"]
    assert refused[2] == 69
    assert refused[1].endswith(" [STORE_UNAVAILABLE]\n")


FILL = """
mount -t tmpfs -o size=2m tmpfs "$1" && cp flows.py "$1" && cd "$1" && shift || exit 77
export PARTITA_BACKEND=sqlite:///$PWD/x.db
"$@" start flows.py:adds --input '[1]' --id adds >&2 || exit 78
head -c 150000 /dev/zero > spare
cat /dev/zero > filler 2> /dev/null
rm spare
"$@" why adds -o json
"""


def test_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = place_in(tmp_path, f"sqlite:///{tmp_path}/x.db")
    (tmp_path / "small").mkdir()
    words = ["unshare", "-rm", "sh", "-c", FILL, "sh", str(tmp_path / "small")]
    done = subprocess.run(
        [*words, sys.executable, "-m", "partita"],
        cwd=tmp_path, env=environment(), capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    if done.returncode == 0:
        found = json.loads(done.stdout)
    else:  # this system lets nobody mount a small disk
        assert done.returncode in (1, 77, 127), done.stderr
        place.start("adds", 1)
        usage = shutil.disk_usage(tmp_path)
        monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=4096))
        found = place.why("adds")
    assert (found["code"], found["next"]) == ("FULL", "partita doctor")
