"""Run workflows and activities for a service: poll or be served, run, heartbeat, drain."""

from partita.worker.core import Worker
from partita.worker.polling import PollingWorker

__all__ = ["PollingWorker", "Worker"]
