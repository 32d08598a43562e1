"""A run's time as lines of text."""

from __future__ import annotations

from partita import history as h
from partita.views.timelines import BLOCKS, PLAIN, bars, time_of
from tests.views.histories import done, failed, history, pending, running, signalled


def lines(events: list[h.AnyEvent], columns: int = 60, limit: int = 100) -> list[str]:
    found = bars(time_of(events, 110.0), columns, limit, PLAIN)
    return [f"{one.label}|{one.bar.rstrip()}|{one.note}" for one in found]


def test_a_bar_tells_when_a_step_waited_and_ran() -> None:
    events = history(done("a", turn=1, seconds=1.0), done("b", turn=2, seconds=8.0))
    assert lines(events, columns=44) == [
        "a|   .##|1.0 s",
        "b|      .###########################|8.0 s",
    ]


def test_what_is_open_lasts_until_now() -> None:
    events = history(running("a", turn=1), pending("b", turn=2))
    assert [line.rpartition("|")[2] for line in lines(events)] == [
        "9.0 s, running",
        "8.0 s, scheduled",
    ]


def test_a_signal_takes_no_time_and_a_failure_says_so() -> None:
    events = history(signalled("go"), failed("a", turn=2))
    first, second = lines(events)
    assert "*" in first
    assert second.endswith("500 ms, failed")


def test_the_newest_steps_are_shown() -> None:
    events = history(*(done(f"step {number}", turn=number) for number in range(1, 51)))
    assert [line.partition("|")[0] for line in lines(events, limit=2)] == ["step 49", "step 50"]


def test_any_name_fits() -> None:
    names = ["x" * 200, "\x1b[31m", "漢" * 40, ""]
    events = history(*(done(name, turn=number) for number, name in enumerate(names, 1)))
    found = bars(time_of(events, None), 80, 10, BLOCKS)
    assert {len(one.bar) for one in found} == {len(found[0].bar)}
    assert found[0].label == "x" * 27 + "..."
    assert "\x1b" not in found[1].label


def test_a_run_of_no_time() -> None:
    [start] = history()
    assert bars(time_of([start], None), 80, 10) == []
    assert time_of([start], None).total == 0.0
