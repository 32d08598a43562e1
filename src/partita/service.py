"""Re-export `partita.ports.service` at its old path."""

from partita.ports.service import *
