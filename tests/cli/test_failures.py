"""A failed `run` says which execution, which step and where; it leaves other executions alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Partita, backend_url

SHOP = """
from partita import Retry, activity, workflow

@activity(retry=Retry(max_attempts=2, initial_interval=0.01))
def charge(cents: int) -> int:
    raise ValueError("no\\nmoney")

@activity
def ship(item: str) -> str:
    return f"{item} is away"

@workflow
def buy(cents: int) -> str:
    ship("a")
    return ship(str(charge(cents)))

@workflow
def parcel(item: str) -> str:
    return ship(item)

@workflow
def parent(item: str) -> list[str]:
    return [parcel(item), ship("b")]
"""


@pytest.fixture
def shop(folder: Path) -> Path:
    (folder / "shop.py").write_text(SHOP)
    return folder


@pytest.mark.usefixtures("shop")
def test_a_failed_run_says_the_id_the_step_the_places_and_what_to_do(everywhere: Partita) -> None:
    said = everywhere("run", "shop.py:buy", "--input", "[5]", "--id", "order 7")
    said.is_error(1, "partita: ValueError: no money [WORKFLOW_FAILED]")
    lines = said.err.splitlines()
    again = [line for line in lines if "attempt 1 of 2 of charge failed: ValueError" in line]
    assert len(again) == 1
    assert "(shop.py:6 in charge); next try in 0.0 s" in again[0]
    execution, step, further = lines[-4:-1]
    assert execution.startswith("partita: execution order 7 (run ")
    assert execution.endswith("failed at shop.py:6 in charge, called from shop.py:15 in buy")
    assert step == (
        "partita: step charge (id 2) failed with ValueError at shop.py:6 in charge after 2 attempts"
    )
    assert "partita show 'order 7'; " in further
    assert "partita rerun 'order 7' reuses" in further


@pytest.mark.usefixtures("shop")
def test_the_log_level_chooses_what_is_said(partita: Partita) -> None:
    charge = ("run", "shop.py:buy", "--input", "[5]", "--log-level")
    assert "attempt 1 of 2" not in partita(*charge, "error").err
    assert "attempt 1 of 2" in partita(*charge, "warning").err
    assert "started: buy@1" in partita(*charge, "info").err


@pytest.mark.usefixtures("shop")
def test_what_to_do_names_the_backend_that_was_given(partita: Partita) -> None:
    odd = ["run", "shop.py:buy", "--input", "[5]", "--id", "a --backend b"]
    said = partita(*odd).err.splitlines()[-2]
    assert "partita show 'a --backend b'; " in said
    said = partita(*odd, "--backend", "sqlite:///other.db").err.splitlines()[-2]
    assert "partita show 'a --backend b' --backend sqlite:///other.db; " in said


@pytest.mark.usefixtures("shop")
def test_debug_shows_the_users_frames_first(partita: Partita) -> None:
    said = partita("run", "shop.py:buy", "--input", "[5]", "--debug")
    lines = [line.strip() for line in said.err.splitlines()]
    first = next(line for line in lines if line.startswith("File "))
    assert first.endswith('shop.py", line 15, in buy')
    assert 'raise ValueError("no\\nmoney")' in lines
    assert not any("/click/" in line for line in lines)
    assert lines[-1] == "partita: ValueError: no money [WORKFLOW_FAILED]"


@pytest.mark.usefixtures("shop")
def test_debug_shows_where_a_file_raises_without_the_import_system(
    partita: Partita, folder: Path
) -> None:
    (folder / "raises.py").write_text("1 / 0\n")
    said = partita("run", "raises.py:flow", "--debug")
    assert 'raises.py", line 1, in <module>' in said.err
    assert "importlib" not in said.err
    assert "/click/" not in said.err


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize("older", ["before", "after"])
def test_run_leaves_other_open_executions_alone(partita: Partita, older: str) -> None:
    if older == "before":
        partita("start", "shop.py:parcel", "--input", '["x"]', "--id", "other")
    partita("start", "shop.py:parent", "--input", '["y"]', "--id", "mine")
    if older == "after":
        partita("start", "shop.py:parcel", "--input", '["x"]', "--id", "other")
    said = partita("run", "shop.py:parent", "--id", "mine")
    assert said.out == '["y is away","b is away"]\n'
    assert "OPEN" in partita("show", "other").out
    assert "ActivityTaskScheduled" not in partita("history", "other").out
    partita("run", "shop.py:parcel", "--input", '["z"]', "--all")
    assert partita("run", "shop.py:parcel", "--id", "other").out == '"x is away"\n'


@pytest.mark.usefixtures("shop")
def test_a_failed_run_is_rerun_and_goes_on(everywhere: Partita, shop: Path) -> None:
    everywhere("run", "shop.py:buy", "--input", "[5]", "--id", "b").is_error(1, "no money")
    mended = SHOP.replace('raise ValueError("no\\nmoney")', "return 7")
    assert mended != SHOP
    (shop / "shop.py").write_text(mended)
    assert everywhere("rerun", "b").status == 0
    assert everywhere("run", "shop.py:buy", "--id", "b").out == '"7 is away"\n'


APART = """

@activity(task_list="press")
def press(item: str) -> str:
    return f"{item} is flat"

@workflow
def pressed(item: str) -> str:
    return press(item)

@workflow(task_list="desk")
def order(item: str) -> list[str]:
    return [press(item), pressed(item)]
"""


def test_run_leaves_others_alone_on_task_lists_that_the_code_names(
    everywhere: Partita, shop: Path
) -> None:
    (shop / "shop.py").write_text(SHOP + APART)
    others = {"p": "pressed", "o": "order", "q": "parcel"}
    for id, name in others.items():
        everywhere("start", f"shop.py:{name}", "--input", '["x"]', "--id", id)
    said = everywhere("run", "shop.py:order", "--input", '["y"]', "--id", "mine")
    assert said.out == '["y is flat","y is flat"]\n', said
    assert everywhere("run", "shop.py:order", "--id", "mine").out == said.out
    for id in others:
        assert "ActivityTaskScheduled" not in everywhere("history", id).out
    everywhere("run", "shop.py:order", "--input", '["z"]', "--all")
    for id, name in others.items():
        assert " is " in everywhere("run", f"shop.py:{name}", "--id", id, "--all").out


@pytest.mark.usefixtures("shop")
def test_run_goes_on_with_an_execution_of_another_task_list(partita: Partita) -> None:
    target = ("shop.py:parcel", "--id", "a")
    partita("start", *target, "--input", '["x"]', "--task-list", "far")
    assert partita("run", *target).out == '"x is away"\n'


def test_run_on_a_polled_task_list_that_others_share_is_refused(
    partita: Partita, shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with backend_url("swf", monkeypatch) as url:
        target = ("shop.py:parcel", "--id", "a", "--backend", url)
        for id in ("a", "b"):
            partita("start", *target, "--id", id, "--input", '["x"]')
        said = partita("run", *target)
        said.is_error(2, "task list 'default' of Amazon SWF", "give --task-list default or --all")
        assert "ActivityTaskScheduled" not in partita("history", "b", "--backend", url).out
        assert partita("run", *target, "--task-list", "default").out == '"x is away"\n'
        assert partita("run", *target).out == '"x is away"\n'


@pytest.mark.usefixtures("shop")
def test_run_with_all_works_on_other_executions(partita: Partita) -> None:
    partita("start", "shop.py:parcel", "--input", '["x"]', "--id", "other")
    partita("run", "shop.py:parent", "--input", '["z"]', "--all")
    assert "ActivityTaskScheduled" in partita("history", "other").out
