"""Fixtures for pytest: an environment, a clock, crash points, replays, endpoints of AWS's APIs.

Loaded into every test run where Partita is installed, so it imports nothing of Partita but this
package until a fixture is used. `-p no:partita` turns it off.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from partita.replay.compatibility import Fit
    from partita.testing import Clock, Environment

STORES = ("memory", "sqlite")

ENDPOINTS = "partita.server.fixtures"
"""The plugin with the fixtures that serve AWS's APIs; it is on a higher floor than this one."""


def pytest_configure(config: pytest.Config) -> None:
    """Add the fixtures of endpoints."""
    config.pluginmanager.import_plugin(ENDPOINTS)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the command line option and the settings."""
    parser.getgroup("partita").addoption(
        "--partita-store",
        choices=STORES,
        default=None,
        help="where partita_environment and partita_crashes keep executions",
    )
    parser.addini(
        "partita_store", "where executions are kept in tests: memory or sqlite", default="memory"
    )
    parser.addini(
        "partita_patience",
        "real seconds after which a wait ends if nothing runs and nothing is due",
        default="1.0",
    )


def _store(config: pytest.Config) -> str:
    found = config.getoption("--partita-store") or config.getini("partita_store")
    if found not in STORES:
        raise pytest.UsageError(f"partita_store = {found}: give memory or sqlite")
    return str(found)


def _patience(config: pytest.Config) -> float:
    found = config.getini("partita_patience")
    try:
        return float(found)
    except ValueError:
        raise pytest.UsageError(f"partita_patience = {found}: give seconds") from None


@pytest.fixture
def partita_clock() -> Clock:
    """Return the clock of `partita_environment`; it stands still until it is moved."""
    import time

    from partita.testing import Clock

    return Clock(float(int(time.time())))


@pytest.fixture
def partita_environment(
    request: pytest.FixtureRequest, partita_clock: Clock, tmp_path: Path
) -> Iterator[Environment]:
    """Serve the workflows and activities that the test's module names; skip idle time.

    If it names none, all that are defined are served. The test fails if a decision task failed
    and the test did not see that failure.
    """
    from partita.testing import Environment

    url = "memory://"
    if _store(request.config) == "sqlite":
        url = f"sqlite:///{tmp_path / 'partita.db'}"
    with Environment(
        url=url,
        modules=_modules(request),
        clock=partita_clock,
        patience=_patience(request.config),
    ) as environment:
        yield environment
        environment.engine.raise_failure()


@pytest.fixture
def partita_crashes(request: pytest.FixtureRequest) -> Callable[..., Any]:
    """Return `crash_at_every_step`, which serves what `partita_environment` serves."""
    from partita.testing import crash_at_every_step

    def crash(workflow: Any, *args: Any, **options: Any) -> Any:
        given = {"backend": _store(request.config), "patience": _patience(request.config)}
        if not {"workflows", "activities", "modules"} & options.keys():
            given["modules"] = _modules(request)
        return crash_at_every_step(workflow, *args, **{**given, **options})

    return crash


@pytest.fixture
def partita_replay(request: pytest.FixtureRequest) -> Callable[..., list[Fit]]:
    """Return `replay_histories`; its folder is below pytest's rootdir, unless it is absolute."""
    from partita.testing.histories import replay_histories

    def replay(folder: str | PathLike[str], *args: Any, **options: Any) -> list[Fit]:
        return replay_histories(request.config.rootpath / folder, *args, **options)

    return replay


@pytest.fixture
def partita_compiled(request: pytest.FixtureRequest) -> Iterator[list[Any]]:
    """Run the state machines of the workflows that the test's module names, in place of their code.

    Returns these workflows. Tests and mocks are the same as without it.
    """
    from partita.testing.compiled import run_compiled, workflows_named_by

    workflows = workflows_named_by(request.module)
    with run_compiled(*workflows):
        yield workflows


def _modules(request: pytest.FixtureRequest) -> list[Any] | None:
    """Return the modules of the workflows that the test's module names; None if there are none."""
    from partita.testing.environment import modules_behind

    return modules_behind(request.module) or None
