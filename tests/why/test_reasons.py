"""Each reason that holds while a worker serves, on SQLite, PostgreSQL and Amazon SWF's protocol."""

from __future__ import annotations

from typing import Any

from tests.conftest import until
from tests.why.programs import LINES, Place


def _is_at(found: dict[str, Any], line: str) -> None:
    evidence = found["evidence"]
    assert evidence["file"].endswith("flows.py")
    assert evidence["line"] == LINES[line]


def _root(found: dict[str, Any]) -> dict[str, Any]:
    while found["child"] is not None:
        found = found["child"]
    return found


def test_an_activity_that_failed_is_tried_again(place: Place) -> None:
    found = place.until_why(place.start("retries"), "RETRIES")
    evidence = found["evidence"]
    assert (evidence["attempt"], evidence["max_attempts"]) == (1, 50)
    assert (evidence["error"], evidence["message"]) == ("CarrierDown", "no answer")
    assert evidence["next_at"]
    _is_at(found, 'raise CarrierDown("no answer")')
    assert "attempt 1 of 50 failed with CarrierDown: no answer (flows.py:" in found["sentence"]


def test_an_activity_runs_and_sends_heartbeats(place: Place) -> None:
    found = place.until_why(place.start("runs"), "RUNS")
    assert found["evidence"]["activity"] == "beats"
    assert found["evidence"]["worker"]
    assert found["next"] == "partita result runs"
    if place.kind != "swf":  # which records no heartbeat in its history
        until(lambda: "heartbeat_details" in place.why("runs")["evidence"], seconds=60)
        assert '{"done":5}' in place.why("runs")["sentence"]


def test_the_code_waits_for_a_signal_until_a_moment(place: Place) -> None:
    id = place.start("approval")
    found = place.until_why(id, "SIGNAL", "--code", "flows.py")
    assert found["evidence"]["signal"] == "approve"
    assert found["evidence"]["until_at"]
    assert found["next"] == "partita signal approval approve"
    _is_at(found, "return wait_signal(approve, timeout=3600)")


def test_the_code_sleeps(place: Place) -> None:
    found = place.until_why(place.start("sleeps"), "SLEEPS", "--code", "flows.py")
    assert found["evidence"]["until_at"]
    _is_at(found, "sleep(3600)")


def test_a_child_is_followed_down(place: Place) -> None:
    given = (place.start("parent"), "--code", "flows.py")
    until(lambda: _root(place.why(*given))["code"] == "SIGNAL", seconds=60)
    found = place.why(*given)
    assert found["code"] == "CHILD"
    assert found["child"]["evidence"]["signal"] == "approve"
    assert found["next"] == f"partita signal {found['child']['workflow_id']} approve"
    assert "which is not done because it waits for signal approve" in found["sentence"]


def test_a_failure_names_its_first_cause(place: Place) -> None:
    found = place.until_why(place.start("breaks"), "FAILED")
    _is_at(found, 'return {}["carrier"]')
    assert found["evidence"]["error"] == "KeyError"
    assert found["evidence"]["activity"] == "lookup"
    became = found["evidence"]["became"]
    assert [one.partition(":")[0] for one in became] == ["CarrierDown", "RuntimeError"]
    assert found["next"] == "partita rerun breaks"


def test_a_child_that_failed_is_followed_down(place: Place) -> None:
    found = place.until_why(place.start("breaks_below"), "CHILD_FAILED")
    assert _root(found)["code"] == "FAILED"
    _is_at(_root(found), 'return {}["carrier"]')


def test_how_executions_ended(place: Place) -> None:
    place.until_why(place.start("adds", 1), "COMPLETED")
    started = place("start", "flows.py:again", "--input", "[1]", "--id", "again")
    first, run = started.split()
    until(lambda: place.why(first, "--run", run)["code"] == "CONTINUED", seconds=60)
    assert place.why(first, "--run", run)["evidence"]["new_run_id"]
    place("terminate", first, "--reason", "no longer wanted")
    assert "no longer wanted" in place.until_why(first, "TERMINATED")["sentence"]
    place("cancel", place.start("obeys"))
    place.until_why("obeys", "CANCELED")
    flows = ("start", "flows.py:sleeps", "--id", "short", "--execution-start-to-close", "1s")
    place(*flows)
    place.until_why("short", "TIMED_OUT")


def test_a_limit_holds_an_activity_back(place: Place) -> None:
    if place.kind == "swf":
        return  # Amazon SWF limits no task list
    place("limit", "narrow", "--concurrency", "1")
    place.start("limited", id="first")
    place.until_why("first", "RUNS")
    found = place.until_why(place.start("limited", id="second"), "LIMITED")
    assert found["evidence"]["concurrency"] == 1
    assert found["next"] == "partita limit narrow"


def test_no_worker_serves_the_task_list(place: Place) -> None:
    id = place.start("goes_far")
    if place.kind == "swf":  # whose workers nobody knows
        place.until_why(id, "QUEUED")
        return
    found = place.until_why(id, "NOT_SERVED")
    assert found["next"] == "partita worker FILE --task-list far"
    assert [one["task_lists"] for one in found["evidence"]["workers"]]
