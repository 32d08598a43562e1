"""`partita db`: make or bring up the tables of a PostgreSQL schema, or print what would.

Other backends need no such command: a file is brought up by whoever opens it.
"""

from __future__ import annotations

import click

from partita.cli.context import backend_option, open_client
from partita.errors import InvalidOptionError


@click.group()
def db() -> None:
    """Look after the database behind a postgresql:// backend."""


@db.command()
@click.option("--print", "prints", is_flag=True, help="Print the SQL of a new schema; do nothing.")
@backend_option
@click.pass_context
def migrate(ctx: click.Context, backend: str | None, prints: bool) -> None:
    """Bring the schema to the newest tables; repeating it is safe."""
    if not prints:
        open_client(ctx, backend).close()
        click.echo("the schema is up to date", err=True)
        return
    url = backend or ctx.find_root().obj["backend"] or "postgresql://"
    if not url.startswith(("postgresql:", "postgres:")):
        raise InvalidOptionError(f"only postgresql:// backends have SQL to print, not {url!r}")
    click.echo(printed(url), nl=False)


def printed(url: str) -> str:
    """Return the SQL that makes a new schema of the name in the URL."""
    try:
        from partita.stores.postgres_schema import script  # costs the driver, which is an extra
        from partita.stores.postgres_url import Address
    except ImportError as error:
        raise InvalidOptionError(
            f"this needs a driver that is not installed ({error}); pip install 'partita[postgres]'"
        ) from error
    return script(Address.of(url).schema)
