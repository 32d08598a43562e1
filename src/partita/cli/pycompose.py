"""`pycompose` and `pydeploy`: the commands of Apache's Composer for Python, with its options."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable

from partita.cli.deploy import deploy_compiled
from partita.errors import ComposerError, PartitaError
from partita.openwhisk.composition_files import load_composition
from partita.openwhisk.json_text import json_text
from partita.openwhisk.portable_json import VERSION, compiled


def compose(arguments: list[str] | None = None) -> int:
    """Print the portable JSON of the composition that a file's `main` returns."""
    parser = argparse.ArgumentParser(
        description="compile compositions",
        prog="pycompose",
        usage="%(prog)s composition.py command [flags]",
    )
    parser.add_argument("file", metavar="composition", help="the composition")
    parser.add_argument("-v", "--version", action="version", version=f"%(prog)s {VERSION}")
    parser.add_argument("--ast", action="store_true", help="output ast")
    given = parser.parse_args(arguments)

    def run() -> None:
        made = compiled(load_composition(given.file))
        print(json_text(made["ast"] if given.ast else made))

    return _status(run)


def deploy(arguments: list[str] | None = None) -> int:
    """Deploy a composition's portable JSON."""
    parser = argparse.ArgumentParser(
        description="deploy composition",
        prog="pydeploy",
        usage="%(prog)s composition composition.json [flags]",
    )
    add = parser.add_argument
    add("name", metavar="composition", help="composition name")
    add("file", metavar="composition.json", help="composition")
    add("--apihost", metavar="HOST", help="API HOST")
    add("-i", "--insecure", action="store_true", help="bypass certificate checking")
    add("-u", "--auth", metavar="KEY", help="authorization KEY")
    add("-v", "--version", action="version", version=f"%(prog)s {VERSION}")
    add("-a", "--annotation", action="append", default=[], metavar="KEY=VALUE")
    add("-A", "--annotation-file", action="append", default=[], metavar="KEY=FILE")
    add("-l", "--limits", dest="limits_", metavar="JSON", help="limits, of actions by name")
    add("-L", "--limits-file", metavar="FILE", help="limits in a file")
    add("-w", "--overwrite", action="store_true", help="overwrite actions if already defined")
    given = vars(parser.parse_args(arguments))

    def run() -> None:
        if not given["file"].endswith(".json"):
            raise ComposerError(f"{given['file']} is no JSON file; compile it by pycompose")
        made = load_composition(given["file"]).compile()
        print(f"ok: created {','.join(deploy_compiled(made, given['name'], given))}")

    return _status(run)


def _status(run: Callable[[], None]) -> int:
    """Run a command; print an error as one line on stderr, and return the exit status."""
    try:
        run()
    except PartitaError as error:
        print(f"error: {' '.join(str(error).split())} [{error.code}]", file=sys.stderr)
        return error.exit_status
    return 0
