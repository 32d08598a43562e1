"""Read the programs of the corpus, and run them in each way."""

from __future__ import annotations

import importlib.util
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple
from unittest import mock

from partita.errors import MachineFailedError, WorkflowFailedError
from partita.stepfunctions.pysfn import Fail
from partita.stepfunctions.pysfn.import_names import pysfn_names

HERE = Path(__file__).parent
ARN = "arn:aws:lambda:us-east-1:123456789012:function:dispatch"
_HEADING = re.compile(r"^\[case (\w+)\]\n", re.MULTILINE)


class Case(NamedTuple):
    """A program, and its inputs."""

    name: str
    source: str
    inputs: list[dict[str, Any]]


def cases() -> Iterator[Case]:
    """Return all programs of the corpus."""
    parts = _HEADING.split((HERE / "programs.txt").read_text("utf-8"))[1:]
    for name, text in zip(parts[::2], parts[1::2], strict=True):
        source, _, inputs = text.partition("[inputs]\n")
        lines = [json.loads(line) for line in inputs.splitlines() if line]
        yield Case(name, f"import pysfn as PSF\n\n\n{source}", lines)


def load(path: Path) -> ModuleType:
    """Return a new module of a file, which may import `pysfn`."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with pysfn_names(), mock.patch.dict(sys.modules, {path.stem: module}):
        spec.loader.exec_module(module)
    return module


def plain(module: ModuleType, given: dict[str, Any]) -> Any:
    """Return what the entry point returns in plain Python, as JSON, or its error."""
    with mock.patch("time.sleep"):
        try:
            return json.loads(json.dumps(module.main(**given)))
        except Fail as error:
            return error.label, error.message
        except Exception as error:
            return type(error).__name__, None


def named(outcome: Any) -> Any:
    """Return an outcome of a machine, without the cause of errors that `raise PSF.Fail` has not."""
    if not isinstance(outcome, tuple):
        return outcome
    error, cause = outcome
    is_own = '"errorMessage"' in str(cause) or error in ("KeyError", "TypeError")
    return error, None if is_own else cause


def failed(error: WorkflowFailedError | MachineFailedError) -> tuple[str | None, str | None]:
    """Return the error and cause of a machine that failed here."""
    found = error if isinstance(error, MachineFailedError) else error.__cause__
    assert isinstance(found, MachineFailedError)
    return found.error, found.cause
