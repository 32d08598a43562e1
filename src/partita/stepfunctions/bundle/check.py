"""Try a bundle: load it in an interpreter without other packages, as Lambda would."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from partita.errors import BundleError
from partita.stepfunctions.bundle.contents import Bundle
from partita.stepfunctions.bundle.local_imports import PROVIDED

_SCRIPT = Path(__file__).with_name("trial.py")
TIMEOUT = 60.0
"""Seconds that loading, and all calls, may take; Lambda gives loading 10."""

Call = tuple[str, dict[str, Any]]
"""An activity's name and its arguments, as JSON data."""


def check_bundle(
    bundle: Bundle, python: str = sys.executable, calls: Sequence[Call] = ()
) -> list[Any]:
    """Check that a bundle loads, and that each of its activities can be called.

    Only those of `calls` are called; returns what they return.

    Raises:
        BundleError: it does not load, an activity's hints cannot be read there, or a call fails.
    """
    with tempfile.TemporaryDirectory() as folder:
        zipfile.ZipFile(io.BytesIO(bundle.content)).extractall(folder)
        problem, answers = _tried(python, folder, sorted(bundle.activities), calls)
    if problem is not None:
        raise BundleError(f"the bundle does not work: {problem}{_advice(problem)}")
    return answers


def _tried(
    python: str, folder: str, names: Sequence[str], calls: Sequence[Call]
) -> tuple[str | None, list[Any]]:
    """Return what is wrong with an unpacked bundle, or None, and what the calls return."""
    report = Path(folder) / ".report"
    job = {"folder": folder, "report": str(report), "provided": sorted(PROVIDED), "calls": calls}
    command = [python, "-I", "-S", str(_SCRIPT), json.dumps(job), *names]
    try:
        ran = subprocess.run(
            command, capture_output=True, text=True, timeout=TIMEOUT, stdin=subprocess.DEVNULL
        )
    except subprocess.TimeoutExpired:
        what = "load and answer" if calls else "load"
        return f"it does not {what} within {TIMEOUT:g} seconds", []
    except OSError as error:
        raise BundleError(f"{python} cannot be run: {error.strerror}") from error
    if not report.exists():
        last = ran.stderr.strip().splitlines()[-1:] or [f"exit status {ran.returncode}"]
        what = "loaded or called" if calls else "loaded"
        return f"the interpreter ended while it was {what}: {last[0]}", []
    found = json.loads(report.read_text("utf-8"))
    return found["problem"], found["answers"]


def _advice(problem: str) -> str:
    if "No module named" in problem:
        return "; name its package in a file for --requirements"
    return ""
