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

from partita.errors import BundleError
from partita.stepfunctions.bundle.contents import Bundle
from partita.stepfunctions.bundle.local_imports import PROVIDED

_SCRIPT = Path(__file__).with_name("trial.py")
TIMEOUT = 60.0
"""Seconds that loading may take; Lambda gives 10."""


def check_bundle(bundle: Bundle, python: str = sys.executable) -> None:
    """Check that a bundle loads, and that each of its activities can be called.

    Raises:
        BundleError: it does not load, or an activity's hints cannot be read there.
    """
    with tempfile.TemporaryDirectory() as folder:
        zipfile.ZipFile(io.BytesIO(bundle.content)).extractall(folder)
        problem = _tried(python, folder, sorted(bundle.activities))
    if problem is not None:
        raise BundleError(f"the bundle does not work: {problem}{_advice(problem)}")


def _tried(python: str, folder: str, names: Sequence[str]) -> str | None:
    """Return what is wrong with an unpacked bundle, or None."""
    report = Path(folder) / ".report"
    job = json.dumps({"folder": folder, "report": str(report), "provided": sorted(PROVIDED)})
    command = [python, "-I", "-S", str(_SCRIPT), job, *names]
    try:
        ran = subprocess.run(
            command, capture_output=True, text=True, timeout=TIMEOUT, stdin=subprocess.DEVNULL
        )
    except subprocess.TimeoutExpired:
        return f"it does not load within {TIMEOUT:g} seconds"
    except OSError as error:
        raise BundleError(f"{python} cannot be run: {error.strerror}") from error
    if not report.exists():
        last = ran.stderr.strip().splitlines()[-1:] or [f"exit status {ran.returncode}"]
        return f"the interpreter ended while it was loaded: {last[0]}"
    found: str | None = json.loads(report.read_text("utf-8"))
    return found


def _advice(problem: str) -> str:
    if "No module named" in problem:
        return "; name its package in a file for --requirements"
    return ""
