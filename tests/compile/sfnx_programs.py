"""Programs as sfnx's examples are, in our Python and in sfnx's, each compiled to a machine."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from sfnx import compiler
from sfnx import testing as sfnx

from partita.asl.failures import StateFailure
from partita.codec import Converter
from partita.compile import compile_workflow
from partita.compile.activity_calls import activities_of
from partita.compile.stand_ins import document_of
from partita.stepfunctions.compiled import lambda_of
from partita.stepfunctions.emitter import emit, optimised
from partita.stepfunctions.emitter.tasks import LAMBDA
from tests.compile.corpus import load

OURS = "from tests.compile.sfnx_activities import *\n\n\n"
THEIRS = """
from sfnx import inline_map, parallel, state_machine, task, wait

INVOKE = "arn:aws:states:::lambda:invoke"


class OutOfStock(Exception):
    pass


class JobFailed(Exception):
    pass


class Trouble(Exception):
    pass


class Rejected(Exception):
    pass


"""
_FILE = Path(__file__).with_name("sfnx_programs.txt")


class Pair(NamedTuple):
    """A program, its machine by each compiler, and how to run them."""

    name: str
    ours: dict[str, Any]
    theirs: dict[str, Any]
    workflow: Any
    functions: dict[str, Any]
    inputs: list[str]
    answers: Any = None  # makes what answers calls of services in one execution

    def run(self, machine: dict[str, Any], given: str) -> sfnx.Execution:
        """Run one of the machines; its states are the transitions."""
        args, kwargs = self.workflow.signature.load(Converter(), given)
        answers = self.answers() if self.answers else None

        def tasks(call: sfnx.Call) -> Any:
            arguments: Any = call.arguments
            if answers and call.resource != LAMBDA:
                return answers.of(call)
            function = self.functions[arguments["FunctionName"]]
            try:
                return {"Payload": function("call (line 1)", arguments["Payload"], None, None)}
            except StateFailure as failure:
                raise sfnx.Failure(str(failure.error), failure.cause or "") from failure

        return sfnx.run(machine, document_of(self.workflow, args, kwargs), tasks)


def pairs(folder: Path) -> Iterator[Pair]:
    """Compile the programs, both ways; ours with its states merged."""
    parts = re.split(r"^\[case (\w+)\]\n", _FILE.read_text("utf-8"), flags=re.MULTILINE)[1:]
    for name, text in zip(parts[::2], parts[1::2], strict=True):
        source, theirs, inputs = re.split(r"^\[(?:sfnx|inputs)\]\n", text, flags=re.MULTILINE)
        workflow = load(f"pair_{name}", OURS + source, folder)
        program = compile_workflow(workflow, "program.py")
        functions = {one: lambda_of(it, program) for one, it in activities_of(program).items()}
        path = folder / f"{name}_sfnx.py"
        path.write_text(THEIRS + theirs, "utf-8")
        machine = compiled_by_sfnx(path)
        lines = [line for line in inputs.splitlines() if line]
        yield Pair(name, optimised(emit(program)), machine, workflow, functions, lines)


def compiled_by_sfnx(path: Path) -> dict[str, Any]:
    """Return the machine that sfnx makes of a file."""
    found: Any = compiler.definitions(compiler.read(path), str(path), located=False)
    return dict(next(iter(found.values())))


def states(scope: dict[str, Any]) -> int:
    """Return how many states a machine has, with those of branches."""
    count = 0
    for state in scope["States"].values():
        inner = [*state.get("Branches", ()), *filter(None, [state.get("ItemProcessor")])]
        count += 1 + sum(map(states, inner))
    return count
