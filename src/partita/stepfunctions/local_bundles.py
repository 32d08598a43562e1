"""Run a bundle on this machine as Lambda would: in an interpreter of its own for each call.

For machines that are deployed to an endpoint without Lambda: `--lambda NAME=ZIP`.
"""

from __future__ import annotations

import atexit
import json
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from partita.errors import InvalidOptionError
from partita.stepfunctions.error_texts import named_error

TIMEOUT = 900.0
"""Seconds that a call may take; Lambda's limit."""

_SCRIPT = Path(__file__).with_name("bundle") / "invocation.py"


def bundled_function(file: str) -> Callable[[Any, Any], Any]:
    """Return the handler of a bundle's zip, which is unpacked until this process ends.

    Raises:
        InvalidOptionError: there is no such file, or it is no bundle.
    """
    folder = tempfile.mkdtemp(prefix="partita-bundle-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    try:
        with zipfile.ZipFile(file) as archive:
            archive.getinfo("partita/handler.py")
            archive.extractall(folder)
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        reason = "it is no bundle" if isinstance(error, KeyError) else error
        raise InvalidOptionError(
            f"--lambda: {file} cannot be read: {reason}; `partita bundle` makes one"
        ) from error
    return lambda event, _: _call(folder, event)


def _call(folder: str, event: Any) -> Any:
    with tempfile.TemporaryDirectory() as place:
        report = Path(place) / "report"
        command = [sys.executable, "-I", str(_SCRIPT), folder, str(report)]
        try:
            ran = subprocess.run(
                command,
                input=json.dumps(event),
                text=True,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=TIMEOUT,
            )
        except subprocess.TimeoutExpired:
            raise named_error("Sandbox.Timedout", f"timed out after {TIMEOUT:g} seconds") from None
        sys.stderr.write(ran.stdout)
        if not report.exists():
            text = f"the interpreter exited with status {ran.returncode}"
            raise named_error("Runtime.ExitError", text)
        found = json.loads(report.read_text("utf-8"))
    if "error" in found:
        raise named_error(found["error"]["errorType"], found["error"]["errorMessage"])
    return found["result"]
