"""mypy infers what authors are promised, and rejects what would fail at run time."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

CASES = Path(__file__).parent / "cases"


def wanted(path: Path) -> dict[int, set[str]]:
    found: dict[int, set[str]] = {}
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if number > 1 and (match := re.search(r"# ([RE]): (.+)$", line)):
            found[number] = {f"{match[1]}: {match[2]}"}
    return found


def said(path: Path) -> dict[int, set[str]]:
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file=", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=110)
    found: dict[int, set[str]] = {}
    for line in done.stdout.splitlines():
        if match := re.match(r".*?:(\d+): note: Revealed type is \"(.+)\"$", line):
            found.setdefault(int(match[1]), set()).add(f"R: {match[2]}".replace("builtins.", ""))
        elif match := re.match(r".*?:(\d+): error: .*\[([\w-]+)\]$", line):
            found.setdefault(int(match[1]), set()).add(f"E: {match[2]}")
    return found


def test_mypy_says_what_the_comments_say() -> None:
    for path in sorted(CASES.glob("*.py")):
        assert said(path) == wanted(path)
