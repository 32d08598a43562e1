"""Activities that fork, each on a thread of the worker and in a process of its own."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import Any

from partita import ActivityFunction, activity, workflow

context = multiprocessing.get_context("fork")


def square(number: int) -> int:
    return number * number


def put_square(number: int, results: Any) -> None:
    results.put(square(number))


def in_a_process() -> int:
    results = context.Queue()
    child = context.Process(target=put_square, args=(4, results))
    child.start()
    found: int = results.get(timeout=30)
    child.join(30)
    assert child.exitcode == 0
    return found


def in_a_pool() -> int:
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(square, 5).result(30)


def rest() -> None:
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # so is it where this was started
        sys.exit(9)
    time.sleep(60)


def ended_by(number: int) -> int | None:
    child = context.Process(target=rest)
    child.start()
    time.sleep(0.05)  # the signal may come before the child sleeps, or while it does
    os.kill(child.pid or 0, number)
    child.join(30)
    return child.exitcode


def terminated() -> bool:
    return ended_by(signal.SIGTERM) in (9, -signal.SIGTERM)


def interrupted() -> bool:
    return ended_by(signal.SIGINT) not in (None, 0)


def forked(work: Callable[[], object]) -> int:
    child = os.fork()
    if child == 0:
        work()
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def fork_that_exits() -> int:
    return forked(lambda: sys.exit(3))


def fork_that_raises() -> int:
    return forked(lambda: int("x"))


def fork_that_returns() -> int:
    child = os.fork()
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) if child else 7


def in_a_session() -> str:
    done = subprocess.run(["echo", "hi"], preexec_fn=os.setsid, capture_output=True, text=True)
    return done.stdout.strip()


def reading_all() -> str:
    done = subprocess.run(["cat"], capture_output=True, text=True, timeout=30, check=True)
    return f"read {done.stdout!r}"


def reading_a_line() -> str:
    try:
        return f"read {input()!r}"
    except EOFError:
        return "read ''"


EXPECTED = {
    in_a_process: 16,
    in_a_pool: 25,
    terminated: True,
    interrupted: True,
    fork_that_exits: 3,
    fork_that_raises: 1,
    fork_that_returns: 0,
    in_a_session: "hi",
    reading_all: "read ''",
    reading_a_line: "read ''",
}


def acts(apart: bool) -> list[ActivityFunction[[], Any]]:
    prefix = "apart_" if apart else "here_"
    return [
        activity(name=prefix + one.__name__, process=apart, start_to_close=60, retry=1)(one)
        for one in EXPECTED
    ]


HERE, APART = acts(apart=False), acts(apart=True)


@workflow
def each(apart: bool) -> list[Any]:
    return [act() for act in (APART if apart else HERE)]
