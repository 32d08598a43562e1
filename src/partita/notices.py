"""Listen to what happens to executions and activities."""

from partita.authoring.activity_monitor import ActivityMonitor as ActivityMonitor
from partita.ports.notices import *
