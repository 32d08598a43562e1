"""What is paused begins nothing, whatever happens to workers; `why`, `show` and `list` tell it."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from tests.conftest import until
from tests.postgres import schemas
from tests.why.conftest import place_in
from tests.why.programs import Place

STEPS = """
from pathlib import Path
from partita import activity, wait_signal, workflow

@activity
def step(name: str, number: int) -> int:
    with open(f"{name}.log", "a") as log:
        print(number, file=log)
    return number

@workflow
def long(name: str) -> None:
    for number in range(1_000_000):
        step(name, number)
        if Path("enough").exists():
            break

@workflow
def gated(name: str) -> str:
    wait_signal("go")
    step(name, 1)
    return "done"
"""


@pytest.fixture(params=["sqlite", "postgres"])
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """A database without a worker, and workflows of many steps."""
    url = f"sqlite:///{tmp_path}/x.db" if request.param == "sqlite" else schemas().url()
    made = place_in(tmp_path, url)
    (tmp_path / "steps.py").write_text(STEPS)
    return made


def _start(place: Place, name: str) -> str:
    return place.start(name, name, file="steps.py")


def _done(place: Place, name: str) -> int:
    """Return how many steps an execution has begun."""
    log = place.folder / f"{name}.log"
    return len(log.read_text().splitlines()) if log.exists() else 0


def _events(place: Place, id: str) -> int:
    return len(place("history", id, "-o", "jsonl").splitlines())


def test_a_paused_execution_stands_still_through_deaths_of_its_workers(shop: Place) -> None:
    with shop.working("steps.py") as first:
        _start(shop, "long")
        until(lambda: _done(shop, "long") > 3, seconds=60)
        shop("pause", "long", "--reason", "a recall")
        until(lambda: _is_parked(shop, "long"), seconds=60)
        first.send_signal(signal.SIGKILL)
        first.wait()
    count, steps = _events(shop, "long"), _done(shop, "long")
    with shop.working("steps.py"):
        other = _start(shop, "gated")
        shop("signal", other, "go")
        assert shop("result", other, "--timeout", "60") == '"done"\n'
        assert (_events(shop, "long"), _done(shop, "long")) == (count, steps)
        found = shop.why("long")
        assert (found["code"], found["next"]) == ("PAUSED", "partita resume long")
        assert "paused since" in found["sentence"]
        assert found["evidence"]["pause_reason"] == "a recall"
        assert "OPEN (paused)" in shop("show", "long")
        listed = json.loads(shop("list", "-o", "json", "--id", "long"))
        assert listed[0]["paused"]["reason"] == "a recall"
        shop("signal", "long", "go")
        assert count < _events(shop, "long") <= count + 2  # the signal, and that it is to be seen
        shop("resume", "long")
        until(lambda: _done(shop, "long") > steps, seconds=60)
        shop("pause", "long")
        shop("terminate", "long")
        assert shop.why("long")["code"] == "TERMINATED"


def _is_parked(place: Place, id: str) -> bool:
    """Whether nothing of a paused execution is with a worker any more."""
    shown = json.loads(place("show", id, "-o", "json"))
    return shown["deciding"] is None and all(
        one["state"] != "running" for one in shown["steps"][-3:]
    )


def test_a_paused_type_stands_still_for_two_workers(shop: Place) -> None:
    with shop.working("steps.py"), shop.working("steps.py") as second:
        _start(shop, "long")
        until(lambda: _done(shop, "long") > 3, seconds=60)
        shop("pause", "--type", "long", "--reason", "a recall")
        [paused] = json.loads(shop("pause"))
        assert (paused["kind"], paused["name"]) == ("type", "long")
        until(lambda: _is_parked(shop, "long"), seconds=60)
        later = shop.start("long", "later", id="later", file="steps.py")
        other = _start(shop, "gated")
        shop("signal", other, "go")
        assert shop("result", other, "--timeout", "60") == '"done"\n'
        until(lambda: _is_parked(shop, "long"), seconds=60)
        assert _done(shop, "later") == 0
        found = shop.why("long")
        assert (found["code"], found["next"]) == ("TYPE_PAUSED", "partita resume --type long")
        assert shop.why(later)["code"] == "TYPE_PAUSED"
        second.send_signal(signal.SIGKILL)
        second.wait()
        steps = _done(shop, "long")
        shop("resume", "--type", "long")
        until(lambda: _done(shop, "long") > steps and _done(shop, "later") > 0, seconds=60)
        assert json.loads(shop("pause")) == []
        (shop.folder / "enough").touch()
        assert shop("result", "later", "--timeout", "60") == "null\n"


def test_a_paused_task_list_hands_out_nothing(shop: Place) -> None:
    with shop.working("steps.py"):
        id = _start(shop, "gated")
        shop.until_why(id, "SIGNAL")
        shop("pause", "--task-list", "default")
        shop("signal", id, "go")
        found = shop.until_why(id, "TASK_LIST_PAUSED")
        assert found["next"] == "partita resume --task-list default"
        assert shop("doctor", status=1).count("task list default is paused") == 1
        shop("resume", "--task-list", "default")
        assert shop("result", id, "--timeout", "60") == '"done"\n'


def test_what_cannot_be_paused(shop: Place) -> None:
    shop("pause", "nobody", status=3)
    shop("resume", "nobody", status=3)
    shop("resume", status=2)
    shop("pause", "x", "--type", "y", status=2)
    shop("pause", "--type", "", status=2)
