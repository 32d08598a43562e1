"""`doctor`: say what is wrong with the backend, and how to mend it."""

from __future__ import annotations

import sys
from typing import Any

import click
import msgspec
from rich.text import Text

from partita.cli.context import backend_option, format_option
from partita.cli.output import clock_time, escaped, print_pretty, print_table
from partita.connect import connect, upkeep
from partita.operations.doctor import Finding, examine


@click.command()
@backend_option
@format_option("table", "json")
@click.pass_context
def doctor(ctx: click.Context, backend: str | None, output: str) -> None:
    """Find what is wrong with the database, and what is stuck in it; status 1 if there is any.

    Changes nothing. Looks at the connection, tables, clocks, durability, disk, workers, a SQLite
    file's pages, task lists, and at executions that cannot go on.
    """
    url = backend or ctx.find_root().obj["backend"]
    report = examine(upkeep(url), lambda: connect(url))
    if output == "json":
        print_pretty(msgspec.to_builtins(report))
    else:
        print_table(["", ""], [[name, _shown(name, it)] for name, it in report.facts.items()])
        for finding in report.findings:
            _print(finding)
    count = len(report.findings)
    said = f"found: {count}" if count else "nothing is wrong"
    print(f"partita: {said}", file=sys.stderr)
    ctx.exit(1 if count else 0)


def _shown(name: str, value: Any) -> Text:
    if value is None:
        return Text("unknown")
    if name == "looked at":
        return Text(clock_time(value))
    if name == "clock ahead":
        return Text(f"{value:+.3f} s")
    if isinstance(value, list):
        return Text(", ".join(map(str, value)) or "none")
    return Text(f"{value:,} bytes" if name in _BYTES else str(value))


_BYTES = ("size", "unused", "free on its disk")


def _print(finding: Finding) -> None:
    print(f"\n{finding.check}: {escaped(finding.what)}")
    print(f"  why:  {escaped(finding.why)}")
    print(f"  mend: {escaped(finding.mend)}")
