"""`partita db`: look after the database behind a backend: tables, soundness, room, copies.

A SQLite file's tables are brought up by whoever opens it, so `migrate` is for PostgreSQL.
"""

from __future__ import annotations

import sys
from pathlib import Path

import click

from partita.cli.context import backend_option, format_option, open_client
from partita.cli.output import print_json
from partita.connect import connect, upkeep
from partita.errors import InvalidOptionError
from partita.operations.maintenance import check as check_store
from partita.operations.maintenance import restore as restore_from
from partita.operations.maintenance import vacuum as tidy


@click.group()
def db() -> None:
    """Look after the database that keeps executions."""


@db.command()
@click.option("--print", "prints", is_flag=True, help="Print the SQL of a new schema; do nothing.")
@backend_option
@click.pass_context
def migrate(ctx: click.Context, backend: str | None, prints: bool) -> None:
    """Bring a PostgreSQL schema to the newest tables; repeating it is safe."""
    if not prints:
        open_client(ctx, backend).close()
        click.echo("the schema is up to date", err=True)
        return
    url = _url(ctx, backend) or "postgresql://"
    if not url.startswith(("postgresql:", "postgres:")):
        raise InvalidOptionError(f"only postgresql:// backends have SQL to print, not {url!r}")
    click.echo(printed(url), nl=False)


def printed(url: str) -> str:
    """Return the SQL that makes a new schema of the name in the URL."""
    try:
        from partita.stores.postgres.schema import script  # costs the driver, which is an extra
        from partita.stores.postgres.url import Address
    except ImportError as error:
        raise InvalidOptionError(
            f"this needs a driver that is not installed ({error}); pip install 'partita[postgres]'"
        ) from error
    return script(Address.of(url).schema)


def _url(ctx: click.Context, backend: str | None) -> str | None:
    url: str | None = backend or ctx.find_root().obj["backend"]
    return url


@db.command()
@backend_option
@format_option("text", "json")
@click.pass_context
def check(ctx: click.Context, backend: str | None, output: str) -> None:
    """Find what is damaged, or contradicts itself; exit status 1 if anything does.

    Workers may go on meanwhile: what is looked at is of one moment.
    """
    url = _url(ctx, backend)
    faults = check_store(upkeep(url), lambda: connect(url))
    if output == "json":
        print_json(faults)
    else:
        for fault in faults:
            print(fault)
    if faults:
        advice = "; restore a backup: partita db restore FILE"
        print(f"partita: faults found: {len(faults)}{advice}", file=sys.stderr)
        ctx.exit(1)
    print("partita: the database is sound", file=sys.stderr)


@db.command()
@click.option("--force", is_flag=True, help="Rewrite the file although workers would wait.")
@backend_option
@click.pass_context
def vacuum(ctx: click.Context, force: bool, backend: str | None) -> None:
    """Give back room, and renew what queries are planned by.

    A SQLite file is rewritten only if no worker is alive, for nobody can write meanwhile.
    """
    for line in tidy(upkeep(_url(ctx, backend)), force=force):
        print(f"partita: {line}", file=sys.stderr)


@db.command()
@click.argument("file", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--force", is_flag=True, help="Replace FILE if it is there.")
@backend_option
@click.pass_context
def backup(ctx: click.Context, file: Path, force: bool, backend: str | None) -> None:
    """Copy a SQLite database into FILE, as it is at one moment, while workers go on.

    For PostgreSQL the command line of pg_dump is printed, and nothing is done.
    """
    keeper = upkeep(_url(ctx, backend))
    if (line := keeper.backup_command(file)) is not None:
        _refer(line, "to copy the schema, run this")
        return
    size = keeper.backup(file, overwrite=force)
    print(f"partita: {file} holds the database as it is now: {size:,} bytes", file=sys.stderr)


@db.command()
@click.argument("file", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--force", is_flag=True, help="Although others use the database.")
@backend_option
@click.pass_context
def restore(ctx: click.Context, file: Path, force: bool, backend: str | None) -> None:
    """Put FILE, a backup, in the place of a SQLite database, once it is found sound.

    What has happened since the backup is forgotten: activities that ran then run again.
    For PostgreSQL the command line of pg_restore is printed, and nothing is done.
    """
    keeper = upkeep(_url(ctx, backend))
    if (line := keeper.restore_command(file)) is not None:
        _refer(line, "to put the copy back, stop workers and clients, then run this")
        return
    restore_from(keeper, file, force=force)
    print(f"partita: the database is what {file} holds", file=sys.stderr)


def _refer(line: str, advice: str) -> None:
    print(f"partita: PostgreSQL has its own tools; {advice}:", file=sys.stderr, flush=True)
    print(line)
