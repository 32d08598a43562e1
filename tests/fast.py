"""Choose the tests of `make test-fast`: those that need memory and this process alone."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest

HERE = Path(__file__).parent

FOLDERS = {
    *("bundle", "cli", "crash", "deploy", "examples", "faults", "landed", "model", "operations"),
    *("stores", "swf", "swf_backend", "third_party", "typing"),
}
"""Folders whose tests begin processes, keep files or serve."""

FILES = {"test_agreement.py"}
"""Files of random programs."""

PARAMETERS = {"sqlite", "postgres", "swf", "replayed", "polled"}
"""Parameters of tests that also run in memory."""


def left_out(items: list[pytest.Item]) -> set[pytest.Item]:
    """Return the tests that take long."""
    return {item for item in items if _is_slow(item)}


def _is_slow(item: pytest.Item) -> bool:
    folders = set(item.path.relative_to(HERE).parts)
    module = item.getparent(pytest.Module)
    begins_processes = module is not None and _has_subprocess(module.obj)
    is_elsewhere = any(value in PARAMETERS for value in _parameters(item) if type(value) is str)
    return bool(folders & FOLDERS or item.path.name in FILES or begins_processes or is_elsewhere)


def _has_subprocess(module: ModuleType) -> bool:
    return "subprocess" in vars(module)


def _parameters(item: pytest.Item) -> list[object]:
    callspec = getattr(item, "callspec", None)
    return list(callspec.params.values()) if callspec is not None else []
