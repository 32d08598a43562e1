"""`check`: find what a replay could not repeat, and what is wrong in state machines."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from partita.cli.machine_options import import_needing, is_machine
from partita.cli.options import debug_option, format_option
from partita.cli.output import print_pretty
from partita.replay.lint import check_files
from partita.source.discovery import read, sources

_PYSFN = re.compile(r"^\s*(?:import|from)\s+pysfn\b", re.MULTILINE)


@click.command()
@click.argument("paths", nargs=-1, required=True, metavar="FILE_OR_FOLDER...")
@click.option(
    "--type",
    "kind",
    type=click.Choice(["STANDARD", "EXPRESS"]),
    default="STANDARD",
    help="What state machines are checked as.",
)
@format_option("text", "json")
@debug_option
def check(paths: tuple[str, ...], kind: str, output: str) -> int:
    """Find workflow code that a replay could not repeat; exit status 1 if there is any.

    Reads the source only: nothing is imported. Follows workflow code into the other files of
    the project: below a file's own folder, or that of the package around it, and below the
    current folder and its `src`. `# partita: ignore[PAR101]`, or just `# partita: ignore`, at
    the end of a line silences it.

    A file with pyawssfn's @PSF.main is checked for what does not compile.

    A file that ends in .json or .asl is a state machine: it is checked as AWS Step Functions
    checks it, with its codes and locations. Warnings alone leave the exit status at 0.
    """
    machines = [path for path in paths if is_machine(path)]
    others = [path for path in paths if not is_machine(path)]
    files = [*sources(others)] if others else []
    found: list[Any] = [*check_files(files), *_refusals(files)]
    rows, lines, failed = _machine_findings(machines, kind) if machines else ([], [], False)
    if output == "json":
        print_pretty([*(_row(finding) for finding in found), *rows])
    else:
        for line in [*map(str, found), *lines]:
            print(line)
    within = {*map(str, files), *machines, *(finding.filename for finding in found)}
    print(f"partita: {_count(len(found) + len(rows), len(within))}", file=sys.stderr)
    return 1 if found or failed else 0


def _machine_findings(
    machines: Iterable[str], kind: str
) -> tuple[list[dict[str, Any]], list[str], bool]:
    """Return what is found in machines, as rows and as lines, and whether errors are among it."""
    check_text = import_needing("asl", "partita.asl.check").check_text
    found = [
        (path, diagnostic) for path in machines for diagnostic in check_text(read(Path(path)), kind)
    ]
    rows = [{"filename": path, **diagnostic.row()} for path, diagnostic in found]
    lines = [
        _line(f"{path}: {diagnostic.location or '/'}: {diagnostic.code} {diagnostic.message}")
        for path, diagnostic in found
    ]
    return rows, lines, any(diagnostic.severity == "ERROR" for _, diagnostic in found)


def _refusals(files: Iterable[Path]) -> list[Any]:
    """Return what is refused in files of pyawssfn."""
    found: list[Any] = []
    for path in files:
        text = read(path)
        if _PYSFN.search(text):
            lowering = import_module("partita.stepfunctions.pysfn.lowering")
            found += lowering.refusals(text, str(path))
    return found


def _row(finding: Any) -> dict[str, Any]:
    row: dict[str, Any] = finding.as_row() if hasattr(finding, "as_row") else finding.row()
    return row


def _line(text: str) -> str:
    return " ".join(text.splitlines())


def _count(findings: int, files: int) -> str:
    within = "1 file" if files == 1 else f"{files} files"
    if not findings:
        return f"nothing found in {within}"
    return f"{findings} finding{'s' * (findings > 1)} in {within}"
