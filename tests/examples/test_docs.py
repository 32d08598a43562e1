"""Every code block of the README and of docs/ runs, and prints what it shows."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli import in_process
from tests.cli.conftest import environment

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")
PAGES = sorted((ROOT / "docs").glob("*.md"))
CODE_PAGES = [page for page in PAGES if page.stem != "glossary"]
WITH_CONSOLE = (
    "commands",
    "deploying-to-aws",
    "finding-executions",
    "from-pyawssfn",
    "looking-at-runs",
    "operations",
    "state-machines",
    "state-machine-data",
    "openwhisk",
    "why",
)
CONSOLE_PAGES = [page for page in PAGES if page.stem in WITH_CONSOLE]


def blocks(page: str) -> list[tuple[str, str]]:
    """Return the code blocks of a page: language and text."""
    return re.findall(r"^```(\w+)\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)


BLOCKS = blocks(README)
PYTHON = [text for language, text in BLOCKS if language == "python"]
SHELL = [text for language, text in BLOCKS if language == "sh"]


def run(command: list[str], folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def save(text: str, folder: Path) -> Path:
    """Write a block to the file that its first line names."""
    name = re.match(r"# (\w+\.py)\n", text)
    path = folder / (name[1] if name else "block.py")
    path.write_text(text)
    return path


@pytest.mark.parametrize("text", PYTHON)
def test_python_blocks_run(text: str, tmp_path: Path) -> None:
    for other in PYTHON:  # a block may import another that has a name
        save(other, tmp_path)
    run([str(save(text, tmp_path))], tmp_path)


def save_named(page: str, folder: Path) -> None:
    """Write the JSON blocks below a line with the name of a file."""
    named = r"^`([\w./-]+\.json)`:\n\n```json\n(.*?)^```$"
    for name, text in re.findall(named, page, re.MULTILINE | re.DOTALL):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)


def run_here(command: list[str], folder: Path) -> str:
    """Run `partita` in this process: one for each command of a page would take seconds."""
    out, err, status = in_process.run(folder, command, environment(), "")
    assert status == 0, out + err
    return out


def run_apart(command: list[str], folder: Path) -> str:
    """Run `partita` in a process of its own."""
    return run(["-m", "partita", *command], folder)


def check_console(text: str, folder: Path, run: Callable[[list[str], Path], str]) -> int:
    """Run the commands of a page's console blocks, and compare what they print; count them."""
    count = 0
    for language, block in blocks(text):
        if language != "console":
            continue
        for command, shown in re.findall(r"^\$ (.+)\n((?:[^$].*\n)*)", block, re.MULTILINE):
            words = shlex.split(command)
            assert words[0] == "partita"
            pattern = re.escape(shown).replace(r"\.\.\.", r".+")
            printed = run(words[1:], folder)
            assert re.fullmatch(pattern, printed, re.DOTALL), f"{command}: {printed}"
            count += 1
    return count


def test_console_blocks_print_what_they_show(tmp_path: Path) -> None:
    for text in PYTHON:
        save(text, tmp_path)
    assert check_console(README, tmp_path, run_apart)


@pytest.mark.parametrize("page", CODE_PAGES, ids=lambda page: page.stem)
def test_a_page_runs(page: Path, tmp_path: Path) -> None:
    """Each page has a folder of its own, in which its named blocks are files."""
    texts = [text for language, text in blocks(page.read_text("utf-8")) if language == "python"]
    assert texts
    save_named(page.read_text("utf-8"), tmp_path)
    paths = [save(text, tmp_path) for text in texts]
    for path, text in zip(paths, texts, strict=True):
        if not path.name.startswith("test_"):
            run([str(save(text, tmp_path))], tmp_path)
    if any(path.name.startswith("test_") for path in paths):
        run(["-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", "."], tmp_path)


@pytest.mark.parametrize("page", CONSOLE_PAGES, ids=lambda page: page.stem)
def test_console_blocks_of_a_page(page: Path, tmp_path: Path) -> None:
    text = page.read_text("utf-8")
    save_named(text, tmp_path)
    for language, block in blocks(text):
        if language == "python":
            save(block, tmp_path)
    assert check_console(text, tmp_path, run_here)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_of_a_page_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text("utf-8")):
        assert (page.parent / target).exists(), target


def test_make_verbs_exist() -> None:
    makefile = (ROOT / "Makefile").read_text()
    verbs = re.findall(r"^make (\w+)", "\n".join(SHELL), re.MULTILINE)
    assert verbs == ["demo", "test"]
    for verb in verbs:
        assert re.search(rf"^{verb}:", makefile, re.MULTILINE)


def test_every_command_is_documented() -> None:
    page = (ROOT / "docs" / "commands.md").read_text("utf-8")
    listed = run(["-m", "partita", "--help"], ROOT).split("Commands:")[1]
    for command in re.findall(r"^  (\w+)  ", listed, re.MULTILINE):
        assert re.search(rf"`(partita )?{command}\b", page) or command == "demo", command


def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / target).exists(), target
