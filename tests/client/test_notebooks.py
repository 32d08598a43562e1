"""What notebooks show: handles, statuses and histories as tables; nothing of it is markup."""

from __future__ import annotations

import asyncio
import json
from html.parser import HTMLParser
from pathlib import Path

import msgspec
import pytest

from partita import activity, workflow
from partita.client import AsyncClient, Client
from partita.engine import Engine
from partita.worker import Worker
from tests.conftest import STORES, new_store


@activity
def shout(text: str) -> str:
    return text.upper()


@workflow
def shouting(text: str, times: int) -> str:
    for _ in range(times):
        text = shout(text)
    if not text:
        raise ValueError("<b>nothing</b>")
    return text


class Cells(HTMLParser):
    """The texts of a table's rows."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.tags: set[str] = set()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.add(tag)
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_data(self, data: str) -> None:
        if self.rows and data.strip():
            self.rows[-1][-1] += data


@pytest.mark.parametrize("store", STORES)
def test_handles_statuses_and_histories_are_tables(store: str, tmp_path: Path) -> None:
    engine = Engine(new_store(store, tmp_path))
    with Client(engine) as client:
        with Worker(engine, workflows=[shouting], activities=[shout]):
            done = client.start_with(shouting, ("<i>a</i>", 1), workflow_id="<script>")
            assert done.result(timeout=60) == "<I>A</I>"
            failed = client.start_with(shouting, ("", 1), workflow_id="f")
            with pytest.raises(Exception, match="nothing"):
                failed.result(timeout=60)
        shown = Cells(done._repr_html_())
        rows = dict(shown.rows)
        assert rows["workflow id"] == "<script>"
        assert (rows["status"], rows["result"]) == ("COMPLETED", "'<I>A</I>'")
        assert shown.tags == {"table", "tbody", "tr", "td", "th"}
        assert "<b>nothing</b>" in dict(Cells(failed._repr_html_()).rows)["reason"]
        events = done.history()
        assert [row[2] for row in Cells(events._repr_html_()).rows[1:]] == [  # type: ignore[attr-defined]
            event.event_type for event in events
        ]
        assert isinstance(events, list)
        assert len(json.loads(msgspec.json.encode(events))) == len(events)


def test_a_long_history_shows_its_beginning_and_its_end(tmp_path: Path) -> None:
    engine = Engine(new_store("memory", tmp_path))
    with Client(engine) as client, Worker(engine, workflows=[shouting], activities=[shout]):
        handle = client.start(shouting, "a", 30)
        handle.result(timeout=60)
        events = handle.history()
        rows = Cells(events._repr_html_()).rows  # type: ignore[attr-defined]
        assert len(rows) == 52
        assert rows[26][2] == f"{len(events) - 50:,} more events"
        assert rows[-1][2] == "WorkflowExecutionCompleted"


def test_what_cannot_be_asked_is_said_and_not_raised(tmp_path: Path) -> None:
    client = Client(Engine(new_store("memory", tmp_path)))
    handle = client.start(shouting, "a", 1)
    assert dict(Cells(handle._repr_html_()).rows)["status"] == "OPEN"
    rows = dict(Cells(client.handle("nobody")._repr_html_()).rows)
    assert rows["workflow id"] == "nobody"
    assert "no execution 'nobody'" in rows["error"]
    client.close()

    async def use() -> None:
        async with AsyncClient(Client(Engine(new_store("memory", tmp_path)))) as awaited:
            awaited_handle = await awaited.start(shouting, "a", 1)
            assert "OPEN" in awaited_handle._repr_html_()

    asyncio.run(use())
