"""Every example: its commands as a user runs them, and its workflow on every store."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import re
import sys
from collections import Counter
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
import pytest

from examples import (
    analyse_text,
    approval,
    basic,
    cancellation,
    checkout,
    children,
    crawler,
    greeting_class,
    long_life,
    pipeline_shapes,
    programs,
    routing,
    timers,
    wordcount,
)
from partita import WorkflowDefinition
from partita.authoring.class_options import definition_of
from partita.client import Client, Handle
from partita.codec import Converter
from partita.connect import connect
from partita.deciders import DeciderDefinition
from partita.errors import UpdateFailedError, WorkflowFailedError, WorkflowTerminatedError
from partita.history import (
    ActivityTaskScheduled,
    MarkerRecorded,
    WorkflowExecutionSignaled,
)
from partita.ports.state import Status
from partita.testing.environment import defined_in
from partita.worker import Worker
from tests.conftest import Rig, until
from tests.examples.programs import EXAMPLES, ROOT, commands, given, run

ORDER = checkout.Order("4242", ["pen", "book"])
TOO_HEAVY = checkout.Order("4242", ["pen", "anvil"])


def worker(rig: Rig, module: ModuleType, task_lists: Iterable[str] = ("default",)) -> Worker:
    """Return a worker for all that a module defines."""
    flows, works = defined_in([module])
    return rig.worker(*flows, *works, task_lists=task_lists)


def everywhere(
    rig: Rig, workflow: WorkflowDefinition[..., Any], *args: Any, id: str = "x", **kwargs: Any
) -> Any:
    """Run a workflow on the rig's store and return its result, typed."""
    with worker(rig, sys.modules[workflow.function.__module__]):
        handle = rig.client.start_with(workflow, args, kwargs, workflow_id=id)
        result = handle.result(timeout=30)
    assert rig.failures == []
    return result


def scheduled(rig: Rig, id: str = "x") -> list[str]:
    """Return the activities of an execution, in the order in which they were asked for."""
    events = rig.events(id)
    return [e.activity_type.name for e in events if isinstance(e, ActivityTaskScheduled)]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_both_commands_of_the_docstring_give_one_result(path: Path, tmp_path: Path) -> None:
    durable, plain = commands(path)
    file, name = durable[2].split(":")
    assert durable[:2] == ["partita", "run"]
    assert plain == ["python", file] == ["python", str(path.relative_to(ROOT))]
    workflow = definition_of(getattr(import_module(f"examples.{path.stem}"), name))
    args, kwargs = workflow.signature.load(Converter(), json.dumps(given(durable)))
    expected = called(path, workflow, args, kwargs)
    printed = msgspec.to_builtins(expected)
    assert json.loads(run(durable, tmp_path / "x.db")) == json.loads(json.dumps(printed))
    assert run(plain, tmp_path / "none.db").splitlines()[0] == str(expected)
    assert not (tmp_path / "none.db").exists()


def called(
    path: Path, workflow: WorkflowDefinition[..., Any], args: list[Any], kwargs: dict[str, Any]
) -> Any:
    """Return what a workflow gives in this process, by itself or, if it needs one, on an engine."""
    if isinstance(workflow, DeciderDefinition):
        _, activities = defined_in([import_module(f"examples.{path.stem}")])
        memory = connect("memory://")
        with Client(memory) as client, Worker(memory, workflows=[workflow], activities=activities):
            return client.start_with(workflow, args, kwargs).result(timeout=30)
    given = workflow(*args, **kwargs)
    return asyncio.run(given) if workflow.is_async else given


def test_basic(rig: Rig) -> None:
    assert everywhere(rig, basic.calculate, 20, 0.01) == basic.calculate(20, 0.01) == 42
    assert "TimerFired" in rig.kinds("x")


def test_analyse_text_retries_and_agrees(rig: Rig) -> None:
    text = (ROOT / "LICENSE").read_text()
    report = everywhere(rig, analyse_text.analyse, text)
    assert report == analyse_text.analyse(text)
    assert (report.size, report.language) == ("an article", "English")
    assert report.words == len(re.findall(r"[^\W\d_]+", text.lower()))
    assert rig.kinds("x").count("ActivityTaskRescheduled") == 1


