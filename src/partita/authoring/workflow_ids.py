"""Refuse workflow ids that nobody can mean, wherever somebody chooses one.

The same for those who start executions and for the code of workflows, here and on every
backend. Knows texts; what there is by an id, and what else a backend asks of one, it does not.
"""

from __future__ import annotations

from unicodedata import category

from partita.errors import InvalidOptionError

_REFUSED = {"Cc": "control characters", "Cs": "halves of characters"}
"""By Unicode's category: what Amazon SWF takes none of, and what no backend can write down."""


def checked_id(workflow_id: str | None) -> str | None:
    """Return the workflow id that somebody chose; without one, None.

    Raises:
        InvalidOptionError: it is not text, or has control characters: Amazon SWF takes none,
            and they would steer the terminal of whoever lists the execution.
    """
    return needed_id(workflow_id) if workflow_id else None


def needed_id(workflow_id: str) -> str:
    """Return the id of an execution that somebody names.

    Raises:
        InvalidOptionError: as in `checked_id`, or it is empty.
    """
    if not isinstance(workflow_id, str):
        raise InvalidOptionError(f"workflow_id={workflow_id!r}; give text")
    if not workflow_id:
        raise InvalidOptionError("workflow_id=''; give the id of an execution")
    for character in workflow_id:
        if (what := _REFUSED.get(category(character))) is not None:
            raise InvalidOptionError(f"workflow_id={workflow_id!r} has {what}; leave them out")
    return workflow_id
