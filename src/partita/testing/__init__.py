"""What users and authors of services test with: an environment, crash points, conformance.

Names are imported when they are asked for: pytest loads the plugin in here into every test
run of whoever has Partita installed, and that must cost next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from partita.testing.clock import Clock
    from partita.testing.crash_points import CrashReport, crash_at_every_step
    from partita.testing.environment import Environment

__all__ = ["Clock", "CrashReport", "Environment", "crash_at_every_step"]

_HOMES = {
    "Clock": "clock",
    "CrashReport": "crash_points",
    "Environment": "environment",
    "crash_at_every_step": "crash_points",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