def test_analyse_text_goes_every_way(rig: Rig) -> None:
    assert everywhere(rig, analyse_text.analyse, "").size == "empty"
    note = everywhere(rig, analyse_text.analyse, "one two two", id="y")
    assert (note.size, note.language, note.frequent[0]) == ("a note", "unknown", "two")
    assert everywhere(rig, analyse_text.analyse, "und " * 10_000, id="z").size == "a book"


TEXTS = (".js", ".json", ".py", ".sql")


def test_wordcount_counts_this_repository(rig: Rig) -> None:
    folder = ROOT / "src"
    counted: Counter[str] = Counter()
    for path in folder.rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts and path.suffix in TEXTS:
            counted.update(re.findall(r"[^\W\d_]+", path.read_text().lower()))
    most = sorted(counted.items(), key=lambda pair: (-pair[1], pair[0]))[:10]
    assert everywhere(rig, wordcount.top_words, str(folder), 10) == most
    assert rig.kinds("x").count("ActivityTaskScheduled") > 50


def test_checkout_succeeds(rig: Rig) -> None:
    report = everywhere(rig, checkout.checkout, ORDER)
    assert report == checkout.checkout(ORDER)
    assert report.parcel == "a parcel with pen, book"
    assert report.undone == []


def test_checkout_compensates_in_reverse_order(rig: Rig) -> None:
    report = everywhere(rig, checkout.checkout, TOO_HEAVY)
    assert report == checkout.checkout(TOO_HEAVY)
    assert report.parcel is None
    assert report.problem.startswith("CarrierDownError")
    names = ["charge", "reserve", "reserve", "ship", "release", "release", "refund"]
    assert scheduled(rig) == names


def test_programs_look_at_this_repository(rig: Rig) -> None:
    folder = ROOT / "src" / "partita" / "authoring"
    report = everywhere(rig, programs.survey, str(folder))
    assert report == programs.survey(str(folder))
    files = [path for path in folder.rglob("*.py") if path.stat().st_size]
    assert report.files == len(files)
    lines = [line for path in files for line in path.read_text().splitlines()]
    assert report.imports == sum(line.startswith(("import ", "from ")) for line in lines)
    assert report.todos == sum("TODO" in line for line in lines)
    assert scheduled(rig) == ["grep", "count_tokens", "grep", "grep"]


def test_timers_remind_until_the_answer_comes(rig: Rig) -> None:
    assert everywhere(rig, timers.invite, "Ada", 0.2) == timers.Seat("Ada comes", 2, "soup")
    assert scheduled(rig) == ["write"] * 4
    assert rig.kinds("x").count("TimerFired") == 3  # two pauses, and the question's time


def test_timers_give_up_in_the_end(rig: Rig) -> None:
    seat = everywhere(rig, timers.invite, "Ada", 30.0, patience=0.01)
    assert seat == timers.Seat("no answer", 0, "none")
    until(lambda: rig.client.list(type_name="guest").executions[0].status is Status.CANCELED)


def test_approval_answers_while_it_waits(rig: Rig) -> None:
    decide = approval.Decision
    with worker(rig, approval):
        handle = rig.client.start(approval.purchase, "a piano", 4200, by_rule=False)
        assert handle.update("haggle", 1, timeout=20) == 3780
        with pytest.raises(UpdateFailedError, match="it costs 3780 already"):
            handle.update("haggle", 4000, timeout=20)
        for name in ("ann", "ann", "bob"):
            handle.signal(approval.DECISION, decide(name, True))
        assert handle.result(timeout=20) == "a piano is ordered for 3780 euros"
        assert handle.query("standing").for_it == ["ann", "bob"]
    events = handle.history()
    names = [event.signal_name for event in events if isinstance(event, WorkflowExecutionSignaled)]
    assert names == ["$update:haggle"] * 2 + ["decision"] * 3
    assert scheduled(rig, handle.workflow_id) == ["ask_seller", "order"]


