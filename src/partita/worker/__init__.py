"""Run workflows and activities for a service: take tasks, run, heartbeat, drain."""

from partita.worker.polling_worker import PollingWorker
from partita.worker.timing import Timing
from partita.worker.worker import Worker

__all__ = ["PollingWorker", "Timing", "Worker"]
