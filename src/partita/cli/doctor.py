"""`doctor`: report what is wrong with the backend, and how to repair it."""

from __future__ import annotations

import sys
from typing import Any

import click
from rich.text import Text

from partita.cli.options import Backend, backend_option, format_option
from partita.cli.output import clock_time, iso_time, print_pretty, print_table
from partita.connect import connect, maintenance
from partita.operations.doctor import Finding, examine
from partita.views.failures import escaped


@click.command()
@backend_option
@format_option("table", "json")
def doctor(backend: Backend, output: str) -> int:
    """Report problems of the database and of executions in it; exit status 1 if there are any.

    Changes nothing. Checks the connection, tables, clocks, durability, disk, workers, the pages
    of a SQLite file, task lists, and executions that cannot continue.
    """
    report = examine(maintenance(backend.url), lambda: connect(backend.url))
    if output == "json":
        facts = {**report.facts, "looked at": iso_time(report.facts.get("looked at"))}
        print_pretty({"facts": facts, "findings": report.findings})
    else:
        print_table(["", ""], [[name, _shown(name, it)] for name, it in report.facts.items()])
        for finding in report.findings:
            _print(finding)
    count = len(report.findings)
    summary = f"found: {count}" if count else "nothing is wrong"
    print(f"partita: {summary}", file=sys.stderr)
    return 1 if count else 0


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
