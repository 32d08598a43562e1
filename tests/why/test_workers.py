"""Reasons that lie with workers: none, others, dead ones, and code that does not come back."""

from __future__ import annotations

import json
import signal
from contextlib import closing
from pathlib import Path

import pytest

from partita.connect import connect
from partita.engine import Engine
from partita.ports.catalogue import WorkerRecord
from partita.server.local import swf_endpoint
from tests.conftest import until
from tests.why.conftest import place_in
from tests.why.programs import LINES, Place

OTHER = """
from partita import activity, workflow

@workflow
def other() -> int:
    return 1
"""

CHANGED = """
from partita import Signal, activity, sleep, wait_signal, workflow

@activity
def lookup() -> str:
    return "x"

@workflow
def approval() -> str:
    return lookup()
"""

FAILING = """
from partita.deciders import Decider

class Broken(Decider[int]):
    name = "broken"
    version = "1"

    def decide(self, process):
        raise ValueError("no rule fits")
"""

KILLING = """
import os
import signal
from partita import workflow

@workflow
def kills() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_no_worker_is_alive(either: Place) -> None:
    found = either.why(either.start("adds", 1))
    assert (found["code"], found["next"]) == ("NO_WORKER", "partita worker FILE")
    assert found["sentence"].startswith(
        "adds is not done because no worker is alive to run workflow adds"
    )


def test_nobody_tells_what_the_code_waits_for(either: Place) -> None:
    with either.working():
        either.until_why(either.start("gate"), "SIGNAL")
    found = either.why("gate")
    assert (found["code"], found["next"]) == ("WAITS", "partita show gate --stack --code FILE")
    assert either.why("gate", "--code", "flows.py")["code"] == "SIGNAL"


def test_amazon_swf_does_not_tell_of_workers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for key in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(key, "tests")
    with swf_endpoint() as address:
        place = place_in(tmp_path, f"swf://us-east-1/why?endpoint={address}")
        assert place.why(place.start("adds", 1))["code"] == "DECISION_WAITS"


def test_no_worker_has_the_code(either: Place) -> None:
    (either.folder / "other.py").write_text(OTHER)
    with either.working("other.py") as worker:
        found = either.until_why(either.start("adds", 1), "NO_CODE")
        assert [one["pid"] for one in found["evidence"]["workers"]] == [worker.pid]


def test_the_code_no_longer_fits_its_history(either: Place) -> None:
    with either.working():
        either.until_why(either.start("approval"), "SIGNAL")
    (either.folder / "flows.py").write_text(CHANGED)
    either("signal", "approval", "approve", "--input", '"x"')
    with either.working():
        found = either.until_why("approval", "NON_DETERMINISM")
    assert found["evidence"]["file"].endswith("flows.py")
    assert found["evidence"]["line"] == 10
    assert found["sentence"].count("flows.py:10") == 1
    assert found["next"].startswith("partita show approval --stack --code ")


def test_a_decision_does_not_come_back_and_then_its_worker_is_gone(either: Place) -> None:
    with either.working() as worker:
        found = either.until_why(either.start("blocks"), "DECIDING")
        until(lambda: "line" in either.why("blocks")["evidence"])
        found = either.why("blocks")
        assert found["evidence"]["worker"] == f"process {worker.pid}"
        line = LINES["def blocks() -> None:"]
        assert found["evidence"]["line"] in (line + 1, line + 2)
        assert found["next"].startswith("partita check ")
        worker.send_signal(signal.SIGKILL)
        worker.wait()
        found = either.until_why("blocks", "LOST_LEASE")
    assert f"the decision task, {worker.pid}@" in found["sentence"]
    assert "blocks is stuck: the worker that held a task of it is gone" in either("watch", "--once")


def test_a_signal_was_sent_under_another_name(database: Place) -> None:
    id = database.start("gate")
    database("signal", id, "aproved", "--input", '"ann"')  # which no worker is there to refuse
    with database.working():
        found = database.until_why(id, "SIGNAL")
        assert (found["evidence"]["signal"], found["evidence"]["last_signal"]) == (
            "approve",
            "aproved",
        )
        assert found["sentence"].endswith(" ago, was aproved.")
        refused = database.said(*found["next"].split()[1:])
        assert refused[1].endswith(
            "; give the value that it carries: --input JSON [INVALID_INPUT]\n"
        )
        assert refused[2] == 2
        database(*found["next"].split()[1:], "--input", '"ann"')
        assert database("result", id, "--timeout", "60") == '"ann"\n'


def _workers(place: Place) -> list[WorkerRecord]:
    with closing(connect(place.url)) as engine:
        assert isinstance(engine, Engine)
        return engine.living_workers()


def test_a_decision_that_kills_its_worker(database: Place) -> None:
    (database.folder / "flows.py").write_text(KILLING)
    with database.working("flows.py", "--processes", "2"):
        until(lambda: len(_workers(database)) == 2, seconds=60)
        database.start("kills")
        found = database.until_why("kills", "DECISION_KILLS")
    assert found["evidence"]["attempts"] >= 1


def test_a_decider_that_fails(either: Place) -> None:
    (either.folder / "flows.py").write_text(FAILING)
    with either.working():
        found = either.until_why(either.start("broken"), "DECISION_FAILS")
    assert "no rule fits" in found["evidence"]["message"]


def test_a_schedule_waits_or_is_paused(either: Place) -> None:
    either("schedule", "create", "nightly", "flows.py:sleeps", "--cron", "0 3 * * *")
    with either.working():
        found = either.until_why("nightly", "SCHEDULE_WAITS")
        assert found["evidence"]["next_at"]
        either("schedule", "pause", "nightly")
        found = either.until_why("nightly", "SCHEDULE_PAUSED")
    assert found["next"] == "partita schedule resume nightly"


def test_an_exported_history_is_explained(database: Place) -> None:
    with database.working():
        database.until_why(database.start("breaks"), "FAILED")
        database.until_why(database.start("sleeps"), "SLEEPS")
    for id, code in (("breaks", "FAILED"), ("sleeps", "SLEEPS")):
        (database.folder / f"{id}.json").write_text(database("export", id))
        assert database.why(f"{id}.json", "--code", "flows.py")["code"] == code


def test_every_form_of_the_answer(database: Place) -> None:
    database.start("adds", 1)
    text = database("why", "adds").splitlines()
    assert text[0].startswith("adds is not done because")
    assert text[1] == "  code: NO_WORKER"
    assert text[-1] == "  next: partita worker FILE"
    named = database("why", "adds", "--backend", database.url).splitlines()[-1]
    assert named == f"  next: partita worker FILE --backend {database.url}"
    assert json.loads(database("why", "adds", "-o", "jsonl"))["code"] == "NO_WORKER"
    database("why", "nobody", status=3)


def test_every_command_says_the_same(database: Place) -> None:
    with database.working():
        database.until_why(database.start("retries"), "RETRIES")
        found = database.why("retries")
        shown = json.loads(database("show", "retries", "-o", "json"))["why"]
        assert (shown["code"], shown["next"]) == (found["code"], found["next"])
        text = database("show", "retries").splitlines()
        assert text[-2].startswith(
            "Why: retries is not done because activity flaky (id 1) is tried"
        )
        assert text[-1] == "Next: partita tasks retries"
        wide = database("list", "-o", "wide")
        assert "RETRIES" in wide
        assert "activity flaky (id 1) is tried again" in wide
        out, err, status = database.said("result", "retries", "--timeout", "0.1")
    assert (out, status) == ("", 4)
    assert "not done within 0.1 s: activity flaky (id 1) is tried again" in err
    assert err.endswith("; next: partita tasks retries [WAIT_TIMED_OUT]\n")


def test_an_imported_history_is_explained(database: Place) -> None:
    with database.working():
        database.until_why(database.start("breaks"), "FAILED")
    (database.folder / "breaks.json").write_text(database("export", "breaks"))
    other = place_in(database.folder, f"sqlite:///{database.folder}/other.db")
    other("import", "breaks.json")
    assert other.why("breaks")["evidence"]["line"] == LINES['return {}["carrier"]']


def test_who_starts_what_is_paused_is_told(database: Place) -> None:
    database("pause", "--type", "adds", "--reason", "a recall")
    started = database.said("start", "flows.py:adds", "--input", "[1]", "--id", "adds")[1]
    assert started.startswith(
        "partita: execution adds waits: workflow type adds is paused since "
    ), started
    assert "next: partita resume --type adds" in started
    cancelled = database.said("cancel", "adds")[1]
    assert "workflow type adds is paused" in cancelled
