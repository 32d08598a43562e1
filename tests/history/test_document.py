"""A history survives the way into a file and back whole, or is refused with a reason."""

from __future__ import annotations

import enum
import json
import typing
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from partita import history as h
from partita.errors import InvalidInputError
from partita.history.document import ExportedHistory, export, files_in, load, read
from partita.history.references import CLOSING

KINDS: list[type[h.Event]] = list(typing.get_args(h.AnyEvent))
RUN = h.WorkflowExecution("order/1 ü", "run-1")


def start(**more: Any) -> h.WorkflowExecutionStarted:
    return h.WorkflowExecutionStarted(
        event_id=1,
        event_timestamp=1_000_000.25,
        child_policy=h.ChildPolicy.TERMINATE,
        task_list="default",
        workflow_type=h.WorkflowType("order", "2"),
        input='[1,"ü\\n"]',
        **more,
    )


def filled(kind: type[h.Event], number: int) -> h.AnyEvent:
    """Return an event of a kind with every attribute set to something that is no default."""
    hints = typing.get_type_hints(kind)
    values = {name: some(hints[name], name) for name in kind.__struct_fields__}
    event: h.AnyEvent = kind(**{**values, "event_id": number})  # type: ignore[assignment]
    return event


def some(hint: Any, name: str) -> Any:
    if type(None) in typing.get_args(hint):
        hint = next(one for one in typing.get_args(hint) if one is not type(None))
    origin = typing.get_origin(hint)
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return list(hint)[-1]
    if hint is h.RetryPolicy:
        return h.RetryPolicy(max_attempts=3, non_retryable=("ValueError",))
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return hint(*[f"{name} {field}" for field in hint.__struct_fields__])
    if origin is tuple:
        return ("one", "two")
    if origin is dict:
        return {"key": '"value"'}
    return {str: f'"{name} ü\\n"', int: 7, float: 1.5, bool: True}[hint]


def closed() -> ExportedHistory:
    end = h.WorkflowExecutionCompleted(
        event_id=3, event_timestamp=2.0, decision_task_completed_event_id=2, result="3"
    )
    waiting = h.DecisionTaskScheduled(event_id=2, event_timestamp=1.5, task_list="default")
    return export("default", RUN, [start(), waiting, end], {"size": 3})


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_event_survives_the_way_there_and_back(kind: type[h.Event]) -> None:
    first = kind is h.WorkflowExecutionStarted
    event = filled(kind, 1 if first else 2)
    history = export("default", RUN, [event] if first else [start(), event])
    assert load(history.dump()) == history
    assert load(history.dump()).events[-1] == event
    assert history.status == CLOSING.get(kind, "OPEN")


def test_the_text_is_stable_and_has_an_event_per_line() -> None:
    text = closed().dump()
    assert load(text).dump() == text
    lines = text.splitlines()
    assert json.loads(text)["search_attributes"] == {"size": 3}
    assert [json.loads(line.rstrip(","))["event_id"] for line in lines[-5:-2]] == [1, 2, 3]


def test_parent_and_type_come_from_the_first_event() -> None:
    parent = h.WorkflowExecution("parent", "run-0")
    history = export("default", RUN, [start(parent_workflow_execution=parent)])
    assert (history.parent, history.workflow_type.key) == (parent, "order@2")
    assert load(history.dump()) == history
    assert history.is_open


def test_an_open_history_can_be_ended() -> None:
    history = export("default", RUN, [start()]).terminated("it was cut off")
    assert history.status == "TERMINATED"
    assert load(history.dump()) == history


Change = Callable[[dict[str, Any]], Any]


def without(name: str) -> Change:
    return lambda plain: plain.pop(name)


def setting(**changes: Any) -> Change:
    return lambda plain: plain.update(changes)


def changing(event: int, **changes: Any) -> Change:
    return lambda plain: plain["events"][event - 1].update(changes)


