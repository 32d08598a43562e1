"""How fast workflows compile, and how many states and transitions they take, beside sfnx's."""

from __future__ import annotations

import importlib.util
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from tests.compile.sfnx_programs import pairs, states

from partita.compile import compile_workflow
from partita.graph import Shape, Step, Structure, Ways, svg
from partita.stepfunctions.emitter import emit

ACTIVITIES = """
from partita import activity, workflow


@activity
def charge(n: int) -> int:
    return n


@activity
def ship(n: int) -> int:
    return n


@workflow
def large(n: int, names: list[str]) -> int:
    total = 0
"""
BLOCK = """
    if total > {0}:
        total = charge(total)
    elif n == {0}:
        ship(n)
    else:
        total += {0}
    for name in names:
        if name == "item {0}":
            total += charge({0})
        n = n + 1
"""
SFNX = """
from sfnx import state_machine, task

INVOKE = "arn:aws:states:::lambda:invoke"


@state_machine
def large(input):
    total: float = 0
    n: float = input["n"]
    names: list = input["names"]
"""
SFNX_BLOCK = """
    if total > {0}:
        total = task(INVOKE, {{"FunctionName": "charge", "Payload": total}})["Payload"]
    elif n == {0}:
        task(INVOKE, {{"FunctionName": "ship", "Payload": n}})
    else:
        total = total + {0}
    for name in names:
        if name == "item {0}":
            total = total + 1
        n = n + 1
"""


def load(folder: Path, name: str, source: str) -> ModuleType:
    """Return the module with a source."""
    path = folder / f"{name}.py"
    path.write_text(source, "utf-8")
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def source_of(lines: int) -> str:
    """Return a workflow of about that many lines."""
    return ACTIVITIES + "".join(BLOCK.format(n) for n in range(lines // 10)) + "    return total\n"


def seconds(work: Callable[[], Any], times: int = 3) -> float:
    """Return the median of the seconds of CPU that some work takes."""
    found = []
    for _ in range(times):
        begun = time.process_time()
        work()
        found.append(time.process_time() - begun)
    return statistics.median(found)


def lines_per_second(folder: Path, lines: int) -> float:
    """Return how many lines of source are compiled to a machine in a second."""
    source = source_of(lines)
    module = load(folder, f"large_{lines}", source)
    count = len(source.splitlines())
    return count / seconds(lambda: emit(compile_workflow(module.large)))


def sfnx_lines_per_second(lines: int) -> float:
    """Return how many lines sfnx compiles in a second."""
    from sfnx import compiler

    source = SFNX + "".join(SFNX_BLOCK.format(n) for n in range(lines // 10)) + "    return total\n"
    count = len(source.splitlines())
    return count / seconds(lambda: compiler.definitions(source, "large.py", located=False), 1)


def drawn_milliseconds(tasks: int = 1_500) -> float:
    """Return how long a program of that many tasks takes to draw."""
    test = Step("the total is large", "choice", 1, Shape.CHOICE)
    flow: tuple[Any, ...] = ()
    for number in range(tasks // 5):
        step = Step("charge", "task", number)
        ways = (("yes", (step, step)), ("no", (step,)))
        flow = (*flow, step, Ways(test, ways), step)
    structure = Structure("large", flow)
    return 1_000 * seconds(lambda: svg(structure))


def machines(folder: Path) -> Iterator[tuple[str, tuple[int, int], tuple[int, int]]]:
    """Yield programs that sfnx accepts, too, with both machines' states and transitions."""
    for pair in pairs(folder):
        found = [len(pair.run(one, pair.inputs[0]).states) for one in (pair.ours, pair.theirs)]
        yield pair.name, (states(pair.ours), states(pair.theirs)), (found[0], found[1])
