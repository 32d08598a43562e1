"""`graph`, `show --timeline`, `diff` and `export --html` of executions."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.cli.conftest import Partita
from tests.cli.terminal import partita_terminal

ORDER = """
from partita import activity, sleep, workflow

@activity
def charge(cents: int) -> int:
    if cents > 100:
        raise ValueError("too much")
    return cents

@workflow
def order(items: list[int]) -> int:
    total = 0
    for cents in items:
        total += charge(cents)
    with open("/dev/null"):
        if total > 10:
            sleep(0.01)
    return total
"""


def begin(partita: Partita, folder: Path) -> None:
    (folder / "order.py").write_text(ORDER)
    partita("run", "order.py:order", "--input", "[[1, 2]]", "--id", "good-1")
    partita("run", "order.py:order", "--input", "[[1, 200]]", "--id", "bad-1")


def test_an_execution_is_drawn_step_by_step(partita: Partita, folder: Path) -> None:
    begin(partita, folder)
    said = partita("graph", "bad-1", "--format", "mermaid")
    assert (said.status, said.err) == (0, "")
    lines = [one.strip() for one in said.out.splitlines()]
    assert "class n2,n3 failed" in lines
    assert "class n1 succeeded" in lines
    assert "too much" in said.out
    root = ElementTree.fromstring(partita("graph", "good-1").out)
    assert "".join(root.itertext()).count("charge") == 4  # of two boxes, and their titles


def test_an_execution_is_drawn_on_its_source(partita: Partita, folder: Path) -> None:
    begin(partita, folder)
    said = partita("graph", "bad-1", "--code", "order.py", "--format", "mermaid")
    assert (said.status, said.err) == (0, "")
    assert "line 14, 2 runs: 1 failed, 1 succeeded" in said.out
    assert "with open('/dev/null')" in said.out  # which the compiler refuses
    said = partita("graph", "good-1", "--code", "order.py", "-o", "good.svg")
    assert (said.status, said.out, said.err) == (0, "", "")
    ElementTree.parse(folder / "good.svg")


def test_the_file_of_a_history_is_drawn(partita: Partita, folder: Path) -> None:
    begin(partita, folder)
    partita("export", "bad-1", "--output", "bad.json")
    there = {"PARTITA_BACKEND": "sqlite:///none.db"}
    for options in ([], ["--code", "order.py"]):
        here = partita("graph", "bad-1", *options, "--format", "mermaid")
        assert partita("graph", "bad.json", *options, "--format", "mermaid", env=there) == here
    assert not (folder / "none.db").exists()


def test_other_code_is_told_and_the_steps_are_drawn(partita: Partita, folder: Path) -> None:
    begin(partita, folder)
    plain = partita("graph", "good-1", "--format", "mermaid").out
    (folder / "order.py").write_text(ORDER.replace("total += charge(cents)", "sleep(cents)"))
    said = partita("graph", "good-1", "--code", "order.py", "--format", "mermaid")
    assert (said.status, said.out) == (0, plain)
    assert said.err.startswith("partita: drawn without its source: ")
    (folder / "other.py").write_text("x = 1\n")
    said = partita("graph", "good-1", "--code", "other.py", "--format", "mermaid")
    assert (said.status, said.out) == (0, plain)
    assert said.err == ("partita: the code has no workflow order@1; drawn without its source\n")


def test_what_cannot_be_drawn_is_one_line(partita: Partita, folder: Path) -> None:
    begin(partita, folder)
    partita("graph", "none").is_error(3, "no execution 'none'")
    partita("graph", "good-1", "--run", "x").is_error(3, "with run x")
    partita("graph", "order.py:order", "--code", "order.py").is_error(2, "give the ID of one")
    partita("graph", "good-1", "-o", "no/such/x.svg").is_error(2, "cannot write no/such/x.svg")


def test_a_compiled_execution_is_drawn_on_its_source_and_its_machine(
    partita: Partita, folder: Path
) -> None:
    (folder / "order.py").write_text(ORDER.replace('with open("/dev/null")', "if total"))
    partita("run", "order.py:order", "--compiled", "--input", "[[1, 2]]", "--id", "one")
    said = partita("graph", "one", "--code", "order.py", "--format", "mermaid")
    assert (said.status, said.err) == (0, "")
    assert "line 14, 2 runs, all succeeded" in said.out
    said = partita("graph", "one", "--format", "mermaid")
    assert "charge (line 14)<br/>lambda:invoke, 2 times" in said.out


MACHINE = {
    "StartAt": "Both",
    "States": {
        "Both": {
            "Type": "Parallel",
            "Branches": [
                {"StartAt": "X", "States": {"X": {"Type": "Wait", "Seconds": 60, "End": True}}},
                {"StartAt": "Y", "States": {"Y": {"Type": "Fail", "Error": "E", "Cause": "c"}}},
            ],
            "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Done"}],
            "Next": "Never",
        },
        "Never": {"Type": "Succeed"},
        "Done": {"Type": "Succeed"},
    },
}


def test_the_execution_of_a_machine_is_drawn_on_it(partita: Partita, folder: Path) -> None:
    (folder / "m.asl.json").write_text(json.dumps(MACHINE))
    partita("run", "m.asl.json", "--input", "{}", "--id", "m")
    lines = [one.strip() for one in partita("graph", "m", "--format", "mermaid").out.splitlines()]
    assert "class n1b0n1 canceled" in lines
    assert "class n1b1n1 failed" in lines
    assert "class n1,n3 succeeded" in lines
    assert "class n2 unreached" in lines


# -- show --timeline


def test_a_timeline_is_printed(partita: Partita, folder: Path) -> None:
    begin(partita, folder)
    first, *lines, legend = partita("show", "bad-1", "--timeline").out.splitlines()
    assert first.startswith("bad-1 FAILED: ")
    assert [line.split()[0] for line in lines] == ["charge", "charge"]
    assert lines[1].endswith(", failed")
    assert "█ runs" in legend
    said = partita("show", "bad-1", "--timeline", env={"PYTHONIOENCODING": "ascii"})
    assert said.status == 0
    [_, last] = json.loads(partita("show", "bad-1", "--timeline", "-o", "json").out)["steps"]
    assert (last["name"], last["state"]) == ("charge", "failed")
    assert last["spans"][-1]["ended_at"] == last["ended_at"]
    partita("export", "bad-1", "--output", "bad.json")
    assert partita("show", "bad.json", "--timeline").out.splitlines()[1:3] == lines
    partita("show", "bad-1", "--timeline", "--stack").is_error(2, "give one of them")
    said = partita("show", "bad-1", "--timeline", "--limit", "1")
    assert "(the newest 1 of 2; --limit 2 shows all)" in said.out


def test_runs_are_shown_on_every_backend(everywhere: Partita, folder: Path) -> None:
    begin(everywhere, folder)
    said = everywhere("graph", "bad-1", "--code", "order.py", "--format", "mermaid")
    assert (said.status, said.err) == (0, "")
    assert "line 14, 2 runs: 1 failed, 1 succeeded" in said.out
    lines = everywhere("show", "bad-1", "--timeline").out.splitlines()
    assert [line.split()[0] for line in lines[1:3]] == ["charge", "charge"]


# -- diff


def test_two_executions_are_compared(partita: Partita, folder: Path) -> None:
    begin(partita, folder)
    partita("run", "order.py:order", "--input", "[[1, 2]]", "--id", "again")
    said = partita("diff", "good-1", "again")
    assert (said.status, said.err) == (0, "")
    assert said.out.splitlines()[2:] == ["=  2 equal steps", "They mean the same."]
    said = partita("diff", "good-1", "bad-1")
    assert (said.status, said.err) == (1, "")
    lines = said.out.splitlines()
    assert '   status "COMPLETED" | "FAILED"' in lines
    assert "=  1 equal step" in lines
    assert lines[-1] == "They part at step 2, charge."
    found = json.loads(partita("diff", "good-1", "bad-1", "-o", "json").out)
    assert [one["compared"] for one in found["steps"]] == ["equal", "changed"]
    assert {"what": "input", "path": "$[0]", "a": 2, "b": 200} in found["steps"][1]["differences"]


def test_files_of_histories_are_compared(partita: Partita, folder: Path) -> None:
    begin(partita, folder)
    partita("export", "good-1", "bad-1", "--into", "kept")
    good, bad = sorted((folder / "kept").iterdir(), key=lambda one: one.name, reverse=True)
    there = {"PARTITA_BACKEND": "sqlite:///none.db"}
    here = partita("diff", "good-1", "bad-1")
    assert partita("diff", str(good), str(bad), env=there) == here
    assert partita("diff", str(good), str(good)).status == 0
    partita("diff", "good-1", "none").is_error(3, "no execution 'none'")
    (folder / "x.json").write_text('{"format": "partita-history"}')
    partita("diff", "good-1", "x.json").is_error(2, "x.json")


def test_what_is_compared_cannot_control_a_terminal(partita: Partita, folder: Path) -> None:
    (folder / "echo.py").write_text(
        "from partita import activity, workflow\n"
        "@activity\ndef say(text: str) -> str:\n    return text\n"
        "@workflow\ndef echo(text: str) -> str:\n    return say(text)\n"
    )
    for id, text in (("one", "\x1b[31m"), ("two", "\x07")):
        partita("run", "echo.py:echo", "--input", json.dumps([text]), "--id", id)
    said = partita("diff", "one", "two")
    assert said.status == 1
    assert not {"\x1b", "\x07"} & set(said.out)


# -- export --html


def test_an_execution_becomes_a_page(everywhere: Partita, folder: Path) -> None:
    begin(everywhere, folder)
    said = everywhere("export", "bad-1", "--html", "bad.html", "--code", "order.py")
    assert (said.status, said.out, said.err) == (0, "", "")
    page = (folder / "bad.html").read_text("utf-8")
    assert "bad-1 failed because" in page
    assert "ValueError: too much" in page
    assert "total += charge(cents)" in page
    assert "<script" not in page


def test_the_file_of_a_history_becomes_a_page(partita: Partita, folder: Path) -> None:
    begin(partita, folder)
    partita("export", "bad-1", "--output", "bad.json")
    there = {"PARTITA_BACKEND": "sqlite:///none.db"}
    assert partita("export", "bad.json", "--html", "bad.html", env=there).status == 0
    assert "ValueError: too much" in (folder / "bad.html").read_text("utf-8")
    assert not (folder / "none.db").exists()


def test_executions_of_machines_become_pages(partita: Partita, folder: Path) -> None:
    (folder / "m.asl.json").write_text(json.dumps(MACHINE))
    partita("run", "m.asl.json", "--input", "{}", "--id", "m")
    assert partita("export", "m", "--html", "m.html").status == 0
    assert ">Both</text>" in (folder / "m.html").read_text("utf-8")


def test_a_page_is_of_one_execution(partita: Partita, folder: Path) -> None:
    begin(partita, folder)
    only = "--html is for one execution"
    partita("export", "good-1", "bad-1", "--html", "x.html").is_error(2, only)
    partita("export", "--type", "order", "--html", "x.html").is_error(2, only)
    partita("export", "good-1", "--html", "x.html", "--output", "x.json").is_error(2, only)
    partita("export", "good-1", "--code", "order.py").is_error(2, "--code is for --html")
    partita("export", "none", "--html", "x.html").is_error(3, "no execution 'none'")
    partita("export", "good-1", "--html", "no/x.html").is_error(2, "cannot write no/x.html")
    assert not (folder / "x.html").exists()


@pytest.mark.parametrize(("columns", "mark"), [(80, "#"), (200, "█")])
def test_a_timeline_is_as_wide_as_the_terminal(
    partita: Partita, folder: Path, columns: int, mark: str
) -> None:
    begin(partita, folder)
    variables = {"PYTHONIOENCODING": "ascii", "NO_COLOR": "1"} if mark == "#" else {}
    command = ("show", "bad-1", "--timeline")
    with partita_terminal(folder, *command, columns=columns, **variables) as terminal:
        terminal.wait_for("failed")
        terminal.wait_for("takes no time")
        lines = terminal.lines
    steps = [line for line in lines if line.startswith("charge")]
    assert len(steps) == 2
    assert all(mark in line for line in steps)
    assert columns - 15 < len(steps[1].rstrip()) <= columns
