"""Random workflows do the same everywhere: as plain Python, on every store, after every crash.

A program is a tree of plain data, which one workflow, `play`, executes. Each operation says by
its decorator how it is drawn. What it gives depends on the tree alone, never on which of two
things comes first.
"""

from __future__ import annotations

import json
import sqlite3
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import partita
from partita import CancelledError, activity, workflow
from partita.client import Client
from partita.engine import Engine
from partita.engine.timing import Timing
from partita.errors import PartitaError, WorkflowCanceledError, WorkflowFailedError
from partita.ports.store import Store
from partita.stores.memory import MemoryStore
from partita.stores.sqlite.store import SqliteStore
from partita.stores.sqlite.transaction import SqliteTransaction
from partita.worker import Worker
from tests.replay.conftest import ForgetfulWorker
from tests.soak import SOAKING, scaled

FOREVER = 60.0  # seconds that no program waits to the end
LEASE = 0.2  # seconds: of two workers a second apart the first is surely dead

Block = list[list[Any]]
Operation = Callable[..., Any]
Outcome = tuple[Any, ...]
Drawn = st.SearchStrategy[Any]


# -- what programs are made of -------------------------------------------------------------

OPERATIONS: dict[str, Operation] = {}
LEAVES: list[Callable[[Drawn], Drawn]] = []
BRANCHES: list[Callable[[Drawn], Drawn]] = []

small = st.integers(0, 9)
some = st.lists(small, min_size=1, max_size=4)
yes = st.booleans()


def operation(*arguments: Drawn | None) -> Callable[[Operation], Operation]:
    """Let a function be drawn, with these arguments; None is a block of operations."""

    def decorate(function: Operation) -> Operation:
        def drawn(block: Drawn) -> Drawn:
            parts = (block if part is None else part for part in arguments)
            return st.tuples(st.just(function.__name__), *parts).map(list)

        OPERATIONS[function.__name__] = function
        (BRANCHES if None in arguments else LEAVES).append(drawn)
        return function

    return decorate


def run(block: Block, place: str) -> list[Any]:
    """Do one operation after the other; `place` says where in the program they stand."""
    return [
        OPERATIONS[name](f"{place}.{step}", *arguments)
        for step, (name, *arguments) in enumerate(block)
    ]


def attempted(function: Operation, *arguments: Any) -> list[Any]:
    """Return what comes of a call, be it an error."""
    try:
        return ["gave", function(*arguments)]
    except Exception as error:
        return ["raised", *told(error)]


def told(error: BaseException) -> Outcome:
    """Return what must agree about an error: its type and, but for interruptions, its message."""
    name = type(error).__name__
    return (name,) if isinstance(error, CancelledError) else (name, str(error))


def myself() -> Any:
    """Return the execution that this is, to be spoken to."""
    return partita.external(partita.workflow_info().workflow_id)


# -- activities and futures ----------------------------------------------------------------


class OddError(Exception):
    """An error that only this file knows."""


ERRORS: dict[str, type[Exception]] = {"odd": OddError, "key": KeyError, "value": ValueError}


@activity
def add(a: int, b: int) -> int:
    return a + b


@activity
def total(numbers: list[int]) -> int:
    return sum(numbers)


@activity
def fail(kind: str, text: str, until: int) -> int:
    if partita.activity_info().attempt < until:
        raise ERRORS[kind](text)
    return until


@operation(some)
def submit(_: str, numbers: list[int]) -> list[Any]:
    futures = [add.submit(number, add(number, 1)) for number in numbers]
    return [future.result() for future in reversed(futures)]


@operation(some, small)
def chain(_: str, numbers: list[int], more: int) -> int:
    firsts: Any = add.starmap((number, more) for number in numbers)
    sums: Any = add.starmap((future, firsts[0]) for future in firsts)
    return total.submit([*firsts, *sums, more]).result()


@operation(some)
def gather(_: str, numbers: list[int]) -> list[Any]:
    never, quick = partita.start_timer(FOREVER), add.submit(1, 1)
    found: Any = partita.wait([never, quick], return_when="FIRST_COMPLETED")
    never.cancel()
    every = partita.as_completed(map(add.submit, numbers, numbers))
    return [quick in found.done, len(found.not_done), sorted(one.result() for one in every)]


@operation(st.sampled_from(["odd", "key"]), some, st.sampled_from(["call", "map", "catch"]))
def failure(_: str, kind: str, numbers: list[int], how: str) -> Any:
    if how == "call":
        return fail(kind, "not caught", 9)
    if how == "map":
        return fail.starmap((kind, str(number), 9) for number in numbers).result()
    future = fail.submit(kind, "caught", 9)
    needing = add.submit(future, 1)
    return [attempted(needing.result), attempted(future.result), future.cancelled()]


