"""`partita db`: a schema is made, or the SQL that makes it is printed; nothing else."""

from __future__ import annotations

from partita.stores.postgres_schema import script
from partita.stores.postgres_url import Address
from tests.cli.conftest import Partita
from tests.postgres import server


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
