"""Tools for tests of workflows and of services: an environment, crash points, conformance.

Names are imported on first use: pytest loads the plugin of this package into every test run
where Partita is installed, so importing the package must cost next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from partita.testing.clock import Clock
    from partita.testing.compiled import run_compiled
    from partita.testing.crash_points import CrashReport, crash_at_every_step
    from partita.testing.environment import Environment
    from partita.testing.state_chain import StateChain

__all__ = [
    "Clock",
    "CrashReport",
    "Environment",
    "StateChain",
    "crash_at_every_step",
    "run_compiled",
]

_MODULES = {
    "Clock": "clock",
    "CrashReport": "crash_points",
    "Environment": "environment",
    "StateChain": "state_chain",
    "crash_at_every_step": "crash_points",
    "run_compiled": "compiled",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
