"""Re-export `partita.ports.service` and `.capabilities` at their old path."""

from partita.ports.capabilities import *
from partita.ports.service import *
