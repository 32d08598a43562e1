"""Keep histories and hand out tasks, over any store: the embedded orchestrator.

A `Service` whose rules are in `rules` and whose data is in a `Store`. Every request is a
piece of work for the one thread of `inbox`, which does all that wait in one transaction. A
worker in the same process attaches as a `Host` and is served within those transactions; other
workers poll.
"""

from __future__ import annotations

from partita.engine.api import Engine

__all__ = ["Engine"]
