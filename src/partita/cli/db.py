"""`db`: migrate, check, vacuum, back up and restore the database behind a backend.

A SQLite file is migrated by every process that opens it, so `migrate` is for PostgreSQL.
"""

from __future__ import annotations

import sys
from pathlib import Path

import click

from partita.cli.options import Backend, backend_option, format_option
from partita.cli.output import print_json
from partita.connect import connect, maintenance
from partita.errors import InvalidOptionError
from partita.operations.maintenance import check as check_store
from partita.operations.maintenance import restore as restore_from
from partita.operations.maintenance import vacuum as tidy


@click.group()
def db() -> None:
    """Manage the database that stores executions."""


@db.command()
@click.option("--print", "prints", is_flag=True, help="Print the SQL of a new schema; do nothing.")
@backend_option
def migrate(backend: Backend, prints: bool) -> None:
    """Migrate a PostgreSQL schema to the newest version; it is safe to repeat."""
    if not prints:
        backend.open().close()
        click.echo("the schema is up to date", err=True)
        return
    url = backend.url or "postgresql://"
    if not url.startswith(("postgresql:", "postgres:")):
        raise InvalidOptionError(f"only postgresql:// backends have SQL to print, not {url!r}")
    click.echo(printed(url), nl=False)


def printed(url: str) -> str:
    """Return the SQL that creates the schema that the URL names."""
    try:
        from partita.stores.postgres.schema import script  # imports the driver, which is an extra
        from partita.stores.postgres.url import Address
    except ImportError as error:
        raise InvalidOptionError(
            f"this needs a driver that is not installed ({error}); pip install 'partita[postgres]'"
        ) from error
    return script(Address.of(url).schema)


@db.command()
@backend_option
@format_option("text", "json")
def check(backend: Backend, output: str) -> int:
    """Find damaged or contradictory data; exit status 1 if there is any.

    It reads a snapshot, so workers may continue meanwhile.
    """
    faults = check_store(maintenance(backend.url), lambda: connect(backend.url))
    if output == "json":
        print_json(faults)
    else:
        for fault in faults:
            print(fault)
    if faults:
        print(
            f"partita: faults found: {len(faults)}; restore a backup: partita db restore FILE",
            file=sys.stderr,
        )
        return 1
    print("partita: the database is sound", file=sys.stderr)
    return 0


@db.command()
@click.option("--force", is_flag=True, help="Rewrite the file although workers must wait.")
@backend_option
def vacuum(force: bool, backend: Backend) -> None:
    """Free unused space, and update the statistics of the query planner.

    A SQLite file is rewritten only if no worker is alive, since nothing can be written meanwhile.
    """
    for line in tidy(maintenance(backend.url), force=force):
        print(f"partita: {line}", file=sys.stderr)


@db.command()
@click.argument("file", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--force", is_flag=True, help="Replace FILE if it exists.")
@backend_option
def backup(file: Path, force: bool, backend: Backend) -> None:
    """Copy a snapshot of a SQLite database into FILE, while workers continue.

    For PostgreSQL it only prints the command line of pg_dump.
    """
    keeper = maintenance(backend.url)
    if (line := keeper.backup_command(file)) is not None:
        _print_command(line, "to copy the schema, run this")
        return
    size = keeper.backup(file, overwrite=force)
    print(f"partita: {file} holds the database as it is now: {size:,} bytes", file=sys.stderr)


@db.command()
@click.argument("file", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--force", is_flag=True, help="Restore although others use the database.")
@backend_option
def restore(file: Path, force: bool, backend: Backend) -> None:
    """Replace a SQLite database with FILE, a backup, after checking it.

    What has happened since the backup is lost: activities that ran after it run again.
    For PostgreSQL it only prints the command line of pg_restore.
    """
    keeper = maintenance(backend.url)
    if (line := keeper.restore_command(file)) is not None:
        _print_command(line, "to put the copy back, stop workers and clients, then run this")
        return
    restore_from(keeper, file, force=force)
    print(f"partita: the database is what {file} holds", file=sys.stderr)


def _print_command(line: str, advice: str) -> None:
    print(f"partita: PostgreSQL has its own tools; {advice}:", file=sys.stderr, flush=True)
    print(line)