REFUSED: list[tuple[Change, str]] = [
    (without("format"), 'it has no "format": "partita-history"'),
    (setting(format="other"), 'it has no "format": "partita-history"'),
    (setting(version=2, written_by="9.1"), "version 2 of the format, and this Partita"),
    (setting(version=2, written_by="9.1"), "Partita 9.1: use that, or a newer one"),
    (setting(version=True), "in version True of the format"),
    (without("version"), "in version None of the format"),
    (without("status"), "is incomplete: it has no status"),
    (without("events"), "is incomplete: it has no events"),
    (setting(events=[]), "is incomplete: it has no events"),
    (setting(events={}), "is incomplete: it has no events"),
    (setting(events=[3]), "event 1 has no event_type"),
    (setting(status="OPEN"), "its last event, 3, leaves it COMPLETED"),
    (setting(status=3), "Expected `str`, got `int`"),
    (setting(execution="x"), "Expected `object`, got `str`"),
    (setting(execution={"workflow_id": "x", "run_id": ""}), "no workflow_id or no run_id"),
    (setting(workflow_type={"name": "other"}), "it is of workflow other@1, but its first"),
    (setting(parent={"workflow_id": "x", "run_id": "y"}), "its parent is another one"),
    (setting(more=1, written_by="9.1"), "field 'more' that is unknown here; it was written by"),
    (setting(more=1), "field 'more' that is unknown here; was it edited?"),
    (lambda plain: plain["events"].pop(), "is cut off, or was edited: its status is COMPLETED"),
    (lambda plain: plain["events"].pop(1), "a gap: event 3 stands where event 2 belongs"),
    (lambda plain: plain["events"].pop(0), "a gap: event 2 stands where event 1 belongs"),
    (lambda plain: plain["events"].reverse(), "a gap: event 3 stands where event 1 belongs"),
    (changing(2, event_type="Frozen", event_id=2), "of a type unknown here, Frozen"),
    (changing(2, more=1), "a field 'more' in event 2 that is unknown here"),
    (changing(2, task_list=5), "holds a DecisionTaskScheduled, event 2, that cannot be read"),
    (changing(2, event_type=5), "event 2 has no event_type"),
    (changing(1, workflow_type={"name": "order", "version": "2", "flavour": 1}), "'flavour'"),
    (changing(1, event_type="DecisionTaskScheduled", event_id=1), "'child_policy' in event 1"),
]


@pytest.mark.parametrize(
    ("change", "reason"), REFUSED, ids=lambda it: "" if callable(it) else it[:50]
)
def test_what_is_no_whole_history_is_refused_in_one_line(change: Change, reason: str) -> None:
    plain = json.loads(closed().dump())
    change(plain)
    with pytest.raises(InvalidInputError) as caught:
        load(json.dumps(plain), "x.json")
    assert reason in str(caught.value)
    assert str(caught.value).startswith("x.json ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "{", "null", "[]", "3", "[" * 5000, closed().dump()[:-40]])
def test_other_text_is_refused(text: str) -> None:
    with pytest.raises(InvalidInputError, match=r"^x\.json is not an exported history"):
        load(text, "x.json")


def test_a_second_start_and_life_after_the_end_are_refused() -> None:
    events = closed().events
    twice = export("default", RUN, [start(), msgspec.structs.replace(start(), event_id=2)])
    with pytest.raises(InvalidInputError, match="event 2 begins an execution again"):
        load(twice.dump())
    later = msgspec.structs.replace(events[1], event_id=4)
    with pytest.raises(InvalidInputError, match="goes on after its end: event 3"):
        load(export("default", RUN, [*events, later]).dump())


def test_files_are_read_and_named_in_errors(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    path = tmp_path / "below" / "one.json"
    path.write_text(closed().dump(), "utf-8")
    assert read(path) == closed()
    assert files_in(tmp_path) == [path] == files_in(path)
    with pytest.raises(InvalidInputError, match="No such file"):
        read(tmp_path / "none.json")
    (tmp_path / "latin.json").write_bytes(b"\xff\xfe")
    with pytest.raises(InvalidInputError, match=r"latin\.json .* not UTF-8"):
        read(tmp_path / "latin.json")
    (tmp_path / "none").mkdir()
    with pytest.raises(InvalidInputError, match="partita export"):
        files_in(tmp_path / "none")
    with pytest.raises(InvalidInputError, match=r"no file or folder .*gone; .*partita export"):
        files_in(tmp_path / "gone")
