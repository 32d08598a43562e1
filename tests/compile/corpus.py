"""Read the programs of the corpus, and run them in each way."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import re
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from partita.authoring.local.runtime import MAX_THREADS, _pool
from partita.codec import Converter
from partita.errors import MachineFailedError, WorkflowFailedError
from tests.compile import prelude

PRELUDE_ROWS = 3
"""Rows of a module before the program."""

FOLDER = Path(__file__).parent / "programs"
_HEADING = re.compile(r"^\[case (\w+)\]\n", re.MULTILINE)


class Case(NamedTuple):
    """A program, and the texts of its inputs."""

    name: str
    source: str
    inputs: list[str]
    is_concurrent: bool
    is_waiting: bool = False  # it takes time, so that it only runs on a clock of its own
    file: str = ""


class Outcome(NamedTuple):
    """What a run came to, and the calls it made."""

    result: Any
    calls: list[tuple[Any, ...]]


def cases() -> Iterator[Case]:
    """Return all programs of the corpus."""
    for path in sorted(FOLDER.glob("*.txt")):
        parts = _HEADING.split(path.read_text("utf-8"))[1:]
        for name, text in zip(parts[::2], parts[1::2], strict=True):
            source, _, inputs = text.partition("[inputs]\n")
            lines = [line for line in inputs.splitlines() if line]
            kinds = (
                path.stem in ("concurrency", "children", "shapes"),
                path.stem.startswith("waits"),
            )
            yield Case(name, source.rstrip() + "\n", lines, *kinds, path.stem)


def load(name: str, source: str, folder: Path) -> Any:
    """Return the workflow of a program, which is in a module of its own."""
    text = "from tests.compile.prelude import *\n\n\n" + source.replace("def main(", f"def {name}(")
    path = folder / f"program_{name}.py"
    path.write_text(text, "utf-8")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return getattr(module, name)


def outcome(case: Case, run: Callable[..., Any], workflow: Any, given: str) -> Outcome:
    """Run a program; return its result, or its error's class and text, and its calls."""
    args, kwargs = workflow.signature.load(Converter(), given)
    prelude.calls.clear()
    result: Any
    try:
        found = run(*args, **kwargs)
        result = written(workflow, asyncio.run(found) if asyncio.iscoroutine(found) else found)
    except MachineFailedError as error:
        result = ("machine", error.error, error.cause)
    except WorkflowFailedError as error:
        result = (error.type, error.message)
    except Exception as error:
        result = (type(error).__name__, str(error))
    _wait_for_threads()
    calls = list(prelude.calls)
    return Outcome(result, sorted(calls) if case.is_concurrent else calls)


def _wait_for_threads() -> None:
    """Wait for the activities that plain Python has submitted, and does not wait for."""
    barrier = threading.Barrier(MAX_THREADS + 1)
    for _ in range(MAX_THREADS):
        _pool().submit(barrier.wait)
    barrier.wait()


def written(workflow: Any, result: Any) -> Any:
    """Return a result as `partita run` writes it."""
    return json.loads(Converter().dump(result, form=workflow.signature.result_form))


def is_guarded(found: Outcome) -> bool:
    """Return whether a guard ended the run."""
    return isinstance(found.result, tuple) and found.result[:2] == ("machine", "Partita.Guard")
