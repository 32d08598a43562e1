"""How long the backend waits, and how often it asks: one value, which tests replace.

How long Amazon SWF's own polls and timeouts last is not among them.
"""

from __future__ import annotations

from msgspec import Struct


class Timing(Struct, frozen=True, kw_only=True):
    """Times of one service, in seconds."""

    poll_check: float = 1.0
    """Between two checks whether a poll that waits has had its time."""

    poll_grace: float = 0.2
    """For which a poll that is given up goes on, because its answer may be on its way."""

    poll_linger: float = 2.0
    """For which it is then listened to, after SWF was told that nothing is wanted."""

    backoff_lead: float = 3.0
    """Before a task that nobody here can decide returns: for so long, others are let ask."""

    backoff_tail: float = 5.0
    """After it has returned, likewise."""

    watch: tuple[float, float] = (0.02, 2.0)
    """Between two looks at what is waited for: at first, and at most."""

    follow: tuple[float, float] = (0.1, 10.0)
    """Between two looks at a history that listeners are told of: after news, and at most."""

    retry: tuple[float, float] = (0.2, 5.0)
    """Between two looks that fail: at first, and at most; up to half of them is left out."""


DEFAULT_TIMING = Timing()
