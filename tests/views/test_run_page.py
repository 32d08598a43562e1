"""The page of a run: what it tells, that it needs nothing, and that no text of a run is markup."""

from __future__ import annotations

import enum
import types
import typing
from html.parser import HTMLParser
from typing import Any

import msgspec
import pytest

from partita import activity, workflow
from partita import history as h
from partita.errors import WorkflowFailedError
from partita.graph import Step, Structure
from partita.history.document import ExportedHistory, export
from partita.history.references import CLOSING, REFERENCES
from partita.views.code_pictures import RunOnSource, SourceLine, run_on_source
from partita.views.html_text import Markup, escaped_html, tag
from partita.views.run_page import MOST_EVENTS, RunPage, html_page
from partita.views.run_pictures import picture_of_run
from partita.views.verdicts import Verdict
from tests.conftest import Rig
from tests.views.histories import done, history

EVIL = "<script>alert('x')</script>\"' onload=x &lt; \x00\x1b ]]> --> </style></pre></svg>"
VOID = {"meta"}


class Page(HTMLParser):
    """Reads a page as a browser would; keeps its elements and texts."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.names: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.texts: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())

    def check(self) -> None:
        """Check that nothing is run, fetched or sent."""
        allowed = {
            *("html", "head", "meta", "title", "style", "body", "h1", "h2", "section", "div", "p"),
            *("span", "table", "thead", "tbody", "tr", "th", "td", "pre", "code", "i", "footer"),
            *("svg", "defs", "marker", "path", "rect", "circle", "polygon", "text", "g"),
        }
        assert set(self.names) <= allowed
        for name, value in self.attributes:
            assert not name.startswith("on")
            assert name not in ("href", "src", "action", "style", "srcset", "xlink:href")
            assert "//" not in value or name == "xmlns"
            assert "url(" not in value or value.startswith("url(#")


def page_of(run: ExportedHistory, **more: Any) -> Page:
    picture = picture_of_run(run.events, run.execution.workflow_id)
    page = Page(html_page(RunPage(history=run, picture=picture, written_at=1e9, **more)))
    page.check()
    return page


# -- texts are texts


def evil(hint: Any, depth: int = 0) -> Any:
    """Return a value of a type whose texts are all evil."""
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return evil(args[0], depth)
    if hint is str:
        return EVIL
    if origin is tuple:
        return (evil(args[0], depth),)
    if origin is dict:
        return {EVIL: evil(args[1], depth)}
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return next(iter(hint))
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        hints = typing.get_type_hints(hint)
        return hint(**{name: evil(hints[name], depth + 1) for name in hint.__struct_fields__})
    return {int: 1, float: 1.0, bool: True}.get(hint)


def evil_events() -> list[h.AnyEvent]:
    """Return an event of every type but for all ends; the first is the start."""
    kinds = [one for one in REFERENCES if one not in CLOSING]
    kinds.sort(key=lambda one: one is not h.WorkflowExecutionStarted)
    made = [msgspec.structs.replace(evil(one), event_id=n) for n, one in enumerate(kinds, 1)]
    return [msgspec.structs.replace(one, event_timestamp=float(n)) for n, one in enumerate(made)]


@pytest.mark.parametrize("end", sorted(CLOSING, key=str))
def test_no_text_of_a_run_is_markup(end: Any) -> None:
    events = evil_events()
    last = msgspec.structs.replace(evil(end), event_id=len(events) + 1, event_timestamp=1e6)
    execution = h.WorkflowExecution(EVIL, EVIL)
    run = export("default", execution, [*events, last], {EVIL: EVIL})
    verdict = Verdict(
        code="FAILED",
        workflow_id=EVIL,
        run_id=EVIL,
        status="FAILED",
        reason=EVIL,
        evidence={EVIL: EVIL, "began_at": 1.0, "b_at": EVIL},
        next=EVIL,
        others=(EVIL,),
        child=Verdict(code="FAILED", workflow_id=EVIL, run_id="", status="FAILED", reason=EVIL),
    )
    source = RunOnSource(EVIL, Structure(EVIL, ()), (SourceLine(1, EVIL, "failed", EVIL),))
    found = page_of(run, verdict=verdict, source=source)
    assert found.text.count("<script>alert('x')</script>") > 3 * len(events)


def test_no_text_of_a_picture_is_markup() -> None:
    box = Step(EVIL, EVIL, 1, status=EVIL, note=EVIL)
    run = export("default", h.WorkflowExecution("w", "r"), history())
    page = Page(html_page(RunPage(history=run, picture=Structure(EVIL, (box,)), written_at=1.0)))
    page.check()


def test_markup_is_what_is_written_as_such() -> None:
    assert tag("b", "<i>", Markup("<i></i>")) == "<b>&lt;i&gt;<i></i></b>"
    assert tag("b", style='"x') == '<b class="&quot;x"></b>'
    assert escaped_html("a\ud800\x00b") == "a\ufffd\ufffdb"
    assert escaped_html(escaped_html("&")) == "&amp;"


# -- what it tells


@activity
def charge(cents: int) -> str:
    if cents > 100:
        raise ValueError("too much")
    return f"paid {cents}"


@workflow
def order(items: list[int]) -> list[str]:
    paid = [charge(cents) for cents in items]
    with open("/dev/null"):
        return paid


def test_a_page_tells_all_of_a_run(rig: Rig) -> None:
    with rig.worker(order, charge):
        handle = rig.client.start_with(order, ([50, 500],), workflow_id="one")
        with pytest.raises(WorkflowFailedError):
            handle.result()
    run, verdict = rig.client.export_history("one"), rig.client.why("one")
    source = run_on_source(run, order)
    page = Page(
        html_page(
            RunPage(
                history=run,
                picture=source.picture,
                written_at=1e9,
                verdict=verdict,
                source=source,
            )
        )
    )
    page.check()
    for text in (
        verdict.sentence,
        "partita rerun one",
        "[[50, 500]]",
        '"paid 50"',
        "ValueError: too much",
        "2 runs: 1 failed, 1 succeeded",
        "paid = [charge(cents) for cents in items]",
        'with open("/dev/null"):',
        "ActivityTaskFailed",
        "WorkflowExecutionFailed",
        "Nothing here is fetched or run.",
    ):
        assert " ".join(text.split()) in page.text
    assert page.names.count("svg") == 2
    assert any(value.startswith("default-src 'none'") for _, value in page.attributes)


def test_a_page_of_a_long_run_leaves_its_middle_out() -> None:
    events = history(*(done("a", turn=turn, result=f'"{"x" * 5_000}"') for turn in range(1, 3_001)))
    run = export("default", h.WorkflowExecution("w", "r"), events)
    page = page_of(run)
    assert f"{len(events) - MOST_EVENTS:,} events in the middle are left out." in page.text
    assert "2,000 steps in the middle are left out." in page.text
    assert "more characters" in page.text


def test_payloads_that_cannot_be_read_are_shown_as_they_are() -> None:
    run = export("default", h.WorkflowExecution("w", "r"), history(input="{"))
    assert '"{"' in page_of(run).text
