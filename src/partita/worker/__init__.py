"""Run workflows and activities for a service: poll or be served, run, heartbeat, drain."""

from partita.worker.poller import PollingWorker
from partita.worker.worker import Worker

__all__ = ["PollingWorker", "Worker"]
