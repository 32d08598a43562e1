"""The AWS CDK, installed once into a folder of its own, since it is large and slow."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.openwhisk.npm import program

PACKAGE = "aws-cdk-lib>=2.170,<3"


def installed() -> Path:
    """Return the folder with the package, which is installed into the virtual environment."""
    folder = Path(sys.prefix) / "cdk"
    if not folder.exists():
        fresh = tempfile.mkdtemp(dir=folder.parent)
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--target", fresh, PACKAGE]
        subprocess.run(command, check=True, capture_output=True, timeout=600)
        with suppress(OSError):  # another process was faster
            Path(fresh).rename(folder)
    return folder


def synthesized(folder: Path) -> dict[str, Any]:
    """Return the template that the app in a folder is."""
    out = folder / "cdk.out"
    path = os.pathsep.join([str(Path(program("node")).parent), os.environ["PATH"]])
    environment = {**os.environ, "PYTHONPATH": str(installed()), "CDK_OUTDIR": str(out)}
    command = [sys.executable, "app.py"]
    ran = subprocess.run(
        command, cwd=folder, env={**environment, "PATH": path}, capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stderr
    (template,) = out.glob("*.template.json")
    found: dict[str, Any] = json.loads(template.read_text("utf-8"))
    return found
