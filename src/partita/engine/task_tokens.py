"""Make and read task tokens: run key, start of the run id, started event id, item id."""

from __future__ import annotations

from partita.errors import InvalidTokenError
from partita.ports.state import State


def make_token(state: State, started_event_id: int, id: str = "") -> str:
    """Return the token of a task that was just started."""
    return f"{state.run}:{state.execution.run_id[:8]}:{started_event_id}:{id}"


def parse_token(token: str) -> tuple[int, str, int, str]:
    """Return run, start of the run id, started event id and item id.

    Raises:
        InvalidTokenError: it is not of that form.
    """
    parts = token.split(":", 3) if isinstance(token, str) else []
    if len(parts) == 4 and _is_number(parts[0]) and _is_number(parts[2]) and len(parts[1]) == 8:
        return int(parts[0]), parts[1], int(parts[2]), parts[3]
    shown = repr(token[:40]) if isinstance(token, str) else f"{token!r:.40}"
    raise InvalidTokenError(f"not a task token of this service: {shown}")


def _is_number(text: str) -> bool:
    """Whether it is a number that a run's key or an event's id can be."""
    return text.isdecimal() and len(text) <= 18
