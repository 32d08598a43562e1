"""Carry exceptions to other processes as JSON, and back with their class and state.

`describe` an exception where it is raised, store the `Failure`, and `rebuild` it elsewhere.
"""

from partita.authoring.failure.contexts import raise_here
from partita.authoring.failure.description import MARKER_LIMIT, describe, failure_decision
from partita.authoring.failure.reconstruction import rebuild
from partita.authoring.failure.shortening import fitted
from partita.authoring.failure.substitutes import is_substitute
from partita.history.failure import Failure

__all__ = [
    "MARKER_LIMIT",
    "Failure",
    "describe",
    "failure_decision",
    "fitted",
    "is_substitute",
    "raise_here",
    "rebuild",
]
