"""Which signals a workflow's code declares; where that cannot be told, any name is accepted."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

import pytest

from partita.replay.declared import declared_signals, unknown_name

HEAD = "from partita import *\nimport partita\nfrom partita import wait_signal as ws\n"

SOURCES: dict[str, tuple[str, set[str] | None]] = {
    "constant": ("def wf(): wait_signal('go')", {"go"}),
    "alias": ("def wf(): ws('go')", {"go"}),
    "attribute": ("def wf(): partita.wait_signal('go')", {"go"}),
    "object": ("go = Signal('go', int)\ndef wf(): wait_signal(go)", {"go"}),
    "named": ("NAME = 'go'\ndef wf(): signals(NAME, int).get()", {"go"}),
    "none": ("def wf(): pass", set()),
    "computed": ("def wf(x): wait_signal(f'item-{x}')", None),
    "passed": ("def wf(): call(wait_signal, 'go')", None),
    "helper": ("from signal_helper import ask\ndef wf(): ask()", {"from-helper"}),
    "whole helper": ("import signal_helper\ndef wf(): signal_helper.ask()", {"from-helper"}),
}


@pytest.mark.parametrize("case", sorted(SOURCES))
def test_names_of_signals(case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, expected = SOURCES[case]
    (tmp_path / "signal_helper.py").write_text(HEAD + "def ask(): wait_signal('from-helper')\n")
    (tmp_path / "declares.py").write_text(HEAD + source + "\n")
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("declares", "signal_helper"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    try:
        found = declared_signals(import_module("declares").wf)
    finally:
        for name in ("declares", "signal_helper"):
            sys.modules.pop(name, None)
    assert (None if found is None else set(found)) == expected


def test_workflows_of_ours_accept_any_signal() -> None:
    from partita.authoring.schedules import scheduler

    assert declared_signals(scheduler.function) is None


def test_the_nearest_name_is_named() -> None:
    said = unknown_name("update", "renam", ["rename", "drop"])
    assert said == (
        "the workflow answers no update 'renam'; did you mean 'rename'? it answers: drop, rename"
    )
