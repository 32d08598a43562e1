"""The examples as a user runs them: the commands of their docstrings, in processes."""

from __future__ import annotations

import ast
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))


def commands(path: Path) -> tuple[list[str], list[str]]:
    """Return the two commands of an example's docstring: the durable one and the plain one."""
    docstring = ast.get_docstring(ast.parse(path.read_text("utf-8"))) or ""
    lines = re.findall(r"^ +((?:partita|python) .+)$", docstring, re.MULTILINE)
    durable, plain = (shlex.split(line) for line in lines)
    return durable, plain


def given(durable: list[str]) -> list[Any]:
    """Return the arguments that a `partita run` command passes on."""
    args: list[Any] = json.loads(durable[durable.index("--input") + 1])
    return args


def run(command: list[str], backend: Path) -> str:
    """Run a command at the repository's root; return what it prints.

    Holds that stderr tells of nothing but failed attempts.
    """
    program = {"partita": ["-m", "partita"], "python": []}[command[0]]
    kept = {key: value for key, value in os.environ.items() if not key.startswith("PARTITA_")}
    done = subprocess.run(
        [sys.executable, *program, *command[1:]],
        cwd=ROOT,
        env={**kept, "PARTITA_BACKEND": f"sqlite:///{backend}", "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done
    assert all(" attempt " in line for line in done.stderr.splitlines()), done
    return done.stdout
