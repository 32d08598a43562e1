"""Outages are told of when they begin and end, and rarely in between."""

from __future__ import annotations

import logging

import pytest

from partita.ports import outage
from partita.ports.outage import REMINDER_INTERVAL, Outage


class Clock:
    """A monotonic clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(outage, "time", made)
    return made


def test_it_is_said_once_rarely_and_once(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    it = Outage("the database", logging.getLogger("partita.tests"))
    it.over()
    for _ in range(350):  # 70 s, five times a second
        it.failed(ValueError("no answer"))
        clock.now += 0.2
    it.over()
    it.over()
    assert caplog.messages == [
        "the database cannot be used, trying again: no answer",
        "the database still cannot be used, after 30 s",
        "the database still cannot be used, after 60 s",
        "the database can be used again, after 70 s",
    ]


def test_what_comes_and_goes_is_not_said_each_time(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    it = Outage("the database", logging.getLogger("partita.tests"))
    for _ in range(100):
        it.failed(ValueError("no answer"))
        it.over()
    assert len(caplog.messages) == 2
    it.failed(ValueError("no answer"))
    clock.now += REMINDER_INTERVAL
    it.failed(ValueError("no answer yet"))
    assert caplog.messages[2:] == ["the database cannot be used, trying again: no answer yet"]