@operation(st.sampled_from([("odd", 1, 1), ("odd", 2, 5), ("key", 9, 2), ("value", 9, 0)]), yes)
def retry(_: str, case: tuple[str, int, int], by_name: bool) -> list[Any]:
    kind, needed, allowed = case  # enough attempts for some to be lost, or never enough
    policy = partita.Retry(allowed, 0.001, non_retryable=("ValueError" if by_name else ValueError,))
    return attempted(fail.options(retry=policy), kind, "again", needed)


# -- time and cancellation -----------------------------------------------------------------


@operation(st.lists(st.integers(0, 10), min_size=1, max_size=3))
def timers(_: str, times: list[int]) -> list[Any]:
    before = partita.now()
    futures = [partita.start_timer(ms / 1000) for ms in times]
    partita.sleep(times[0] / 1000)
    return [partita.now() >= before, [future.result() for future in futures]]


@operation(yes, yes)
def cancel(place: str, on_timer: bool, is_caught: bool) -> list[Any]:
    timer = partita.start_timer(FOREVER)
    never: Any = timer if on_timer else partita.signals(place).submit()
    needing = add.submit(never, 1)
    further = add.submit(needing, 1)
    asked = [needing.cancel(), never.cancel(), needing.cancel(), timer.cancel()]
    if not is_caught:
        further.result()
    return [asked, [[attempted(one.result), one.cancelled()] for one in (needing, further, never)]]


@operation(st.integers(0, 5), st.sampled_from(["sleep", "signal", "timer", "part"]))
def interrupt(place: str, ms: int, what: str) -> list[Any]:
    timer, part = partita.start_timer(FOREVER), partita.spawn(partita.sleep, FOREVER)
    waits: dict[str, Operation] = {"timer": timer.result, "part": part.result}
    waits["sleep"] = lambda: partita.sleep(FOREVER)
    waits["signal"] = lambda: partita.wait_signal(place)
    with suppress(partita.WaitTimeoutError), partita.timeout(FOREVER), partita.timeout(ms / 1000):
        waits[what]()
    return [timer.cancel(), part.cancel(), attempted(timer.result), attempted(part.result)]


@operation(st.integers(0, 5), small)
def late(place: str, ms: int, value: int) -> list[Any]:
    needing = add.submit(partita.signals(place, int).submit(), 1)
    early = attempted(needing.result, ms / 1000)
    missed = attempted(lambda: partita.wait_signal(f"{place}/never", timeout=ms / 1000))
    myself().signal(place, value)
    return [early, missed, needing.result()]


@operation(None, yes)
def shield(_: str, block: Block, gives_in: bool) -> list[Any]:
    return attempted(resist, block, gives_in)


@workflow
def resist(block: Block, gives_in: bool) -> list[Any]:
    """Ask itself to stop, and do the block none the less."""
    with partita.shield():
        myself().cancel().result()
        inner = attempted(run, block, "shielded")
    if gives_in:
        partita.sleep(0.001)
    return [inner, attempted(partita.sleep, 0.001), add(1, 1)]


# -- parts, children, messages and changes -------------------------------------------------


@operation(None, None)
def spawn(place: str, *blocks: Block) -> list[Any]:
    parts = [partita.spawn(run, block, f"{place}/{i}") for i, block in enumerate(blocks)]
    return [part.result() for part in parts]


@operation(None, None)
def handle(place: str, block: Block, otherwise: Block) -> list[Any]:
    try:
        with partita.timeout(FOREVER):
            return run(block, f"{place}/try")
    except Exception as error:
        return [*told(error), run(otherwise, f"{place}/except")]
    finally:
        add(1, 1)


@operation(None, yes)
def child(_: str, block: Block, is_called: bool) -> list[Any]:
    return play([block]) if is_called else play.submit([block]).result()


@operation(small, yes)
def stop_part(place: str, value: int, gives_in: bool) -> list[Any]:
    future = partita.spawn(hold, value, gives_in)
    partita.sleep(value % 2 / 1000)
    return [future.cancel(), attempted(future.result), future.cancelled()]


@operation(small, yes)
def stop_child(place: str, value: int, gives_in: bool) -> list[Any]:
    future = speak.submit(place, value, gives_in)
    future.signal("down", partita.wait_signal(place)).result()
    answer = partita.wait_signal(place)
    return [answer, future.cancel(), attempted(future.result), future.cancelled()]


@workflow
def speak(name: str, value: int, gives_in: bool) -> int:
    """Signal the parent, hear and answer it, and wait until it cancels this."""
    parent: Any = partita.parent()
    parent.signal(name, value).result()
    parent.signal(name, partita.wait_signal("down") + 1)
    return hold(value, gives_in)


