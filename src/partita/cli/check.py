"""`check`: find workflow code that a replay could not repeat, by reading its source."""

from __future__ import annotations

import sys

import click

from partita.cli.options import debug_option, format_option
from partita.cli.output import print_pretty
from partita.replay.lint import check_files
from partita.source.discovery import sources


@click.command()
@click.argument("paths", nargs=-1, required=True, metavar="FILE_OR_FOLDER...")
@format_option("text", "json")
@debug_option
def check(paths: tuple[str, ...], output: str) -> int:
    """Find workflow code that a replay could not repeat; exit status 1 if there is any.

    Reads the source only: nothing is imported. Follows workflow code into the other files of
    the project: below a file's own folder, or that of the package around it, and below the
    current folder and its `src`. `# partita: ignore[PAR101]`, or just `# partita: ignore`, at
    the end of a line silences it.
    """
    files = sources(paths)
    found = check_files(files)
    if output == "json":
        print_pretty([finding.row() for finding in found])
    else:
        for finding in found:
            print(finding)
    within = {*map(str, files), *(finding.filename for finding in found)}
    print(f"partita: {_count(len(found), len(within))}", file=sys.stderr)
    return 1 if found else 0


def _count(findings: int, files: int) -> str:
    within = "1 file" if files == 1 else f"{files} files"
    if not findings:
        return f"nothing found in {within}"
    return f"{findings} finding{'s' * (findings > 1)} in {within}"