def test_approval_may_be_refused(rig: Rig) -> None:
    result = everywhere(rig, approval.purchase, "a yacht", 8000)
    assert result == approval.purchase("a yacht", 8000) == "a yacht is refused by bob"


def test_children_have_histories_of_their_own(rig: Rig) -> None:
    books = everywhere(rig, children.close_month, ["Oslo", "Bergen"])
    assert (sum(books.crowns.values()), books.euros) == (3500, 297.5)
    types = Counter(info.workflow_type.name for info in rig.client.list().executions)
    assert types == {"close_month": 1, "close_branch": 3, "exchange_rate": 1}
    assert scheduled(rig) == []


def test_children_clean_up_when_their_parent_is_terminated(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(children, "GRACE", 60)

    def branches(status: Status) -> list[str]:
        found = rig.client.list(type_name="close_branch", status=status).executions
        return [info.workflow_id for info in found if "TimerStarted" in rig.kinds(info.workflow_id)]

    with worker(rig, children):
        handle = rig.client.start(children.close_month, ["Oslo", "Bergen"])
        until(lambda: len(branches(Status.OPEN)) == 3)
        handle.terminate()
        with pytest.raises(WorkflowTerminatedError):
            handle.result(timeout=20)
        until(lambda: len(branches(Status.CANCELED)) == 3)
    for id in branches(Status.CANCELED):
        assert scheduled(rig, id) == ["lock", "unlock"]


def test_cancellation_stops_what_runs_and_cleans_up(rig: Rig) -> None:
    report = everywhere(rig, cancellation.deploy, "web1")
    assert report == cancellation.Report("25 bytes from near", "web1 is live", True)
    assert rig.kinds("x").count("ActivityTaskCanceled") == 1
    child = rig.client.list(type_name="rollout").executions[0]
    assert child.status is Status.CANCELED
    assert scheduled(rig, child.workflow_id) == ["tell"] * 3


def test_long_life_goes_through_short_runs(rig: Rig) -> None:
    account = everywhere(rig, long_life.subscription, "Ada", 5)
    assert account == long_life.subscription("Ada", 5)
    runs = rig.client.list(workflow_id="x").executions
    assert [run.status for run in runs] == [Status.COMPLETED] + [Status.CONTINUED_AS_NEW] * 2
    markers = [event for event in rig.events("x") if isinstance(event, MarkerRecorded)]
    assert [marker.marker_name for marker in markers] == ["patched 2026-loyalty"]


def test_long_life_is_mended(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BANK", "closed")
    with worker(rig, long_life):
        with pytest.raises(WorkflowFailedError, match="cannot pay"):
            rig.client.start_with(long_life.subscription, ("Ada", 3), workflow_id="x").result()
        monkeypatch.delenv("BANK")
        mended = rig.client.rerun("x").result(timeout=20)
        forked = rig.client.fork("x", event_id=7, new_workflow_id="y").result(timeout=20)
    assert mended.paid == forked.paid == [10.0, 10.0, 10.0]


def test_crawler_finds_dead_links(
    rig: Rig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crawler, "ROOT", tmp_path / "pages")
    (tmp_path / "pages" / "sub").mkdir(parents=True)
    (tmp_path / "pages" / "a.md").write_text("[b](sub/b.md) [text](sub/c.txt) [x](gone.md)")
    (tmp_path / "pages" / "sub" / "b.md").write_text("[a](../a.md) [x](gone.md) [w](https://x)")
    (tmp_path / "pages" / "sub" / "c.txt").write_text("[x](not-a-link.md)")
    report = everywhere(rig, crawler.crawl, "a.md", at_a_time=1)
    assert report == crawler.Report(3, ["gone.md", "sub/gone.md"], [])
    assert scheduled(rig) == ["read_links"] * 5


def test_crawler_gives_up_what_takes_too_long(rig: Rig) -> None:
    with rig.worker(crawler.crawl):  # nobody reads
        handle: Handle[Any] = rig.client.start(crawler.crawl, "a.md", patience=0.01)
        assert handle.result(timeout=20) == crawler.Report(0, [], ["a.md"])
    assert "ActivityTaskCanceled" in rig.kinds(handle.workflow_id)


def outcomes(rig: Rig, id: str) -> dict[str, str]:
    """Return what became of the steps of an execution."""
    markers = [event for event in rig.events(id) if isinstance(event, MarkerRecorded)]
    steps = [json.loads(marker.details or "") for marker in markers]
    return {step["step"]: step["outcome"] for step in steps}


def test_pipeline_shapes_mend_and_leave_out(rig: Rig) -> None:
    result = everywhere(rig, pipeline_shapes.build, "2026-02")
    assert result == pipeline_shapes.build("2026-02")
    assert result["draw"] == "coast None, hill -1.5, north 1.8, south 7.5"
    assert result["mail"] == ["2026-02 to ann", None, "2026-02 to eve"]
    assert outcomes(rig, "x") == {"map": "done", "measure": "run", "draw": "run", "mail": "run"}
    assert Counter(scheduled(rig))["average"] == 4


def test_pipeline_shapes_skip_and_force(rig: Rig) -> None:
    result = everywhere(rig, pipeline_shapes.build, "2020-01", skip=["mail"], force=["map"])
    assert result == {"map": "a map", "measure": None, "draw": "north 1.8", "mail": None}
    assert outcomes(rig, "x") == {"map": "run", "measure": "run", "draw": "run", "mail": "skipped"}


def test_routing_sends_work_to_every_press(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRESSES", "apart")
    spec = importlib.util.spec_from_file_location("routing_apart", routing.__file__)
    assert spec is not None
    assert spec.loader is not None
    apart = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(apart)
    rig.client.set_limits("large", concurrency=1)
    with worker(rig, apart, ("default", "small", "large")):
        handle = rig.client.start_with(apart.print_all, ("Ada Ltd", [2, 3, 400]))
        expected = routing.print_all("Ada Ltd", [2, 3, 400])
        assert handle.result(timeout=20) == expected
    events = [event for event in handle.history() if isinstance(event, ActivityTaskScheduled)]
    lists = [event.task_list for event in events]
    assert lists == ["small", "small", "small", "small", "large", "default"]
    assert [event.task_priority for event in events][2:5] == [998, 997, 600]


def test_routing_can_be_searched_for(rig: Rig) -> None:
    everywhere(rig, routing.print_all, "Ada Ltd", [2, 3])
    everywhere(rig, routing.print_all, "Bob Ltd", [1], id="y")
    found = rig.client.list(search_attributes={"customer": "Ada Ltd", "printed": True}).executions
    assert [info.workflow_id for info in found] == ["x"]
    assert found[0].search_attributes["pages"] == 5


def test_greeting_class_answers_while_the_door_is_open(rig: Rig) -> None:
    with worker(rig, greeting_class):
        handle: Handle[Any] = rig.client.start_with(greeting_class.Greeting, (["Ada"], True))
        until(lambda: handle.query("greeted") == ["Hello, Ada!"])
        assert handle.update("greet", "Eve", timeout=20) == "Hello, Eve!"
        assert handle.update("greet", "E-", timeout=20) == "Hello, whoever you are!"
        handle.signal("close")
        said = handle.result(timeout=20)
    assert said == ["Hello, Ada!", "Hello, Eve!", "Hello, whoever you are!"]
    assert scheduled(rig, handle.workflow_id) == ["voice"] * 3 + ["write_down"]
    assert rig.failures == []


def test_greeting_class_reads_its_setting_once(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GREETING", "Good day")
    with worker(rig, greeting_class):
        handle: Handle[Any] = rig.client.start_with(greeting_class.Greeting, (["Ada"], True))
        until(lambda: "ActivityTaskCompleted" in [e.event_type for e in handle.history()])
    monkeypatch.setenv("GREETING", "Good night")
    with worker(rig, greeting_class):  # which knows only the history
        assert handle.update("greet", "Eve", timeout=20) == "Good day, Eve!"
        handle.signal("close")
        assert handle.result(timeout=20) == ["Good day, Ada!", "Good day, Eve!"]
