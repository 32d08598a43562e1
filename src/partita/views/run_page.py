"""Write one page of HTML that tells all of a run: to keep, or to send to somebody.

Pure: a history and pictures in, a document out. The document needs no network and no script, and
says so to the browser, which then refuses both. Every text is escaped.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from partita import history as h
from partita.codec import Converter
from partita.graph import BarPart, BarRow, Graph, Structure, bars_svg, svg
from partita.history.document import ExportedHistory
from partita.views.code_pictures import RunOnSource, SourceLine
from partita.views.durations import duration, utc_time
from partita.views.html_text import Markup, joined, table, tag
from partita.views.page_style import STYLE
from partita.views.payloads import NOTHING, data_of
from partita.views.run_steps import RunStep
from partita.views.standing import reason
from partita.views.timelines import RunTime, time_of
from partita.views.verdicts import Verdict

MOST_EVENTS = 4_000
"""Events of a page; of more, the first and the last ones are there."""

MOST_STEPS = 1_000
"""Steps of a page's table; of more, the first and the last ones are there."""

MOST_BARS = 200
"""Steps of a page's timeline, the newest."""

LONGEST_TEXT = 4_000
"""Characters of a payload, or of another text, that a page shows."""

_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
_NOT_SHOWN = frozenset({"event_id", "event_timestamp", "event_type"})
_PAYLOADS = frozenset({"input", "result", "details"})
_TICKS = 6


class RunPage(Struct, frozen=True, kw_only=True):
    """What a page shows."""

    history: ExportedHistory
    picture: Graph | Structure
    written_at: float  # seconds since the epoch; what is open lasts until then
    verdict: Verdict | None = None
    source: RunOnSource | None = None
    converter: Converter = Converter()


def html_page(page: RunPage) -> str:
    """Return the document."""
    run = page.history
    time = time_of(run.events, page.written_at)
    sections = [
        _section("Verdict", _verdict(page)),
        _section("The run", _facts(page, time)),
        _section("What has run", _figure(svg(page.picture))),
        _section("Time", _figure(_timeline(time))),
        _section("Steps", _steps(page, time.steps)),
        *([] if page.source is None else [_section("Source", _source(page.source))]),
        _section("Events", _events(page)),
    ]
    title = f"{run.execution.workflow_id}: {run.status}"
    written = f"Written by Partita at {utc_time(page.written_at)}. Nothing here is fetched or run."
    return "\n".join(
        [
            "<!DOCTYPE html>",
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
            '<meta name="referrer" content="no-referrer">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            tag("title", title),
            f"<style>{STYLE}</style>",
            "</head>",
            "<body>",
            tag("h1", run.execution.workflow_id, " ", _badge(run.status, _status(run.status))),
            *sections,
            tag("footer", written),
            "</body>",
            "</html>",
            "",
        ]
    )


def _section(title: str, content: Markup) -> Markup:
    return tag("section", tag("h2", title), "\n", content) if content else Markup()


def _figure(drawing: str) -> Markup:
    return tag("div", Markup(drawing), style="figure")


def _badge(text: str, status: str) -> Markup:
    return tag("span", text, style=f"badge is-{status}")


def _status(status: str) -> str:
    """Return the style of an execution's status."""
    known = {"COMPLETED": "succeeded", "OPEN": "running", "CANCELED": "canceled"}
    return known.get(status, "succeeded" if status == "CONTINUED_AS_NEW" else "failed")


# -- the run


def _verdict(page: RunPage) -> Markup:
    verdict = page.verdict
    if verdict is None:
        return Markup()
    root = verdict.root
    rows: list[tuple[object, object]] = [("code", tag("code", verdict.code))]
    if root is not verdict:
        rows.append(("because", joined([root.sentence, " ", tag("code", root.code)])))
    rows += [(_named(name), _evidence(name, value)) for name, value in root.evidence.items()]
    rows += [("also", other) for other in verdict.others]
    rows += [("next", tag("code", verdict.next))] if verdict.next else []
    return joined([tag("p", verdict.sentence, style="sentence"), table((), rows, "facts")])


def _named(name: str) -> str:
    return name.removesuffix("_at").replace("_", " ")


def _evidence(name: str, value: Any) -> str:
    if name.endswith("_at") and isinstance(value, int | float):
        return utc_time(value)
    return value if isinstance(value, str) else json.dumps(value, default=str)


def _facts(page: RunPage, time: RunTime) -> Markup:
    run = page.history
    last, begun = run.events[-1], run.begun
    result = last.result if isinstance(last, h.WorkflowExecutionCompleted) else None
    rows: list[tuple[str, object]] = [
        ("run", tag("code", run.execution.run_id)),
        ("type", run.workflow_type.key),
        ("input", _payload(begun.input, page.converter)),
        ("result", _payload(result, page.converter)),
        ("reason", reason(run.events) or ""),
        ("began", utc_time(time.begin)),
        ("ended", "" if run.is_open else utc_time(time.end)),
        ("took", duration(time.total)),
        ("task list", begun.task_list),
        ("tags", ", ".join(begun.tag_list)),
        ("attributes", json.dumps(run.search_attributes) if run.search_attributes else ""),
        ("parent", run.parent.workflow_id if run.parent is not None else ""),
        ("events", f"{len(run.events):,}"),
    ]
    return table((), [row for row in rows if row[1]], "facts")


