"""`partita db`: a schema is made, or the SQL that makes it is printed; nothing else."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from partita.stores.postgres.schema import script
from partita.stores.postgres.url import Address
from tests.cli.conftest import Partita
from tests.postgres import server
from tests.stores.test_sqlite_damage import overwrite


def test_a_schema_is_made_and_made_again(partita: Partita) -> None:
    url = server().url()
    for _ in range(2):
        said = partita("--backend", url, "db", "migrate")
        assert (said.out, said.err, said.status) == ("", "the schema is up to date\n", 0)
    assert partita("list", "--backend", url).status == 0


def test_printing_asks_no_server(partita: Partita) -> None:
    url = "postgresql://nobody@/nothing?host=/nowhere&schema=mine"
    said = partita("db", "migrate", "--print", "--backend", url)
    assert (said.out, said.err, said.status) == (script("mine"), "", 0)
    assert 'CREATE TABLE "mine".executions' in said.out
    assert partita("db", "migrate", "--print").out == script(Address.of("postgresql://").schema)


def test_a_backend_without_sql(partita: Partita) -> None:
    said = partita("db", "migrate", "--print", "--backend", "sqlite:///x.db")
    assert said.status == 2
    assert "only postgresql:// backends" in said.err


def test_a_server_that_is_not_there(partita: Partita) -> None:
    said = partita("list", "--backend", "postgresql://me:secret@/nothing?host=/nowhere")
    assert said.status == 69
    assert said.err.count("\n") == 1
    assert "secret" not in said.err


# -- maintenance


def test_a_database_is_checked_copied_and_put_back(partita: Partita, folder: Path) -> None:
    partita("run", "flow.py:total", "--input", "[[1]]", "--id", "one")
    assert partita("db", "check").err == "partita: the database is sound\n"
    assert "copy.db holds the database" in partita("db", "backup", "copy.db").err
    partita("db", "backup", "copy.db").is_error(2, "--force", "INVALID_OPTION")
    partita("run", "flow.py:total", "--input", "[[1]]", "--id", "two")
    assert partita("db", "backup", "copy2.db", "--force").status == 0
    assert partita("db", "restore", "copy.db").status == 0
    assert [row["workflow_id"] for row in json.loads(partita("list", "-o", "json").out)] == ["one"]
    assert "bytes before" in partita("db", "vacuum").err


def test_check_says_1_if_it_found_something(partita: Partita, folder: Path) -> None:
    partita("start", "flow.py:total", "--input", "[[1]]", "--id", "one")
    with closing(sqlite3.connect(folder / ".partita/partita.db")) as connection:
        connection.execute("DELETE FROM items")
        connection.commit()
    said = partita("db", "check", "-o", "json")
    assert said.status == 1
    assert "no decider has ever seen it" in json.loads(said.out)[-1]
    assert "restore a backup" in said.err
    assert partita("db", "check").out.splitlines() == json.loads(said.out)


@pytest.mark.parametrize("page", [0, 1, 6, -1])
def test_check_and_doctor_tell_of_damaged_pages(partita: Partita, folder: Path, page: int) -> None:
    partita("run", "flow.py:total", "--input", "[[1]]", "--id", "one")
    path = folder / ".partita/partita.db"
    pages = path.stat().st_size // 4096
    overwrite(path, (page % pages) * 4096, 4096)
    said = partita("db", "check")
    assert said.status == 1, said
    assert said.out
    assert "faults found: " in said.err
    looked = partita("doctor", "-o", "json")
    assert looked.status == 1, looked
    findings = json.loads(looked.out)["findings"]
    assert any("damaged" in finding["what"] for finding in findings)
    assert page in (0, 1) or any(finding["check"] == "damage" for finding in findings)


def test_another_programs_file_is_not_checked(partita: Partita, folder: Path) -> None:
    with closing(sqlite3.connect(folder / "theirs.db")) as connection:
        connection.execute("CREATE TABLE x (y)")
    said = partita("db", "check", "--backend", "sqlite:///theirs.db")
    said.is_error(69, "not a database of Partita's", "STORE_CORRUPT")


def test_nothing_is_made_by_looking(partita: Partita, folder: Path) -> None:
    for words in (["check"], ["vacuum"], ["backup", "copy.db"]):
        partita("db", *words).is_error(69, ".partita/partita.db")
        assert not (folder / ".partita").exists()
    partita("db", "check", "--backend", "memory://").is_error(2, "memory://")


def test_a_schema_is_checked_and_tidied(partita: Partita) -> None:
    url = server().url()
    partita("db", "migrate", "--backend", url)
    assert partita("db", "check", "--backend", url).err == "partita: the database is sound\n"
    assert "bytes before" in partita("db", "vacuum", "--backend", url).err


def test_a_schema_is_copied_by_a_command_line_that_is_printed(partita: Partita) -> None:
    url = "postgresql://me:secret@/things?host=/nowhere&schema=s&connect_timeout=7"
    target = "'--dbname=connect_timeout=7 dbname=things host=/nowhere user=me'"
    copied = partita("db", "backup", "x.dump", "--backend", url)
    assert copied.out == f"pg_dump {target} --format=custom '--schema=\"s\"' --file=x.dump\n"
    back = partita("db", "restore", "x.dump", "--backend", url)
    options = "--clean --if-exists --single-transaction --exit-on-error"
    assert back.out == f"pg_restore {target} {options} x.dump\n"
    assert (copied.status, back.status) == (0, 0)
    assert copied.err.startswith("partita: PostgreSQL has its own tools; ")
