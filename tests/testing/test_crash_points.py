"""Crash at every commit: the examples bear it, and what does not bear it is found out."""

from __future__ import annotations

import itertools
import random
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from examples import approval, long_life
from partita import (
    Retry,
    activity,
    now,
    side_effect,
    sleep,
    wait_signal,
    workflow,
)
from partita.authoring.class_options import definition_of
from partita.client import Handle
from partita.codec import Converter
from partita.errors import InvalidOptionError, WaitTimeoutError
from partita.history import ActivityTaskScheduled
from partita.ports.state import ExecutionFilter
from partita.stores.memory import MemoryStore
from partita.testing import CrashReport, Environment
from partita.testing import crash_at_every_step as crash_everywhere
from partita.testing import crash_points as crashes
from tests.examples.programs import EXAMPLES, commands, given


def vote(handle: Handle[Any]) -> None:
    for name in ("ann", "ann", "bob"):
        handle.signal(approval.DECISION, approval.Decision(name, True))


# -- every example -------------------------------------------------------------------------

DRIVES: dict[str, list[Callable[[Handle[Any]], object]]] = {}
LIMIT = {"wordcount": 8, "programs": 4, "cancellation": 4}  # real files, processes, waits
FOLDER = str(Path(long_life.__file__).parent)
OWN: dict[str, Any] = {"wordcount": [FOLDER, 3], "programs": [FOLDER]}


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_bears_every_crash(path: Path) -> None:
    durable, _ = commands(path)
    name = durable[2].split(":")[1]
    module = import_module(f"examples.{path.stem}")
    flow = definition_of(getattr(module, name))
    args = OWN.get(path.stem) or given(durable)
    text = Converter().dump(args)
    loaded, kwargs = flow.signature.load(Converter(), text)
    report = crash_everywhere(
        flow,
        *loaded,
        kwargs=kwargs,
        drive=DRIVES.get(path.stem, []),
        limit=LIMIT.get(path.stem),
        modules=[module],
    )
    assert report.outcome.kind == "result"
    assert report.crashes > 5


# -- what is found -------------------------------------------------------------------------

ran: list[str] = []
counter = itertools.count(1)


@activity
def note(word: str) -> str:
    ran.append(word)
    return word


@activity
def number() -> int:
    return next(counter)


@activity(retry=Retry(max_attempts=4))
def shaky(word: str) -> str:
    ran.append(word)
    if ran.count(word) < 3:
        raise ConnectionError("not yet")
    return word


@workflow
def sound(n: int) -> list[str]:
    said = []
    for i in range(n):
        said.append(note(f"{i}"))
        sleep(3600)
    return said


@workflow
def wide(n: int) -> list[str]:
    return note.map([str(i) for i in range(n)]).result()


@workflow
def failing() -> None:
    note("a")
    raise PermissionError("never")


@workflow
def counting() -> list[Any]:
    return [note("a"), number(), note("b")]


@workflow
def dicing() -> str:
    if next(counter) % 2:
        note("heads")
    return note("tails")


@workflow
def remembering() -> list[str]:
    ran.append("x")
    note("a")
    return list(ran)


@workflow
def rolling() -> list[Any]:
    first = random.random()
    note("a")
    return [first]


@workflow
def careful() -> list[Any]:
    first = side_effect(lambda: 4)
    moment = now()
    note("a")
    return [first, (now() - moment).total_seconds() < 60]


@workflow
def heard() -> list[Any]:
    return [wait_signal("a"), wait_signal("b")]


@workflow
def stubborn() -> str:
    return shaky("s")


def crashed(flow: Any, *args: Any, **options: Any) -> CrashReport:
    """Crash a workflow at every commit, with what this module defines."""
    return crash_everywhere(flow, *args, **{"modules": [sys.modules[__name__]], **options})


@pytest.fixture(autouse=True)
def _reset() -> None:
    reset()


def reset() -> None:
    global counter
    counter = itertools.count(1)
    ran.clear()


