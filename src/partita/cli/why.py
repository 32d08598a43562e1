"""`why`: say in one sentence why an execution is not done, or failed, and what to type next."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from partita.cli import options as o
from partita.cli import output as out
from partita.client import Client
from partita.client.schedules import PREFIX
from partita.client.why import explained
from partita.errors import ExecutionNotFoundError
from partita.history.document import read
from partita.views.failures import escaped
from partita.views.verdicts import Verdict
from partita.worker.code_loader import load

MAX_EVIDENCE = 500
"""Characters of each piece of evidence that the text shows; as JSON it is whole."""


@click.command()
@o.workflow_id_argument
@o.run_option
@click.option("--code", metavar="FILE", help="The workflow's code, to see where it waits.")
@o.backend_option
@o.format_option("text", "json", "jsonl")
def why(workflow_id: str, run_id: str, code: str | None, backend: o.Backend, output: str) -> None:
    """Print why an execution is not done, or failed: the reason, the evidence, the next command.

    ID is a workflow id, the name of a schedule, or the .json file of an exported history.
    """
    if code is not None:
        load(code)
    given = [] if backend.url is None else ["--backend", backend.url]
    if workflow_id.endswith(".json") and Path(workflow_id).is_file():
        _print(explained(read(Path(workflow_id))), given, output)
        return
    with backend.look() as client:
        try:
            found = client.why(workflow_id, run_id=run_id)
        except ExecutionNotFoundError:
            if workflow_id.startswith(PREFIX):
                raise
            found = _schedule(client, workflow_id, run_id)
    _print(found, given, output)


def _schedule(client: Client, name: str, run_id: str) -> Verdict:
    """Return the verdict on the schedule of that name; the error names what was asked for."""
    try:
        return client.why(PREFIX + name, run_id=run_id)
    except ExecutionNotFoundError:
        return client.why(name, run_id=run_id)


def _print(found: Verdict, given: list[str], output: str) -> None:
    if output == "text":
        print_verdict(found, given)
    else:
        out.print_value(verdict_row(found, given), output)


def print_verdict(verdict: Verdict, given: list[str]) -> None:
    """Print a verdict for people: the sentence, evidence, what holds besides, the next command."""
    print(escaped(verdict.sentence))
    print(f"  code: {' in '.join(_codes(verdict))}")
    for name, value in _shown(verdict.root):
        print(f"  {name}: {escaped(value)}")
    for other in verdict.others:
        print(f"  also: {escaped(other)}")
    next = next_command(verdict, given)
    if next:
        print(f"  next: {escaped(next)}")


def _codes(verdict: Verdict) -> list[str]:
    """Return the codes of a verdict and of its children's, the innermost first."""
    inner = [] if verdict.child is None else _codes(verdict.child)
    return [*inner, verdict.code]


def _shown(verdict: Verdict) -> list[tuple[str, str]]:
    rows = []
    for name, value in verdict.evidence.items():
        rows.append((name.removesuffix("_at").replace("_", " "), _text(name, value)))
    return rows


def _text(name: str, value: Any) -> str:
    if name.endswith("_at"):
        return out.clock_time(value)
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= MAX_EVIDENCE else text[: MAX_EVIDENCE - 3] + "..."


def next_command(verdict: Verdict, given: list[str]) -> str:
    """Return the command to type next; it names the backend, where one was given."""
    if not verdict.next:
        return ""
    return verdict.next + (f" {shlex.join(given)}" if given else "")


def verdict_row(verdict: Verdict, given: list[str]) -> dict[str, Any]:
    """Return a verdict as a JSON object."""
    return {
        "workflow_id": verdict.workflow_id,
        "run_id": verdict.run_id,
        "status": verdict.status,
        "code": verdict.code,
        "sentence": verdict.sentence,
        "evidence": _dated(verdict.evidence),
        "next": next_command(verdict, given) or None,
        "child": None if verdict.child is None else verdict_row(verdict.child, given),
        "others": list(verdict.others),
    }


def _dated(evidence: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: out.iso_time(value) if name.endswith("_at") else value
        for name, value in evidence.items()
    }
