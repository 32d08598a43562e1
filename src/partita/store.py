"""Re-export `partita.ports.store` at its old path."""

from partita.ports.store import *
