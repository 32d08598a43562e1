"""Run bundles in bare interpreters."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import sys
import threading
import zipfile
from pathlib import Path
from typing import Any

from partita.asl.failures import StateFailure

_BARE = Path(__file__).with_name("bare.py")


def interpreters() -> list[str]:
    """Return this interpreter and others on the machine that Lambda has, too."""
    found = [sys.executable]
    for minor in (11, 12, 13, 14):
        if minor != sys.version_info.minor:
            found += _of_version(minor)
    return found


def _of_version(minor: int) -> list[str]:
    versions = sorted(Path.home().glob(f".pyenv/versions/3.{minor}.*/bin/python3.{minor}"))
    named = shutil.which(f"python3.{minor}")
    for one in [*map(str, versions), *([named] if named else [])]:
        if subprocess.run([one, "-I", "-c", ""], capture_output=True).returncode == 0:
            return [one]
    return []


class Lambda:
    """A function with a bundle's code."""

    def __init__(self, content: bytes, folder: Path, python: str = sys.executable) -> None:
        self._lock = threading.Lock()  # branches call at the same time
        zipfile.ZipFile(io.BytesIO(content)).extractall(folder)
        self._process = subprocess.Popen(
            [python, "-I", "-S", str(_BARE), str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def invoke(self, event: Any) -> dict[str, Any]:
        """Return the answer to an event: its result, or its error as Lambda tells it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with self._lock:
            self._process.stdin.write(json.dumps(event) + "\n")
            self._process.stdin.flush()
            found: dict[str, Any] = json.loads(self._process.stdout.readline())
        return found

    def task(self, _: str, payload: Any, timeout: float | None, heartbeat: float | None) -> Any:
        """Do a task of a machine, as our interpreter calls functions."""
        found = self.invoke(payload)
        if "error" in found:
            raise StateFailure(found["error"]["errorType"], json.dumps(found["error"]))
        return found["result"]

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(timeout=10)
        self._process.stdout.close()
