"""`export`, `import`, `replay` and `show --stack`, each as a process of its own."""

from __future__ import annotations

import json
import signal
from pathlib import Path

from partita.history.document import read
from tests.cli.conftest import FLOW, Partita, begin
from tests.conftest import until


def line(text: str) -> int:
    """Return the number of the first line of the user's file that has a text."""
    return next(number for number, one in enumerate(FLOW.splitlines(), 1) if text in one)


THERE = {"PARTITA_BACKEND": "sqlite:///there.db"}


def test_one_history_goes_to_stdout_or_into_a_file(partita: Partita, folder: Path) -> None:
    partita("run", "flow.py:total", "--input", "[[1, 2]]", "--id", "one")
    said = partita("export", "one")
    assert (said.status, said.err) == (0, "")
    assert json.loads(said.out)["status"] == "COMPLETED"
    assert partita("export", "one", "--output", "one.json").out == ""
    assert (folder / "one.json").read_text() == said.out
    assert partita("export", "one", "--run", read(folder / "one.json").execution.run_id) == said


def test_many_histories_go_into_a_folder(partita: Partita, folder: Path) -> None:
    for id in ("../a b", ".x", "ü" * 150):
        partita("run", "flow.py:total", "--input", "[[1]]", "--id", id)
    partita("run", "flow.py:sleeper", "--input", "[0]", "--id", "s")
    said = partita("export", "--type", "total", "--status", "completed", "--into", "kept/total")
    assert "kept/total: 3" in said.err
    files = sorted((folder / "kept/total").iterdir())
    assert {read(file).execution.workflow_id for file in files} == {"../a b", ".x", "ü" * 150}
    assert all(len(file.name) < 200 and not file.name.startswith(".") for file in files)
    partita("export", "--type", "total", "--into", "kept/total")
    assert sorted((folder / "kept/total").iterdir()) == files
    assert "kept/s: 1" in partita("export", "s", "--all-runs", "--into", "kept/s").err


def test_a_folder_is_taken_in_elsewhere(partita: Partita, folder: Path) -> None:
    partita("run", "flow.py:broken", "--input", "[3]", "--id", "b")
    partita("run", "flow.py:total", "--input", "[[1, 2]]", "--id", "t")
    partita("export", "b", "t", "--into", "kept")
    taken = partita("import", "kept", env=THERE)
    assert [line.split("\t")[0] for line in taken.out.splitlines()] == ["b", "t"]
    again = partita("import", "kept", env=THERE)
    assert (again.status, again.out, again.err.count("is here already")) == (0, "", 2)
    assert partita("result", "t", env=THERE).out == "3\n"
    assert "COMPLETED" in partita("show", "t", env=THERE).out
    assert partita("rerun", "b", env=THERE).status == 0
    assert json.loads(partita("history", "b", "-o", "json", env=THERE).out)


def test_replay_tells_fitting_code_from_other_code(partita: Partita, folder: Path) -> None:
    partita("run", "flow.py:total", "--input", "[[1, 2]]", "--id", "t")
    partita("run", "flow.py:sleeper", "--input", "[0]", "--id", "s")
    partita("export", "t", "s", "--into", "kept")
    said = partita("replay", "flow.py", "kept")
    assert (said.status, said.out.count(": fits\n"), said.out.splitlines()[-1]) == (
        (0, 2, "2 fit, 0 do not")
    )
    said = partita("replay", "flow.py:total", "kept")
    assert said.out.splitlines()[-1] == "1 fit, 0 do not; 1 of other workflows left out"
    (folder / "new.py").write_text(FLOW.replace("add(start, number)", "add(number, start)"))
    said = partita("replay", "new.py:total", "kept")
    assert said.status == 1
    assert (
        f"new.py:{line('add(start')}: the code asks for ScheduleActivityTask (add, id 1, [1,0])"
        in said.out
    )
    assert "the history holds ActivityTaskScheduled (add, id 1, [0,1]) at event 5" in said.out
    row = json.loads(partita("replay", "new.py", "--id", "t", "-o", "json").out)["histories"][0]
    assert (row["fits"], row["event_id"], row["code"]) == (False, 5, "NON_DETERMINISM")
    assert (folder / "added").read_text() == "0 1\n1 2\n"


def test_stack_shows_where_the_code_waits(partita: Partita, folder: Path) -> None:
    partita("start", "flow.py:sleeper", "--input", "[1000]", "--id", "s")
    process = begin(folder, "worker", "flow.py")
    try:
        until(lambda: "TimerStarted" in partita("history", "s").out)
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)
    said = partita("show", "s", "--stack", "--code", "flow.py")
    assert f"{folder}/flow.py:{line('sleep(seconds)')} in sleeper: sleep(seconds)" in said.out
    assert "waits for timer of 1000.0 s (id 1, fires 20" in said.out
    partita("export", "s", "--output", "s.json")
    found = partita("show", "s.json", "--stack", "--code", "flow", "-o", "json")
    assert json.loads(found.out)["stacks"][0]["frames"][0]["line"] == line("sleep(seconds)")
    partita("show", "s", "--stack").is_error(2, "give the file", "[UNKNOWN_TYPE]")
    partita("show", "s", "--code", "flow.py").is_error(2, "--code is for --stack")
    partita("import", "s.json", env=THERE).is_error(2, "s.json", "--as-terminated")
    assert partita("import", "s.json", "--as-terminated", env=THERE).out.startswith("s\t")
    said = partita("show", "s", "--stack", env=THERE)
    assert said.out == "s is closed, it ended as TERMINATED: no code of it waits\n"


def test_bad_input_is_one_line(partita: Partita, folder: Path) -> None:
    partita("run", "flow.py:total", "--input", "[[1]]", "--id", "t")
    partita("export", "t", "--output", "t.json")
    (folder / "cut.json").write_text((folder / "t.json").read_text()[:300])
    (folder / "empty").mkdir()
    partita("export").is_error(2, "which executions?")
    partita("export", "t", "--type", "total").is_error(2, "not both")
    partita("export", "t", "u", "--run", "x").is_error(2, "--run")
    partita("export", "t", "--into", "x", "--output", "y").is_error(2, "give one of them")
    partita("export", "t", "t").is_error(2, "--into FOLDER")
    partita("export", "none").is_error(3, "'none'")
    partita("export", "--type", "none").is_error(3, "partita list")
    partita("import", "cut.json").is_error(2, "cut.json", "it may be cut off")
    partita("import", "empty").is_error(2, "no .json file below empty")
    partita("replay", "flow.py").is_error(2, "which histories?")
    partita("replay", "flow.py", "cut.json").is_error(2, "cut.json", "not JSON")
    partita("replay", "flow.py", "none.json").is_error(2, "none.json")
    partita("replay", "flow.py:nope", "t.json").is_error(2, "no workflow nope")
    partita("replay", "none.py", "t.json").is_error(2, "[LOAD_FAILED]")
    (folder / "far.py").write_text("from partita import child_workflow as c\nt = c('total')\n")
    partita("replay", "far.py", "t.json").is_error(2, "far.py defines no workflow")
    partita("replay", "flow.py", "--id", "none").is_error(3, "'none'")
    partita("replay", "flow.py", "t.json", "--run", "x").is_error(2, "--run says")
    wrong = partita("replay", "flow.py:stuck", "t.json")
    wrong.is_error(2, "t.json is a history of workflow total@1", "is workflow stuck@1")
