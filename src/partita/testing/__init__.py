"""What users and authors of services test with: a clock to move, and the conformance suite."""

from partita.testing.clock import Clock

__all__ = ["Clock"]
