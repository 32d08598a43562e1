"""The shell blocks of docs/stepfunctions-endpoint.md, run against `partita serve`."""

from __future__ import annotations

import os
import shlex
import subprocess
from pathlib import Path

import pytest

from tests.examples.test_docs import ROOT, blocks
from tests.swf.aws_cli import aws_cli
from tests.swf.command import served
from tests.swf.test_page import variables

PAGE = (ROOT / "docs" / "stepfunctions-endpoint.md").read_text("utf-8")
SHELL = [text for language, text in blocks(PAGE) if language == "sh"]


@pytest.mark.timeout(300)
def test_the_aws_cli_is_answered(tmp_path: Path) -> None:
    start, script = SHELL[0], "\n".join(SHELL[1:])
    command = shlex.split(start.splitlines()[-1])
    assert command[3:] == ["serve", "--port", "8585"]
    key = variables(start)["PARTITA_ACCESS_KEYS"]
    with (
        served(command[2], "--access-key", key, folder=tmp_path) as endpoint,
        aws_cli(tmp_path) as aws,
    ):
        script = script.replace("http://127.0.0.1:8585", endpoint.url)
        script = script.replace("localhost:8585", f"localhost:{endpoint.url.rpartition(':')[2]}")
        path = f"{aws.parent}{os.pathsep}{os.environ['PATH']}"
        environment = {**os.environ, "PATH": path, "AWS_PAGER": "", "AWS_CONFIG_FILE": "/dev/null"}
        done = subprocess.run(
            ["sh", "-eu", "-c", script], env=environment, capture_output=True, text=True
        )
    assert done.returncode == 0, done.stderr
    assert '"type": "ExecutionStarted"' in done.stdout
    assert '"name": "first"' in done.stdout
    assert r'"output": "{\"charged\":42}"' in done.stdout
