"""Run workflows and activities for a service: poll or be served, run, heartbeat, drain."""

from partita.worker.core import Worker

__all__ = ["Worker"]
