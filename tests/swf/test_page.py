"""The shell blocks of docs/swf-endpoint.md, run against `partita serve`."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.examples.test_docs import ROOT, blocks
from tests.swf.aws_cli import aws_cli
from tests.swf.command import served

PAGE = (ROOT / "docs" / "swf-endpoint.md").read_text("utf-8")
SHELL = [text for language, text in blocks(PAGE) if language == "sh"]


def variables(text: str) -> dict[str, str]:
    """Return what a block exports."""
    words = [shlex.split(line)[1:] for line in text.splitlines() if line.startswith("export ")]
    return dict(word.split("=", 1) for line in words for word in line)


@pytest.mark.timeout(300)
def test_the_aws_cli_is_answered(tmp_path: Path) -> None:
    start, script = SHELL[0], SHELL[1]
    command = shlex.split(start.splitlines()[-1])
    assert command[:2] == ["partita", "--backend"]
    assert command[3:] == ["serve", "--port", "8585"]
    key = variables(start)["PARTITA_ACCESS_KEYS"]
    with (
        served(command[2], "--access-key", key, folder=tmp_path) as endpoint,
        aws_cli(tmp_path) as aws,
    ):
        script = script.replace("http://127.0.0.1:8585", endpoint.url)
        path = f"{aws.parent}{os.pathsep}{os.environ['PATH']}"
        environment = {**os.environ, "PATH": path, "AWS_PAGER": "", "AWS_CONFIG_FILE": "/dev/null"}
        done = subprocess.run(
            ["sh", "-eu", "-c", script],
            env=environment,
            capture_output=True,
            text=True,
        )
    assert done.returncode == 0, done.stderr
    assert '"workflowId": "order-1"' in done.stdout


def test_the_options_are_there() -> None:
    shown = subprocess.run(
        [sys.executable, "-m", "partita", "serve", "--help"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    for option in re.findall(r"--[a-z-]+", "\n".join(SHELL[2:])):
        assert option in shown