def hold(value: int, gives_in: bool) -> int:
    """Wait until somebody cancels; do something then."""
    try:
        partita.sleep(FOREVER)
    except CancelledError:
        if gives_in:
            raise
    return add(value, 1)


@operation(some, small)
def signal(place: str, values: list[int], default: int) -> list[Any]:
    for value in values:
        myself().signal(place, value)
    myself().signal(f"{place}/last")
    partita.wait_signal(f"{place}/last")
    return [partita.signals(place, int).poll(default) for _ in [*values, 0]]


@operation(small, yes, st.sampled_from(["a", "b"]))
def change(_: str, value: int, fails: bool, name: str) -> list[Any]:
    return [partita.patched(name), attempted(partita.side_effect, lambda: value // (not fails))]


@workflow
def play(rounds: list[Block], number: int = 0, before: list[Any] | None = None) -> list[Any]:
    """Execute one round and continue as new with the next, which hears what this one said."""
    found = [*(before or []), run(rounds[number], str(number))]
    if number:
        found.append(partita.wait_signal("heir"))
    if number + 1 < len(rounds):
        myself().signal("heir", number).result()
        partita.continue_as_new(rounds, number + 1, found)
    return found


nodes: Drawn = st.recursive(
    st.one_of([leaf(st.nothing()) for leaf in LEAVES]),
    lambda node: st.one_of([branch(st.lists(node, max_size=3)) for branch in BRANCHES]),
    max_leaves=8,
)
programs = st.lists(st.lists(nodes, min_size=1, max_size=3), min_size=1, max_size=3)


# -- where they run ------------------------------------------------------------------------

TYPES: Any = {"workflows": [play, resist, speak], "activities": [add, total, fail]}


class Photographed(SqliteStore):
    """A store that is copied after one of its commits, as a crash would leave it."""

    def __init__(self, path: Path, copy: Path, moment: int) -> None:
        super().__init__(path, synchronous="OFF")
        self._copy = copy
        self._commits_left = moment

    @contextmanager
    def transaction(self) -> Iterator[SqliteTransaction]:
        with super().transaction() as transaction:
            yield transaction
        self._commits_left -= transaction.dirty
        if transaction.dirty and self._commits_left == 0:
            with closing(sqlite3.connect(self._copy)) as copy:
                self._writer.backup(copy)


def durable(store: Store, kind: type[Worker], program: list[Block], ahead: float = 0.0) -> Outcome:
    """Return what comes of a program on an engine whose clock is some seconds ahead."""
    engine = Engine(store, clock=lambda: time.time() + ahead, timing=Timing(lease=LEASE))
    client = Client(engine)

    def give_up(_: object, error: PartitaError) -> None:
        threading.Thread(target=client.terminate, args=["it", str(error)]).start()

    with closing(engine), kind(engine, on_decision_failed=give_up, **TYPES):
        if not client.list().executions:
            client.start_with(play, (program,), workflow_id="it")
        return outcome(lambda: client.result("it", timeout=FOREVER, workflow=play))


def outcome(function: Callable[[], Any]) -> Outcome:
    """Return a result in its JSON form, or what must agree about an error."""
    try:
        return ("result", json.loads(json.dumps(function())))
    except WorkflowCanceledError:
        return ("CancelledError",)
    except Exception as error:
        cause = error.__cause__ if isinstance(error, WorkflowFailedError) else None
        return told(cause or error)


def agreeing(examples: int) -> settings:
    """Try so many programs: always the same ones, unless there is time for more."""
    return settings(
        max_examples=scaled(examples, soaking=40 * examples),
        derandomize=not SOAKING,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )


both_kinds = pytest.mark.parametrize("kind", [Worker, ForgetfulWorker], ids=["live", "replayed"])


@both_kinds
@given(programs)
@agreeing(60)
def test_an_engine_does_what_plain_python_does(kind: type[Worker], program: list[Block]) -> None:
    assert durable(MemoryStore(), kind, program) == outcome(lambda: play(program))


@both_kinds
@given(programs, st.lists(st.integers(2, 25), min_size=1, max_size=2))
@agreeing(30)
def test_a_crash_changes_nothing(
    kind: type[Worker], program: list[Block], crashes: list[int]
) -> None:
    expected = outcome(lambda: play(program))
    with tempfile.TemporaryDirectory() as folder:
        for number, moment in enumerate([*crashes, 0]):
            here, copy = (Path(folder, f"{number + step}.db") for step in (0, 1))
            if number == 0 or here.exists():  # else it was over before it could crash again
                store = Photographed(here, copy, moment)
                assert durable(store, kind, program, ahead=number) == expected