@pytest.mark.parametrize("backend", ["memory", "sqlite"])
def test_a_sound_workflow_bears_it(backend: Any) -> None:
    report = crashed(sound, 3, backend=backend)
    assert report.outcome.value == ["0", "1", "2"]
    assert report.commits >= 8
    assert report.crashes == 2 * report.commits


def test_fan_outs_bear_it() -> None:
    assert crashed(wide, 5).outcome.value == ["0", "1", "2", "3", "4"]


def test_errors_are_outcomes_too() -> None:
    outcome = crashed(failing).outcome
    assert (outcome.kind, outcome.value) == ("PermissionError", "never")


def test_what_comes_from_the_history_bears_it() -> None:
    assert crashed(careful).outcome.value == [4, True]


def test_an_activity_that_counts_is_found() -> None:
    with pytest.raises(AssertionError) as caught:
        crashed(counting, before_each=reset)
    message = str(caught.value)
    assert "a crash just before commit" in message
    assert "of workflow counting changes its outcome" in message
    assert "expected ['a', 1, 'b']; got ['a', 2, 'b']" in message
    assert "\n" not in message


def test_code_that_takes_another_way_is_found() -> None:
    with pytest.raises(AssertionError, match=r"got DecisionTaskFailedError: .*the code asks for"):
        crashed(dicing, before_each=reset)


def test_code_that_remembers_is_found() -> None:
    with pytest.raises(AssertionError, match="changes its outcome: expected"):
        crashed(remembering, before_each=reset)


def test_code_that_rolls_dice_is_found() -> None:
    with pytest.raises(AssertionError, match="changes its outcome"):
        crashed(rolling)


def test_the_world_outside_is_driven() -> None:
    def say(name: str) -> Callable[[Handle[Any]], object]:
        return lambda handle: handle.signal(name, name.upper())

    assert crashed(heard, drive=[say("a"), say("b")]).outcome.value == ["A", "B"]
    voted = crashed(
        approval.purchase,
        "a piano",
        4200,
        kwargs={"by_rule": False},
        drive=vote,
        modules=[approval],
    )
    assert voted.outcome.value == "a piano is ordered for 4200 euros"


def test_mocks_are_set_up_in_each_life() -> None:
    def mocked(env: Environment) -> None:
        env.mock(number, return_value=7)

    assert crashed(counting, setup=mocked).outcome.value == ["a", 7, "b"]


def test_retries_go_on() -> None:
    assert crashed(stubborn, before_each=reset).outcome.value == "s"


def test_a_limit_spreads_the_crashes() -> None:
    assert crashed(sound, 3, limit=3).crashes == 6
    assert crashed(sound, 3, limit=1).crashes == 2
    with pytest.raises(InvalidOptionError, match="limit=0"):
        crashed(sound, 3, limit=0)
    with pytest.raises(InvalidOptionError, match="backend='oracle'"):
        crashed(sound, 3, backend="oracle")


def test_an_activity_that_runs_again_after_its_end_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def every(store: Any, domain: str) -> set[tuple[str, str]]:
        return {
            (record.execution.run_id, event.activity_id)
            for record in store.executions(ExecutionFilter(domain=domain))
            for event in store.events(record.run, 0)
            if isinstance(event, ActivityTaskScheduled)
        }

    monkeypatch.setattr(crashes, "_ended", every)  # as if the engine had lost what was recorded
    with pytest.raises(AssertionError, match=r"leaves a fault: activity note \(.*\) ran again"):
        crashed(sound, 1)


def test_a_damaged_store_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MemoryStore, "check", lambda _: ["a hole in the history of run 1"])
    with pytest.raises(AssertionError, match="leaves a fault: a hole in the history"):
        crashed(sound, 1)


def test_another_domain_is_looked_at() -> None:
    assert crashed(sound, 1, domain="far").outcome.value == ["0"]


def test_a_workflow_that_never_ends_is_told_of() -> None:
    with pytest.raises(WaitTimeoutError, match="for signal 'a'"):
        crashed(heard, patience=0.01)
