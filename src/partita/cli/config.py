"""`config show`: which backend and settings hold here, and where each comes from."""

from __future__ import annotations

import os
import platform
import sys
from pathlib import Path
from typing import NamedTuple

import click

import partita
from partita.cli.options import Backend, backend_option, format_option
from partita.cli.output import print_items
from partita.connect import DEFAULT_URL, sqlite_path


class Setting(NamedTuple):
    """One setting as it holds."""

    name: str
    value: str
    source: str


@click.group()
def config() -> None:
    """Show the settings that hold here."""


@config.command()
@backend_option
@format_option("table", "json", "jsonl")
def show(backend: Backend, output: str) -> None:
    """Print which backend and settings hold, and where each comes from. Nothing is opened."""
    settings = [_backend(backend), *_database(backend), *map(_variable, VARIABLES), *_program()]
    print_items(output, settings, ("SETTING", "VALUE", "FROM"), list, Setting._asdict)


VARIABLES = (
    "PARTITA_ACCESS_KEYS",
    "PARTITA_LISTEN_TOKEN",
    "PARTITA_NODE",
    "PARTITA_ACTION_PACKAGES",
    "NO_COLOR",
)
"""Environment variables that change what commands do, beside that of the backend."""

_SECRET = ("PARTITA_ACCESS_KEYS", "PARTITA_LISTEN_TOKEN")


def _backend(backend: Backend) -> Setting:
    if backend.url:
        source = "--backend"
    elif os.environ.get("PARTITA_BACKEND"):
        source = "environment variable PARTITA_BACKEND"
    else:
        source = f"default, {DEFAULT_URL}"
    return Setting("backend", backend.shown, source)


def _database(backend: Backend) -> list[Setting]:
    """Return the file of a SQLite database, and whether it is there."""
    path = sqlite_path(backend.chosen)
    if path is None:
        return []
    is_there = Path(path).exists()
    state = "it exists" if is_there else "not there; the first command that uses it makes it"
    return [Setting("database file", str(Path(path).absolute()), state)]


def _variable(name: str) -> Setting:
    value = os.environ.get(name)
    if value is None:
        return Setting(name, "", "not set")
    return Setting(name, "(hidden)" if name in _SECRET else value, "environment variable")


def _program() -> list[Setting]:
    folder = str(Path(partita.__file__).parent)
    return [
        Setting("partita", partita.__version__, folder),
        Setting("python", platform.python_version(), sys.executable),
    ]
