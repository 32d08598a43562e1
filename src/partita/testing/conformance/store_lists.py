"""Checks of stores: lists, counts, backlogs and overviews."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from partita.ports.matching import Match
from partita.ports.state import ExecutionFilter, OpenTimer, Status
from partita.ports.store import Store
from partita.testing.conformance.store_arrange import (
    activity,
    committed,
    ended,
    new_state,
    saved,
    store_check,
    terminated,
    write,
)


@store_check
def lists_and_counts(store: Store) -> None:
    for number in range(6):
        saved(
            store,
            f"w{number}",
            type_name="even" if number % 2 == 0 else "odd",
            tag_list=("t", f"n{number}"),
            started_at=float(number),
        )
    closed = saved(store, "closed", started_at=50.0)
    terminated(store, closed)
    saved(store, "elsewhere", domain="other")

    def listed(**filter: Any) -> list[str]:
        wanted = ExecutionFilter(domain="d", **filter)
        found = [record.execution.workflow_id for record in store.executions(wanted)]
        if "limit" not in filter:
            assert store.count_executions(wanted) == len(found)
        return found

    assert listed() == ["closed", "w5", "w4", "w3", "w2", "w1", "w0"]
    assert listed(type_name="odd") == ["w5", "w3", "w1"]
    assert listed(statuses=(Status.TERMINATED,)) == ["closed"]
    assert listed(tag="n3") == ["w3"]
    assert listed(workflow_id="w2") == ["w2"]
    assert listed(started_after=2.0, started_before=4.0) == ["w3", "w2"]
    page = store.executions(ExecutionFilter(domain="d", limit=2))
    assert listed(before_run=page[-1].run, limit=2) == ["w4", "w3"]
    assert store.check() == []


@store_check
def backlogs_tell_how_much_waits_and_since_when(store: Store) -> None:
    waiting = [
        activity(id, queue=queue, since=since)
        for id, queue, since in (("a", "fast", 3.0), ("b", "slow", 9.0), ("c", "slow", 7.0))
    ]
    state = saved(store)
    write(store, state, *waiting, activity("taken", queue=None))
    write(store, saved(store, "elsewhere", domain="other"), activity("d", queue="slow"))
    found = {(one.kind, one.task_list): (one.count, one.since) for one in store.backlogs("d")}
    assert found["activity", "fast"] == (1, 3.0)
    assert found["activity", "slow"] == (2, 7.0)
    assert all(kind in ("activity", "decision") for kind, _ in found)
    assert store.backlogs("nobody's") == []


@store_check
def what_waits_in_a_queue_is_counted(store: Store) -> None:
    state = saved(store)
    waiting = [activity(id, queue="t") for id in "ab"]
    write(store, state, *waiting, activity("c", queue=None), activity("d", queue="u"))
    found = {(one.domain, one.kind, one.task_list): one.count for one in store.backlogs()}
    assert found == {
        ("d", "activity", "t"): 2,
        ("d", "activity", "u"): 1,
        ("d", "decision", "default"): 1,
    }
    assert store.backlogs("d") == store.backlogs()
    assert store.backlogs("other") == []


@store_check
def executions_are_found_by_search_attributes(store: Store) -> None:
    def described(workflow_id: str, **attributes: Any) -> None:
        with store.transaction() as transaction:
            state = new_state(transaction, workflow_id)
            state.progress = replace(state.progress, search_attributes=attributes)
            state.reindex = True
            transaction.write([state])
        committed(state)

    described("a", size=3, kind="x")
    described("b", size=3.5, kind="x", flag=True)
    described("c", size="3", flag=1)

    def found(**attributes: Any) -> list[str]:
        filter = ExecutionFilter(domain="d", attributes=tuple(attributes.items()))
        records = store.executions(filter)
        assert store.count_executions(filter) == len(records)
        return sorted(record.execution.workflow_id for record in records)

    assert found(kind="x") == ["a", "b"]
    assert found(size=3) == ["a"]
    assert found(size=3.5, kind="x") == ["b"]
    assert found(size="3") == found(flag=1) == ["c"]
    assert found(flag=True) == ["b"]
    assert found(nothing=0) == []


@store_check
def closed_executions_by_their_beginning(store: Store) -> None:
    saved(store, "open", started_at=1.0)
    ended(store, "elsewhere", domain="other")
    for number in (3, 1, 2, 1):
        ended(store, f"w{number}", started_at=float(number), type_name=f"type{number}")

    def pages(**filter: object) -> list[list[str]]:
        found, after = [], (0.0, 0)
        wanted = ExecutionFilter(domain="d", limit=2, **filter)  # type: ignore[arg-type]
        while page := store.executions(wanted, after):
            found.append([record.execution.workflow_id for record in page])
            after = page[-1].execution.started_at, page[-1].run
        return found

    assert pages() == [["w1", "w1"], ["w2", "w3"]]
    assert pages(started_before=3.0) == [["w1", "w1"], ["w2"]]
    assert pages(type_name="type2") == [["w2"]]
    assert pages(statuses=(Status.TERMINATED,), started_before=2.0) == [["w1", "w1"]]
    assert pages(statuses=(Status.COMPLETED,)) == []


_LISTED: dict[str, tuple[dict[str, Any], list[str]]] = {
    "all of a domain": ({}, ["w4", "w3", "w2", "w1", "w0"]),
    "another domain": ({"domain": "other"}, ["w0"]),
    "a tag": ({"tag": "red"}, ["w4", "w2", "w0"]),
    "a part of a tag is no tag": ({"tag": "re"}, []),
    "a tag with a quote": ({"tag": 'say "hi"'}, ["w3"]),
    "a tag that is a pattern": ({"tag": "%"}, []),
    "open": ({"statuses": (Status.OPEN,)}, ["w4", "w3", "w2", "w1"]),
    "one of several statuses": (
        {"statuses": (Status.OPEN, Status.TERMINATED)},
        ["w4", "w3", "w2", "w1", "w0"],
    ),
    "a status that none has": ({"statuses": (Status.FAILED,)}, []),
    "several at once": (
        {"tag": "red", "statuses": (Status.OPEN,), "started_before": 4.0, "type_name": "flow"},
        ["w2"],
    ),
    "none of a type": ({"type_name": "flo"}, []),
    "from a moment on": ({"started_after": 3.0}, ["w4", "w3"]),
    "before a moment": ({"started_before": 1.0}, ["w0"]),
}


def _five(store: Store) -> None:
    """Write five executions in one domain, and one in another."""
    for number in range(5):
        tags = ("red", "even") if number % 2 == 0 else ('say "hi"',) if number == 3 else ()
        state = saved(store, f"w{number}", tag_list=tags, started_at=float(number))
        if number == 0:
            terminated(store, state)
    saved(store, "w0", domain="other", started_at=9.0)


@store_check
def filters(store: Store) -> None:
    _five(store)
    for name, (options, expected) in _LISTED.items():
        wanted = ExecutionFilter(**{"domain": "d", **options})
        found = [record.execution.workflow_id for record in store.executions(wanted)]
        assert found == expected, name
        assert store.count_executions(wanted) == len(expected), name


@store_check
def matches(store: Store) -> None:
    if not getattr(store, "filters_by_matches", False):
        return
    for number, id in enumerate(("order-1", "order_1", "Order-1", "o*1", "o[1]")):
        tags, kind = ((f"t{number}", "all"), f"type{number % 2}")
        state = saved(store, id, tag_list=tags, type_name=kind, started_at=float(number))
        if number % 2:
            write(store, state, OpenTimer(id="t", started_event_id=3, due=9.0))
    terminated(store, saved(store, "ended", started_at=9.0))

    def found(field: str, *patterns: tuple[str, ...], negated: bool = False) -> str:
        match = Match(field=field, patterns=patterns, negated=negated)
        filter = ExecutionFilter(domain="d", matches=(match,))
        records = store.executions(filter)
        assert store.count_executions(filter) == len(records)
        return " ".join(record.execution.workflow_id for record in records)

    assert found("id", ("order-1",)) == "order-1"
    assert found("id", ("order", "")) == "order_1 order-1"
    assert found("id", ("o", "*", "")) == "o*1"
    assert found("id", ("", "[", "")) == "o[1]"
    assert found("id", ("order", ""), ("", "]"), negated=True) == "ended o*1 Order-1"
    assert found("type", ("type1",)) == "o*1 order_1"
    assert found("tag", ("t", "")) == "o[1] o*1 Order-1 order_1 order-1"
    assert found("tag", ("t1",), ("t3",)) == "o*1 order_1"
    assert found("tag", ("all",), negated=True) == "ended"
    assert found("run", ("run-of-Order-1",)) == "Order-1"
    assert found("status", ("TERMINATED",)) == "ended"
    assert found("waiting", ("timer",)) == "o*1 order_1"
    assert found("waiting", ("timer",), ("decision",), negated=True) == "ended"


@store_check
def pages_hold_each_execution_once(store: Store) -> None:
    _five(store)
    for limit in (1, 2, 5, 6):
        found: list[str] = []
        before: int | None = None
        while page := store.executions(ExecutionFilter(domain="d", limit=limit, before_run=before)):
            assert len(page) <= limit
            found += [record.execution.workflow_id for record in page]
            before = page[-1].run
        assert found == ["w4", "w3", "w2", "w1", "w0"]


@store_check
def a_count_knows_no_limit_and_a_page_of_none_is_empty(store: Store) -> None:
    _five(store)
    assert store.count_executions(ExecutionFilter(domain="d", limit=1)) == 5
    assert store.executions(ExecutionFilter(domain="d", limit=0)) == []


@store_check
def what_is_listed_is_what_is_found(store: Store) -> None:
    _five(store)
    for record in store.executions(ExecutionFilter(domain="d")):
        execution = record.execution
        assert store.find("d", execution.workflow_id, execution.run_id) == record


@store_check
def an_overview_has_tasks_what_is_overdue_and_what_is_bare(store: Store) -> None:
    state, bare = saved(store, started_at=1.0), saved(store, "bare", started_at=7.0)
    timers = [OpenTimer(id=str(due), started_event_id=3, due=due) for due in (5.0, 4.0, 9.0)]
    write(store, state, activity("a", since=3.0), *timers)
    bare.drop(("decision", ""))
    write(store, bare)
    ended(store, "closed", started_at=2.0)
    found = store.overview(6.0)
    assert [(one.run, item.kind) for one, item in found.tasks] == [
        (state.run, "activity"),
        (state.run, "decision"),
    ]
    assert [(one.run, item.id) for one, item in found.overdue] == [
        (state.run, "4.0"),
        (state.run, "5.0"),
    ]
    assert [one.run for one in found.bare] == [bare.run]
    assert found.latest == 7.0
