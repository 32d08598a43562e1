"""Read the items of a distributed Map state from files and services.

The place for `ItemReader`; so far every reader fails with the error that AWS has for that.
"""

from __future__ import annotations

from typing import Any

from partita.asl.failures import ITEM_READER_FAILED, StateFailure
from partita.asl.frame import Frame
from partita.asl.states.map import Item, Items


def items_read(reader: dict[str, Any]) -> Items:
    """Return the items that an `ItemReader` describes."""

    def items(frame: Frame) -> list[Item]:  # noqa: ARG001
        raise StateFailure(
            ITEM_READER_FAILED, f"{reader.get('Resource')} cannot be read by this version"
        )

    return items
