"""Completion in shells, with what the backend holds; `config show`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Partita, environment
from tests.cli.terminal import Terminal


@pytest.fixture
def filled(partita: Partita, folder: Path) -> Path:
    """A folder whose database has executions of two types and a schedule."""
    partita("run", "flow.py:total", "--input", "[[1]]", "--id", "order-1")
    partita("start", "flow.py:sleeper", "--input", "[60]", "--id", "order-2", "--task-list", "far")
    partita("schedule", "create", "nightly", "flow.py:stuck", "--cron", "0 3 * * *")
    return folder


def completions(folder: Path, *words: str) -> list[str]:
    """Return what bash is told for the last word; bash splits words at colons."""
    done = subprocess.run(
        [sys.executable, "-c", "from partita.cli import main; main()"],
        cwd=folder,
        env=environment(
            _PARTITA_COMPLETE="bash_complete",
            COMP_WORDS=" ".join(["partita", *words]),
            COMP_CWORD=str(len(words)),
        ),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.stderr == ""
    return [line.partition(",")[2] for line in done.stdout.splitlines() if line]


def test_live_values_are_offered(filled: Path) -> None:
    assert completions(filled, "sho") == ["show"]
    assert completions(filled, "show", "order") == ["order-2", "order-1"]
    assert completions(filled, "show", "zzz") == []
    assert completions(filled, "list", "--type", "") == ["sleeper", "total"]
    assert "far" in completions(filled, "worker", "--task-list", "")
    assert completions(filled, "schedule", "pause", "") == ["nightly"]
    names = ["total", "too_large", "too_large_itself"]
    assert completions(filled, "run", "flow.py", ":", "to") == names


def test_what_is_not_there_completes_to_nothing(folder: Path) -> None:
    assert completions(folder, "show", "") == []
    completions(folder, "shwo", "")  # which says nothing on stderr
    assert completions(folder, "show", "--backend", "postgresql://nobody@/x?host=/none", "") == []
    assert completions(folder, "run", "none.py", ":", "") == []
    assert not (folder / ".partita").exists()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_a_script(partita: Partita, shell: str) -> None:
    said = partita("completion", shell)
    assert said.status == 0
    assert f"_PARTITA_COMPLETE={shell}_complete" in said.out


def test_bash_completes(filled: Path) -> None:
    script = f"""
    PS1='ready> '
    PATH={Path(sys.executable).parent}:$PATH
    eval "$(partita completion bash)"
    """
    (filled / "rc").write_text(script)
    with Terminal(filled, ["bash", "--noprofile", "--rcfile", "rc"], columns=200) as bash:
        bash.wait_for("ready> ")
        for typed, completed in (("show order-2", ""), ("run flow.py:slee", "per")):
            bash.type(f"partita {typed}\t")
            bash.wait_for(f"partita {typed}{completed} ")
            bash.type("\x15")


def test_config_show_says_where_the_backend_comes_from(partita: Partita, folder: Path) -> None:
    def backend(*arguments: str, **env: str) -> tuple[str, str]:
        found = json.loads(partita("config", "show", "-o", "json", *arguments, env=env).out)
        [row] = [row for row in found if row["name"] == "backend"]
        return row["value"], row["source"]

    default = "sqlite:///.partita/partita.db"
    assert backend() == (default, f"default, {default}")
    named = backend(PARTITA_BACKEND="postgresql://u:secret@host/db?x=y")
    assert named == ("postgresql://u@host/db", "environment variable PARTITA_BACKEND")
    assert backend("--backend", "sqlite:///x.db", PARTITA_BACKEND="memory://") == (
        "sqlite:///x.db",
        "--backend",
    )
    secret = partita("config", "show", env={"PARTITA_LISTEN_TOKEN": "hush"}).out
    assert "hush" not in secret
    assert "(hidden)" in secret
    assert not (folder / ".partita").exists()
