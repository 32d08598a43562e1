"""What users and authors of services test with: an environment, crash points, conformance."""

from partita.testing.clock import Clock
from partita.testing.crashes import CrashReport, crash_at_every_step
from partita.testing.environment import Environment

__all__ = ["Clock", "CrashReport", "Environment", "crash_at_every_step"]
