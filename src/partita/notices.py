"""Re-export `partita.ports.notices` at its old path."""

from partita.ports.notices import *
