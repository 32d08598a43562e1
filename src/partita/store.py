"""Re-export `partita.ports.store` and `partita.ports.catalogue` at their old path."""

from partita.ports.catalogue import *
from partita.ports.store import *
