"""How fast workflows compile; their states and transitions, beside sfnx's and pyawssfn's."""

from __future__ import annotations

import importlib.util
import json
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

from tests.compile.aws_patterns import patterns
from tests.compile.sfnx_programs import Pair, pairs, states
from tests.stepfunctions.pysfn.corpus import ARN
from tests.stepfunctions.pysfn.corpus import load as load_pysfn
from tests.stepfunctions.pysfn.old_machine import machine_of_pyawssfn, states_in

from partita import workflow
from partita.asl.frame import Execution
from partita.asl.machines import compiled_text, identity_of, interpret
from partita.asl.tasks.lambdas import register_lambda
from partita.asl.trail import Chain, Trail
from partita.compile import compile_workflow
from partita.compile.tree import Program
from partita.graph import Shape, Step, Structure, Ways, svg
from partita.stepfunctions.emitter import emit, optimised
from partita.stepfunctions.pysfn.workflows import definition_of

PYSFN = Path(__file__).parents[1] / "examples" / "pysfn" / "analyse_text.py"
PYSFN_INPUT = {"locals": {"text": "a short example"}}
PYSFN_RESULT = "text starts with a, has 15 chars, 5 vowels, and 2 spaces"

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


def lines_per_second(
    folder: Path, lines: int, write: Callable[[Program], dict[str, Any]] = emit
) -> float:
    """Return how many lines of source are compiled to a machine in a second."""
    source = source_of(lines)
    module = load(folder, f"large_{lines}", source)
    count = len(source.splitlines())
    return count / seconds(lambda: write(compile_workflow(module.large)))


def merged(program: Program) -> dict[str, Any]:
    """Return the machine of a program as `--optimise` writes it."""
    return optimised(emit(program))


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
    yield from map(_compared, pairs(folder))


def aws_machines(folder: Path) -> Iterator[tuple[str, tuple[int, int], tuple[int, int]]]:
    """Yield AWS's patterns, with our machine's states and transitions and those by hand."""
    yield from map(_compared, patterns(folder))


def _compared(pair: Pair) -> tuple[str, tuple[int, int], tuple[int, int]]:
    found = [len(pair.run(one, pair.inputs[0]).states) for one in (pair.ours, pair.theirs)]
    return pair.name, (states(pair.ours), states(pair.theirs)), (found[0], found[1])


def pysfn_machines() -> Iterator[tuple[str, tuple[int, int], tuple[int, int]]]:
    """Yield the example of pyawssfn's language with both machines' states and transitions."""
    module = load_pysfn(PYSFN)
    both = (definition_of(module, PYSFN.name, ARN), machine_of_pyawssfn())
    register_lambda("dispatch", partial(_dispatched, module))
    ours, theirs = (_entered(one) for one in both)
    yield PYSFN.name, (len(list(states_in(both[0]))), len(list(states_in(both[1])))), (ours, theirs)


def _dispatched(module: ModuleType, event: dict[str, Any]) -> Any:
    called = event["call_descr"]
    return getattr(module, called["function"])(*map(event["locals"].get, called["arg_names"]))


def _entered(machine: dict[str, Any]) -> int:
    """Return how many states an execution enters."""
    trail = _Entered()

    def run() -> Any:
        execution = Execution(identity_of(), PYSFN_INPUT, trail)
        return interpret(compiled_text(json.dumps(machine)), execution, PYSFN_INPUT)

    assert workflow(name="of pyawssfn")(run)() == PYSFN_RESULT
    return trail.count


class _Entered(Trail):
    """Counts the states that are entered."""

    count = 0

    def add(self, type: str, details: dict[str, Any], chain: Chain) -> int:
        self.count += type.endswith("StateEntered")
        return super().add(type, details, chain)