def _payload(payload: str | None, converter: Converter) -> Markup:
    """Return a payload as JSON, indented where it is long."""
    value = data_of(payload, converter)
    if value is NOTHING:
        return Markup()
    text = json.dumps(value, ensure_ascii=False, default=str)
    if len(text) > 80:
        text = json.dumps(value, ensure_ascii=False, default=str, indent=1)
    return tag("pre", _cut(text))


def _cut(text: str) -> str:
    if len(text) <= LONGEST_TEXT:
        return text
    return f"{text[:LONGEST_TEXT]}… and {len(text) - LONGEST_TEXT:,} more characters"


# -- steps


def _timeline(time: RunTime) -> str:
    shown = time.steps[-MOST_BARS:]
    rows = [BarRow(step.title, tuple(_parts(step, time)), _bar_note(step)) for step in shown]
    ticks = [
        (number / _TICKS, duration(time.total * number / _TICKS)) for number in range(_TICKS + 1)
    ]
    return bars_svg(rows, ticks if time.total > 0 else [(0.0, "0 s")], "time")


def _parts(step: RunStep, time: RunTime) -> Iterator[BarPart]:
    def place(at: float) -> float:
        return min(1.0, max(0.0, (at - time.begin) / time.total)) if time.total > 0 else 0.0

    for number, span in enumerate(step.spans, 1):
        is_last = number == len(step.spans) and step.status == "failed"
        style = "failed" if is_last and span.state == "running" else span.state
        yield BarPart(style, place(span.begin), place(span.end))
    if not step.spans:
        yield BarPart("at-once", place(step.begun_at), place(step.begun_at))


def _bar_note(step: RunStep) -> str:
    took = "" if step.ended_at is None else duration(step.ended_at - step.begun_at)
    state = "" if step.status == "succeeded" else step.state
    return ", ".join(filter(None, (took, state)))


def _steps(page: RunPage, steps: Sequence[RunStep]) -> Markup:
    if not steps:
        return Markup()
    first, last, left = _ends(steps, MOST_STEPS)
    rows = [_step_row(step, page) for step in (*first, *last)]
    headings = ("step", "state", "began", "took", "attempts", "input", "result or error")
    begun = page.history.events[0].event_timestamp
    shown = [(title, state, f"{at - begun:+.3f} s", *others) for title, state, at, *others in rows]
    return joined([_left_out(left, "steps"), table(headings, shown, "rows")])


def _step_row(step: RunStep, page: RunPage) -> tuple[Any, ...]:
    took = "" if step.ended_at is None else duration(step.ended_at - step.begun_at)
    result = _payload(step.result, page.converter)
    return (
        step.title,
        _badge(step.state, step.status),
        step.begun_at,
        took,
        str(step.attempts or ""),
        _payload(step.input, page.converter),
        result or (_cut(step.note) if step.status != "succeeded" else ""),
    )


def _ends(found: Sequence[Any], most: int) -> tuple[Sequence[Any], Sequence[Any], int]:
    """Return the first and the last of many, and how many are left out between them."""
    if len(found) <= most:
        return found, (), 0
    half = most // 2
    return found[:half], found[-half:], len(found) - 2 * half


def _left_out(count: int, what: str) -> Markup:
    if not count:
        return Markup()
    return tag("p", f"{count:,} {what} in the middle are left out.", style="left-out")


# -- the source, and the events


def _source(source: RunOnSource) -> Markup:
    lines = joined(map(_line, source.lines), "\n")
    return joined([tag("p", source.path), tag("pre", lines, style="source")])


def _line(line: SourceLine) -> Markup:
    number = tag("span", f"{line.number:>5} ", style="number")
    note = tag("span", f"  # {line.note}", style="note") if line.note else ""
    return tag("span", number, line.text, note, style=f"line is-{line.status or 'plain'}")


def _events(page: RunPage) -> Markup:
    events = page.history.events
    first, last, left = _ends(events, MOST_EVENTS)
    begun = events[0].event_timestamp
    rows = [
        (one.event_id, f"{one.event_timestamp - begun:+.3f} s", one.event_type, _details(one, page))
        for one in (*first, *last)
    ]
    headings = ("event", "at", "type", "details")
    return joined([_left_out(left, "events"), table(headings, rows, "rows")])


def _details(event: h.AnyEvent, page: RunPage) -> Markup:
    fields: dict[str, Any] = msgspec.to_builtins(event)
    shown = [(name, value) for name, value in fields.items() if name not in _NOT_SHOWN]
    return joined(
        (tag("div", tag("i", name), " ", _field(name, value, page)) for name, value in shown)
    )


def _field(name: str, value: Any, page: RunPage) -> Markup:
    if name in _PAYLOADS and isinstance(value, str):
        return _payload(value, page.converter)
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return tag("span", _cut(text))
