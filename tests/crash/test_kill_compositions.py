"""Kill the process that runs a composition, in each of its actions, and run it again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

DEMO = """
from partita import activity, workflow
from partita.openwhisk import composer


def step(args):
    import os, signal
    name = args["steps"][0]
    with open("log", "a") as log:
        print(name, file=log)
    if name == "kill" and not os.path.exists("killed"):
        open("killed", "w").close()
        os.kill(os.getpid(), signal.SIGKILL)
    return {"steps": args["steps"][1:], "value": len(args["steps"]) > 1}


def main():
    act = composer.action("step", {"action": step})
    return composer.let(
        {"n": 0},
        composer.doloop_nosave(
            composer.ensure(composer.retry(1, act), lambda env, p: env.update(n=env["n"] + 1)),
            composer.empty(),
        ),
        lambda env, p: {"rounds": env["n"]},
    )


@activity
def stepped(name: str) -> str:
    return step({"steps": [name]}) and name


@workflow
def plain(steps: list[str]) -> int:
    rounds = 0
    for name in steps:
        try:
            stepped(name)
        finally:
            rounds += 1
    return rounds
"""


def partita(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "partita", *arguments]
    env = {**os.environ, "PARTITA_BACKEND": f"sqlite:///{folder}/kills.db"}
    return subprocess.run(
        command, cwd=folder, env=env, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize("kind", ["composition", "compiled"])
def test_a_killed_process_is_followed_by_one_that_goes_on(tmp_path: Path, kind: str) -> None:
    (tmp_path / "demo.py").write_text(DEMO)
    steps = ["a", "b", "kill", "c"]
    run = ["run", "demo.py:main", "--id", "one"]
    given, expected = json.dumps({"steps": steps}), '{"rounds":4}'
    if kind == "compiled":
        run = ["run", "demo.py:plain", "--compiled", "--to", "openwhisk", "--id", "one"]
        given, expected = json.dumps([steps]), "4"
    assert partita(tmp_path, *run, "--input", given).returncode == -signal.SIGKILL
    again = partita(tmp_path, *run)
    assert (again.stdout, again.returncode) == (f"{expected}\n", 0), again.stderr
    assert (tmp_path / "log").read_text().split() == ["a", "b", "kill", "kill", "c"]
