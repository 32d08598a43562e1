"""docs/swf.md says the truth: its blocks run over our own endpoint."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

from tests.examples.test_docs import ROOT, blocks, save
from tests.swf_backend.endpoint import Endpoint

PAGE = blocks((ROOT / "docs" / "swf.md").read_text("utf-8"))


def run(words: list[str], folder: Path, endpoint: Endpoint) -> str:
    done = subprocess.run(
        [sys.executable, *words],
        cwd=folder,
        env={**os.environ, "PARTITA_BACKEND": endpoint.url()},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_page_runs(endpoint: Endpoint, tmp_path: Path) -> None:
    for language, text in PAGE:
        if language == "python":
            run([str(save(text, tmp_path))], tmp_path, endpoint)
    commands = 0
    for language, text in PAGE:
        if language != "console":
            continue
        for command, shown in re.findall(r"^\$ (.+)\n((?:[^$].*\n)*)", text, re.MULTILINE):
            words = shlex.split(command)
            said = run(["-m", "partita", *words[1:]], tmp_path, endpoint)
            pattern = re.escape(shown).replace(r"\.\.\.", ".*")
            assert re.fullmatch(pattern, said, re.DOTALL), (command, said)
            commands += 1
    assert commands == 3
