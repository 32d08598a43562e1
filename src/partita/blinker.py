"""Re-export `partita.telemetry.blinker` at its old path."""

from partita.telemetry.blinker import *
