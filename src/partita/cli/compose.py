"""`compose`: print a composition of OpenWhisk actions as portable JSON, or as its conductor."""

from __future__ import annotations

from pathlib import Path

import click

from partita.errors import InvalidOptionError
from partita.openwhisk.composition_files import load_composition
from partita.openwhisk.conductor import conductor_code
from partita.openwhisk.json_text import json_text
from partita.openwhisk.portable_json import checked_dialect, compiled


@click.command()
@click.argument("target", metavar="FILE[:NAME]")
@click.option("--ast", is_flag=True, help="Print only the composition as it is written.")
@click.option("--conductor", is_flag=True, help="Print the code of the conductor action.")
@click.option("--into", metavar="FILE", help="Write into a file instead of stdout.")
@click.option(
    "--dialect",
    type=click.Choice(["python", "js"]),
    default="python",
    show_default=True,
    help="Whose Composer is to read it.",
)
def compose(target: str, ast: bool, conductor: bool, into: str | None, dialect: str) -> None:
    """Compile the composition that a function of a file returns, `main` by default."""
    if ast and conductor:
        raise InvalidOptionError("--ast and --conductor print different things; give one")
    composition = load_composition(target)
    if conductor:
        text = conductor_code(composition)
    else:
        made = compiled(composition, checked_dialect(dialect))
        text = json_text(made["ast"] if ast else made)
    if into is None:
        print(text)
    else:
        Path(into).write_text(text + "\n", encoding="utf-8")
